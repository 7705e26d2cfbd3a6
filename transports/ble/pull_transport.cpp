#include "transports/ble/pull_transport.hpp"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <utility>

namespace ferry::ble {
namespace {

// Links at once; an adapter has few.
constexpr std::size_t most_visits = 16;
// Of a device's packets on the channel: requests are short.
constexpr std::uint16_t most_received = 512;
// A device that is silent for so long makes room for another one.
constexpr std::chrono::seconds make_room{10};

}  // namespace

PullTransport::PullTransport(const plugin::Host& host, Settings settings)
    : TransportBase(host, std::move(settings), ferry_service()),
      service_{host_, loop_, resolver_},
      attributes_(loop_, [this](int descriptor,
                                const Address& device) { accept_attributes(descriptor, device); }),
      packets_(loop_, [this](int descriptor, const Address& device) {
        accept_packets(descriptor, device);
      }) {}

int PullTransport::run() {
  if (const Status listening = listen(); !listening) {
    host_.log(FERRY_ERROR, listening.error().message);
    host_.state("failed", listening.error().message);
    return 1;
  }
  tell_state();
  loop_.run();
  for (const auto& visit : visits_) visit->close();
  visits_.clear();
  attributes_.close();
  packets_.close();
  radio_->close();
  return 0;
}

// On every adapter: devices find the way only where the service is advertised.
Status PullTransport::listen() {
  const Address any;
  const auto psm = packets_.listen_packets(any, most_received);
  if (psm) {
    psm_ = *psm;
  } else {
    host_.log(FERRY_WARNING, "no channel for packets: " + psm.error().message);
  }
  radio_->set_channel(psm_);
  if (radio_->answers_attributes()) return {};
  return attributes_.listen_attributes(any);
}

void PullTransport::changed() {
  resolver_.forget();
  for (const auto& visit : visits_) visit->changed();
}

std::string PullTransport::describe() const {
  return fmt::format("{} links", visits_.size());
}

// Null: there is no room.
std::shared_ptr<PullVisit> PullTransport::admit(const Address& device) {
  if (visits_.size() >= most_visits) {
    if (!std::exchange(full_, true)) {
      host_.log(FERRY_WARNING,
                fmt::format("no room for {}: {} links are open", to_string(device), most_visits));
    }
    return nullptr;
  }
  return std::make_shared<PullVisit>(
      service_, smp_session::PullSettings{settings_.profiles, settings_.product}, device,
      [this](const PullVisit* over) {
        visits_.remove_if([over](const auto& visit) { return visit.get() == over; });
        full_ = false;
        tell_state();
      });
}

void PullTransport::begin(const std::shared_ptr<PullVisit>& visit, bool started) {
  if (!started) return host_.log(FERRY_ERROR, "no room to watch another link");
  visits_.push_back(visit);
  tell_state();
}

bool PullTransport::written(const Address& device, std::size_t mtu, Bytes piece) {
  auto visit = writer_.lock();
  const std::string name = to_string(device);
  if (visit && visit->device() != name) {
    if (std::chrono::steady_clock::now() - visit->heard_at() < make_room) return false;
    visit->close();
    visits_.remove(visit);
    visit.reset();
  }
  if (!visit || std::find(visits_.begin(), visits_.end(), visit) == visits_.end()) {
    visit = admit(device);
    if (visit == nullptr) return false;
    visit->start_pieces(mtu - std::min(mtu, att::write_overhead),
                        [this](std::string_view out) { radio_->notify(out); });
    writer_ = visit;
    begin(visit, true);
  }
  visit->take(piece);
  return true;
}

void PullTransport::accept_attributes(int descriptor, const Address& device) {
  const auto visit = admit(device);
  if (visit == nullptr) {
    ::close(descriptor);
    return;
  }
  begin(visit, visit->start_attributes(descriptor, psm_));
}

void PullTransport::accept_packets(int descriptor, const Address& device) {
  const auto visit = admit(device);
  if (visit == nullptr) {
    ::close(descriptor);
    return;
  }
  begin(visit, visit->start_packets(descriptor));
}

}  // namespace ferry::ble
