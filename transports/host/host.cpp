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
  explicit Answer(const Asked& question, int given = FERRY_UNAVAILABLE)
      : asked(question), result(given) {}

  Asked asked;
  int result;
  std::unique_ptr<OfferStruct> offer;
  std::unique_ptr<ArtifactStruct> artifact;
  int step = FERRY_TRANSFER;
  std::uint64_t acknowledged = 0;

  void operator()(const AskedOffer& question) const {
    question.callback(question.user, result, offer ? &offer->c() : nullptr);
  }
  void operator()(const AskedArtifact& question) const {
    question.callback(question.user, result, artifact ? &artifact->c() : nullptr);
  }
  void operator()(const AskedOutcome& question) const {
    if (question.callback != nullptr) question.callback(question.user, result);
  }
  void operator()(const AskedStep& question) const {
    ferry_step given{};
    given.size = sizeof given;
    given.step = step;
    given.offer = offer ? &offer->c() : nullptr;
    given.acknowledged = acknowledged;
    question.callback(question.user, result, offer ? &given : nullptr);
  }
};

void give(void* argument) {
  const std::unique_ptr<Answer> answer(static_cast<Answer*>(argument));
  std::visit(*answer, answer->asked);
}

// Whether the plugin's struct is long enough to have this function, and it is set.
#define FERRY_GIVES(transport, function)                                                       \
  ((transport)->size >= offsetof(ferry_transport, function) + sizeof((transport)->function) && \
   (transport)->function != nullptr)

// On its way to the plugin's loop.
struct Cancellation {
  const ferry_transport* transport;
  std::uint64_t delivery;
};
struct OpenPort {
  const ferry_transport* transport;
  std::string name;
  Descriptor descriptor;
};

void cancel(void* argument) {
  const std::unique_ptr<Cancellation> given(static_cast<Cancellation*>(argument));
  given->transport->cancel(given->transport->context, given->delivery);
}

void hand_over(void* argument) {
  const std::unique_ptr<OpenPort> given(static_cast<OpenPort*>(argument));
  given->transport->port(given->transport->context, given->name.c_str(),
                         given->descriptor.release());
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
    services_.tell_due(std::chrono::steady_clock::now());
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
  services_.tell_last_counts();
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
  std::optional<Instant> until = services_.next_due();
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
    handle(std::move(*message), std::move((*received)->descriptors));
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
    hand_over_ports();
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
    post(give, new Answer(refusal.asked, refusal.result));
  }
}

void Host::handle(messages::FromAgent message, std::vector<Descriptor> descriptors) {
  descriptors_ = std::move(descriptors);
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
  auto answer = std::make_unique<Answer>(*asked, reply.result);
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
  give_artifact(*asked, std::move(reply));
}

void Host::give_artifact(const Asked& asked, messages::ArtifactReply reply) {
  auto answer = std::make_unique<Answer>(asked, reply.result);
  if (reply.result == FERRY_OK) {
    const auto handle =
        reply.artifact ? handle_of(*reply.artifact, services_.artifacts()) : std::nullopt;
    if (handle) answer->artifact = std::make_unique<ArtifactStruct>(*reply.artifact, *handle);
    if (!handle) answer->result = FERRY_UNAVAILABLE;
  }
  post(give, answer.release());
}

void Host::on(messages::MirrorReply&& reply) {
  if (reply.document && descriptors_.size() != 1) {
    log::error(services_.component(), "a document came without its descriptor");
    return finish(1);
  }
  const std::optional<Asked> asked = mailbox_.take_question(reply.id);
  if (!asked || !std::holds_alternative<AskedArtifact>(*asked)) return;
  if (!reply.document) {
    return give_artifact(*asked, {reply.id, reply.result, std::move(reply.artifact)});
  }
  const std::uint64_t handle = services_.documents().add(
      std::move(descriptors_.front()), reply.document->size, reply.document->sha256);
  messages::ServableArtifact artifact;
  artifact.role = formats::Role::file;
  artifact.size = reply.document->size;
  artifact.sha256 = reply.document->sha256;
  auto answer = std::make_unique<Answer>(*asked, reply.result);
  answer->artifact = std::make_unique<ArtifactStruct>(artifact, handle);
  post(give, answer.release());
}

void Host::on(messages::OutcomeReply&& reply) {
  const std::optional<Asked> asked = mailbox_.take_question(reply.id);
  if (!asked || !std::holds_alternative<AskedOutcome>(*asked)) return;
  post(give, new Answer(*asked, reply.result));
}

void Host::on(messages::Changed&&) {
  if (change_posted_.exchange(true)) return;
  post(
      [](void* self) {
        Host& host = *static_cast<Host*>(self);
        host.change_posted_ = false;
        const ferry_transport* transport = host.started_;
        if (FERRY_GIVES(transport, changed)) transport->changed(transport->context);
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

void Host::on(messages::StepReply&& reply) {
  const std::optional<Asked> asked = mailbox_.take_question(reply.id);
  if (!asked || !std::holds_alternative<AskedStep>(*asked)) return;
  auto answer = std::make_unique<Answer>(*asked, reply.result);
  answer->acknowledged = reply.acknowledged;
  // Both count in the same order.
  answer->step = static_cast<int>(reply.step) + FERRY_TRANSFER;
  if (reply.result == FERRY_OK) {
    answer->offer =
        reply.offer ? OfferStruct::make(std::move(*reply.offer), services_.artifacts()) : nullptr;
    if (!answer->offer) answer->result = FERRY_UNAVAILABLE;
  }
  post(give, answer.release());
}

// A plugin that was not running yet has no step that could be cancelled.
void Host::on(messages::Cancel&& message) {
  if (transport_ == nullptr || !FERRY_GIVES(transport_, cancel)) return;
  post(cancel, new Cancellation{transport_, message.delivery});
}

void Host::on(messages::Port&& message) {
  if (descriptors_.size() != 1) {
    log::error(services_.component(), "a port came without its descriptor");
    return finish(1);
  }
  ports_.push_back({std::move(message.name), std::move(descriptors_.front())});
  hand_over_ports();
}

// Those that came before the plugin was ready wait here.
void Host::hand_over_ports() {
  if (transport_ == nullptr) return;
  for (auto& [name, descriptor] : std::exchange(ports_, {})) {
    if (!FERRY_GIVES(transport_, port)) continue;
    post(hand_over, new OpenPort{transport_, std::move(name), std::move(descriptor)});
  }
}

}  // namespace ferry::host
