#include "agent/source/aws/jobs_client.hpp"

#include <fmt/format.h>
#include <poll.h>
#include <pthread.h>
#include <sys/eventfd.h>

#include <condition_variable>
#include <csignal>
#include <memory>
#include <mutex>
#include <random>
#include <thread>
#include <utility>

namespace ferry::source::aws {
namespace {

using namespace std::chrono_literals;
using Steady = std::chrono::steady_clock;

constexpr auto answer_time = 20s;
constexpr auto accept_time = 30s;
// Between a lost connection and the next attempt: one that is cut again and again is not worth a
// busy processor.
constexpr Duration breath = 1s;
// What the guard of the connection lets through at once.
constexpr std::size_t message_limit = 120U << 10U;

mqtt::Broker broker_of(const config::SourceSettings& settings) {
  mqtt::Broker broker;
  broker.host = settings.endpoint.host;
  broker.port = settings.endpoint.port;
  broker.ca_file = settings.ca_file;
  broker.client_certificate = settings.client_certificate;
  broker.client_key = settings.client_key;
  broker.message_limit = message_limit;
  return broker;
}

// OpenSSL writes to a connection that is gone without MSG_NOSIGNAL.
void block_broken_pipe() {
  sigset_t blocked;
  sigemptyset(&blocked);
  sigaddset(&blocked, SIGPIPE);
  pthread_sigmask(SIG_BLOCK, &blocked, nullptr);
}

// The operating system may hold a connection attempt for minutes: after a stop it is left to end by
// itself.
Result<mqtt::BrokerConnection> connect(const mqtt::Broker& broker, const mqtt::Identity& identity,
                                       const std::stop_token& stop) {
  struct Attempt {
    std::mutex mutex;
    std::condition_variable_any ended;
    std::optional<Result<mqtt::BrokerConnection>> result;
  };
  const auto attempt = std::make_shared<Attempt>();
  std::thread([attempt, broker, identity] {
    auto result = mqtt::BrokerConnection::open(broker, identity);
    const std::lock_guard lock(attempt->mutex);
    attempt->result.emplace(std::move(result));
    attempt->ended.notify_all();
  }).detach();
  std::unique_lock lock(attempt->mutex);
  const auto has_ended = [&] { return attempt->result.has_value(); };
  if (!attempt->ended.wait(lock, stop, has_ended)) return fail(ErrorCode::cancelled, "stopped");
  return std::move(*attempt->result);
}

std::string topic_of(const std::string& thing, std::string_view rest) {
  return fmt::format("$aws/things/{}/jobs/{}", thing, rest);
}

}  // namespace

JobsClient::JobsClient(const config::SourceSettings& settings)
    : broker_(broker_of(settings)),
      client_id_(settings.client_id.empty() ? settings.things.front().thing : settings.client_id),
      wake_(::eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC)),
      token_prefix_(fmt::format("ferry-{:08x}-", std::random_device{}())) {
  for (const auto& thing : settings.things) things_.push_back(thing.thing);
}

Status JobsClient::advance(const std::stop_token& stop, Duration longest) {
  if (stop.stop_requested()) return fail(ErrorCode::cancelled, "stopped");
  const std::stop_callback wake(stop, [this] { (void)::eventfd_write(wake_.get(), 1); });
  mqtt::wait_for(*connection_, wake_.get(), longest);
  Status stepped = connection_->step();
  if (!stepped) connection_.reset();
  return stepped;
}

Status JobsClient::open(const std::stop_token& stop) {
  if (connection_) return {};
  block_broken_pipe();
  mqtt::Identity identity;
  identity.client_id = client_id_;
  auto opened = connect(broker_, identity, stop);
  if (!opened) return fail(opened.error());
  connection_.emplace(std::move(*opened));
  const auto deadline = Steady::now() + accept_time;
  while (!connection_->accepted()) {
    if (Status gone = advance(stop, 1s); !gone) return gone;
    if (Steady::now() < deadline) continue;
    connection_.reset();
    return fail(ErrorCode::timed_out, broker_.host + ": does not answer");
  }
  Status subscribed = subscribe(stop);
  if (!subscribed) connection_.reset();
  return subscribed;
}

