#include "tests/contract/serial_visitors.hpp"

#include <condition_variable>
#include <mutex>

#include "tests/contract/far_end.hpp"
#include "transports/smp/console.hpp"
#include "transports/smp/packet.hpp"

namespace ferry::contract {
namespace {

class RawVisitor final : public Visitor {
 public:
  void come_by(AgentEnd& agent, const std::string&, bool) override {
    if (!line_.is_plugged()) line_.plug(agent);
    {
      const std::lock_guard lock(mutex_);
      body_.clear();
    }
    line_.say("boot 1.0\r\nsend image\r\n");
  }
  std::optional<std::string> received() override {
    const std::lock_guard lock(mutex_);
    return body_;
  }

 private:
  std::mutex mutex_;
  std::string body_;
  FarEnd line_{[this](std::string_view bytes) {
    const std::lock_guard lock(mutex_);
    body_ += bytes;
  }};
};

class PullVisitor final : public Visitor {
 public:
  ~PullVisitor() override { line_.unplug(); }
  void come_by(AgentEnd& agent, const std::string&, bool) override {
    if (!line_.is_plugged()) line_.plug(agent);
    {
      const std::lock_guard lock(mutex_);
      body_.clear();
      visiting_ = true;
    }
    ask();
  }
  void leave() override {
    std::unique_lock lock(mutex_);
    left_.wait_for(lock, patience, [this] { return !visiting_; });
  }
  std::optional<std::string> received() override {
    const std::lock_guard lock(mutex_);
    return body_;
  }

 private:
  void ask() {
    const smp::Json body = {{"name", "/meter/firmware"}, {"off", body_.size()}};
    const std::vector<std::uint8_t> cbor = smp::Json::to_cbor(body);
    smp::Header header;
    header.group = smp::group::files;
    header.sequence = ++sequence_;
    header.command = smp::command::file_transfer;
    const std::string packet = smp::encode(
        header, std::string_view(reinterpret_cast<const char*>(cbor.data()), cbor.size()));
    line_.say(smp::encode_console(as_bytes(packet)));
  }

  void answered(Bytes bytes) {
    const auto packet = smp::decode(bytes);
    if (!packet || packet->header.sequence != sequence_) return;
    const std::lock_guard lock(mutex_);
    const auto data = packet->body.find("data");
    if (data == packet->body.end() || !data->is_binary()) return end_visit();
    if (packet->body.contains("len")) length_ = packet->body.at("len").get<std::size_t>();
    const auto& piece = data->get_binary();
    body_.append(piece.begin(), piece.end());
    if (body_.size() >= length_ || piece.empty()) return end_visit();
    ask();
  }
  void end_visit() {
    visiting_ = false;
    left_.notify_all();
  }

  std::mutex mutex_;
  std::condition_variable left_;
  std::string body_;
  bool visiting_ = false;
  std::size_t length_ = 0;
  std::atomic<std::uint8_t> sequence_ = 0;
  smp::ConsoleDecoder decoder_{{}, [this](Bytes packet) { answered(packet); }};
  FarEnd line_{[this](std::string_view bytes) { decoder_.feed(as_bytes(bytes)); }};
};

}  // namespace

std::unique_ptr<Visitor> raw_visitor() {
  return std::make_unique<RawVisitor>();
}
std::unique_ptr<Visitor> pull_visitor() {
  return std::make_unique<PullVisitor>();
}

}  // namespace ferry::contract
