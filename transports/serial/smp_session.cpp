#include "transports/serial/smp_session.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <random>

namespace ferry::serial {
namespace {

using std::chrono::steady_clock;

// What the kernel may hold: enough that the line never runs dry while this process waits for its
// turn, little enough that what is written is on its way.
constexpr Milliseconds ahead{25};
constexpr Milliseconds return_pause{250};  // between looks for a device that was reset
// A line that stays silent is listened to for longer, in case that its device is slow.
constexpr int most_doublings = 3;
constexpr int erasing = 5;      // times as long may an answer take that comes after erasing a slot
constexpr int attempts = 6;     // of each question to a device that is there
constexpr int most_resets = 5;  // that nobody answers, in one step
constexpr std::size_t longest_id = 120;  // transport.h

smp::ClientOptions client_options(const Settings& settings) {
  smp::ClientOptions options;
  options.timeout = settings.probe_timeout;
  options.minimum_timeout = std::min(options.minimum_timeout, options.timeout);
  options.first_timeout = options.timeout * erasing;
  options.busy_pause = std::min(options.busy_pause, options.timeout);
  options.attempts = attempts;
  options.first_sequence = static_cast<std::uint8_t>(std::random_device()());
  options.fit = smp::fit_console;
  options.framing = smp::console_overhead;
  return options;
}

int image_state_of(const smp::ImageSlot* slot) {
  if (slot == nullptr) return FERRY_IMAGE_UNKNOWN;
  return slot->confirmed ? FERRY_IMAGE_CONFIRMED : FERRY_IMAGE_ON_TRIAL;
}

// A node name as an id: what cannot stand in one is left out.
std::string id_from(std::string_view text) {
  std::string id;
  for (const char c : text) {
    if (c > ' ' && c < 0x7F && id.size() < longest_id) id += c;
  }
  return id;
}

}  // namespace

SmpSession::SmpSession(Service& service, std::string name)
    : Session(service, std::move(name), ahead),
      client_(client_options(service.settings)),
      decoder_({}, [this](Bytes packet) { client_.received(packet, steady_clock::now()); }),
      device_(unknown_device()) {}

void SmpSession::start() {
  look();
  pump();
}

void SmpSession::lost(std::string_view why) {
  if (!step_) return;
  service_.host.outcome(device_, step_->offer.delivery, FERRY_LOST, std::string(why));
}

void SmpSession::received(Bytes bytes) {
  decoder_.feed(bytes);
  if (!is_closed()) pump();
}

void SmpSession::on_time(TimePoint now) {
  if (due_ && now >= *due_) {
    due_.reset();
    if (phase_ == Phase::resting) {
      look();
    } else {
      client_.cancel(smp::Outcome::no_answer, "does not answer");
    }
  }
  client_.on_time(now);
  pump();
}

void SmpSession::pump() {
  const auto now = steady_clock::now();
  while (line().has_room() && write_next(now)) {
  }
  if (!is_closed()) arm();
}

// One console line, or what stands between two packets. False when there is nothing to write now.
bool SmpSession::write_next(TimePoint now) {
  if (position_ < encoded_.size() && client_.worth_writing()) {
    const std::size_t end = encoded_.find('\n', position_) + 1;
    line().write(std::string_view(encoded_).substr(position_, end - position_));
    position_ = end;
    return true;
  }
  encoded_.clear();
  position_ = 0;
  if (std::exchange(writing_, false)) client_.written(now);
  if (std::exchange(cancelled_, false)) client_.cancel();
  const std::optional<std::string> packet = client_.next_output(now);
  if (!packet) return false;
  encoded_ = smp::encode_console(as_bytes(*packet));
  writing_ = true;
  return true;
}

void SmpSession::arm() {
  std::optional<TimePoint> next = client_.deadline();
  if (due_ && (!next || *due_ < *next)) next = due_;
  if (next) wake_at(*next);
}

void SmpSession::rest(Duration time) {
  phase_ = Phase::resting;
  due_ = steady_clock::now() + time;
}

void SmpSession::look() {
  phase_ = Phase::looking;
  due_.reset();
  // Somebody who was there just now is given all attempts of the client.
  if (returning_ || !present_) {
    due_ = steady_clock::now() + service_.settings.probe_timeout * (1 << silent_looks_);
  }
  client_.image_state([this](const smp::Reply<Slots>& slots) { looked(slots); });
}

void SmpSession::looked(const smp::Reply<Slots>& slots) {
  due_.reset();
  const bool late = returning_ && steady_clock::now() >= *returning_;
  if (!slots) {
    silent_looks_ = std::min(silent_looks_ + 1, most_doublings);
    if (returning_ && !late) return rest(return_pause);
    // An empty line is nothing to tell of; a device that refuses is.
    const bool silent = slots.error().outcome == smp::Outcome::no_answer;
    if (std::exchange(present_, !silent) != !silent) log(FERRY_INFO, slots.error().message);
    named_ = false;
    shown_.clear();
    returning_.reset();
    rest(service_.settings.poll_interval);
    if (step_) finish(FERRY_LOST, "it did not come back after the reset");
    return;
  }
  silent_looks_ = 0;
  take(*slots);
  // A device may answer for a while before it restarts.
  const bool lingers = waiting(hash_) != nullptr && waiting(hash_)->pending;
  if (returning_ && lingers && steady_clock::now() < lingers_until_) return rest(return_pause);
  present_ = true;
  returning_.reset();
  if (step_) return come_back();
  name_and_show();
}

// From a reset that was never answered: only now it is known what came of it.
void SmpSession::come_back() {
  if (runs(hash_)) return finish(FERRY_ACTIVATED, "");
  const bool waits = waiting(hash_) != nullptr && waiting(hash_)->pending;
  if (!waits) return finish(FERRY_ROLLED_BACK, "it restarted and runs the old image");
  phase_ = Phase::working;
  if (resets_ < most_resets) return reset();  // it did not hear the one before
  finish(FERRY_FAILED, "it does not restart");
}

void SmpSession::take(const Slots& slots) {
  slots_ = slots;
  const smp::ImageSlot* running = active();
  device_.version = running == nullptr ? "" : running->version;
  device_.image = running == nullptr ? "" : to_hex(as_bytes(running->hash));
  device_.image_state = image_state_of(running);
  const auto staged = std::find_if(slots_.begin(), slots_.end(), [](const smp::ImageSlot& slot) {
    return slot.image == 0 && !slot.active && !slot.hash.empty();
  });
  device_.staged =
      staged == slots_.end() || running == nullptr ? "" : to_hex(as_bytes(staged->hash));
}

void SmpSession::name_and_show() {
  if (named_ || !service_.settings.id_by_info) return show();
  client_.os_info("n", [this](const smp::Reply<std::string>& name) {
    device_.id = name ? id_from(*name) : "";
    named_ = !device_.id.empty();
    if (!named_) {
      log(FERRY_WARNING, "the device tells no node name; its port stands for it");
      device_.id = unknown_device().id;
      named_ = true;
    }
    show();
  });
}

void SmpSession::show() {
  service_.host.device_seen(device_);
  const std::string as = fmt::format("{}\n{}\n{}\n{}\n{}", device_.id, device_.version,
                                     device_.image, device_.staged, device_.image_state);
  if (as != shown_) {
    log(FERRY_INFO, fmt::format("{} runs {}", device_.id,
                                device_.version.empty() ? "no image" : device_.version));
  }
  if (!wanted_ && as == shown_) return rest(service_.settings.poll_interval);
  shown_ = as;
  ask();
}

void SmpSession::ask() {
  phase_ = Phase::asking;
  wanted_ = false;
  service_.host.next(device_, {"mcuboot"},
                     guarded(this, [this](int result, const plugin::Step* step) {
                       take_step(result, step);
                       pump();
                     }));
}

void SmpSession::take_step(int result, const plugin::Step* step) {
  if (result == FERRY_OK) {
    step_ = *step;
    phase_ = Phase::working;
    return begin_step();
  }
  if (result == FERRY_NOT_FOUND && wanted_) return ask();  // something changed while it was asked
  wanted_ = result != FERRY_NOT_FOUND;
  rest(service_.settings.poll_interval);
}

void SmpSession::changed() {
  wanted_ = true;
  if (phase_ != Phase::resting || !present_ || returning_) return;
  look();
  pump();
}

void SmpSession::cancel(std::uint64_t delivery) {
  // Everything but a transfer ends soon by itself.
  if (!step_ || step_->offer.delivery != delivery || step_->step != FERRY_TRANSFER) return;
  cancelled_ = true;
  pump();
}

}  // namespace ferry::serial
