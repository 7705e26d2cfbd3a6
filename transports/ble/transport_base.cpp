#include "transports/ble/transport_base.hpp"

#include <fmt/format.h>
#include <unistd.h>

#include "transports/ble/bluez_radio.hpp"
#include "transports/ble/kernel_radio.hpp"

namespace ferry::ble {
namespace {

using std::chrono::steady_clock;

// What is of no use is asked for anew after so long.
constexpr std::chrono::seconds retry_time{10};

std::unique_ptr<Radio> make_radio(loop::Loop& loop, Duty duty, const Settings& settings,
                                  RadioEvents& events, Radio::Logger log) {
  if (settings.backend == Backend::bluez) {
    return std::make_unique<BluezRadio>(loop, std::move(duty), settings.adapters, settings.passkey,
                                        events, std::move(log));
  }
  return std::make_unique<KernelRadio>(loop, std::move(duty), settings.adapters, events,
                                       std::move(log));
}

}  // namespace

TransportBase::TransportBase(const plugin::Host& host, Settings settings, Duty duty)
    : host_(host),
      settings_(std::move(settings)),
      resolver_(host),
      radio_(make_radio(loop_, std::move(duty), settings_, *this,
                        [this](int level, const std::string& text) { host_.log(level, text); })),
      retry_(loop_, [this] { host_.port_closed(std::string(radio_->port())); }) {}

void TransportBase::port(const std::string& name, int descriptor) {
  if (name != radio_->port() || radio_->is_open()) {
    if (!radio_->open_more(name, descriptor)) ::close(descriptor);
    return;
  }
  if (!radio_->open(descriptor)) {
    host_.log(FERRY_ERROR, "no room to watch " + name);
    retry_.set(steady_clock::now() + retry_time);
  }
  tell_state();
}

void TransportBase::port_lost() {
  retry_.set(steady_clock::now() + retry_time);
  tell_state();
}

void TransportBase::tell_state() {
  std::string state = fmt::format("{} adapters; {}", radio_->adapters().size(), describe());
  if (const std::string trouble = radio_->trouble(); !trouble.empty()) state += "; " + trouble;
  constexpr std::size_t longest = 1000;
  if (state.size() > longest) state.resize(longest);
  host_.state("listening", state);
}

}  // namespace ferry::ble
