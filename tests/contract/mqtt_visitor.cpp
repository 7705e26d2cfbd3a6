#include "tests/contract/mqtt_visitor.hpp"

#include <fmt/format.h>
#include <gtest/gtest.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <mutex>
#include <thread>

#include "base/mqtt/broker_connection.hpp"
#include "formats/cbor.hpp"
#include "formats/json.hpp"
#include "tests/contract/mosquitto.hpp"

namespace ferry::contract {
namespace {

using formats::Json;

constexpr std::size_t block_size = 16U << 10U;
constexpr std::size_t blocks_together = 8;
constexpr std::string_view topics = "$aws/things/meter-1/";

// One visit: asks for a job, or waits to be told of one, gets its image by blocks and says that it
// runs it. Used by one thread after the other.
class Download {
 public:
  // What has come until now, piece by piece.
  using Came = std::function<void(std::string_view)>;

  Download(mqtt::BrokerConnection connection, int ended, Came came)
      : connection_(std::move(connection)), ended_(ended), came_(std::move(came)) {}

  // False when the broker does not let it in.
  bool begin(bool asks) {
    const bool accepted = eventually([this] { return step() && connection_.accepted(); });
    if (!accepted) return false;
    for (const char* filter : {"jobs/#", "streams/#"}) {
      if (!connection_.subscribe(std::string(topics) + filter)) return false;
    }
    std::size_t granted = 0;
    const bool listens = eventually([&] {
      for (const auto& answer : connection_.take_answered()) granted += answer.granted ? 1 : 0;
      return step() && granted == 2;
    });
    if (listens && asks) say("jobs/start-next", R"({"clientToken":"begin"})");
    return listens;
  }

  // Until it has everything or there is nothing to get; true when it said that it has succeeded.
  bool run() {
    while (step()) {
      for (const mqtt::Received& message : connection_.take_received()) take(message);
      if (over_ || mqtt::wait_for(connection_, ended_, patience)) break;
    }
    connection_.disconnect();
    return succeeded_;
  }

 private:
  bool step() { return connection_.step().has_value(); }

  void say(const std::string& path, const std::string& payload) {
    over_ = over_ || !connection_.publish(std::string(topics) + path, payload, false);
  }

  void take(const mqtt::Received& message) {
    const std::string path = message.topic.substr(topics.size());
    const bool refused = path.ends_with("/rejected") || path.ends_with("/rejected/cbor");
    if (refused) {
      over_ = true;
    } else if (path.ends_with("/data/cbor")) {
      take_block(message.payload);
    } else if (path == fmt::format("jobs/{}/update/accepted", job_)) {
      over_ = succeeded_ = true;
    } else if (path == "jobs/start-next/accepted" || path == "jobs/notify-next") {
      const bool is_answer = path != "jobs/notify-next";
      take_job(Json::parse(message.payload), is_answer);
    }
  }

  void take_job(const Json& answer, bool is_answer) {
    if (!answer.contains("execution")) {
      over_ = over_ || is_answer;
      return;
    }
    if (!job_.empty()) return;
    job_ = answer["execution"]["jobId"];
    const Json& file = answer["execution"]["jobDocument"][0]["files"][0];
    stream_ = file["fileSource"]["stream"];
    ask_on();
  }

  void ask_on() {
    const Json question = {{"f", 0}, {"l", block_size}, {"o", blocks_}, {"n", blocks_together}};
    std::string payload;
    Json::to_cbor(question, payload);
    wanted_ = blocks_ + blocks_together;
    say(fmt::format("streams/{}/get/cbor", stream_), payload);
  }

  // They come in order: MQTT keeps it. A short one is the last; an image that fills its last block
  // is none that the suite has.
  void take_block(const std::string& payload) {
    const auto data = Json::from_cbor(payload);
    const auto& bytes = data["p"].get_binary();
    EXPECT_EQ(data["i"].get<std::size_t>(), blocks_);
    came_(std::string_view(reinterpret_cast<const char*>(bytes.data()), bytes.size()));
    ++blocks_;
    if (bytes.size() < block_size) {
      say(fmt::format("jobs/{}/update", job_), R"({"status":"SUCCEEDED"})");
    } else if (blocks_ == wanted_) {
      ask_on();
    }
  }

  mqtt::BrokerConnection connection_;
  const int ended_;  // an eventfd
  Came came_;
  std::string job_;
  std::string stream_;
  std::size_t blocks_ = 0;
  std::size_t wanted_ = 0;
  bool over_ = false;
  bool succeeded_ = false;
};

class MqttVisitor final : public Visitor {
 public:
  ~MqttVisitor() override {
    const std::uint64_t one = 1;
    EXPECT_EQ(::write(ended_.get(), &one, sizeof one), static_cast<ssize_t>(sizeof one));
    MqttVisitor::leave();
  }

  std::map<std::string, std::string> settings() override {
    return {{"broker", fmt::format("127.0.0.1:{}", broker_.port())}};
  }

  void come_by(AgentEnd& agent, const std::string&, bool changed) override {
    leave();
    if (std::exchange(succeeded_, false)) answer_look(agent);
    {
      const std::lock_guard lock(mutex_);
      body_.clear();
    }
    mqtt::Broker broker;
    broker.host = "127.0.0.1";
    broker.port = broker_.port();
    broker.tls = false;
    broker.message_limit = 2 * block_size;
    mqtt::Identity identity;
    identity.client_id = "meter-1";
    auto connection = mqtt::BrokerConnection::open(broker, identity);
    ASSERT_TRUE(connection) << connection.error().message;
    auto visit = std::make_shared<Download>(std::move(*connection), ended_.get(),
                                            [this](std::string_view piece) { add(piece); });
    // Who is to be told of something new has to listen before.
    ASSERT_TRUE(visit->begin(!changed));
    visit_ = std::thread([this, visit] { succeeded_ = visit->run(); });
  }

  void leave() override {
    if (visit_.joinable()) visit_.join();
  }

  std::optional<std::string> received() override {
    const std::lock_guard lock(mutex_);
    return body_;
  }

 private:
  // A device that has succeeded may find the next thing to do: the plugin asks once more.
  static void answer_look(AgentEnd& agent) {
    const auto question = agent.expect<messages::AskOffer>();
    ASSERT_TRUE(question);
    agent.send(messages::OfferReply{question->id, FERRY_NOT_FOUND, {}});
  }

  void add(std::string_view piece) {
    const std::lock_guard lock(mutex_);
    body_ += piece;
  }

  Mosquitto broker_;
  const Descriptor ended_{::eventfd(0, EFD_CLOEXEC)};
  std::thread visit_;
  bool succeeded_ = false;  // the last visit; the thread's until it is joined
  std::mutex mutex_;
  std::string body_;
};

}  // namespace

bool has_broker() {
  return ::access(mosquitto_program, X_OK) == 0;
}

TransportCase mqtt_case() {
  return {"mqtt",
          "mqtt",
          {{"url", "http://127.0.0.1:1"}, {"product", "meter"}},
          {{"name", "meter"}, {"dialect", "quecpython"}, {"device_id", "path"}},
          []() -> std::unique_ptr<Visitor> { return std::make_unique<MqttVisitor>(); }};
}

}  // namespace ferry::contract
