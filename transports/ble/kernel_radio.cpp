#include "transports/ble/kernel_radio.hpp"

#include <fmt/format.h>
#include <sys/socket.h>

#include <array>
#include <cerrno>

#include "formats/port_names.hpp"
#include "transports/ble/kernel_link.hpp"
#include "transports/transport.h"

namespace ferry::ble {
namespace {

using std::chrono::steady_clock;

constexpr int most_events = 64;  // of one turn, then others have theirs
constexpr std::chrono::seconds look_time{1};
// Controllers tell of a device once in each scan; so that one that was heard is heard again soon, a
// scan is ended long before the kernel does that after some ten seconds.
constexpr std::chrono::seconds scan_time{3};
constexpr std::chrono::seconds after_busy{1};
constexpr std::chrono::seconds after_refusal{10};
// HCI_DISCONN_TIMEOUT of the kernel's include/net/bluetooth/hci.h, and what the air takes.
constexpr Duration disconnect_time{2500};

}  // namespace

KernelRadio::KernelRadio(loop::Loop& loop, Duty duty, std::set<AdapterNumber> wanted,
                         RadioEvents& events, Logger log)
    : loop_(loop),
      duty_(std::move(duty)),
      wanted_(std::move(wanted)),
      events_(events),
      log_(std::move(log)),
      management_(loop, *this),
      timer_(loop, [this] { on_time(); }) {}

std::string_view KernelRadio::port() const {
  return formats::bluetooth_management;
}

bool KernelRadio::open(int management) {
  if (!management_.open(management)) return false;
  adapters_.clear();
  management_.wait_readable();
  tell(mgmt::ask_adapters());
  on_time();
  return true;
}

void KernelRadio::close() {
  if (std::holds_alternative<Uuid>(duty_)) {
    // It would outlast this process.
    for (const auto& [number, adapter] : adapters_) tell(mgmt::remove_advertising(number));
  }
  management_.close();
}

std::vector<AdapterNumber> KernelRadio::adapters() const {
  std::vector<AdapterNumber> ready;
  const bool serves = std::holds_alternative<Uuid>(duty_);
  for (const auto& [number, adapter] : adapters_) {
    if (adapter.stage == Stage::ready && (!serves || adapter.active)) ready.push_back(number);
  }
  return ready;
}

std::string KernelRadio::trouble() const {
  std::string text;
  for (const auto& [number, adapter] : adapters_) {
    if (adapter.trouble.empty()) continue;
    text += fmt::format("{}hci{}: {}", text.empty() ? "" : "; ", number, adapter.trouble);
  }
  return text;
}

Duration KernelRadio::linger() const {
  return disconnect_time;
}

std::shared_ptr<RadioLink> KernelRadio::connect(AdapterNumber number, const Address& address,
                                                LinkEvents& events) {
  const auto found = adapters_.find(number);
  if (found == adapters_.end() || found->second.stage != Stage::ready) return nullptr;
  const auto* target = std::get_if<GattTarget>(&duty_);
  if (target == nullptr) return nullptr;
  ++found->second.links;
  attend(number, found->second);
  auto link = std::make_shared<KernelLink>(
      loop_, *target, events, [this, number](bool came_up) { link_over(number, came_up); });
  link->start(found->second.address, address);
  return link;
}

void KernelRadio::link_over(AdapterNumber number, bool came_up) {
  const auto found = adapters_.find(number);
  // An adapter that went and came back has forgotten its links.
  if (found == adapters_.end() || found->second.links == 0) return;
  Adapter& adapter = found->second;
  --adapter.links;
  came_up ? adapter.restart.came_up() : adapter.restart.failed();
  const bool idle = adapter.stage == Stage::ready && adapter.links == 0;
  if (idle && adapter.restart.due(steady_clock::now())) return restart(number, adapter);
  attend(number, adapter);
}

// Off; what that brings about, bring_up() sees to.
void KernelRadio::restart(AdapterNumber number, Adapter& adapter) {
  if (adapter.restart.is_first()) {
    log_(FERRY_WARNING,
         fmt::format("hci{}: no connection comes up; it is switched off and on", number));
  }
  adapter.stage = Stage::restarting;
  tell(mgmt::set_powered(number, false));
  loop_.post([this] { events_.adapters_changed(); });
}

void KernelRadio::readable() {
  static thread_local std::array<std::byte, mgmt::longest> packet;
  for (int i = 0; i < most_events && is_open(); ++i) {
    const ssize_t count = ::recv(management_.descriptor(), packet.data(), packet.size(), 0);
    if (count < 0 && errno == EINTR) continue;
    if (count <= 0) break;
    if (const auto event = mgmt::parse(Bytes(packet.data(), static_cast<std::size_t>(count)))) {
      take(*event);
    }
  }
  if (is_open()) management_.wait_readable();
}

void KernelRadio::take(const mgmt::Event& event) {
  const AdapterNumber number = event.adapter;
  if (const auto* done = std::get_if<mgmt::Done>(&event.what)) return take_done(number, *done);
  if (std::holds_alternative<mgmt::AdapterCame>(event.what)) return come(number);
  if (std::holds_alternative<mgmt::AdapterWent>(event.what)) return go(number);
  const auto found = adapters_.find(number);
  if (found == adapters_.end()) return;
  Adapter& adapter = found->second;
  if (const auto* settings = std::get_if<mgmt::Settings>(&event.what)) {
    take_settings(number, adapter, settings->settings);
  } else if (const auto* discovering = std::get_if<mgmt::Discovering>(&event.what)) {
    adapter.active = discovering->on;
    attend(number, adapter);
  } else if (const auto* seen = std::get_if<mgmt::Found>(&event.what)) {
    if (adapter.stage == Stage::ready) events_.found(number, seen->advertisement);
  }
}

void KernelRadio::take_done(AdapterNumber number, const mgmt::Done& done) {
  if (done.command == mgmt::command::adapters) {
    for (const AdapterNumber one : done.adapters) come(one);
    return;
  }
  const auto found = adapters_.find(number);
  if (found == adapters_.end()) return;
  Adapter& adapter = found->second;
  const bool advertising = done.command == mgmt::command::add_advertising;
  const bool scanning = done.command == mgmt::command::start_discovery ||
                        done.command == mgmt::command::stop_discovery;
  const bool duty = advertising || scanning;
  if (duty) adapter.changes = false;
  if (scanning) {
    if (done.status == 0) adapter.active = done.command == mgmt::command::start_discovery;
    adapter.scans_until = steady_clock::now() + scan_time;
  }
  // What is to end has ended by itself in between: the kernel says that it was rejected.
  const bool fine = done.status == 0 || done.command == mgmt::command::stop_discovery;
  if (!fine && adapter.stage == Stage::restarting && done.command == mgmt::command::set_powered) {
    return bring_up(number, adapter);  // as it was
  }
  if (!fine) return refused(number, adapter, done.status);
  if (done.address) adapter.address = *done.address;
  if (done.settings) return take_settings(number, adapter, *done.settings);
  if (advertising) {
    adapter.active = true;
    adapter.trouble.clear();
    log_(FERRY_INFO, fmt::format("hci{}: advertises", number));
    events_.adapters_changed();
  }
  if (duty) attend(number, adapter);
}

void KernelRadio::refused(AdapterNumber number, Adapter& adapter, std::uint8_t status) {
  const bool busy = status == mgmt::status::busy;
  adapter.try_at = steady_clock::now() + (busy ? after_busy : after_refusal);
  if (busy) return;
  const std::string why = mgmt::describe(status);
  if (adapter.trouble == why) return;
  adapter.trouble = why;
  log_(FERRY_ERROR, fmt::format("hci{}: {}", number, why));
  events_.adapters_changed();
}

void KernelRadio::come(AdapterNumber number) {
  if (!wanted_.empty() && !wanted_.contains(number)) return;
  adapters_[number] = Adapter();
  tell(mgmt::ask_info(number));
}

void KernelRadio::go(AdapterNumber number) {
  if (adapters_.erase(number) == 0) return;
  log_(FERRY_INFO, fmt::format("hci{}: gone", number));
  events_.adapters_changed();
}

void KernelRadio::take_settings(AdapterNumber number, Adapter& adapter, std::uint32_t settings) {
  adapter.settings = settings;
  bring_up(number, adapter);
}

// Each step is told once, and again after a pause when it was refused.
void KernelRadio::bring_up(AdapterNumber number, Adapter& adapter) {
  const Stage before = adapter.stage;
  if ((adapter.settings & mgmt::setting::low_energy) == 0) {
    adapter.stage = Stage::enabling;
    if (before != Stage::enabling) tell(mgmt::set_low_energy(number, true));
  } else if ((adapter.settings & mgmt::setting::powered) == 0) {
    adapter.stage = Stage::powering;
    if (before != Stage::powering) tell(mgmt::set_powered(number, true));
  } else if (before != Stage::ready) {
    adapter.stage = Stage::ready;
    adapter.trouble.clear();
    log_(FERRY_INFO, fmt::format("hci{}: ready, {}", number, to_string(adapter.address)));
  }
  if ((before == Stage::ready) != (adapter.stage == Stage::ready)) events_.adapters_changed();
  attend(number, adapter);
}

void KernelRadio::attend(AdapterNumber number, Adapter& adapter) {
  if (adapter.stage != Stage::ready || adapter.changes) return;
  const auto now = steady_clock::now();
  if (const auto* service = std::get_if<Uuid>(&duty_)) {
    if (adapter.active || now < adapter.try_at) return;
    adapter.changes = true;
    return tell(mgmt::add_advertising(number, *service));
  }
  const bool wanted = adapter.links == 0;
  const bool begins = wanted && !adapter.active && now >= adapter.try_at;
  const bool ends = adapter.active && (!wanted || now >= adapter.scans_until);
  if (!begins && !ends) return;
  adapter.changes = true;
  tell(begins ? mgmt::start_discovery(number) : mgmt::stop_discovery(number));
}

void KernelRadio::on_time() {
  const auto now = steady_clock::now();
  for (auto& [number, adapter] : adapters_) {
    if (now < adapter.try_at) continue;
    const bool refused = !adapter.trouble.empty() && adapter.stage != Stage::ready;
    if (refused) {
      adapter.try_at = now + after_refusal;
      adapter.stage = Stage::asked;
      tell(mgmt::ask_info(number));
    }
    attend(number, adapter);
  }
  timer_.set(now + look_time);
}

void KernelRadio::tell(const std::string& packet) {
  // The kernel takes each packet at once, and answers by an event.
  ::send(management_.descriptor(), packet.data(), packet.size(), MSG_NOSIGNAL);
}

}  // namespace ferry::ble
