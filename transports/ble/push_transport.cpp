#include "transports/ble/push_transport.hpp"

#include <fmt/format.h>

#include <utility>

#include "transports/ble/smp_service.hpp"

namespace ferry::ble {
namespace {

using std::chrono::steady_clock;

RosterOptions roster_options(const Settings& settings) {
  RosterOptions options;
  options.connections = settings.connections;
  options.visit_interval = settings.visit_interval;
  return options;
}

}  // namespace

PushTransport::PushTransport(const plugin::Host& host, Settings settings)
    : TransportBase(host, std::move(settings), smp_target()),
      refusals_(host_),
      service_{{host_, loop_, resolver_}, settings_, *radio_, refusals_},
      roster_(roster_options(settings_)),
      visitor_(loop_, [this] { visit(); }) {}

int PushTransport::run() {
  tell_state();
  loop_.run();
  for (const auto& session : all()) session->close();
  sessions_.clear();
  radio_->close();
  return 0;
}

void PushTransport::changed() {
  for (const auto& session : all()) session->changed();
  refusals_.changed();
  roster_.wake(steady_clock::now());
  visit();
}

void PushTransport::cancel(std::uint64_t delivery) {
  for (const auto& session : all()) session->cancel(delivery);
}

std::string PushTransport::describe() const {
  return fmt::format("{} devices", roster_.size());
}

void PushTransport::found(AdapterNumber adapter, const Advertisement& advertisement) {
  if (!advertisement.connectable || !fits(settings_.filter, advertisement)) return;
  const std::size_t before = roster_.size();
  const bool room =
      roster_.seen(adapter, advertisement.address, advertisement.signal, steady_clock::now());
  if (!room && !std::exchange(full_, true)) {
    host_.log(FERRY_WARNING, fmt::format("no room for {}: {} devices are around",
                                         to_string(advertisement.address), before));
  }
  if (roster_.size() > before) {
    host_.log(FERRY_INFO, fmt::format("{}: found by hci{} {}", to_string(advertisement.address),
                                      adapter, advertisement.name));
  }
  visit();
  if (roster_.size() != before) tell_state();
}

void PushTransport::adapters_changed() {
  roster_.set_adapters(radio_->adapters());
  tell_state();
  visit();
}

void PushTransport::visit() {
  const auto now = steady_clock::now();
  while (const auto visit = roster_.next(now)) {
    const auto ended = [this](const Visit& over, VisitEnd end, Duration linger) {
      sessions_.erase(over.address);
      roster_.ended(over.address, end, linger, steady_clock::now());
      this->visit();
    };
    const auto session = std::make_shared<PushSession>(service_, *visit, ended);
    sessions_[visit->address] = session;
    session->start();
  }
  if (const auto due = roster_.due(now)) visitor_.set(*due);
}

// A copy: what they do may end some of them.
std::vector<std::shared_ptr<PushSession>> PushTransport::all() const {
  std::vector<std::shared_ptr<PushSession>> sessions;
  for (const auto& [address, session] : sessions_) sessions.push_back(session);
  return sessions;
}

}  // namespace ferry::ble
