#include "agent/supervisor.hpp"

#include <boost/asio/post.hpp>

#include "agent/host_keeper.hpp"
#include "base/log.hpp"
#include "base/secret.hpp"

namespace ferry::agent {
namespace {

namespace messages = formats::link;

std::string log_level() {
  if (log::enabled(log::Level::debug)) return "debug";
  if (log::enabled(log::Level::info)) return "info";
  return log::enabled(log::Level::warning) ? "warning" : "error";
}

// A host can read no file: what stands in the one that `key` names it is told as `name`.
void hand_over_secret(messages::Settings& settings, const std::string& key,
                      const std::string& name) {
  const auto file = settings.values.extract(key);
  if (file.empty() || file.mapped().empty()) return;
  auto secret = read_secret(key, file.mapped());
  if (secret) {
    settings.values[name] = std::move(*secret);
  } else {
    log::error("transport." + settings.transport, "{}", secret.error().message);
  }
}

messages::Settings settings_of(const config::TransportSettings& transport,
                               const std::vector<config::ProductSettings>& products) {
  messages::Settings settings;
  settings.transport = transport.name;
  settings.log_level = log_level();
  settings.values = transport.values;
  hand_over_secret(settings, "password_file", "password");
  hand_over_secret(settings, "passkey_file", "passkey");
  for (const config::ProductSettings& product : products) {
    settings.products.push_back(config::product_values(product));
  }
  return settings;
}

}  // namespace

struct Supervisor::State {
  explicit State(boost::asio::io_context& agent_loop) : loop(agent_loop) {}

  boost::asio::io_context& loop;
  std::vector<std::shared_ptr<HostKeeper>> keepers;
  std::function<void()> notify;
  std::function<void()> stopped;
  std::size_t running = 0;  // counts down while stopping

  void one_stopped() {
    if (--running == 0) boost::asio::post(loop, std::exchange(stopped, nullptr));
  }
};

Supervisor::Supervisor(boost::asio::io_context& loop, const SupervisorOptions& options,
                       const std::vector<config::TransportSettings>& transports,
                       const std::vector<config::ProductSettings>& products, HostRequests& requests)
    : state_(std::make_shared<State>(loop)) {
  for (const config::TransportSettings& transport : transports) {
    const auto changed = [state = std::weak_ptr(state_)] {
      const auto alive = state.lock();
      if (alive && alive->notify) alive->notify();
    };
    state_->keepers.push_back(std::make_shared<HostKeeper>(
        loop, options, transport.plugin, settings_of(transport, products), requests, changed));
  }
}

// A stop that is under way keeps the state alive, but no host may outlive this.
Supervisor::~Supervisor() {
  state_->keepers.clear();
}

void Supervisor::start() {
  for (const auto& keeper : state_->keepers) keeper->start();
}

void Supervisor::stop(std::function<void()> done) {
  state_->stopped = std::move(done);
  state_->running = state_->keepers.size() + 1;
  for (const auto& keeper : state_->keepers) {
    keeper->stop([state = state_] { state->one_stopped(); });
  }
  state_->one_stopped();
}

void Supervisor::catalog_changed() {
  for (const auto& keeper : state_->keepers) keeper->catalog_changed();
}

void Supervisor::withdraw(const std::string& pack) {
  for (const auto& keeper : state_->keepers) keeper->send(messages::Withdrawn{pack});
}

void Supervisor::cancel(const std::string& transport, std::uint64_t delivery) {
  for (const auto& keeper : state_->keepers) {
    if (keeper->status().name == transport) keeper->send(messages::Cancel{delivery});
  }
}

std::vector<TransportStatus> Supervisor::status() const {
  std::vector<TransportStatus> all;
  for (const auto& keeper : state_->keepers) all.push_back(keeper->status());
  return all;
}

void Supervisor::on_change(std::function<void()> notify) {
  state_->notify = std::move(notify);
}

}  // namespace ferry::agent
