// The transport `mqtt`: devices that are told of their updates over the gateway's own broker, as
// things of AWS IoT Jobs. Their files they fetch from the gateway's http transport.
#include <fmt/format.h>

#include <map>
#include <stdexcept>

#include "transports/loop/loop.hpp"
#include "transports/mqtt/broker_link.hpp"
#include "transports/mqtt/settings.hpp"
#include "transports/mqtt/thing.hpp"

namespace ferry::things {
namespace {

using std::chrono::steady_clock;

constexpr std::size_t most_things = 1024;
constexpr std::size_t longest_device_id = 120;
constexpr std::chrono::seconds sweep_time{5};
// A message may be lost on its way, with devices that subscribe without acknowledgement.
constexpr std::chrono::minutes told_again_after{10};

Settings settings_or_throw(const plugin::Host& host) {
  auto settings = read_settings(host);
  if (!settings) throw std::invalid_argument(settings.error().message);
  return std::move(*settings);
}

std::vector<std::string> all_filters() {
  std::vector<std::string> filters(question_filters.begin(), question_filters.end());
  filters.insert(filters.end(), stream_filters.begin(), stream_filters.end());
  return filters;
}

class MqttTransport final : public plugin::Transport {
 public:
  explicit MqttTransport(const plugin::Host& host)
      : host_(host),
        settings_(settings_or_throw(host)),
        broker_(fmt::format("{}:{}", settings_.broker.host, settings_.broker.port)),
        service_{host_, [this](const std::string& topic,
                               const std::string& payload) { link_.publish(topic, payload); }},
        link_(loop_, settings_.broker, host.setting("client_id").value_or("ferry-jobs"),
              all_filters(),
              {[this] { connected(); },
               [this](mqtt::Received message) { received(std::move(message)); },
               [this](std::uint64_t count) { host_.count(FERRY_REFUSALS, count); },
               [this](const Error& why) { unconnected(why); }}),
        sweeper_(loop_, [this] { sweep(); }) {}

  int run() override {
    sweeper_.set(steady_clock::now() + sweep_time);
    link_.start();
    loop_.run();
    link_.stop();
    return 0;
  }
  void stop() override { loop_.stop(); }
  void post(std::function<void()> task) override { loop_.post(std::move(task)); }
  void changed() override {
    for (const auto& [name, thing] : things_) thing->look();
  }

 private:
  void received(mqtt::Received message) {
    if (const auto topic = parse_topic(message.topic)) return ask(*topic, message);
    if (const auto topic = parse_stream_topic(message.topic)) return ask(*topic, message);
    host_.count(FERRY_REFUSALS);
  }

  template <typename AnyTopic>
  void ask(const AnyTopic& topic, const mqtt::Received& message) {
    // A question that is kept by the broker would be asked again at every connection.
    const auto thing = message.retained ? nullptr : thing_named(topic.thing);
    if (thing == nullptr) return host_.count(FERRY_REFUSALS);
    thing->ask(topic, message.payload, message.too_large);
  }

  // Null for a stranger, or when there is no room.
  std::shared_ptr<Thing> thing_named(const std::string& name) {
    const auto known = things_.find(name);
    if (known != things_.end()) return known->second;
    const auto named = settings_.things.find(name);
    const std::string& product =
        named == settings_.things.end() ? settings_.product : named->second;
    const auto profile =
        std::find_if(settings_.profiles.begin(), settings_.profiles.end(),
                     [&](const auto& candidate) { return candidate.name == product; });
    if (product.empty() || profile == settings_.profiles.end()) return nullptr;
    if (name.size() > longest_device_id) return nullptr;
    if (things_.size() >= most_things && !drop_one()) return nullptr;
    const ThingIdentity identity{name, product, broker_, root_of(settings_, *profile, name)};
    auto thing = std::make_shared<Thing>(service_, identity);
    things_.emplace(name, thing);
    tell_state();
    return thing;
  }

  // Of those of which nothing is under way, the one that was silent for longest.
  bool drop_one() {
    auto oldest = things_.end();
    for (auto at = things_.begin(); at != things_.end(); ++at) {
      if (!at->second->is_idle()) continue;
      if (oldest == things_.end() || at->second->heard_at() < oldest->second->heard_at()) {
        oldest = at;
      }
    }
    if (oldest == things_.end()) return false;
    things_.erase(oldest);
    return true;
  }

  void sweep() {
    sweeper_.set(steady_clock::now() + sweep_time);
    if (!link_.is_connected()) return;
    for (const auto& [name, thing] : things_) {
      if (thing->looks_again()) thing->look();
      thing->remind(steady_clock::now() - told_again_after);
    }
  }

  void connected() {
    tell_state();
    for (const auto& [name, thing] : things_) {
      thing->look();
      thing->remind(steady_clock::now());
    }
  }

  void tell_state() {
    if (!link_.is_connected()) return;
    said_.clear();
    host_.state("listening", fmt::format("connected to {}; {} things", broker_, things_.size()));
  }

  void unconnected(const Error& why) {
    const bool needs_a_hand = why.code == ErrorCode::denied || why.code == ErrorCode::invalid;
    const std::string text = fmt::format(
        "{}{}", why.message,
        needs_a_hand ? "" : "; is mosquitto running there? It is tried again and again");
    host_.state(needs_a_hand ? "refused" : "connecting", text);
    if (said_ != text) host_.log(FERRY_WARNING, text);
    said_ = text;
  }

  plugin::Host host_;
  Settings settings_;
  loop::Loop loop_;
  std::string broker_;
  Service service_;
  BrokerLink link_;
  std::map<std::string, std::shared_ptr<Thing>> things_;
  loop::Timer sweeper_;
  std::string said_;  // of what went wrong
};

}  // namespace
}  // namespace ferry::things

FERRY_TRANSPORT(ferry::things::MqttTransport)
