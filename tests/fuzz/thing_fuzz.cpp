// What things, or whoever may publish in their name, say about jobs on the gateway's own broker.
// The first line is the topic, the rest the payload.
#include <cstdlib>

#include "tests/fuzz/round_trip.hpp"
#include "transports/mqtt/executions.hpp"
#include "transports/mqtt/stream.hpp"

namespace things = ferry::things;

namespace {

things::Work some_work() {
  ferry::plugin::Offer offer;
  offer.version = "2.0";
  ferry::plugin::Artifact image;
  image.role = "firmware";
  image.version = "2.0";
  image.name = "image";
  offer.artifacts = {image};
  return things::work_of(offer, "http://10.0.0.1:8000/meter/a");
}

void ask_stream(const things::StreamTopic& topic, std::string_view payload) {
  const auto question = things::parse_stream_question(topic, payload);
  if (!question || !topic.get) return;
  constexpr std::uint64_t length = 1'000'003;
  const auto blocks = things::blocks_of(*question, length);
  if (!blocks) return;
  if (blocks->empty() || blocks->back() * question->block_size >= length) std::abort();
  if (blocks->size() * question->block_size > things::stream_answer_limit) std::abort();
  (void)things::written(topic, things::data_message(topic, *question, blocks->front(), "bytes"));
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text = ferry::fuzz::text_of(data, size);
  const auto end = std::min(text.find('\n'), text.size());
  const std::string_view payload = text.substr(std::min(end + 1, text.size()));
  if (const auto stream = things::parse_stream_topic(text.substr(0, end))) {
    ask_stream(*stream, payload);
  }
  const auto topic = things::parse_topic(text.substr(0, end));
  if (!topic) return 0;
  // Answered below the thing's own topics, and nowhere else.
  if (things::jobs_topic(topic->thing, things::path_of(*topic)) != text.substr(0, end))
    std::abort();
  if (topic->thing.find_first_of("/+#") != std::string::npos) std::abort();
  const auto question = things::parse_question(topic->ask, payload);
  if (!question || topic->ask != things::Ask::update) return 0;
  things::Executions executions;
  executions.take(some_work(), 1);
  if (executions.check(topic->job, *question)) return 0;
  executions.apply(topic->job, *question, 2);
  (void)ferry::formats::to_text(things::describe(*executions.find(topic->job), topic->thing, true));
  return 0;
}
