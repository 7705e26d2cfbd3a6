#include "transports/host/host.hpp"

#include <poll.h>

#include <algorithm>
#include <thread>

#include "base/log.hpp"
#include "transports/host/convert.hpp"

namespace ferry::host {
namespace {

namespace messages = formats::link;
using std::chrono::milliseconds;

constexpr std::chrono::seconds stop_time{2};
constexpr milliseconds last_send_time{500};
constexpr int most_messages_at_once = 64;  // so that sending is not forgotten over receiving

// An answer on its way to the plugin's loop, where it is given and freed.
struct Answer {
  Asked asked;
  int result = FERRY_UNAVAILABLE;
  std::unique_ptr<OfferStruct> offer;
  std::unique_ptr<ArtifactStruct> artifact;

  void operator()(const AskedOffer& question) const {
    question.callback(question.user, result, offer ? &offer->c() : nullptr);
  }
  void operator()(const AskedArtifact& question) const {
    question.callback(question.user, result, artifact ? &artifact->c() : nullptr);
  }
  void operator()(const AskedOutcome& question) const {
    if (question.callback != nullptr) question.callback(question.user, result);
  }
};

void give(void* argument) {
  const std::unique_ptr<Answer> answer(static_cast<Answer*>(argument));
  std::visit(*answer, answer->asked);
}

bool has_changed(const ferry_transport* transport) {
  return transport->size >= offsetof(ferry_transport, changed) + sizeof transport->changed &&
         transport->changed != nullptr;
}

bool is_usable(const ferry_transport* transport) {
  return transport->size >= offsetof(ferry_transport, post) + sizeof transport->post &&
         transport->run != nullptr && transport->stop != nullptr && transport->post != nullptr;
}

}  // namespace

Host::Host(link::Link& link, Mailbox& mailbox, Services& services)
    : link_(link), mailbox_(mailbox), services_(services) {}

int Host::run(ferry_transport_entry entry) {
  std::thread([this, entry] { run_plugin(entry); }).detach();
  while (!status_) {
    wait();
    mailbox_.take_wake();
    services_.tell_due_progress(std::chrono::steady_clock::now());
    receive();
    notice_plugin();
    answer_refusals();
    send();
    if (!status_ && stop_deadline_ && std::chrono::steady_clock::now() >= *stop_deadline_) {
      log::error(services_.component(), "the plugin did not stop within {} s", stop_time.count());
      finish(1);
    }
  }
  return end(*status_);
}

int Host::end(int status) {
  send_the_rest();
  return status;
}

void Host::run_plugin(ferry_transport_entry entry) {
  const ferry_transport* transport = entry(services_.functions());
  if (transport == nullptr || !is_usable(transport)) {
    services_.state("failed", "the plugin does not take its settings; the log says why");
    plugin_result_ = 1;
  } else {
    started_ = transport;
    mailbox_.wake();
    plugin_result_ = transport->run(transport->context);
  }
  returned_ = true;
  mailbox_.wake();
}

void Host::wait() {
  std::optional<Instant> until = services_.next_progress();
  if (stop_deadline_ && (!until || *stop_deadline_ < *until)) until = stop_deadline_;
  int timeout = -1;
  if (until) {
    const auto left =
        std::chrono::ceil<milliseconds>(*until - std::chrono::steady_clock::now()).count();
    timeout = static_cast<int>(std::clamp<std::int64_t>(left, 0, 60'000));
  }
  const short events = static_cast<short>(link_.sending() ? POLLIN | POLLOUT : POLLIN);
  pollfd waited[2] = {{link_.socket(), events, 0}, {mailbox_.wake_descriptor(), POLLIN, 0}};
  ::poll(waited, 2, timeout);
}

void Host::receive() {
  for (int i = 0; i < most_messages_at_once && !status_; ++i) {
    Result<std::optional<link::Received>> received = link_.receive();
    if (!received) {
      // The agent's end is the host's end; nothing more can be said to anybody.
      const bool gone = received.error().code == ErrorCode::cancelled;
      if (!gone) log::error(services_.component(), "{}", received.error().message);
      return finish(gone ? 0 : 1);
    }
    if (!*received) return;
    Result<messages::FromAgent> message = messages::parse_from_agent((*received)->text);
    if (!message) {
      log::error(services_.component(), "{}", message.error().message);
      return finish(1);
    }
    handle(std::move(*message));
  }
  mailbox_.wake();  // there may be more
}

void Host::send() {
  if (status_) return;
  Status sent = link_.flush();
  while (sent && !link_.sending()) {
    std::optional<std::string> message = mailbox_.take_message();
    if (!message) return;
    sent = link_.send(std::move(*message));
  }
  if (!sent && sent.error().code != ErrorCode::cancelled) {
    log::error(services_.component(), "{}", sent.error().message);
  }
  if (!sent) finish(1);
}

void Host::send_the_rest() {
  const Instant until = std::chrono::steady_clock::now() + last_send_time;
  Status sent = link_.flush();
  while (sent && std::chrono::steady_clock::now() < until) {
    if (link_.sending()) {
      pollfd writable{link_.socket(), POLLOUT, 0};
      ::poll(&writable, 1, static_cast<int>(last_send_time.count()));
      sent = link_.flush();
      continue;
    }
    std::optional<std::string> message = mailbox_.take_message();
    if (!message) return;
    sent = link_.send(std::move(*message));
  }
}

void Host::notice_plugin() {
  if (status_) return;
  if (transport_ == nullptr && started_ != nullptr) {
    transport_ = started_;
    for (const auto& [function, argument] : std::exchange(early_, {})) post(function, argument);
  }
  if (!returned_) return;
  if (!stop_deadline_) log::error(services_.component(), "the plugin ended by itself");
  finish(stop_deadline_ && plugin_result_ == 0 ? 0 : 1);
}

void Host::post(Function function, void* argument) {
  if (transport_ == nullptr) {
    early_.emplace_back(function, argument);
  } else if (!returned_) {
    transport_->post(transport_->context, function, argument);
  }
}

void Host::finish(int status) {
  if (!status_) status_ = status;
}

void Host::stop() {
  if (stop_deadline_) return;
  if (transport_ == nullptr) return finish(0);
  stop_deadline_ = std::chrono::steady_clock::now() + stop_time;
  transport_->stop(transport_->context);
}

void Host::answer_refusals() {
  for (const Refusal& refusal : mailbox_.take_refusals()) {
    post(give, new Answer{refusal.asked, refusal.result, nullptr, nullptr});
  }
}

void Host::handle(messages::FromAgent message) {
  std::visit([this](auto&& content) { on(std::forward<decltype(content)>(content)); },
             std::move(message));
}

void Host::on(messages::Settings&&) {
  log::error(services_.component(), "the agent sent settings twice");
  finish(1);
}

void Host::on(messages::OfferReply&& reply) {
  const std::optional<Asked> asked = mailbox_.take_question(reply.id);
  if (!asked || !std::holds_alternative<AskedOffer>(*asked)) return;
  std::unique_ptr<Answer> answer(new Answer{*asked, reply.result, nullptr, nullptr});
  if (reply.result == FERRY_OK) {
    answer->offer =
        reply.offer ? OfferStruct::make(std::move(*reply.offer), services_.artifacts()) : nullptr;
    if (!answer->offer) answer->result = FERRY_UNAVAILABLE;
  }
  post(give, answer.release());
}

void Host::on(messages::ArtifactReply&& reply) {
  const std::optional<Asked> asked = mailbox_.take_question(reply.id);
  if (!asked || !std::holds_alternative<AskedArtifact>(*asked)) return;
  std::unique_ptr<Answer> answer(new Answer{*asked, reply.result, nullptr, nullptr});
  if (reply.result == FERRY_OK) {
    const auto handle =
        reply.artifact ? handle_of(*reply.artifact, services_.artifacts()) : std::nullopt;
    if (handle) answer->artifact = std::make_unique<ArtifactStruct>(*reply.artifact, *handle);
    if (!handle) answer->result = FERRY_UNAVAILABLE;
  }
  post(give, answer.release());
}

void Host::on(messages::OutcomeReply&& reply) {
  const std::optional<Asked> asked = mailbox_.take_question(reply.id);
  if (!asked || !std::holds_alternative<AskedOutcome>(*asked)) return;
  post(give, new Answer{*asked, reply.result, nullptr, nullptr});
}

void Host::on(messages::Changed&&) {
  if (change_posted_.exchange(true)) return;
  post(
      [](void* self) {
        Host& host = *static_cast<Host*>(self);
        host.change_posted_ = false;
        const ferry_transport* transport = host.started_;
        if (has_changed(transport)) transport->changed(transport->context);
      },
      this);
}

void Host::on(messages::Withdrawn&& message) {
  services_.withdraw(message.pack);
}

void Host::on(messages::Ping&&) {
  // Answered by the plugin's loop: a host whose plugin hangs is as good as dead.
  if (ping_posted_.exchange(true)) return;
  post(
      [](void* self) {
        Host& host = *static_cast<Host*>(self);
        host.ping_posted_ = false;
        host.mailbox_.tell(messages::Pong{});
      },
      this);
}

void Host::on(messages::Stop&&) {
  stop();
}

}  // namespace ferry::host
