// Jobs of AWS IoT: what the cloud, or whoever may publish there, sends. The first byte says which
// of the readers gets the rest.
#include "formats/job_document.hpp"
#include "formats/job_messages.hpp"
#include "tests/fuzz/round_trip.hpp"

namespace formats = ferry::formats;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) return 0;
  const std::string_view text = ferry::fuzz::text_of(data + 1, size - 1);
  switch (data[0]) {
    case 'd':
      ferry::fuzz::check_round_trip(
          text, [](std::string_view part) { return formats::parse_job_document(part); },
          [](const auto& value) { return formats::write_job_document(value); });
      break;
    case 'a':
      if (const auto answer = formats::parse_job_answer(text); answer && answer->execution) {
        if (!formats::is_job_id(answer->execution->job)) std::abort();
        (void)formats::parse_job_document(answer->execution->document);
      }
      break;
    case 'u':
      (void)formats::parse_job_updated(text);
      break;
    case 'r':
      if (const auto refusal = formats::parse_job_refusal(text)) {
        if (formats::job_detail(refusal->text) != refusal->text) std::abort();
      }
      break;
    default:
      break;
  }
  return 0;
}
