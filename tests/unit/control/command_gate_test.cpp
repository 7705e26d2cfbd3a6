#include "agent/control/command_gate.hpp"

#include <gtest/gtest.h>

#include "formats/release.hpp"

namespace ferry::control {
namespace {

constexpr Time now{std::chrono::milliseconds(1800000000000)};
constexpr std::uint64_t soon = 1800000300;

class GateTest : public testing::Test {
 protected:
  void SetUp() override {
    auto made = PrivateKey::generate();
    ASSERT_TRUE(made);
    key = std::make_unique<PrivateKey>(std::move(*made));
    const auto own = key->public_key();
    ASSERT_TRUE(own);
    gate.emplace("van-1", *own, 10);
  }
  static std::string command(std::uint64_t sequence, const std::string& target = "van-1",
                             std::uint64_t expires = soon) {
    formats::Command wanted;
    wanted.id = "c";
    wanted.bounds = formats::Command::Bounds{target, sequence, expires};
    return formats::write_command(wanted);
  }
  std::string sealed(const std::string& payload, const PrivateKey* by = nullptr,
                     std::string_view type = formats::command_payload_type) {
    formats::Envelope envelope;
    envelope.payload_type = type;
    envelope.payload = payload;
    const std::string covered = formats::signed_bytes(envelope);
    const auto signature = (by == nullptr ? *key : *by).sign(as_bytes(covered));
    envelope.signatures.push_back({"", *signature});
    return formats::write_envelope(envelope);
  }
  bool passes(const std::string& payload, Time at = now) {
    const auto judged = gate->judge(payload, at);
    EXPECT_EQ(judged.command.has_value(), judged.sequence != 0);
    return judged.command.has_value();
  }

  std::unique_ptr<PrivateKey> key;
  std::optional<CommandGate> gate;
};

TEST_F(GateTest, WhatTheKeySignedForThisGatewayPassesOnce) {
  const std::string payload = sealed(command(11));
  const auto judged = gate->judge(payload, now);
  ASSERT_TRUE(judged.command) << judged.command.error().message;
  EXPECT_EQ(judged.id, "c");
  EXPECT_EQ(judged.sequence, 11U);
  EXPECT_FALSE(passes(payload));
  EXPECT_FALSE(passes(sealed(command(11))));
  EXPECT_TRUE(passes(sealed(command(12))));
}

TEST_F(GateTest, ReplaysOfBeforeTheRestartAreRefused) {
  EXPECT_FALSE(passes(sealed(command(10))));
  EXPECT_FALSE(passes(sealed(command(3))));
}

TEST_F(GateTest, NothingUnsignedPasses) {
  EXPECT_FALSE(passes(R"({"id":"1","command":"sync"})"));
  EXPECT_FALSE(passes(command(11)));
  EXPECT_FALSE(passes("rubbish"));
  EXPECT_EQ(gate->judge(R"({"id":"1","command":"sync"})", now).id, "");
}

TEST_F(GateTest, OtherKeysTypesTargetsAndTimesAreRefused) {
  const auto other = PrivateKey::generate();
  ASSERT_TRUE(other);
  EXPECT_FALSE(passes(sealed(command(11), &*other)));
  EXPECT_FALSE(passes(sealed(command(11), nullptr, formats::index_payload_type)));
  EXPECT_FALSE(passes(sealed(command(11, "van-2"))));
  EXPECT_FALSE(passes(sealed(command(11, "van-1", 1799999999))));
  EXPECT_FALSE(passes(sealed(command(11)), Time(Duration(1000))));  // no clock: no expiry
  EXPECT_FALSE(passes(sealed(R"({"id":"1","command":"sync"})")));   // signed, but without bounds
  std::string changed = sealed(command(11));
  changed[changed.find("payload\":\"") + 12] ^= 1;
  EXPECT_FALSE(passes(changed));
  // None of these used the number up.
  EXPECT_TRUE(passes(sealed(command(11))));
}

TEST_F(GateTest, WithoutAKeyPlainOnesPassAndBoundOnesDoNot) {
  CommandGate open("van-1", std::nullopt, 0);
  EXPECT_TRUE(open.judge(R"({"id":"1","command":"sync"})", now).command);
  EXPECT_FALSE(open.judge(command(11), now).command);
  EXPECT_FALSE(open.judge(sealed(command(11)), now).command);
}

}  // namespace
}  // namespace ferry::control
