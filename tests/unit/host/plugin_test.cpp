#include "transports/host/plugin.hpp"

#include <gtest/gtest.h>

#include <cstdlib>
#include <fstream>

namespace ferry::host {
namespace {

class PluginTest : public testing::Test {
 protected:
  PluginTest() {
    std::string name = (std::filesystem::temp_directory_path() / "ferry-plugin-XXXXXX").string();
    if (::mkdtemp(name.data()) == nullptr) std::abort();
    folder_ = name;
    std::ofstream(folder_ / "text.so") << "no library";
  }
  ~PluginTest() override { std::filesystem::remove_all(folder_); }

  std::filesystem::path folder_;
};

TEST_F(PluginTest, ANameIsBare) {
  for (const char* name :
       {"", ".", "..", "a/b", "../text", "/lib/libc", "Text", "text.so", "a b"}) {
    const auto file = plugin_file(folder_, name);
    ASSERT_FALSE(file) << name;
    EXPECT_EQ(file.error().code, ErrorCode::invalid) << name;
  }
}

TEST_F(PluginTest, AMissingPluginIsNamedWithItsPath) {
  const auto file = plugin_file(folder_, "nowhere");
  ASSERT_FALSE(file);
  EXPECT_NE(file.error().message.find((folder_ / "nowhere.so").string()), std::string::npos);
}

TEST_F(PluginTest, WhatIsNoLibraryIsRefused) {
  const auto file = plugin_file(folder_, "text");
  ASSERT_TRUE(file);
  EXPECT_FALSE(load_plugin(*file));
}

TEST_F(PluginTest, ALibraryThatIsNoTransportIsRefused) {
  const auto entry = load_plugin("libm.so.6");
  ASSERT_FALSE(entry);
  EXPECT_NE(entry.error().message.find("ferry_transport_v1"), std::string::npos);
}

}  // namespace
}  // namespace ferry::host
