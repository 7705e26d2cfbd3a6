// Release documents, as a site or a stick has them.
#include "formats/release.hpp"
#include "tests/fuzz/round_trip.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  ferry::fuzz::check_round_trip(
      ferry::fuzz::text_of(data, size),
      [](std::string_view text) { return ferry::formats::parse_release(text); },
      [](const auto& value) { return ferry::formats::write_release(value); });
  return 0;
}
