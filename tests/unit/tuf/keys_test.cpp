// Keys: which can be read, and what they have signed.
#include "agent/source/tuf/key.hpp"

#include <gtest/gtest.h>

#include "base/hex.hpp"
#include "tests/unit/tuf/signing.hpp"

namespace ferry::tuf {
namespace {

// One value of DER: its tag, its length, what it holds.
std::string der(char tag, const std::string& content) {
  const auto size = content.size();
  std::string length;
  if (size >= 0x80) length = {static_cast<char>(0x82), static_cast<char>(size >> 8U)};
  length.push_back(static_cast<char>(size & 0xFFU));
  return tag + length + content;
}

// An RSA key of so many bits, a multiple of 8, that nobody has the private half of.
std::string rsa_key(std::size_t bits) {
  const std::string modulus = std::string(1, '\0') + std::string(bits / 8, '\xFF');
  const std::string numbers = der(0x30, der(0x02, modulus) + der(0x02, "\x01\x01"));
  const std::string algorithm = "\x06\x09\x2A\x86\x48\x86\xF7\x0D\x01\x01\x01";
  const std::string key =
      der(0x30, der(0x30, algorithm + der(0x05, "")) + der(0x03, std::string(1, '\0') + numbers));
  std::string pem = "-----BEGIN PUBLIC KEY-----\n";
  const std::string text = to_base64(as_bytes(key));
  for (std::size_t at = 0; at < text.size(); at += 64) pem += text.substr(at, 64) + "\n";
  return pem + "-----END PUBLIC KEY-----\n";
}

// An RSA key of 1024 bits, and one of the curve P-384: weaker or other than the schemes ask for.
const char* const short_key =
    "-----BEGIN PUBLIC KEY-----\n"
    "MIGfMA0GCSqGSIb3DQEBAQUAA4GNADCBiQKBgQCeK5O8nIGvpfulBEdqhv9oM9Zd\n"
    "JZoBxCT2k5XLYL+hkQGc9MFZpFSjbL8nL106cZtqMPk+qpj0OWykLyS/q+wbCsgo\n"
    "v6S6jlUM74A9hlTs1CJoCM13iqI10fgh4aMYg763chzuawFNNNDzuC6+5drstDHZ\n"
    "nIse3Ku5lGnaRf6IIwIDAQAB\n"
    "-----END PUBLIC KEY-----\n";
const char* const other_curve =
    "-----BEGIN PUBLIC KEY-----\n"
    "MHYwEAYHKoZIzj0CAQYFK4EEACIDYgAEYVSRSuRelrG8Du5h4NmYVFmYzrMdwQQB\n"
    "XfHfOSVPw6P2Nm5ejTNdFH8RXa66yRgJcgca0UWlDv6Aq4QOc0ZpjMPlo/MtRtUG\n"
    "YqGHtzxwqds0m9WF0MOAONHjy04QL4UV\n"
    "-----END PUBLIC KEY-----\n";

TEST(Keys, ThatCannotBeReadHaveSignedNothing) {
  const auto key = [](const char* type, const char* scheme, const Json& half) {
    return Key::from_json({{"keytype", type}, {"scheme", scheme}, {"keyval", {{"public", half}}}});
  };
  const char* const garbage = "-----BEGIN PUBLIC KEY-----\nAAAA\n-----END PUBLIC KEY-----\n";
  const Result<Key> keys[] = {
      key("ed25519", "ed25519", "00"),
      key("ed25519", "ed25519", "zz"),
      key("ed25519", "other", "00"),
      key("ecdsa", "ecdsa-sha2-nistp256", garbage),
      key("rsa", "rsassa-pss-sha256", garbage),
      key("rsa", "rsassa-pss-sha256", 1),
      key("rsa", "rsassa-pss-sha256", short_key),
      key("rsa", "rsassa-pss-sha256", other_curve),
      key("ecdsa", "ecdsa-sha2-nistp256", short_key),
      key("ecdsa", "ecdsa-sha2-nistp256", other_curve),
      key("ecdsa", "ecdsa-sha2-nistp256", ""),
      key("ecdsa", "ed25519", other_curve),
      key("rsa", "rsassa-pkcs1v15-sha256", short_key),
      key("rsa", "rsassa-pss-sha256", rsa_key(8200)),
      Key::from_json({{"keytype", "ed25519"}, {"scheme", "ed25519"}, {"keyval", Json::object()}})};
  for (const Result<Key>& one : keys) {
    ASSERT_TRUE(one);
    EXPECT_FALSE(one->usable());
    EXPECT_FALSE(one->verify(as_bytes("text"), as_bytes("signature")));
    EXPECT_FALSE(one->same_as(*one));
  }
}

TEST(Keys, OfRsaHaveTwoToEightThousandBits) {
  for (const std::size_t bits : {2048U, 8192U}) {
    const Result<Key> key = Key::from_json({{"keytype", "rsa"},
                                            {"scheme", "rsassa-pss-sha256"},
                                            {"keyval", {{"public", rsa_key(bits)}}}});
    ASSERT_TRUE(key);
    EXPECT_TRUE(key->usable()) << bits;
    EXPECT_TRUE(key->same_as(*key));
    EXPECT_FALSE(key->verify(as_bytes("text"), as_bytes(std::string(bits / 8, 's'))));
  }
}

TEST(Keys, OfOneHalfAreTheSameHoweverItWasWritten) {
  const Signer signer{"a"}, other{"b"};
  Json upper = signer.entry();
  std::string& half = upper["keyval"]["public"].get_ref<std::string&>();
  for (char& digit : half) digit = static_cast<char>(std::toupper(digit));
  const Result<Key> key = Key::from_json(signer.entry());
  EXPECT_TRUE(key->same_as(*Key::from_json(upper)));
  EXPECT_FALSE(key->same_as(*Key::from_json(other.entry())));
  EXPECT_FALSE(key->same_as(Key()));
  const std::string signature = *signer.key->sign(as_bytes("text"));
  EXPECT_TRUE(key->verify(as_bytes("text"), as_bytes(signature)));
  EXPECT_FALSE(key->verify(as_bytes("next"), as_bytes(signature)));
  EXPECT_FALSE(key->verify(as_bytes("text"), as_bytes("")));
}

TEST(Keys, OfAnotherFormAreRefused) {
  for (const Json& entry : {Json{{"scheme", "ed25519"}, {"keyval", Json::object()}},
                            Json{{"keytype", "ed25519"}, {"keyval", Json::object()}},
                            Json{{"keytype", "ed25519"}, {"scheme", "ed25519"}},
                            Json{{"keytype", "ed25519"}, {"scheme", "ed25519"}, {"keyval", "a"}}}) {
    EXPECT_FALSE(Key::from_json(entry)) << entry;
  }
}

TEST(Hex, IsAnEvenNumberOfDigitsOfEitherCase) {
  EXPECT_EQ(from_hex("00aAfF9"), std::nullopt);
  EXPECT_EQ(*from_hex("4a4A"), "JJ");
  EXPECT_EQ(*from_hex(""), "");
  // What stands beside the digits in ASCII.
  for (const char* text : {"/0", "0/", ":0", "@0", "G0", "0G", "`0", "g0", "0g", " 0"}) {
    EXPECT_EQ(from_hex(text), std::nullopt) << text;
  }
}

}  // namespace
}  // namespace ferry::tuf
