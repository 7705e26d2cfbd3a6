#include "transports/ble/pull_visit.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

namespace ferry::ble {
namespace {

using std::chrono::steady_clock;

constexpr std::string_view gateway_name = "Ferry";
// Others may wait for the radio.
constexpr std::chrono::seconds visit_patience{60};
// What a device takes is not known; Zephyr's buffers for SMP hold 384 bytes.
constexpr std::size_t device_buffer = 384;
// A channel tells what a device takes at once; its answers stay within a reader's turn.
constexpr std::size_t most_answer = 2048;
// One that asks and takes no answer; a request may come in many pieces.
constexpr std::size_t most_unanswered = 256;
constexpr std::size_t most_pieces = 64;

}  // namespace

PullVisit::PullVisit(smp_session::Service& service, const smp_session::PullSettings& settings,
                     const Address& device, Ended ended)
    : service_(service),
      settings_(settings),
      device_(to_string(device)),
      ended_(std::move(ended)),
      channel_(std::make_shared<Channel>(service.loop, static_cast<ChannelUser&>(*this))),
      reassembler_([this](Bytes packet) { asked(packet); }),
      timer_(service.loop, [this] { on_time(); }) {}

PullVisit::~PullVisit() {
  close();
}

bool PullVisit::start_attributes(int descriptor, std::uint16_t psm) {
  gatt_.emplace(gateway_name, psm, [this](Bytes piece) { reassembler_.feed(piece); });
  make_pull(device_buffer);
  return start(descriptor);
}

bool PullVisit::start_packets(int descriptor) {
  piece_size_ = Channel::most_sent(descriptor);
  make_pull(std::clamp(piece_size_, device_buffer, most_answer));
  return start(descriptor);
}

void PullVisit::start_pieces(std::size_t size, std::function<void(std::string_view)> send) {
  piece_size_ = std::max<std::size_t>(size, 1);
  send_ = std::move(send);
  make_pull(device_buffer);
}

void PullVisit::make_pull(std::size_t answer_limit) {
  smp::ServerOptions options;
  options.answer_limit = answer_limit;
  pull_ = std::make_shared<smp_session::Pull>(service_, *this, settings_, options, device_);
  heard_at_ = steady_clock::now();
}

bool PullVisit::start(int descriptor) {
  if (!channel_->adopt(descriptor)) return false;
  log(FERRY_DEBUG, gatt_ ? "connected" : "opened a channel");
  pump();
  return true;
}

bool PullVisit::send(const std::string& piece) {
  if (!send_) return channel_->send(piece);
  send_(piece);
  return true;
}

void PullVisit::close() {
  ended_ = nullptr;
  if (pull_) pull_->close();
  timer_.clear();
  channel_->close();
}

void PullVisit::end(std::string_view why) {
  if (!ended_) return;
  log(FERRY_DEBUG, why);
  const auto ended = std::exchange(ended_, nullptr);
  close();
  // It may be in the middle of a call of the channel's.
  service_.loop.post([self = shared_from_this(), ended] { ended(self.get()); });
}

void PullVisit::hung_up(std::string_view why) {
  end(why);
}

void PullVisit::received(Bytes packet) {
  heard_at_ = steady_clock::now();
  if (++unanswered_ > most_unanswered) return end("it asks, and takes no answer");
  if (gatt_) {
    gatt_->received(packet);
  } else {
    reassembler_.feed(packet);
  }
  pump();
}

// More requests are not heard until some answers have left.
void PullVisit::asked(Bytes packet) {
  if (pieces_.size() < most_pieces) pull_->received(packet, steady_clock::now());
}

void PullVisit::refill() {
  if (!gatt_) {
    const auto answer = pull_->next_output();
    for (std::size_t at = 0; answer && at < answer->size(); at += piece_size_) {
      pieces_.push_back(answer->substr(at, piece_size_));
    }
    return;
  }
  if (!gatt_->has_output()) {
    if (const auto answer = pull_->next_output()) gatt_->notify(*answer);
  }
  while (auto packet = gatt_->next_output()) pieces_.push_back(std::move(*packet));
}

void PullVisit::pump() {
  while (ended_) {
    if (pieces_.empty()) refill();
    if (pieces_.empty() || !send(pieces_.front())) break;
    pieces_.pop_front();
    unanswered_ = 0;
  }
  if (!ended_) return;
  const TimePoint leave = heard_at_ + visit_patience;
  timer_.set(std::min(pull_->deadline().value_or(leave), leave));
}

void PullVisit::on_time() {
  const TimePoint now = steady_clock::now();
  pull_->on_time(now);
  if (now - heard_at_ >= visit_patience) return end("it has nothing more to ask");
  pump();
}

void PullVisit::log(int level, std::string_view text) {
  service_.host.log(level, fmt::format("{}: {}", device_, text));
}

}  // namespace ferry::ble
