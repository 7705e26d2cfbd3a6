// Uploads over a link that loses datagrams, in virtual time: what they cost, and that they end.
#include <gtest/gtest.h>

#include "tests/unit/smp/datagrams.hpp"
#include "tests/unit/smp/drive.hpp"
#include "transports/udp/pace.hpp"

namespace ferry::smp::test {
namespace {

constexpr int transfers = 100;

struct Sum {
  int complete = 0;
  int sent = 0;  // both ways
  double seconds = 0;
};

// A hundred uploads, each with losses of its own.
Sum upload_often(DatagramSettings settings, const DeviceSettings& kind, std::size_t size) {
  Sum sum;
  for (unsigned seed = 1; seed <= transfers; ++seed) {
    const std::string content = noise(size, seed);
    DeviceModel device(kind);
    Client client(udp::lossy_link());
    settings.seed = seed;
    Datagrams link(settings, client, device);
    bool done = false;
    client.upload(request_for(content), [&](const auto& result) { done = result.has_value(); });
    if (link.run() && done && device.slot() == content) ++sum.complete;
    sum.sent += link.sent + link.answered;
    sum.seconds += std::chrono::duration<double>(link.now() - TimePoint()).count();
  }
  return sum;
}

struct Loss {
  double lose;
  double most;  // packets of both directions over the ideal
};

class LossyDatagrams : public testing::TestWithParam<Loss> {};

TEST_P(LossyDatagrams, HundredOfHundredArriveForFewPackets) {
  DeviceSettings kind;
  for (const std::uint64_t buffers : {1, 4, 10}) {
    kind.buffer_count = buffers;
    const Sum ideal = upload_often({}, kind, 60000);
    DatagramSettings settings;
    settings.lose = GetParam().lose;
    const Sum sum = upload_often(settings, kind, 60000);
    EXPECT_EQ(sum.complete, transfers);
    const double ratio = static_cast<double>(sum.sent) / ideal.sent;
    EXPECT_LE(ratio, GetParam().most) << buffers << " buffers";
    RecordProperty("ratio_" + std::to_string(buffers), std::to_string(ratio));
    std::printf("%llu buffers: %.3f of the ideal, %.1f s for each (ideal %.1f s)\n",
                static_cast<unsigned long long>(buffers), ratio, sum.seconds / transfers,
                ideal.seconds / transfers);
  }
}

INSTANTIATE_TEST_SUITE_P(, LossyDatagrams, testing::Values(Loss{0.05, 1.25}, Loss{0.2, 1.7}),
                         [](const auto& loss) {
                           return "percent" +
                                  std::to_string(static_cast<int>(loss.param.lose * 100 + 0.5));
                         });

TEST(Datagrams, WithoutLossesEachPacketGoesOnce) {
  DeviceSettings kind;
  const Sum sum = upload_often({}, kind, 60000);
  EXPECT_EQ(sum.complete, transfers);
  const int pieces = 60000 / (384 - 6 - 40) + 1;
  EXPECT_LE(sum.sent, transfers * 2 * (pieces + 10));
}

TEST(Datagrams, ThatOvertakeEachOtherAndComeTwiceDoNoHarm) {
  DatagramSettings settings;
  settings.lose = 0.05;
  settings.twice = 0.1;
  settings.jitter = Milliseconds(60);
  EXPECT_EQ(upload_often(settings, {}, 20000).complete, transfers);
}

TEST(Datagrams, TooLongForTheWayAreMadeSmaller) {
  const std::string content = noise(60000);
  DeviceSettings kind;
  kind.buffer_size = 2048;
  DeviceModel device(kind);
  Client client(udp::lossy_link());
  DatagramSettings settings;
  settings.largest = 1200;
  Datagrams link(settings, client, device);
  bool done = false;
  client.upload(request_for(content), [&](const auto& result) { done = result.has_value(); });
  ASSERT_TRUE(link.run());
  EXPECT_TRUE(done);
  EXPECT_EQ(device.slot(), content);
}

}  // namespace
}  // namespace ferry::smp::test
