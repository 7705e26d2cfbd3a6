// What the plugin's threads leave for the host's thread: messages to the agent, and questions that
// get their answer right here.
#pragma once

#include <cstdint>
#include <deque>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <unordered_map>
#include <variant>
#include <vector>

#include "base/file.hpp"
#include "base/result.hpp"
#include "formats/link_messages.hpp"
#include "transports/transport.h"

namespace ferry::host {

struct AskedOffer {
  ferry_offer_callback callback;
  void* user;
};
struct AskedArtifact {
  ferry_artifact_callback callback;
  void* user;
};
struct AskedOutcome {
  ferry_done_callback callback;
  void* user;
};
struct AskedStep {
  ferry_step_callback callback;
  void* user;
};
// Whom to call when the answer has come.
using Asked = std::variant<AskedOffer, AskedArtifact, AskedOutcome, AskedStep>;

struct Refusal {
  Asked asked;
  int result;
};

// Thread-safe.
class Mailbox {
 public:
  static constexpr std::size_t most_messages = 4096;
  static constexpr std::size_t most_bytes = 2U << 20U;
  static constexpr std::size_t most_questions = 4096;

  static Result<std::unique_ptr<Mailbox>> make();

  // A message without an answer; false when it is lost because the agent does not read.
  bool tell(const formats::link::FromHost& message);
  // A question: sets the message's id. When too much waits already it is refused as unavailable.
  template <typename Message>
  void ask(Message message, Asked asked) {
    const std::uint64_t id = remember(asked);
    message.id = id;
    if (id == 0 || !tell(message)) {
      if (id != 0) take_question(id);
      refuse(asked, FERRY_UNAVAILABLE);
    }
  }
  // Answers without asking the agent.
  void refuse(Asked asked, int result);
  // Wakes the host's thread.
  void wake();

  // For the host's thread. Readable when something is there; take_wake() makes it unreadable again.
  int wake_descriptor() const { return wake_.get(); }
  void take_wake();
  std::optional<std::string> take_message();
  std::vector<Refusal> take_refusals();
  // The question that a reply answers; nothing when nobody asked.
  std::optional<Asked> take_question(std::uint64_t id);

 private:
  explicit Mailbox(Descriptor wake) : wake_(std::move(wake)) {}
  std::uint64_t remember(const Asked& asked);

  Descriptor wake_;
  std::mutex mutex_;
  std::deque<std::string> messages_;
  std::size_t message_bytes_ = 0;
  std::vector<Refusal> refusals_;
  std::unordered_map<std::uint64_t, Asked> questions_;
  std::uint64_t next_question_ = 1;
};

}  // namespace ferry::host
