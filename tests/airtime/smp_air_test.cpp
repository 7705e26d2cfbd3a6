// The product's SMP client over the modelled radio, with a device of six buffers of 2.4 KiB: the
// figure that this project holds itself to.
#include <fmt/format.h>
#include <gtest/gtest.h>

#include <map>

#include "tests/airtime/air_link.hpp"
#include "tests/unit/smp/drive.hpp"

namespace ferry::airtime {
namespace {

using smp::Client;
using smp::test::DeviceModel;

constexpr std::size_t value_bytes = 244;  // of one ATT packet at MTU 247

std::size_t whole_values(std::size_t limit) {
  return limit < value_bytes ? limit : limit - limit % value_bytes;
}
std::size_t one_value(std::size_t limit) {
  return std::min(limit, value_bytes);
}

class Transfer {
 public:
  Transfer(const Radio& radio, const smp::ClientOptions& options, DeviceModel& device)
      : link_(radio), client_(options), device_(device) {}

  // Seconds; 0 when it fails.
  double upload(const std::string& content) {
    bool done = false;
    client_.upload(smp::test::request_for(content), [&](smp::Reply<smp::UploadResult> result) {
      EXPECT_TRUE(result) << result.error().message;
      done = result.has_value();
    });
    while (!client_.idle()) {
      pump();
      const std::optional<Microseconds> exchange = link_.next();
      const std::optional<smp::TimePoint> due = client_.deadline();
      if (due && (!exchange || time(*exchange) > *due)) {
        client_.on_time(now_ = std::max(now_, *due));
        continue;
      }
      if (!exchange) return 0;
      for (const Arrival& arrival : link_.exchange()) arrive(arrival);
    }
    return done ? std::chrono::duration<double>(now_.time_since_epoch()).count() : 0;
  }

 private:
  static smp::TimePoint time(Microseconds at) { return smp::TimePoint(at); }
  Microseconds micros() const {
    return std::chrono::duration_cast<Microseconds>(now_.time_since_epoch());
  }

  void pump() {
    while (const std::optional<std::string> packet = client_.next_output(now_)) {
      link_.send(Side::central, packet->size(), micros());
      requests_[sent_++] = *packet;
      client_.written(now_);
    }
  }

  void arrive(const Arrival& arrival) {
    now_ = std::max(now_, time(arrival.at));
    if (arrival.from == Side::peripheral) {
      client_.received(as_bytes(answers_.at(arrival.number)), now_);
      answers_.erase(arrival.number);
      return pump();
    }
    const std::string request = requests_.at(arrival.number);
    requests_.erase(arrival.number);
    // One after the other; writing to flash takes its time.
    free_at_ = std::max(free_at_, arrival.at) + Microseconds(4000);
    if (const auto answer = device_.answer(as_bytes(request))) {
      link_.send(Side::peripheral, answer->size(), free_at_);
      answers_[answered_++] = *answer;
    }
  }

  AirLink link_;
  Client client_;
  DeviceModel& device_;
  smp::TimePoint now_{};
  Microseconds free_at_{0};
  std::map<std::uint64_t, std::string> requests_;
  std::map<std::uint64_t, std::string> answers_;
  std::uint64_t sent_ = 0;
  std::uint64_t answered_ = 0;
};

double bytes_a_second(const smp::ClientOptions& options, std::uint64_t buffers) {
  const std::string content = smp::test::noise(300000);
  smp::test::DeviceSettings settings;
  settings.buffer_size = 2475;
  settings.buffer_count = buffers;
  DeviceModel device(settings);
  Transfer transfer(Radio{}, options, device);
  const double seconds = transfer.upload(content);
  EXPECT_EQ(device.slot(), content);
  return seconds > 0 ? static_cast<double>(content.size()) / seconds : 0;
}

TEST(SmpAir, SixBuffersCarryMostOfWhatTheLinkLayerDoes) {
  smp::ClientOptions options;
  options.fit = whole_values;
  const double found = bytes_a_second(options, 6);
  const double share = found / capacity(Radio{});
  RecordProperty("kilobytes_a_second", fmt::format("{:.1f}", found / 1000));
  RecordProperty("share", fmt::format("{:.3f}", share));
  EXPECT_GE(share, 0.85) << found;
}

TEST(SmpAir, SixTimesAsFastAsOneRequestAtATime) {
  smp::ClientOptions pipelined;
  pipelined.fit = whole_values;
  smp::ClientOptions one;
  one.fit = one_value;
  one.window_limit = 1;
  const double slow = bytes_a_second(one, 6);
  RecordProperty("kilobytes_a_second", fmt::format("{:.1f}", slow / 1000));
  EXPECT_GE(bytes_a_second(pipelined, 6), 6 * slow);
}

}  // namespace
}  // namespace ferry::airtime
