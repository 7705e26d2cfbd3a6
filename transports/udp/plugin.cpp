// The transport `udp`: devices that are reached by datagrams, that are told (SMP, yaota8266) or
// ask (SMP).
#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <stdexcept>

#include "transports/smp/packet.hpp"
#include "transports/udp/mdns.hpp"
#include "transports/udp/session.hpp"

namespace ferry::udp {
namespace {

using std::chrono::steady_clock;

constexpr std::chrono::seconds sweep_time{5};
// A device that found its way here by itself is forgotten after such a silence.
constexpr std::chrono::seconds forget_asker{60};
constexpr std::chrono::seconds forget_told{300};
// Where there is no room, one that is silent for so long makes room.
constexpr std::chrono::seconds make_room{10};
constexpr std::chrono::seconds first_question_again{2};
constexpr std::chrono::seconds question_again{60};
constexpr int quick_questions = 3;

Settings settings_or_throw(const plugin::Host& host) {
  auto settings = read_settings(host);
  if (!settings) throw std::invalid_argument(settings.error().message);
  return std::move(*settings);
}

class UdpTransport final : public plugin::Transport {
 public:
  explicit UdpTransport(const plugin::Host& host)
      : host_(host),
        settings_(settings_or_throw(host)),
        resolver_(host),
        socket_(loop_, [this](Bytes datagram, const Address& from) { received(datagram, from); }),
        asking_(
            loop_, [this](Bytes datagram, const Address&) { learned(datagram); }, true),
        service_{{host_, loop_, resolver_}, settings_, socket_},
        sweeper_(loop_, [this] { sweep(); }),
        questioner_(loop_, [this] { question(); }) {}

  int run() override {
    const auto listening = socket_.open(settings_.listen);
    if (!listening) {
      host_.log(FERRY_ERROR, listening.error().message);
      host_.state("failed", listening.error().message);
      return 1;
    }
    listening_ = listening->text();
    tell_state();
    for (const Address& address : settings_.peers) add(address);
    if (settings_.asks_mdns) look_around();
    sweeper_.set(steady_clock::now() + sweep_time);
    loop_.run();
    sessions_.clear();
    socket_.close();
    asking_.close();
    return 0;
  }

  void stop() override { loop_.stop(); }
  void post(std::function<void()> task) override { loop_.post(std::move(task)); }

  void changed() override {
    resolver_.forget();
    for (const auto& [address, session] : sessions_) session->changed();
  }
  void cancel(std::uint64_t delivery) override {
    for (const auto& [address, session] : sessions_) session->cancel(delivery);
  }

 private:
  bool is_named(const Address& address) const {
    return std::find(settings_.peers.begin(), settings_.peers.end(), address) !=
           settings_.peers.end();
  }

  void received(Bytes datagram, const Address& from) {
    const auto found = sessions_.find(from);
    if (found != sessions_.end()) {
      const auto session = found->second;
      return session->received(datagram);
    }
    if (!is_welcome(datagram)) return;
    if (const auto session = add(from)) session->received(datagram);
  }

  // Whether somebody who is not known says something by which a device shows itself.
  bool is_welcome(Bytes datagram) const {
    const auto header = smp::peek(datagram);
    if (!header) return false;
    const bool asks = header->op == smp::Op::read || header->op == smp::Op::write;
    if (settings_.dialect == Dialect::pull) return asks;
    return settings_.dialect == Dialect::smp && settings_.hears_strangers;
  }

  // Null when there is no room.
  std::shared_ptr<Session> add(const Address& address) {
    if (sessions_.size() >= settings_.max_devices && !drop_one()) {
      if (!std::exchange(full_, true)) {
        host_.log(FERRY_WARNING, fmt::format("no room for {}: max_devices = {}", address.text(),
                                             settings_.max_devices));
      }
      return nullptr;
    }
    auto session = make_session(service_, address);
    sessions_[address] = session;
    session->start();
    tell_state();
    return session;
  }

  // Of those that came by themselves, the one that is silent for longest.
  bool drop_one() {
    auto oldest = sessions_.end();
    const auto now = steady_clock::now();
    for (auto at = sessions_.begin(); at != sessions_.end(); ++at) {
      const bool may_go = !is_named(at->first) && at->second->is_idle() &&
                          now - at->second->heard_at() >= make_room;
      if (!may_go) continue;
      if (oldest == sessions_.end() || at->second->heard_at() < oldest->second->heard_at()) {
        oldest = at;
      }
    }
    if (oldest == sessions_.end()) return false;
    sessions_.erase(oldest);
    return true;
  }

  void sweep() {
    const auto now = steady_clock::now();
    const auto patience = settings_.dialect == Dialect::pull ? forget_asker : forget_told;
    const std::size_t before = sessions_.size();
    std::erase_if(sessions_, [&](const auto& entry) {
      return !is_named(entry.first) && entry.second->is_idle() &&
             now - entry.second->heard_at() >= patience;
    });
    if (sessions_.size() != before) {
      full_ = false;
      tell_state();
    }
    sweeper_.set(now + sweep_time);
  }

  void look_around() {
    const auto local = asking_.open(Address::of(in_addr{INADDR_ANY}, mdns_port));
    if (!local) {
      host_.log(FERRY_ERROR, "looking for devices by mDNS: " + local.error().message);
      return;
    }
    question();
  }

  void question() {
    asking_.join(mdns_group());
    asking_.send_everywhere(as_bytes(mdns_question()), Address::of(mdns_group(), mdns_port));
    const auto pause = ++questions_ < quick_questions ? first_question_again : question_again;
    questioner_.set(steady_clock::now() + pause);
  }

  void learned(Bytes datagram) {
    const auto now = steady_clock::now();
    found_.take(parse_mdns(datagram), now);
    for (const Address& address : found_.addresses(now)) {
      if (sessions_.contains(address) || !add(address)) continue;
      host_.log(FERRY_INFO, address.text() + ": found by mDNS");
    }
  }

  void tell_state() {
    host_.state("listening", fmt::format("{}; {} devices", listening_, sessions_.size()));
  }

  plugin::Host host_;
  Settings settings_;
  loop::Loop loop_;
  pull::Resolver resolver_;
  Socket socket_;
  Socket asking_;  // mDNS
  Service service_;
  std::map<Address, std::shared_ptr<Session>> sessions_;
  MdnsTable found_;
  loop::Timer sweeper_;
  loop::Timer questioner_;
  std::string listening_;
  int questions_ = 0;
  bool full_ = false;  // and it was said
};

}  // namespace
}  // namespace ferry::udp

FERRY_TRANSPORT(ferry::udp::UdpTransport)
