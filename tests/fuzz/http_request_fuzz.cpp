// Header blocks from the air: whatever they are, parsing stays inside the block, and a range that
// is answered lies inside the whole. Input: one header block.
#include <array>
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>

#include "transports/http/request.hpp"

namespace {

using namespace ferry;

constexpr std::uint64_t whole = 1000;

bool inside(std::string_view part, const std::string& block) {
  return part.empty() ||
         (part.data() >= block.data() && part.data() + part.size() <= block.data() + block.size());
}

void check(bool fine) {
  if (!fine) std::abort();
}

void check_views(const http::ParsedRequest& request, const std::string& block) {
  check(inside(request.path, block) && request.path.starts_with('/'));
  check(inside(request.host, block));
  for (const auto& field : request.parameters()) {
    check(inside(field.name, block) && inside(field.value, block));
  }
  for (const auto& field : request.headers()) {
    check(inside(field.name, block) && inside(field.value, block));
  }
}

void check_reply(const http::Conditions& conditions, bool end_is_empty) {
  dialects::Answer answer;
  const std::string sha(64, 'a');
  answer.body = dialects::Body{1, 0, whole - 4, 4};
  answer.etag = sha;
  answer.ranges = dialects::Ranges::always;
  answer.end_is_empty = end_is_empty;
  answer.pad_header = end_is_empty;
  const http::Reply reply = http::plan(answer, conditions);
  check(reply.body.offset + reply.body.length <= whole - 4 && reply.body.size() <= whole);
  if (reply.content_range) {
    check(reply.content_range->first <= reply.content_range->last);
    check(reply.content_range->last < whole);
  }
  std::array<char, http::longest_header> header{};
  const std::size_t size = http::write_header(reply, header);
  check(std::string_view(header.data(), size).ends_with("\r\n\r\n"));
  check(!answer.pad_header || size % 100 == 0);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  std::string block(reinterpret_cast<const char*>(data), size);
  const std::size_t end = http::header_end(block, 0);
  if (end == 0 || end > http::longest_request) return 0;
  block.resize(end);
  http::ParsedRequest request;
  std::string_view why;
  if (http::parse_request(block, request, why) != 0) return 0;
  check_views(request, block);
  check_reply(request.conditions, false);
  check_reply(request.conditions, true);
  return 0;
}
