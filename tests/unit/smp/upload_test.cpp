#include <gtest/gtest.h>

#include "tests/unit/smp/upload_fixture.hpp"

namespace ferry::smp::test {
namespace {

TEST_F(UploadTest, DeliversTheImageByteForByte) {
  const auto result = upload();
  ASSERT_TRUE(result) << result.error().message;
  EXPECT_EQ(device.slot(), content);
  EXPECT_EQ(result->counts.repeated, 0U);
  EXPECT_EQ(result->counts.losses, 0U);
  EXPECT_EQ(result->counts.payload_bytes, content.size());
  EXPECT_FALSE(result->had_it);
}

TEST_F(UploadTest, TheFirstPacketIsSmallAndCarriesLengthAndDigest) {
  UploadRequest request = request_for(content);
  request.upgrade = true;
  request.image = 2;
  ASSERT_TRUE(upload(std::move(request)));
  const auto sent = packets();
  ASSERT_GT(sent.size(), 2U);
  EXPECT_EQ(sent[0].at("off"), 0);
  EXPECT_EQ(sent[0].at("len"), content.size());
  EXPECT_EQ(sent[0].at("data").get_binary().size(), 32U);
  EXPECT_EQ(sent[0].at("sha").get_binary().size(), 32U);
  EXPECT_EQ(sent[0].at("upgrade"), true);
  EXPECT_EQ(sent[0].at("image"), 2);
  for (const char* key : {"len", "sha", "image", "upgrade"}) EXPECT_FALSE(sent[1].contains(key));
}

TEST_F(UploadTest, FillsPacketsToTheSizeThatTheDeviceTells) {
  device.settings().buffer_size = 512;
  ASSERT_TRUE(upload());
  EXPECT_LE(device.largest_packet, 512U);
  EXPECT_GT(device.largest_packet, 512U - 8);
}

// The next image, or the bootloader, may have been built with smaller buffers.
TEST_F(UploadTest, AsksBeforeEachUploadWhatTheDeviceTakes) {
  device.settings().buffer_size = 512;
  ASSERT_TRUE(upload());
  device.settings().buffer_size = 200;
  device.largest_packet = 0;
  ASSERT_TRUE(upload());
  EXPECT_LE(device.largest_packet, 200U);
}

TEST_F(UploadTest, ADeviceThatTellsNothingGetsWhatIsAssumed) {
  device.settings().parameters = false;
  ASSERT_TRUE(upload());
  EXPECT_LE(device.largest_packet, 256U);
  ASSERT_TRUE(client.learned().parameters);
  EXPECT_FALSE(client.learned().parameters->told);
}

TEST_F(UploadTest, UnderstandsAnswersOfIndefiniteLength) {
  device.settings().indefinite = true;
  ASSERT_TRUE(upload());
  EXPECT_EQ(device.slot(), content);
}

TEST_F(UploadTest, ContinuesWhereTheDeviceStands) {
  const Sha256 sha = Sha256::of(as_bytes(content));
  device.begin_with(content.substr(0, 12345), std::string(as_text(sha.bytes)), content.size());
  const auto result = upload();
  ASSERT_TRUE(result);
  EXPECT_EQ(device.slot(), content);
  EXPECT_EQ(result->counts.resumed_from, 12345U);
  EXPECT_LE(result->counts.payload_bytes, content.size() - 12345 + 32);
  EXPECT_EQ(device.begun, 0);
}

TEST_F(UploadTest, ALostPacketIsSentAgainAlone) {
  drive.lose_packet = [](int number) { return number == 10; };
  const auto result = upload();
  ASSERT_TRUE(result);
  EXPECT_EQ(device.slot(), content);
  EXPECT_EQ(result->counts.losses, 1U);
  EXPECT_LE(result->counts.repeated, 2U);  // and the one that went out behind it, in vain
  EXPECT_EQ(device.twice, 0);
}

TEST_F(UploadTest, ALostAnswerCostsNothingWhenTheNextOneComes) {
  drive.lose_answer = [](int number) { return number == 10; };
  const auto result = upload();
  ASSERT_TRUE(result);
  EXPECT_EQ(device.slot(), content);
  EXPECT_EQ(result->counts.repeated, 0U);
  EXPECT_EQ(device.twice, 0);
}

TEST_F(UploadTest, AfterSilenceOnePacketFindsOutWhereTheDeviceStands) {
  drive.lose_answer = [](int number) { return number >= 10 && number <= 11; };
  const auto result = upload();
  ASSERT_TRUE(result);
  EXPECT_EQ(device.slot(), content);
  EXPECT_EQ(result->counts.losses, 1U);
  EXPECT_EQ(result->counts.repeated, 1U);
  EXPECT_EQ(device.twice, 1);
}

TEST_F(UploadTest, StartsOverWhenTheDeviceRebooted) {
  drive.before = [&](int number) {
    if (number == 20) device.reboot();
  };
  const auto result = upload();
  ASSERT_TRUE(result);
  EXPECT_EQ(device.slot(), content);
  EXPECT_EQ(device.begun, 2);
}

TEST_F(UploadTest, ADeviceThatRebootsForEverIsGivenUp) {
  drive.before = [&](int number) {
    if (number % 5 == 0) device.reboot();
  };
  const auto result = upload();
  ASSERT_FALSE(result);
  EXPECT_EQ(result.error().outcome, Outcome::protocol);
}

TEST_F(UploadTest, SerialRecoveryIsAskedAtTheRememberedOffset) {
  device.settings().recovery = true;
  const Sha256 sha = Sha256::of(as_bytes(content));
  device.begin_with(content.substr(0, 8000), std::string(as_text(sha.bytes)), content.size());
  UploadRequest request = request_for(content);
  request.probe_offset = 8000;
  const auto result = upload(std::move(request));
  ASSERT_TRUE(result);
  EXPECT_EQ(device.slot(), content);
  EXPECT_EQ(device.begun, 0);
  EXPECT_EQ(result->counts.resumed_from, 8000U);
}

TEST_F(UploadTest, SerialRecoveryThatForgotIsSentEverything) {
  device.settings().recovery = true;
  UploadRequest request = request_for(content);
  request.probe_offset = 8000;
  ASSERT_TRUE(upload(std::move(request)));
  EXPECT_EQ(device.slot(), content);
  EXPECT_EQ(device.begun, 1);
}

TEST_F(UploadTest, ALostLastAnswerIsFoundInTheDevicesState) {
  drive.lose_answer = [&](int) {
    return !device.image_hash.empty() && device.twice == 0 && once++ == 0;
  };
  const auto result = upload();
  ASSERT_TRUE(result) << result.error().message;
  EXPECT_TRUE(result->had_it);
  EXPECT_EQ(device.begun, 1);
  EXPECT_EQ(device.slot(), content);
}

TEST_F(UploadTest, WithoutItsHashAnImageIsSentAgainRatherThanTrusted) {
  drive.lose_answer = [&](int) { return !device.image_hash.empty() && once++ == 0; };
  UploadRequest request = request_for(content);
  request.image_hash.clear();
  const auto result = upload(std::move(request));
  ASSERT_TRUE(result);
  EXPECT_FALSE(result->had_it);
  EXPECT_EQ(device.begun, 2);
  EXPECT_EQ(device.slot(), content);
}

TEST_F(UploadTest, LearnsTheUnitsInWhichTheDeviceWrites) {
  device.settings().granule = 64;
  const auto result = upload();
  ASSERT_TRUE(result);
  EXPECT_EQ(device.slot(), content);
  EXPECT_EQ(client.learned().granule, 64U);
  // Packets that are cut off again and again would be a fifth more.
  EXPECT_LT(result->counts.payload_bytes, content.size() + 4 * 384);
}

TEST_F(UploadTest, NoMemoryMakesWindowAndPacketSmaller) {
  device.settings().memory = 200;
  const auto result = upload();
  ASSERT_TRUE(result) << result.error().message;
  EXPECT_EQ(device.slot(), content);
  EXPECT_GT(client.learned().packet_steps, 0U);
}

TEST_F(UploadTest, NoMemoryThatPassesDoesNotSlowItForEver) {
  content = noise(400000);
  device.settings().no_memory = 3;
  const auto result = upload();
  ASSERT_TRUE(result);
  EXPECT_EQ(client.learned().packet_steps, 0U);
  EXPECT_EQ(client.learned().window_steps, 0U);
}

TEST_F(UploadTest, NoMemoryForEverHasItsName) {
  device.settings().no_memory = 1 << 30;
  const auto result = upload();
  ASSERT_FALSE(result);
  EXPECT_EQ(result.error().outcome, Outcome::no_memory);
  EXPECT_EQ(result.error().message, "no memory");
}

TEST_F(UploadTest, ABusyDeviceIsAskedAgain) {
  device.settings().busy = 3;
  ASSERT_TRUE(upload());
  EXPECT_EQ(device.slot(), content);
}

TEST_F(UploadTest, ADeviceThatStaysBusyHasItsName) {
  device.settings().busy = 1 << 30;
  const auto result = upload();
  ASSERT_FALSE(result);
  EXPECT_EQ(result.error().outcome, Outcome::busy);
  EXPECT_LT(packets().size(), 100U);
}

TEST_F(UploadTest, SilenceForEverHasItsName) {
  drive.lose_packet = [](int number) { return number > 5; };
  const auto result = upload();
  ASSERT_FALSE(result);
  EXPECT_EQ(result.error().outcome, Outcome::no_answer);
}

TEST_F(UploadTest, ADeviceThatSaysThatTheDigestDiffersIsBelieved) {
  device.settings().says_match = true;
  UploadRequest request = request_for(content);
  request.sha256.bytes[0] ^= std::byte{1};
  const auto result = upload(std::move(request));
  ASSERT_FALSE(result);
  EXPECT_EQ(result.error().outcome, Outcome::corrupt);
}

TEST_F(UploadTest, AnImageTooBigHasItsName) {
  device.settings().slot_size = 1000;
  const auto result = upload();
  ASSERT_FALSE(result);
  EXPECT_EQ(result.error().outcome, Outcome::too_big);
}

TEST_F(UploadTest, BytesThatCannotBeReadEndIt) {
  UploadRequest request = request_for(content);
  request.read = [](std::uint64_t offset, std::span<std::byte>) { return offset < 5000; };
  const auto result = upload(std::move(request));
  ASSERT_FALSE(result);
  EXPECT_EQ(result.error().outcome, Outcome::source_failed);
}

TEST_F(UploadTest, AnEmptyImageIsRefusedHere) {
  content.clear();
  const auto result = upload();
  ASSERT_FALSE(result);
  EXPECT_EQ(result.error().outcome, Outcome::invalid_image);
  EXPECT_TRUE(device.requests.empty());
}

TEST_F(UploadTest, AnImageOfAFewBytesIsStillAnUpload) {
  content = noise(33);
  ASSERT_TRUE(upload());
  EXPECT_EQ(device.slot(), content);
}

TEST_F(UploadTest, TellsEachOffsetThatTheDeviceReports) {
  std::vector<std::uint64_t> seen;
  UploadRequest request = request_for(content);
  request.progress = [&](std::uint64_t offset) { seen.push_back(offset); };
  ASSERT_TRUE(upload(std::move(request)));
  EXPECT_TRUE(std::is_sorted(seen.begin(), seen.end()));
  ASSERT_FALSE(seen.empty());
  EXPECT_EQ(seen.back(), content.size());
}

TEST_F(UploadTest, CancelledItEndsAtOnceAndGoesOnLater) {
  int ended = 0;
  client.upload(request_for(content), [&](Reply<UploadResult> result) {
    ++ended;
    ASSERT_FALSE(result);
    EXPECT_EQ(result.error().outcome, Outcome::cancelled);
  });
  drive.before = [&](int number) {
    if (number == 20) client.cancel();
  };
  EXPECT_TRUE(drive.run());
  EXPECT_EQ(ended, 1);
  drive.before = nullptr;
  const auto result = upload();
  ASSERT_TRUE(result);
  EXPECT_GT(result->counts.resumed_from, 0U);
  EXPECT_EQ(device.begun, 1);
}

}  // namespace
}  // namespace ferry::smp::test
