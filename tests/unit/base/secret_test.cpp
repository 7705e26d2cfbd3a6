#include "base/secret.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include <fstream>

namespace ferry {
namespace {

using testing::HasSubstr;
using testing::Not;

std::filesystem::path file_with(const std::string& text, unsigned mode) {
  const std::filesystem::path file = testing::TempDir() + "secret_test_file";
  std::filesystem::remove(file);
  std::ofstream(file) << text;
  ::chmod(file.c_str(), mode);
  return file;
}

TEST(Secret, IsTheFirstLine) {
  const auto secret = read_secret("passkey_file", file_with("123456\r\nnot this\n", 0640));
  ASSERT_TRUE(secret) << secret.error().message;
  EXPECT_EQ(*secret, "123456");
}

TEST(Secret, ThatEveryoneMayReadIsNone) {
  const auto secret = read_secret("passkey_file", file_with("123456\n", 0644));
  ASSERT_FALSE(secret);
  EXPECT_EQ(secret.error().code, ErrorCode::denied);
  EXPECT_THAT(secret.error().message, HasSubstr("passkey_file"));
  EXPECT_THAT(secret.error().message, HasSubstr("chmod o-r"));
  EXPECT_THAT(secret.error().message, Not(HasSubstr("123456")));
}

TEST(Secret, SaysWhichFileIsMissing) {
  const auto secret = read_secret("passkey_file", "/nowhere/passkey");
  ASSERT_FALSE(secret);
  EXPECT_THAT(secret.error().message, HasSubstr("passkey_file /nowhere/passkey"));
}

TEST(Secret, IsNoLargeFile) {
  EXPECT_FALSE(read_secret("passkey_file", file_with(std::string(5000, '1'), 0600)));
}

}  // namespace
}  // namespace ferry
