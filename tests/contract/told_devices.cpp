#include "tests/contract/told_devices.hpp"

#include <atomic>
#include <mutex>

#include "tests/contract/far_end.hpp"
#include "transports/smp/console.hpp"
#include "transports/smp/packet.hpp"

namespace ferry::contract {
namespace {

using smp::Json;

std::string raw_name(const std::string& content) {
  return std::string(as_text(Sha256::of(as_bytes(content)).bytes));
}
Json binary(const std::string& raw) {
  return Json::binary(std::vector<std::uint8_t>(raw.begin(), raw.end()));
}
std::string text_of(const Json& binary) {
  const auto& bytes = binary.get_binary();
  return {bytes.begin(), bytes.end()};
}

// An SMP server with two slots.
class SmpDevice final : public Told {
 public:
  explicit SmpDevice(const std::string& content) : expected_(content.size()) {}
  ~SmpDevice() override { line_.unplug(); }
  void plug(AgentEnd& agent) override { line_.plug(agent); }
  void unplug() override { line_.unplug(); }
  std::string stored() override {
    const std::lock_guard lock(mutex_);
    return image_;
  }
  std::string staged() override {
    const std::lock_guard lock(mutex_);
    return is_whole() && !swapped_ ? to_hex(as_bytes(raw_name(image_))) : "";
  }
  std::string running() override {
    const std::lock_guard lock(mutex_);
    return to_hex(as_bytes(active()));
  }
  bool is_confirmed() override {
    const std::lock_guard lock(mutex_);
    return confirmed_;
  }
  void ignore_resets(int count) override { ignored_ = count; }

 private:
  bool is_whole() const { return image_.size() == expected_; }
  std::string active() const { return swapped_ ? raw_name(image_) : raw_name("factory"); }

  void asked(Bytes bytes) {
    const auto request = smp::decode(bytes);
    if (!request) return;
    const bool reset = request->header.group == smp::group::os &&
                       request->header.command == smp::command::os_reset;
    if (reset && ignored_ > 0) {
      --ignored_;
      return;
    }
    Json answer = Json::object();
    {
      const std::lock_guard lock(mutex_);
      if (request->header.group == smp::group::image) answer = about_images(*request);
      if (request->header.group == smp::group::os) answer = about_system(*request);
    }
    smp::Header header = request->header;
    header.op = smp::answer_to(header.op);
    const std::vector<std::uint8_t> cbor = Json::to_cbor(answer);
    const std::string packet = smp::encode(
        header, std::string_view(reinterpret_cast<const char*>(cbor.data()), cbor.size()));
    line_.say("<dbg> an answer follows\r\n" + smp::encode_console(as_bytes(packet)));
  }

  Json about_system(const smp::Packet& request) {
    if (request.header.command == smp::command::os_parameters) {
      return {{"buf_size", 2475}, {"buf_count", 4}};
    }
    if (request.header.command == smp::command::os_reset) {
      if (pending_) {
        swapped_ = true;
        confirmed_ = pending_ = false;
      }
      return Json::object();
    }
    return {{"rc", 8}};
  }

  Json about_images(const smp::Packet& request) {
    if (request.header.command == smp::command::image_upload) return upload(request.body);
    if (request.header.command == smp::command::image_erase) {
      image_.clear();
      return Json::object();
    }
    if (request.header.op == smp::Op::write) {
      if (request.body.value("confirm", false)) {
        confirmed_ = true;
      } else if (!is_whole() || text_of(request.body.at("hash")) != raw_name(image_)) {
        return {{"rc", 3}};
      } else {
        pending_ = true;
      }
    }
    Json images = Json::array();
    images.push_back({{"slot", 0},
                      {"version", swapped_ ? "1.0.2" : "1.0.1"},
                      {"hash", binary(active())},
                      {"active", true},
                      {"confirmed", confirmed_}});
    if (is_whole() && !swapped_) {
      images.push_back({{"slot", 1},
                        {"version", "1.0.2"},
                        {"hash", binary(raw_name(image_))},
                        {"pending", pending_}});
    }
    return {{"images", images}};
  }

  Json upload(const Json& body) {
    const auto offset = body.at("off").get<std::size_t>();
    const std::string data = text_of(body.at("data"));
    if (offset == 0) {
      const std::string sha = text_of(body.at("sha"));
      if (sha != sha_ || is_whole()) image_.clear();
      sha_ = sha;
    }
    if (offset == image_.size()) image_ += data;
    return {{"off", image_.size()}};
  }

  std::mutex mutex_;
  const std::size_t expected_;
  std::string image_;
  std::string sha_;
  bool pending_ = false;
  bool swapped_ = false;
  bool confirmed_ = true;
  std::atomic<int> ignored_ = 0;
  smp::ConsoleDecoder decoder_{{}, [this](Bytes packet) { asked(packet); }};
  FarEnd line_{[this](std::string_view bytes) { decoder_.feed(as_bytes(bytes)); }};
};

// Takes whatever comes.
class RawDevice final : public Told {
 public:
  explicit RawDevice(const std::string&) {}
  ~RawDevice() override { line_.unplug(); }
  void plug(AgentEnd& agent) override {
    {
      const std::lock_guard lock(mutex_);
      bytes_.clear();  // it cannot say how much it has
    }
    line_.plug(agent);
  }
  void unplug() override { line_.unplug(); }
  std::string stored() override {
    const std::lock_guard lock(mutex_);
    return bytes_;
  }

 private:
  std::mutex mutex_;
  std::string bytes_;
  FarEnd line_{[this](std::string_view bytes) {
    const std::lock_guard lock(mutex_);
    bytes_ += bytes;
  }};
};

template <typename Device>
std::unique_ptr<Told> make(const std::string& content) {
  return std::make_unique<Device>(content);
}

std::map<std::string, std::string> settings(const std::string& dialect) {
  // A second and a half for the image: long enough to meet it half way.
  return {{"port", "/dev/serial/by-id/*"},
          {"dialect", dialect},
          {"baud", "8000000"},
          {"product", "meter"},
          {"poll_interval", "300"},
          {"probe_timeout", "1000"}};
}

}  // namespace

std::string image_name(const std::string& content) {
  return to_hex(as_bytes(raw_name(content)));
}

const std::vector<ToldCase>& told_cases() {
  static const std::vector<ToldCase> all = {
      {"serial_smp", settings("smp"), make<SmpDevice>, true},
      {"serial_raw", settings("raw"), make<RawDevice>, false},
  };
  return all;
}

}  // namespace ferry::contract
