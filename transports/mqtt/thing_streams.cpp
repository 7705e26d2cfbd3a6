// A thing that gets its artifacts block by block over the broker.
#include <algorithm>

#include "transports/mqtt/thing.hpp"

namespace ferry::things {

using formats::Json;

void Thing::ask(const StreamTopic& topic, std::string_view payload, bool too_large) {
  heard_at_ = std::chrono::steady_clock::now();
  service_.host.count(FERRY_REQUESTS);
  if (too_large) return refuse(topic, "", {"InvalidRequest", "the question is too long"});
  const auto question = parse_stream_question(topic, payload);
  if (!question) return refuse(topic, question.error().token, question.error());
  if (artifact(topic.stream) != nullptr) return answer(topic, *question);
  // After a restart the device goes on with what it was told of before.
  if (busy_) return refuse(topic, question->token, {"InternalError", "ask again"});
  get_offer([this, topic, asked = *question](int) { answer(topic, asked); });
}

const plugin::Artifact* Thing::artifact(std::string_view stream) const {
  const auto found = std::find_if(artifacts_.begin(), artifacts_.end(),
                                  [&](const auto& known) { return known.sha256 == stream; });
  return found == artifacts_.end() ? nullptr : &*found;
}

void Thing::answer(const StreamTopic& topic, const StreamQuestion& question) {
  const plugin::Artifact* found = artifact(topic.stream);
  if (found == nullptr || question.file != 0) {
    return refuse(topic, question.token,
                  {"ResourceNotFound", "there is no such stream or file for this thing now"});
  }
  if (question.version.value_or(1) != 1) {
    return refuse(topic, question.token, {"VersionMismatch", "the stream is of version 1"});
  }
  if (topic.get) return send_blocks(topic, question, *found);
  Json description = {
      {"s", 1}, {"d", found->name}, {"r", Json::array({{{"f", 0}, {"z", found->length}}})}};
  if (!question.token.empty()) description["c"] = question.token;
  service_.publish(answer_topic(topic, "description"), written(topic, description));
}

void Thing::send_blocks(const StreamTopic& topic, const StreamQuestion& question,
                        const plugin::Artifact& from) {
  const auto blocks = blocks_of(question, from.length);
  if (!blocks) return refuse(topic, question.token, blocks.error());
  acknowledge_before(from, blocks->front() * question.block_size);
  std::string bytes;
  for (const std::uint64_t block : *blocks) {
    const std::uint64_t offset = block * question.block_size;
    bytes.resize(std::min(question.block_size, from.length - offset));
    const int read = service_.host.read(from.handle, offset, bytes.data(), bytes.size());
    if (read != FERRY_OK) {
      const char* code = read == FERRY_NOT_FOUND ? "ResourceNotFound" : "InternalError";
      return refuse(topic, question.token, {code, "the blocks cannot be read"});
    }
    service_.publish(answer_topic(topic, "data"),
                     written(topic, data_message(topic, question, block, bytes)));
  }
  Streamed& streamed = streamed_[from.sha256];
  streamed.sent = std::max(streamed.sent, blocks->back() * question.block_size + bytes.size());
}

// Blocks are not acknowledged. A device that asks on from there has what it was sent before that.
void Thing::acknowledge_before(const plugin::Artifact& from, std::uint64_t offset) {
  const auto streamed = streamed_.find(from.sha256);
  if (streamed == streamed_.end()) return;
  const std::uint64_t end = std::min(offset, streamed->second.sent);
  std::uint64_t& known = streamed->second.acknowledged;
  if (end <= known) return;
  service_.host.progress(device_, from.handle, known, end - known);
  known = end;
}

void Thing::acknowledge_all() {
  for (const plugin::Artifact& from : artifacts_) acknowledge_before(from, from.length);
}

void Thing::refuse(const StreamTopic& topic, const std::string& token, const Refused& refused) {
  service_.host.count(FERRY_REFUSALS);
  Json body = {{"o", refused.code}, {"m", refused.message}};
  if (!token.empty()) body["c"] = token;
  service_.publish(answer_topic(topic, "rejected"), written(topic, body));
}

}  // namespace ferry::things
