// Strict JSON and its canonical form: what is accepted has one, and it is read as the same value.
#include <algorithm>

#include "agent/source/tuf/canonical.hpp"
#include "tests/fuzz/round_trip.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace ferry::tuf;
  const auto value = parse_strict(ferry::fuzz::text_of(data, size), "fuzz", 1U << 20U);
  if (!value) {
    if (value.error().message.empty()) std::abort();
    return 0;
  }
  const auto form = canonical(*value);
  if (!form) std::abort();
  // Control characters stand in it as they are, where JSON wants them escaped.
  const bool is_json = std::none_of(form->begin(), form->end(), [](char character) {
    return static_cast<unsigned char>(character) < 0x20;
  });
  if (!is_json) return 0;
  const auto again = parse_strict(*form, "fuzz", 2U << 20U);
  if (!again || *again != *value || *canonical(*again) != *form) std::abort();
  return 0;
}
