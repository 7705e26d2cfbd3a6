// An upload over a paced line in virtual time: efficiency, faults, unplugging.
#include "tests/unit/smp/line.hpp"

#include <gtest/gtest.h>

#include "tests/unit/smp/drive.hpp"

namespace ferry::smp::test {
namespace {

ClientOptions console_options() {
  ClientOptions options;
  options.fit = fit_console;
  options.framing = console_overhead;
  return options;
}

struct Transfer {
  bool ended = false;
  Reply<UploadResult> result = tl::unexpected<Fault>(Fault{Outcome::other, "not called", {}});
};

// The largest share of encoded bytes that can be payload with packets of at most `limit` bytes.
double best_share(std::size_t limit) {
  double best = 0;
  for (std::size_t size = 64; size <= limit; ++size) {
    // Header, map, "off" with four bytes, "data" with its length: what no upload can do without.
    const double payload = static_cast<double>(size) - (8 + 1 + 4 + 5 + 5 + 3);
    best = std::max(best, payload / static_cast<double>(console_encoded_size(size)));
  }
  return best;
}

// Efficiency of an upload of `content`: the payload's share of what the line could carry.
double efficiency(LineSettings line_settings, DeviceModel& device, const std::string& content) {
  Client client(console_options());
  Line line(line_settings, client, device);
  Transfer run;
  client.upload(request_for(content),
                [&](Reply<UploadResult> got) { run.result = std::move(got); });
  EXPECT_TRUE(line.run());
  EXPECT_TRUE(run.result) << run.result.error().message;
  EXPECT_EQ(device.slot(), content);
  EXPECT_EQ(line.overruns, 0);
  const double seconds = std::chrono::duration<double>(line.now().time_since_epoch()).count();
  const double bound = line_settings.bytes_per_second * best_share(384);
  return static_cast<double>(content.size()) / seconds / bound;
}

TEST(SmpLine, UsesNearlyAllThatTheFramingAllows) {
  const std::string content = noise(200000);
  DeviceModel device;
  const double share = efficiency({}, device, content);
  RecordProperty("efficiency", std::to_string(share));
  EXPECT_GE(share, 0.98);
}

TEST(SmpLine, StaysEfficientWhileTheDeviceErasesPages) {
  const std::string content = noise(200000);
  DeviceModel device;
  LineSettings settings;
  settings.pause = std::chrono::milliseconds(40);
  EXPECT_GE(efficiency(settings, device, content), 0.92);
}

TEST(SmpLine, OnePacketAtATimeWouldFallShort) {
  const std::string content = noise(200000);
  DeviceModel device;
  device.settings().buffer_count = 2;  // window of one
  EXPECT_LT(efficiency({}, device, content), 0.90);
}

TEST(SmpLine, ConsoleTextInBetweenDoesNotDisturb) {
  const std::string content = noise(50000);
  DeviceModel device;
  LineSettings settings;
  settings.console_text = true;
  EXPECT_GE(efficiency(settings, device, content), 0.92);
}

class BadLine : public testing::TestWithParam<unsigned> {};

// 1 byte in 1000 flipped, 1 line in 100 lost, both ways.
TEST_P(BadLine, DeliversTheRightBytes) {
  const std::string content = noise(60000, GetParam());
  DeviceModel device;
  device.settings().says_match = true;
  LineSettings settings;
  settings.flip = 0.001;
  settings.lose_line = 0.01;
  settings.seed = GetParam();
  Client client(console_options());
  Line line(settings, client, device);
  // What CRC-16 lets pass is found by the digest, and the image is sent again.
  for (int attempt = 0; attempt < 2; ++attempt) {
    Transfer run;
    client.upload(request_for(content),
                  [&](Reply<UploadResult> got) { run.result = std::move(got); });
    ASSERT_TRUE(line.run());
    if (!run.result && run.result.error().outcome == Outcome::corrupt) continue;
    ASSERT_TRUE(run.result) << run.result.error().message;
    EXPECT_EQ(device.slot(), content);
    // For each loss the packet, and what went out behind it.
    EXPECT_LE(run.result->counts.repeated, 2 * run.result->counts.losses);
    return;
  }
  FAIL() << "corrupt twice";
}

INSTANTIATE_TEST_SUITE_P(Seeds, BadLine, testing::Range(1U, 26U));

TEST(SmpLine, UnpluggedAtRandomItSendsAtMostOnePacketTwiceEachTime) {
  const std::string content = noise(100000);
  DeviceModel device;
  std::mt19937 random(7);
  Learned learned;
  int cuts = 0;
  bool done = false;
  while (!done) {
    ClientOptions options = console_options();
    options.learned = learned;
    Client client(options);
    LineSettings settings;
    Line line(settings, client, device);
    client.upload(request_for(content), [&](Reply<UploadResult> got) { done = got.has_value(); });
    const auto until = cuts < 50 ? Milliseconds(50 + random() % 400) : Milliseconds(1 << 30);
    const TimePoint cut = line.now() + until;
    line.run(std::chrono::hours(1), [&] { return line.now() >= cut; });
    if (!done) {
      ++cuts;
      line.unplug();
    }
    learned = client.learned();
  }
  EXPECT_GE(cuts, 50);
  EXPECT_EQ(device.slot(), content);
  EXPECT_EQ(device.begun, 1);
  EXPECT_LE(device.twice, cuts);
  std::size_t arrived = 0;
  for (const Packet& request : device.requests) {
    if (request.header.command != command::image_upload || request.body.at("off") == 0) continue;
    arrived += request.body.at("data").get_binary().size();
  }
  EXPECT_LE(arrived, content.size() + static_cast<std::size_t>(cuts) * 384);
}

TEST(SmpLine, ADeviceThatRebootsInBetweenGetsItAll) {
  const std::string content = noise(60000);
  DeviceModel device;
  Client client(console_options());
  Line line({}, client, device);
  Transfer run;
  client.upload(request_for(content),
                [&](Reply<UploadResult> got) { run.result = std::move(got); });
  ASSERT_TRUE(line.run(std::chrono::hours(1), [&] { return device.reached() > 30000; }));
  device.reboot();
  ASSERT_TRUE(line.run());
  ASSERT_TRUE(run.result);
  EXPECT_EQ(device.slot(), content);
  EXPECT_EQ(device.begun, 2);
}

}  // namespace
}  // namespace ferry::smp::test
