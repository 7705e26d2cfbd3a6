// Step by step: which packets an upload gives out when, and what each refusal is called.
#include <gtest/gtest.h>

#include "tests/unit/smp/upload_fixture.hpp"

namespace ferry::smp::test {
namespace {

class UploadWindow : public UploadTest {
 protected:
  // The next packet, as given out; its offset.
  std::optional<std::uint64_t> give() {
    const std::optional<std::string> packet = client.next_output(drive.now);
    if (!packet) return std::nullopt;
    client.written(drive.now);
    sent.push_back(*packet);
    const Json body = decode(as_bytes(*packet)).value().body;
    return body.contains("off") ? body.at("off").get<std::uint64_t>() : 0;
  }
  // The device answers the n-th packet that was given out.
  void answer(std::size_t n) {
    client.received(as_bytes(*device.answer(as_bytes(sent.at(n)))), drive.now);
  }
  void wait() {
    drive.now = client.deadline().value();
    client.on_time(drive.now);
  }
  void start() {
    client.upload(request_for(content), [](auto) {});
    ASSERT_TRUE(give());  // asks for the parameters
    answer(0);
  }

  std::vector<std::string> sent;
};

TEST_F(UploadWindow, OpensAfterTheFirstAnswer) {
  start();
  EXPECT_EQ(give(), 0U);
  EXPECT_EQ(give(), std::nullopt);
  answer(1);
  EXPECT_EQ(give(), 32U);
  EXPECT_GT(give().value_or(0), 32U);
  EXPECT_EQ(give(), std::nullopt);  // four buffers: two packets
  answer(2);
  EXPECT_TRUE(give());
  EXPECT_EQ(give(), std::nullopt);
}

TEST_F(UploadWindow, IsClosedFromSilenceToTheNextAnswer) {
  start();
  give();
  answer(1);
  give();
  give();
  wait();
  EXPECT_EQ(give(), 32U);
  EXPECT_EQ(give(), std::nullopt);
  answer(4);
  EXPECT_TRUE(give());
  EXPECT_TRUE(give());
}

TEST_F(UploadWindow, ALateAnswerSavesWhatItCan) {
  start();
  give();
  answer(1);
  give();
  const std::optional<std::uint64_t> second = give();
  wait();
  answer(2);
  answer(3);
  const std::optional<std::uint64_t> next = give();
  ASSERT_TRUE(next && second);
  EXPECT_GT(*next, *second);
}

TEST_F(UploadWindow, WhatTheDeviceWouldDropIsNotWorthWriting) {
  start();
  give();
  answer(1);
  give();                    // 2
  const auto lost = give();  // 3, never arrives
  answer(2);
  give();                                             // 4
  const auto packet = client.next_output(drive.now);  // the window is full
  EXPECT_FALSE(packet);
  answer(4);  // expects what was lost
  const auto again = client.next_output(drive.now);
  ASSERT_TRUE(again);
  EXPECT_TRUE(client.worth_writing());
  EXPECT_EQ(decode(as_bytes(*again)).value().body.at("off"), *lost);
}

struct Refusal {
  unsigned code;
  unsigned v2_code;  // of the image group; 0: version 1
  bool upgrade;
  Outcome outcome;
};

class UploadRefusal : public UploadTest, public testing::WithParamInterface<Refusal> {};

TEST_P(UploadRefusal, HasItsNameAndIsNotTriedAgain) {
  device.settings().refuse = GetParam().code;
  device.settings().v2_refuse = GetParam().v2_code;
  device.settings().version_2_errors = GetParam().v2_code != 0;
  UploadRequest request = request_for(content);
  request.upgrade = GetParam().upgrade;
  const auto result = upload(std::move(request));
  ASSERT_FALSE(result);
  EXPECT_EQ(result.error().outcome, GetParam().outcome) << result.error().message;
  EXPECT_EQ(packets().size(), 1U);
}

INSTANTIATE_TEST_SUITE_P(Codes, UploadRefusal,
                         testing::Values(Refusal{3, 0, false, Outcome::invalid_image},
                                         Refusal{1, 0, false, Outcome::too_big},
                                         Refusal{6, 0, true, Outcome::downgrade},
                                         Refusal{5, 0, false, Outcome::pending},
                                         Refusal{9, 0, false, Outcome::corrupt},
                                         Refusal{8, 0, false, Outcome::not_supported},
                                         Refusal{11, 0, false, Outcome::denied},
                                         Refusal{1, 27, true, Outcome::downgrade},
                                         Refusal{1, 30, false, Outcome::too_big},
                                         Refusal{1, 28, false, Outcome::pending},
                                         Refusal{1, 23, false, Outcome::invalid_image}),
                         [](const auto& param) {
                           return "code" + std::to_string(param.param.code) + "_group" +
                                  std::to_string(param.param.v2_code);
                         });

}  // namespace
}  // namespace ferry::smp::test
