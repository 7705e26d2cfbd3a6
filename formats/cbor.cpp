#include "formats/cbor.hpp"

#include <algorithm>
#include <vector>

#include "formats/utf8.hpp"

namespace ferry::formats {
namespace {

constexpr unsigned indefinite = 31;
constexpr std::byte break_byte{0xFF};

// Decodes nothing, only walks: what it passes, the parser may be given.
class Scan {
 public:
  Scan(Bytes content, const CborLimits& limits) : content_(content), limits_(limits) {}

  Status run() {
    do {
      if (Status good = close_what_is_full(); !good) return good;
      if (finished_) break;
      if (at_ == content_.size()) return bad("ends too early");
      if (++items_ > limits_.items) {
        return fail(ErrorCode::too_large, "more than " + std::to_string(limits_.items) + " values");
      }
      if (Status good = take_item(); !good) return good;
    } while (true);
    if (at_ != content_.size()) return bad("goes on after its value");
    return {};
  }

 private:
  struct Open {
    bool map = false;
    bool endless = false;    // of indefinite length: until the break
    std::uint64_t left = 0;  // values and keys still to come
    bool key_next = false;   // of a map
    std::vector<std::string_view> keys;
  };

  Failure bad(std::string_view why) const {
    return fail(ErrorCode::invalid, std::string(why) + " (at byte " + std::to_string(at_) + ")");
  }

  // Ends containers whose last value has been walked over.
  Status close_what_is_full() {
    if (started_ && open_.empty()) finished_ = true;
    while (!open_.empty()) {
      Open& top = open_.back();
      if (top.endless) {
        if (at_ == content_.size()) return bad("ends too early");
        if (content_[at_] != break_byte) return {};
        if (top.map && !top.key_next) return bad("a key without a value");
        ++at_;
      } else if (top.left > 0) {
        return {};
      }
      if (Status good = check_keys(top); !good) return good;
      open_.pop_back();
    }
    finished_ = started_;
    return {};
  }

  Status check_keys(Open& map) const {
    std::sort(map.keys.begin(), map.keys.end());
    const auto twice = std::adjacent_find(map.keys.begin(), map.keys.end());
    if (twice != map.keys.end()) return bad("a key stands twice");
    return {};
  }

  Status take_item() {
    started_ = true;
    const unsigned initial = std::to_integer<unsigned>(content_[at_]);
    const unsigned major = initial >> 5U;
    const unsigned info = initial & 31U;
    bool as_key = false;
    if (!open_.empty()) {
      Open& parent = open_.back();
      if (!parent.endless) --parent.left;
      as_key = parent.map && parent.key_next;
      if (parent.map) parent.key_next = !parent.key_next;
    }
    if (as_key && (major != 3 || info == indefinite)) return bad("a key that is no plain text");
    ++at_;
    if (major == 7) return take_simple(info);
    if (major == 6) return bad("a tag");
    std::uint64_t value = 0;
    if (info != indefinite) {
      if (Status good = take_number(info, value); !good) return good;
    }
    switch (major) {
      case 0:
      case 1:
        if (info == indefinite) return bad("a number of indefinite length");
        if (major == 1 && value > INT64_MAX) return bad("a number below -2^63");
        return {};
      case 2:
      case 3:
        return info == indefinite ? take_pieces(major) : take_string(major, value, as_key);
      default:
        return open(major == 5, info == indefinite, value);
    }
  }

  Status take_number(unsigned info, std::uint64_t& value) {
    if (info < 24) {
      value = info;
      return {};
    }
    if (info > 27) return bad("a reserved length");
    const std::size_t size = std::size_t{1} << (info - 24);
    if (content_.size() - at_ < size) return bad("ends too early");
    for (std::size_t i = 0; i < size; ++i) {
      value = value << 8U | std::to_integer<std::uint64_t>(content_[at_++]);
    }
    return {};
  }

  // False, true, null, and floating-point numbers.
  Status take_simple(unsigned info) {
    if (info >= 20 && info <= 22) return {};
    if (info < 25 || info > 27) return bad("a value without meaning");
    std::uint64_t ignored = 0;
    return take_number(info, ignored);
  }

