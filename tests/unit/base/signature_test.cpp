#include "base/signature.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include <cstdlib>
#include <fstream>

#include "base/base64.hpp"
#include "base/file.hpp"

namespace ferry {
namespace {

namespace fs = std::filesystem;
using testing::HasSubstr;

std::string from_hex(std::string_view hex) {
  std::string bytes;
  for (std::size_t i = 0; i < hex.size(); i += 2) {
    bytes += static_cast<char>(std::stoi(std::string(hex.substr(i, 2)), nullptr, 16));
  }
  return bytes;
}

class Signature : public testing::Test {
 protected:
  Signature() {
    std::string pattern = testing::TempDir() + "/signature.XXXXXX";
    folder_ = ::mkdtemp(pattern.data());
  }
  ~Signature() override { fs::remove_all(folder_); }
  fs::path folder_;
};

// RFC 8032, section 7.1, test 2.
TEST_F(Signature, KnownVectorVerifies) {
  const std::string key =
      from_hex("3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c");
  std::string signature = from_hex(
      "92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da"
      "085ac1e43e15996e458f3613d0f11d8c387b2eaeb4302aeeb00d291612bb0c00");
  const Result<PublicKey> known = PublicKey::load(to_base64(as_bytes(key)));
  ASSERT_TRUE(known) << known.error().message;
  EXPECT_TRUE(known->verify(as_bytes("\x72"), as_bytes(signature)));
  EXPECT_FALSE(known->verify(as_bytes("\x73"), as_bytes(signature)));
  EXPECT_FALSE(known->verify(as_bytes("\x72"), as_bytes(signature).first(63)));
  EXPECT_FALSE(known->verify(as_bytes("\x72"), {}));
  for (std::size_t i = 0; i < signature.size(); ++i) {
    signature[i] = static_cast<char>(signature[i] ^ 1);
    EXPECT_FALSE(known->verify(as_bytes("\x72"), as_bytes(signature))) << i;
    signature[i] = static_cast<char>(signature[i] ^ 1);
  }
}

TEST_F(Signature, GeneratedKeySignsAndSurvivesItsFile) {
  const Result<PublicKey> made = generate_key_file(folder_ / "key.pem");
  ASSERT_TRUE(made) << made.error().message;
  struct stat status {};
  ASSERT_EQ(::stat((folder_ / "key.pem").c_str(), &status), 0);
  EXPECT_EQ(status.st_mode & 0777U, 0600U);

  const Result<PrivateKey> key = PrivateKey::load(folder_ / "key.pem");
  ASSERT_TRUE(key) << key.error().message;
  const Result<std::string> signature = key->sign(as_bytes("message"));
  ASSERT_TRUE(signature);
  EXPECT_TRUE(made->verify(as_bytes("message"), as_bytes(*signature)));
  EXPECT_FALSE(made->verify(as_bytes("massage"), as_bytes(*signature)));
  EXPECT_EQ(*key->public_key(), *made);
  EXPECT_EQ(PublicKey::load(made->base64())->key_id(), made->key_id());
  EXPECT_EQ(made->key_id().size(), 16U);
}

TEST_F(Signature, AKeyIsNeverReplaced) {
  ASSERT_TRUE(generate_key_file(folder_ / "key.pem"));
  const Result<std::string> before = read_file(folder_ / "key.pem", 4096);
  const Result<PublicKey> second = generate_key_file(folder_ / "key.pem");
  ASSERT_FALSE(second);
  EXPECT_EQ(second.error().code, ErrorCode::exists);
  EXPECT_EQ(*read_file(folder_ / "key.pem", 4096), *before);
}

TEST_F(Signature, ReadsWhatOpensslWrites) {
  const std::string key = (folder_ / "key.pem").string();
  const std::string pub = (folder_ / "pub.pem").string();
  const std::string command = "openssl genpkey -algorithm ed25519 -out '" + key +
                              "' 2>/dev/null && openssl pkey -in '" + key + "' -pubout -out '" +
                              pub + "'";
  ASSERT_EQ(std::system(command.c_str()), 0);
  const Result<PublicKey> from_pem = PublicKey::load(pub);
  ASSERT_TRUE(from_pem) << from_pem.error().message;
  EXPECT_EQ(*from_pem, *PrivateKey::load(key)->public_key());
}

TEST_F(Signature, SaysWhichFileIsNoKey) {
  std::ofstream(folder_ / "text") << "hello";
  EXPECT_THAT(PublicKey::load((folder_ / "text").string()).error().message, HasSubstr("text"));
  EXPECT_THAT(PrivateKey::load(folder_ / "text").error().message, HasSubstr("text"));
  EXPECT_EQ(PublicKey::load((folder_ / "none").string()).error().code, ErrorCode::not_found);
  // A private key given where the public one belongs, and a key of another kind.
  ASSERT_TRUE(generate_key_file(folder_ / "key.pem"));
  EXPECT_FALSE(PublicKey::load((folder_ / "key.pem").string()));
  const std::string rsa = (folder_ / "ec.pem").string();
  ASSERT_EQ(std::system(("openssl genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-256 -out '" +
                         rsa + "' 2>/dev/null")
                            .c_str()),
            0);
  EXPECT_FALSE(PrivateKey::load(rsa));
}

TEST(Base64, KnownVectors) {
  // RFC 4648, section 10.
  const std::pair<const char*, const char*> vectors[] = {{"", ""},
                                                         {"f", "Zg=="},
                                                         {"fo", "Zm8="},
                                                         {"foo", "Zm9v"},
                                                         {"foob", "Zm9vYg=="},
                                                         {"fooba", "Zm9vYmE="},
                                                         {"foobar", "Zm9vYmFy"}};
  for (const auto& [plain, coded] : vectors) {
    EXPECT_EQ(to_base64(as_bytes(plain)), coded);
    EXPECT_EQ(from_base64(coded), plain);
  }
  for (const char* bad :
       {"Z", "Zg", "Zg=", "Zg===", "====", "Zh==", "Zm9=", "Zm 8", "Z===", "=Zg="}) {
    EXPECT_FALSE(from_base64(bad)) << bad;
  }
}

}  // namespace
}  // namespace ferry
