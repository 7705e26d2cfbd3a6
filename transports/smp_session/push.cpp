#include "transports/smp_session/push.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <random>

namespace ferry::smp_session {
namespace {

using std::chrono::steady_clock;

constexpr Milliseconds look_pause{250};  // between looks for a device that was reset
// A link that stays silent is listened to for longer, in case that its device is slow.
constexpr int most_doublings = 3;
constexpr int erasing = 5;      // times as long may an answer take that comes after erasing a slot
constexpr int attempts = 6;     // of each question to a device that is there
constexpr int most_resets = 5;  // that nobody answers, in one step
constexpr std::size_t longest_id = 120;  // transport.h

smp::ClientOptions client_options(const PushSettings& settings, smp::ClientOptions options) {
  options.timeout = settings.probe_timeout;
  options.minimum_timeout = std::min(options.minimum_timeout, options.timeout);
  options.first_timeout = options.timeout * erasing;
  options.busy_pause = std::min(options.busy_pause, options.timeout);
  options.attempts = std::max(options.attempts, attempts);
  options.first_sequence = static_cast<std::uint8_t>(std::random_device()());
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

Push::Push(Service& service, Carrier& carrier, const PushSettings& settings,
           const smp::ClientOptions& link, plugin::Device unknown)
    : service_(service),
      carrier_(&carrier),
      settings_(settings),
      unknown_(std::move(unknown)),
      client_(client_options(settings, link)),
      device_(unknown_) {}

void Push::start() {
  look();
}

void Push::lost(std::string_view why) {
  if (is_closed()) return;
  close();
  if (!step_) return;
  service_.host.outcome(device_, step_->offer.delivery, FERRY_LOST, std::string(why));
}

std::optional<std::string> Push::next_output(TimePoint now) {
  if (std::exchange(cancelled_, false)) client_.cancel();
  return client_.next_output(now);
}

std::optional<TimePoint> Push::deadline() const {
  const std::optional<TimePoint> next = client_.deadline();
  return due_ && (!next || *due_ < *next) ? due_ : next;
}

void Push::on_time(TimePoint now) {
  if (due_ && now >= *due_) {
    due_.reset();
    if (phase_ == Phase::resting) {
      look();
    } else {
      client_.cancel(smp::Outcome::no_answer, "does not answer");
    }
  }
  client_.on_time(now);
}

void Push::rest(Duration time) {
  phase_ = Phase::resting;
  due_ = steady_clock::now() + time;
}

void Push::look() {
  phase_ = Phase::looking;
  due_.reset();
  // Somebody who was there just now is given all attempts of the client.
  if (returning_ || !present_) {
    due_ = steady_clock::now() + settings_.probe_timeout * (1 << silent_looks_);
  }
  client_.image_state([this](const smp::Reply<Slots>& slots) { looked(slots); });
}

void Push::looked(const smp::Reply<Slots>& slots) {
  due_.reset();
  const bool late = returning_ && steady_clock::now() >= *returning_;
  if (!slots) {
    silent_looks_ = std::min(silent_looks_ + 1, most_doublings);
    if (returning_ && !late) return rest(look_pause);
    // An empty line is nothing to tell of; a device that refuses is.
    const bool silent = slots.error().outcome == smp::Outcome::no_answer;
    if (std::exchange(present_, !silent) != !silent) log(FERRY_INFO, slots.error().message);
    named_ = false;
    shown_.clear();
    returning_.reset();
    rest(settings_.poll_interval);
    if (step_) finish(FERRY_LOST, "it did not come back after the reset");
    return;
  }
  silent_looks_ = 0;
  take(*slots);
  // A device may answer for a while before it restarts.
  const bool lingers = waiting(hash_) != nullptr && waiting(hash_)->pending;
  if (returning_ && lingers && steady_clock::now() < lingers_until_) return rest(look_pause);
  present_ = true;
  returning_.reset();
  if (step_) return come_back();
  name_and_show();
}

// From a reset that was never answered: only now it is known what came of it.
void Push::come_back() {
  if (runs(hash_)) return finish(FERRY_ACTIVATED, "");
  const bool waits = waiting(hash_) != nullptr && waiting(hash_)->pending;
  if (!waits) return finish(FERRY_ROLLED_BACK, "it restarted and runs the old image");
  phase_ = Phase::working;
  if (resets_ < most_resets) return reset();  // it did not hear the one before
  finish(FERRY_FAILED, "it does not restart");
}

void Push::take(const Slots& slots) {
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

void Push::name_and_show() {
  if (named_ || !settings_.id_by_info) return show();
  client_.os_info("n", [this](const smp::Reply<std::string>& name) {
    device_.id = name ? id_from(*name) : "";
    named_ = !device_.id.empty();
    if (!named_) {
      log(FERRY_WARNING, "the device tells no node name; its address stands for it");
      device_.id = unknown_.id;
      named_ = true;
    }
    show();
  });
}

void Push::show() {
  service_.host.device_seen(device_);
  const std::string as = fmt::format("{}\n{}\n{}\n{}\n{}", device_.id, device_.version,
                                     device_.image, device_.staged, device_.image_state);
  if (as != shown_) {
    log(FERRY_INFO, fmt::format("{} runs {}", device_.id,
                                device_.version.empty() ? "no image" : device_.version));
  }
  if (!wanted_ && as == shown_) return rest(settings_.poll_interval);
  shown_ = as;
  ask();
}

void Push::ask() {
  phase_ = Phase::asking;
  wanted_ = false;
  service_.host.next(device_, {"mcuboot"}, guarded([this](int result, const plugin::Step* step) {
                       take_step(result, step);
                       stirred();
                     }));
}

void Push::take_step(int result, const plugin::Step* step) {
  if (result == FERRY_OK) {
    step_ = *step;
    phase_ = Phase::working;
    return begin_step();
  }
  if (result == FERRY_NOT_FOUND && wanted_) return ask();  // something changed while it was asked
  wanted_ = result != FERRY_NOT_FOUND;
  rest(settings_.poll_interval);
}

void Push::changed() {
  wanted_ = true;
  if (phase_ != Phase::resting || !present_ || returning_) return;
  look();
  stirred();
}

void Push::noticed() {
  if (phase_ != Phase::resting || present_ || returning_) return;
  silent_looks_ = 0;
  look();
  stirred();
}

void Push::cancel(std::uint64_t delivery) {
  // Everything but a transfer ends soon by itself.
  if (!step_ || step_->offer.delivery != delivery || step_->step != FERRY_TRANSFER) return;
  cancelled_ = true;
  stirred();
}

}  // namespace ferry::smp_session
