// What every reader of documents promises: a text that it accepts is written again as a text that
// it accepts, with the same content.
#pragma once

#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>

namespace ferry::fuzz {

inline std::string_view text_of(const std::uint8_t* data, std::size_t size) {
  return {reinterpret_cast<const char*>(data), size};
}

template <typename Parse, typename Write>
void check_round_trip(std::string_view text, Parse parse, Write write) {
  const auto value = parse(text);
  if (!value) {
    if (value.error().message.empty()) std::abort();
    return;
  }
  const std::string written = write(*value);
  const auto again = parse(written);
  if (!again || write(*again) != written) std::abort();
}

}  // namespace ferry::fuzz
