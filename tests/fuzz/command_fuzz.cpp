// A command from the broker: anybody who may publish there writes it.
#include "formats/command.hpp"
#include "tests/fuzz/round_trip.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text = ferry::fuzz::text_of(data, size);
  ferry::fuzz::check_round_trip(
      text, [](std::string_view part) { return ferry::formats::parse_command(part); },
      [](const auto& value) { return ferry::formats::write_command(value); });
  const auto command = ferry::formats::parse_command(text);
  if (command && ferry::formats::command_id(text) != command->id) std::abort();
  return 0;
}
