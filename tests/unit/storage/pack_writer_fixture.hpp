// One open pack in a folder of its own.
#pragma once

#include <utility>
#include <vector>

#include "tests/unit/storage/workbench.hpp"

namespace ferry::storage::testing {

inline constexpr std::size_t mebibyte = 1U << 20U;

class PackWriterTest : public ::testing::Test {
 protected:
  PackWriter writer() {
    auto opened = PackWriter::open(file());
    EXPECT_OK(opened);
    return std::move(*opened);
  }
  fs::path file() const { return bench.incoming() / "pack"; }
  void expect_whole(PackWriter& pack, const std::vector<std::byte>& content) {
    const auto sealed = pack.seal(bench.packs());
    ASSERT_OK(sealed);
    PackReader reader(bench.packs());
    const auto bytes = read_all(reader, sealed->front());
    ASSERT_OK(bytes);
    EXPECT_TRUE(*bytes == content);
  }

  Workbench bench;
};

}  // namespace ferry::storage::testing