  Status take_string(unsigned major, std::uint64_t size, bool as_key) {
    if (size > content_.size() - at_) return bad("a length beyond the end");
    const std::string_view text = as_text(content_.subspan(at_, static_cast<std::size_t>(size)));
    if (major == 3 && !is_utf8(text)) return bad("text that is not UTF-8");
    if (as_key) open_.back().keys.push_back(text);
    at_ += static_cast<std::size_t>(size);
    return {};
  }

  // A string of indefinite length: pieces of the same kind with definite lengths.
  Status take_pieces(unsigned major) {
    while (true) {
      if (at_ == content_.size()) return bad("ends too early");
      if (content_[at_] == break_byte) break;
      if (++items_ > limits_.items) return fail(ErrorCode::too_large, "too many pieces");
      const unsigned initial = std::to_integer<unsigned>(content_[at_]);
      if (initial >> 5U != major || (initial & 31U) == indefinite)
        return bad("a piece of another kind");
      ++at_;
      std::uint64_t size = 0;
      if (Status good = take_number(initial & 31U, size); !good) return good;
      if (Status good = take_string(major, size, false); !good) return good;
    }
    ++at_;
    return {};
  }

  Status open(bool map, bool endless, std::uint64_t count) {
    if (open_.size() >= static_cast<std::size_t>(limits_.depth)) {
      return fail(ErrorCode::too_large, "nested deeper than " + std::to_string(limits_.depth));
    }
    // Every value takes a byte at least.
    const std::uint64_t left = content_.size() - at_;
    if (!endless && (count > left || (map && count > left / 2)))
      return bad("a length beyond the end");
    Open opened;
    opened.map = opened.key_next = map;
    opened.endless = endless;
    opened.left = map ? count * 2 : count;
    open_.push_back(std::move(opened));
    return {};
  }

  Bytes content_;
  const CborLimits& limits_;
  std::size_t at_ = 0;
  std::size_t items_ = 0;
  bool started_ = false;
  bool finished_ = false;
  std::vector<Open> open_;
};

}  // namespace

Result<Json> parse_cbor(Bytes content, std::string_view name, CborLimits limits) {
  if (content.size() > limits.bytes) {
    return fail(ErrorCode::too_large,
                std::string(name) + ": larger than " + std::to_string(limits.bytes) + " bytes");
  }
  if (Status good = Scan(content, limits).run(); !good) {
    return fail(good.error(), std::string(name) + ": not CBOR as it is read here");
  }
  const auto* first = reinterpret_cast<const std::uint8_t*>(content.data());
  Json value = Json::from_cbor(first, first + content.size(), true, false);
  if (value.is_discarded()) return fail(ErrorCode::invalid, std::string(name) + ": not CBOR");
  return value;
}

CborWriter& CborWriter::head(unsigned major, std::uint64_t value) {
  const std::size_t size = head_size(value) - 1;
  const unsigned info = size == 0   ? static_cast<unsigned>(value)
                        : size == 1 ? 24U
                        : size == 2 ? 25U
                        : size == 4 ? 26U
                                    : 27U;
  content_ += static_cast<char>(major << 5U | info);
  for (std::size_t i = size; i > 0; --i) {
    content_ += static_cast<char>(value >> (8U * (i - 1)) & 0xFFU);
  }
  return *this;
}

CborWriter& CborWriter::text(std::string_view value) {
  head(3, value.size());
  content_ += value;
  return *this;
}

CborWriter& CborWriter::bytes(Bytes value) {
  head(2, value.size());
  content_ += as_text(value);
  return *this;
}

CborWriter& CborWriter::boolean(bool value) {
  content_ += value ? '\xF5' : '\xF4';
  return *this;
}

std::size_t CborWriter::head_size(std::uint64_t value) {
  if (value < 24) return 1;
  if (value <= 0xFFU) return 2;
  if (value <= 0xFFFFU) return 3;
  return value <= 0xFFFFFFFFU ? 5 : 9;
}

}  // namespace ferry::formats