Status JobsClient::subscribe(const std::stop_token& stop) {
  std::size_t waiting = 0;
  for (const std::string& thing : things_) {
    for (const char* what : {"notify-next", "+/get/+", "+/update/+"}) {
      const auto asked = connection_->subscribe(topic_of(thing, what));
      if (!asked) return fail(asked.error());
      ++waiting;
    }
  }
  const auto deadline = Steady::now() + answer_time;
  while (waiting > 0) {
    if (Status gone = advance(stop, 1s); !gone) return gone;
    for (const auto& answer : connection_->take_answered()) {
      if (!answer.granted) {
        return fail(ErrorCode::denied,
                    "the broker lets us not hear of jobs: check the policy of client_certificate");
      }
      --waiting;
    }
    if (Steady::now() >= deadline) {
      return fail(ErrorCode::timed_out, broker_.host + ": answers no subscription");
    }
  }
  return {};
}

std::vector<mqtt::Received> JobsClient::take_received() {
  auto received = connection_->take_received();
  for (const auto& message : received) {
    changed_ = changed_ || message.topic.ends_with("/jobs/notify-next");
  }
  return received;
}

std::string JobsClient::next_token() {
  return token_prefix_ + std::to_string(++questions_);
}

template <typename Answer>
Result<Reply<Answer>> JobsClient::ask(const std::string& topic, const std::string& token,
                                      const std::string& question, Parse<Answer> parse,
                                      const std::stop_token& stop) {
  if (!connection_) return fail(ErrorCode::unavailable, broker_.host + ": is not connected");
  const auto published = connection_->publish(topic, question, false);
  if (!published) {
    connection_.reset();
    return fail(published.error());
  }
  const auto deadline = Steady::now() + answer_time;
  while (Steady::now() < deadline) {
    if (const Status gone = advance(stop, 1s); !gone) return fail(gone.error());
    for (const mqtt::Received& message : take_received()) {
      const bool accepted = message.topic == topic + "/accepted";
      if (!accepted && message.topic != topic + "/rejected") continue;
      if (message.too_large) {
        return fail(ErrorCode::too_large, topic + ": its answer is larger than 120 KiB");
      }
      if (accepted) {
        auto answer = parse(message.payload);
        if (!answer) return fail(answer.error(), topic);
        if (answer->token == token) return Reply<Answer>(std::move(*answer));
      } else {
        auto refusal = formats::parse_job_refusal(message.payload);
        if (!refusal) return fail(refusal.error(), topic);
        if (refusal->token == token) return Reply<Answer>(tl::unexpect, std::move(*refusal));
      }
    }
  }
  connection_.reset();
  return fail(ErrorCode::timed_out, topic + ": no answer");
}

Result<Reply<formats::JobAnswer>> JobsClient::next(const std::string& thing,
                                                   const std::stop_token& stop) {
  const std::string token = next_token();
  return ask<formats::JobAnswer>(topic_of(thing, "$next/get"), token,
                                 formats::write_job_question(token, true),
                                 &formats::parse_job_answer, stop);
}

Result<Reply<formats::JobAnswer>> JobsClient::state(const std::string& thing,
                                                    const std::string& job,
                                                    const std::stop_token& stop) {
  const std::string token = next_token();
  return ask<formats::JobAnswer>(topic_of(thing, job + "/get"), token,
                                 formats::write_job_question(token, false),
                                 &formats::parse_job_answer, stop);
}

Result<Reply<formats::JobUpdated>> JobsClient::update(const std::string& thing,
                                                      const std::string& job,
                                                      const formats::JobUpdate& update,
                                                      const std::stop_token& stop) {
  const std::string token = next_token();
  return ask<formats::JobUpdated>(topic_of(thing, job + "/update"), token,
                                  formats::write_job_update(token, update),
                                  &formats::parse_job_updated, stop);
}

void JobsClient::keep_alive() {
  if (!connection_) return;
  if (!connection_->step()) {
    connection_.reset();
    return;
  }
  (void)take_received();
}

void JobsClient::pause(const std::stop_token& stop, Duration longest) {
  if (stop.stop_requested()) return;
  const std::stop_callback wake(stop, [this] { (void)::eventfd_write(wake_.get(), 1); });
  pollfd watched{wake_.get(), POLLIN, 0};
  (void)::poll(&watched, 1, static_cast<int>(longest.count()));
  eventfd_t count = 0;
  (void)::eventfd_read(wake_.get(), &count);
}

bool JobsClient::wait(const std::stop_token& stop, Duration longest) {
  const auto until = Steady::now() + longest;
  while (!stop.stop_requested() && !changed_) {
    const auto left = std::chrono::ceil<Duration>(until - Steady::now());
    if (left <= Duration(0)) return false;
    if (!connection_) {
      pause(stop, left);
      return false;
    }
    if (!advance(stop, std::min<Duration>(left, 5s)) && !connection_) {
      pause(stop, breath);
      return true;
    }
    if (connection_) (void)take_received();
  }
  return changed_;
}

}  // namespace ferry::source::aws
