#include "transports/http/request.hpp"

#include <boost/beast/http/basic_parser.hpp>

namespace ferry::http {
namespace {

namespace beast = boost::beast;
using beast::http::field;

std::string_view view(beast::string_view text) {
  return {text.data(), text.size()};
}

// Notes where the parts of the header block are.
class HeaderParser final : public beast::http::basic_parser<true> {
 public:
  HeaderParser(std::span<char> block, ParsedRequest& request) : block_(block), request_(request) {
    header_limit(longest_request);
  }

  beast::http::verb method = beast::http::verb::unknown;
  std::string_view target;
  bool too_many = false;

 private:
  using Code = beast::error_code;

  // A folded field is unfolded into memory of the parser that is gone afterwards: nobody sends
  // those.
  bool in_block(std::string_view text) const {
    return text.empty() || (text.data() >= block_.data() &&
                            text.data() + text.size() <= block_.data() + block_.size());
  }

  void on_request_impl(beast::http::verb verb, beast::string_view, beast::string_view where,
                       int version, Code&) override {
    method = verb;
    target = view(where);
    request_.conditions.minor_version = version % 10;
  }
  void on_field_impl(field name, beast::string_view text, beast::string_view raw,
                     Code& error) override {
    const std::string_view value = view(raw);
    if (!in_block(value)) {
      error = beast::http::error::bad_value;
      return;
    }
    if (request_.header_count == most_fields) {
      too_many = true;
      error = beast::http::error::header_limit;
      return;
    }
    request_.header_storage[request_.header_count++] = {view(text), value};
    Conditions& conditions = request_.conditions;
    if (name == field::host) request_.host = value;
    if (name == field::range) conditions.range = value;
    if (name == field::if_range) conditions.if_range = value;
    if (name == field::if_none_match) conditions.if_none_match = value;
  }
  void on_response_impl(int, beast::string_view, int, Code&) override {}
  void on_header_impl(Code&) override {}
  void on_body_init_impl(const boost::optional<std::uint64_t>&, Code&) override {}
  std::size_t on_body_impl(beast::string_view, Code&) override { return 0; }
  void on_chunk_header_impl(std::uint64_t, beast::string_view, Code&) override {}
  std::size_t on_chunk_body_impl(std::uint64_t, beast::string_view, Code&) override { return 0; }
  void on_finish_impl(Code&) override {}

  std::span<char> block_;
  ParsedRequest& request_;
};

}  // namespace

std::size_t header_end(std::string_view bytes, std::size_t searched) {
  constexpr std::string_view end = "\r\n\r\n";
  const std::size_t found = bytes.find(end, searched < end.size() ? 0 : searched - end.size());
  return found == std::string_view::npos ? 0 : found + end.size();
}

int parse_request(std::span<char> block, ParsedRequest& request, std::string_view& why) {
  request.header_count = 0;
  request.host = {};
  request.conditions = {};
  HeaderParser parser(block, request);
  beast::error_code error;
  parser.put(boost::asio::const_buffer(block.data(), block.size()), error);
  if (parser.too_many) {
    why = "too many header fields";
    return 431;
  }
  if (!parser.is_header_done()) {
    why = "this is no HTTP/1.0 or HTTP/1.1 request";
    return 400;
  }
  Conditions& conditions = request.conditions;
  conditions.keep_alive = parser.keep_alive();
  conditions.head = parser.method == beast::http::verb::head;
  const bool has_body = parser.chunked() || parser.content_length().value_or(0) > 0;
  if (has_body) conditions.keep_alive = false;  // it is not read
  if (parser.method != beast::http::verb::get && !conditions.head) {
    why = "only GET and HEAD are served";
    return 405;
  }
  if (has_body) {
    why = "a request with a body is not taken";
    return 413;
  }
  if (!dialects::parse_target(block, parser.target, request)) {
    why = "the path or the query is not well-formed";
    return 400;
  }
  return 0;
}

}  // namespace ferry::http
