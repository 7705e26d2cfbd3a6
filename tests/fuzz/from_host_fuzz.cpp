// What a broken host may say to the agent.
#include "formats/link_messages.hpp"
#include "tests/fuzz/round_trip.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  ferry::fuzz::check_round_trip(
      ferry::fuzz::text_of(data, size),
      [](std::string_view text) { return ferry::formats::link::parse_from_host(text); },
      [](const auto& value) { return ferry::formats::link::write(value); });
  return 0;
}
