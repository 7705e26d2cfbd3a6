// Questions about jobs to AWS IoT, and its answers, over one MQTT connection (docs/aws-jobs.md).
#pragma once

#include <functional>
#include <optional>
#include <stop_token>
#include <string>
#include <tl/expected.hpp>
#include <vector>

#include "base/clock.hpp"
#include "base/file.hpp"
#include "base/mqtt/broker_connection.hpp"
#include "config/settings.hpp"
#include "formats/job_messages.hpp"

namespace ferry::source::aws {

// What AWS says to a question: an answer, or that it refuses.
template <typename Answer>
using Reply = tl::expected<Answer, formats::JobRefusal>;

// Used by one thread. Questions block until AWS has answered, the connection is lost
// (ErrorCode::unavailable), nothing comes within 20 s (timed_out), or a stop. What ends the
// connection is the error of the call under way; open() makes a new one.
class JobsClient {
 public:
  explicit JobsClient(const config::SourceSettings& settings);
  JobsClient(const JobsClient&) = delete;
  JobsClient& operator=(const JobsClient&) = delete;

  // Connects and subscribes, unless that was done. ErrorCode::denied: certificate or policy.
  Status open(const std::stop_token& stop);
  bool is_open() const { return connection_.has_value(); }
  // The job that the thing shall do next, with its document; the one in progress comes first.
  Result<Reply<formats::JobAnswer>> next(const std::string& thing, const std::stop_token& stop);
  // The state of one job, without its document.
  Result<Reply<formats::JobAnswer>> state(const std::string& thing, const std::string& job,
                                          const std::stop_token& stop);
  Result<Reply<formats::JobUpdated>> update(const std::string& thing, const std::string& job,
                                            const formats::JobUpdate& update,
                                            const std::stop_token& stop);
  // For a thread that is busy with something else: keeps the connection alive, without blocking.
  void keep_alive();
  // Forgets that jobs changed so far.
  void forget_changes() { changed_ = false; }
  // Until AWS said that jobs changed or the connection was lost, which is true; or until `stop` or
  // `longest`.
  bool wait(const std::stop_token& stop, Duration longest);

 private:
  template <typename Answer>
  using Parse = Result<Answer> (*)(std::string_view text);
  template <typename Answer>
  Result<Reply<Answer>> ask(const std::string& topic, const std::string& token,
                            const std::string& question, Parse<Answer> parse,
                            const std::stop_token& stop);
  // Goes on with the connection for a moment. An error is its end.
  Status advance(const std::stop_token& stop, Duration longest);
  Status subscribe(const std::stop_token& stop);
  std::vector<mqtt::Received> take_received();
  std::string next_token();
  void pause(const std::stop_token& stop, Duration longest);

  const mqtt::Broker broker_;
  const std::string client_id_;
  std::vector<std::string> things_;
  Descriptor wake_;  // an eventfd that ends a wait
  std::optional<mqtt::BrokerConnection> connection_;
  bool changed_ = false;
  std::uint64_t questions_ = 0;
  const std::string token_prefix_;
};

}  // namespace ferry::source::aws
