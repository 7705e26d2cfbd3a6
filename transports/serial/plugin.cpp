// The transport `serial`: devices on serial lines, that are told (SMP) or ask.
#include <fmt/format.h>
#include <unistd.h>

#include <map>
#include <set>
#include <stdexcept>

#include "transports/serial/session.hpp"

namespace ferry::serial {
namespace {

// A line that is of no use is looked at again after so long.
constexpr std::chrono::seconds retry_time{10};

Settings settings_or_throw(const plugin::Host& host) {
  auto settings = read_settings(host);
  if (!settings) throw std::invalid_argument(settings.error().message);
  return std::move(*settings);
}

class SerialTransport final : public plugin::Transport {
 public:
  explicit SerialTransport(const plugin::Host& host)
      : host_(host),
        settings_(settings_or_throw(host)),
        resolver_(host),
        service_{{host_, loop_, resolver_}, settings_} {}

  int run() override {
    tell_state();
    loop_.run();
    for (const auto& session : all()) session->close();
    return 0;
  }

  void stop() override { loop_.stop(); }
  void post(std::function<void()> task) override { loop_.post(std::move(task)); }

  void changed() override {
    resolver_.forget();
    for (const auto& session : all()) session->changed();
  }

  void cancel(std::uint64_t delivery) override {
    for (const auto& session : all()) session->cancel(delivery);
  }

  void port(const std::string& name, int descriptor) override {
    seen_.insert(name);
    if (const Status fine = configure(descriptor, settings_.line); !fine) {
      ::close(descriptor);
      return give_up(name, fine.error().message);
    }
    const auto session = make_session(service_, name);
    const auto ended = [this](const std::string& port, std::string_view why) { end(port, why); };
    trouble_.erase(name);
    sessions_[name] = session;
    host_.log(FERRY_INFO, fmt::format("{}: open", name));
    if (!session->open(descriptor, ended)) return give_up(name, "no room to watch it");
    tell_state();
  }

 private:
  // A copy: what they do may end some of them.
  std::vector<std::shared_ptr<Session>> all() const {
    std::vector<std::shared_ptr<Session>> sessions;
    for (const auto& [name, session] : sessions_) sessions.push_back(session);
    return sessions;
  }

  // The line is gone, its descriptor closed.
  void end(const std::string& name, std::string_view why) {
    host_.log(FERRY_INFO, fmt::format("{}: {}", name, why));
    sessions_.erase(name);
    tell_state();
    host_.port_closed(name);
  }

  // The line cannot be used as it is. The agent is asked for it again, but not without a pause.
  void give_up(const std::string& name, const std::string& why) {
    sessions_.erase(name);
    if (std::exchange(trouble_[name], why) != why) {
      host_.log(FERRY_ERROR, fmt::format("{}: {}", name, why));
    }
    auto& timer = retries_[name];
    timer = std::make_unique<loop::Timer>(loop_, [this, name] { host_.port_closed(name); });
    timer->set(std::chrono::steady_clock::now() + retry_time);
    tell_state();
  }

  void tell_state() {
    std::string state = fmt::format("{} of {} ports", sessions_.size(),
                                    std::max(settings_.named_ports, seen_.size()));
    for (const auto& [name, why] : trouble_) state += fmt::format("; {}: {}", name, why);
    constexpr std::size_t longest = 1000;
    if (state.size() > longest) state.resize(longest);
    host_.state("listening", state);
  }

  plugin::Host host_;
  Settings settings_;
  loop::Loop loop_;
  pull::Resolver resolver_;
  Service service_;
  std::map<std::string, std::shared_ptr<Session>> sessions_;
  std::map<std::string, std::string> trouble_;  // why lines are of no use
  std::map<std::string, std::unique_ptr<loop::Timer>> retries_;
  std::set<std::string> seen_;  // all names that there ever were
};

}  // namespace
}  // namespace ferry::serial

FERRY_TRANSPORT(ferry::serial::SerialTransport)
