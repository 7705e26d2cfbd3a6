#include "transports/ble/pairing.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace ferry::ble {
namespace {

using testing::HasSubstr;

PairingFacts paired(bool asked, std::optional<KeyKind> key) {
  PairingFacts facts;
  facts.asked = asked;
  facts.key = key;
  return facts;
}

PairingFacts error(bool asked, const std::string& name) {
  PairingFacts facts;
  facts.asked = asked;
  facts.error = "org.bluez.Error." + name;
  facts.error_text = name + ", as people read it";
  return facts;
}

TEST(Pairing, ByPasskeyAndSecureConnectionsIsWhatIsDemanded) {
  const PairingVerdict verdict = judge(paired(true, KeyKind::authenticated_p256));
  EXPECT_EQ(verdict.end, PairingEnd::paired);
  EXPECT_EQ(verdict.why, "");
}

TEST(Pairing, JustWorksIsRefusedWhateverItsKey) {
  for (const auto key :
       {std::optional<KeyKind>(), std::optional(KeyKind::unauthenticated),
        std::optional(KeyKind::unauthenticated_p256), std::optional(KeyKind::authenticated_p256)}) {
    const PairingVerdict verdict = judge(paired(false, key));
    EXPECT_EQ(verdict.end, PairingEnd::refused);
    EXPECT_THAT(verdict.why, HasSubstr("just works"));
  }
}

TEST(Pairing, APasskeyWithoutSecureConnectionsIsRefused) {
  const PairingVerdict verdict = judge(paired(true, KeyKind::authenticated));
  EXPECT_EQ(verdict.end, PairingEnd::refused);
  EXPECT_THAT(verdict.why, HasSubstr("Secure Connections"));
}

TEST(Pairing, AKeyThatThePasskeyDoesNotStandBehindIsRefused) {
  for (const auto key : {KeyKind::unauthenticated, KeyKind::unauthenticated_p256,
                         KeyKind::debug_p256, static_cast<KeyKind>(200)}) {
    EXPECT_EQ(judge(paired(true, key)).end, PairingEnd::refused);
  }
}

TEST(Pairing, WithoutAKeyNobodyKnowsWhatItIsWorth) {
  const PairingVerdict verdict = judge(paired(true, std::nullopt));
  EXPECT_EQ(verdict.end, PairingEnd::failed);
  EXPECT_THAT(verdict.why, HasSubstr("CAP_NET_ADMIN"));
}

TEST(Pairing, AnotherPasskeyIsRefused) {
  const PairingVerdict verdict = judge(error(true, "AuthenticationFailed"));
  EXPECT_EQ(verdict.end, PairingEnd::refused);
  EXPECT_THAT(verdict.why, HasSubstr("passkey"));
}

TEST(Pairing, WhatMayPassIsTriedAgain) {
  for (const char* name : {"ConnectionAttemptFailed", "AuthenticationCanceled",
                           "AuthenticationTimeout", "AuthenticationRejected", "Failed"}) {
    const PairingVerdict verdict = judge(error(true, name));
    EXPECT_EQ(verdict.end, PairingEnd::failed) << name;
    EXPECT_THAT(verdict.why, HasSubstr("as people read it"));
  }
  // It does not come to the passkey: a device that lets nobody pair now, for one.
  EXPECT_EQ(judge(error(false, "AuthenticationFailed")).end, PairingEnd::failed);
}

}  // namespace
}  // namespace ferry::ble
