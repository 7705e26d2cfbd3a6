// A request's header block, from bytes to views. Beast's parser does the reading; nothing is
// allocated.
#pragma once

#include <array>
#include <cstdint>
#include <span>
#include <string_view>

#include "transports/dialects/target.hpp"
#include "transports/http/reply.hpp"

namespace ferry::http {

inline constexpr std::size_t longest_request = 8192;
inline constexpr std::size_t most_fields = 48;
using dialects::most_parameters;

// All views point into the block that was parsed.
struct ParsedRequest : dialects::Target {
  std::array<dialects::Field, most_fields> header_storage;
  std::size_t header_count = 0;
  std::string_view host;
  Conditions conditions;

  std::span<const dialects::Field> headers() const { return {header_storage.data(), header_count}; }
};

// Bytes of the first complete header block in `bytes`, its empty line included; 0 when it is not
// complete. `searched` bytes were looked at before.
std::size_t header_end(std::string_view bytes, std::size_t searched);

// Parses one complete header block, decoding inside it. Gives 0, or the status to refuse it with
// and in `why` the reason; then only `conditions` is filled, as far as known.
int parse_request(std::span<char> block, ParsedRequest& request, std::string_view& why);

}  // namespace ferry::http
