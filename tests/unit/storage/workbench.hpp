// What the tests of storage/ share: a folder of their own, bytes that look random, and packs made
// of them.
#pragma once

#include <gtest/gtest.h>
#include <stdlib.h>

#include <filesystem>
#include <fstream>
#include <random>
#include <string>
#include <vector>

#include "storage/pack.hpp"

namespace ferry::storage::testing {

namespace fs = std::filesystem;

// A folder that is removed at the end.
class Workbench {
 public:
  Workbench() {
    std::string name = (fs::temp_directory_path() / "ferry-storage-XXXXXX").string();
    folder_ = ::mkdtemp(name.data());
    fs::create_directory(incoming());
    fs::create_directory(packs());
  }
  ~Workbench() {
    std::error_code ignored;
    fs::remove_all(folder_, ignored);
  }
  Workbench(const Workbench&) = delete;
  Workbench& operator=(const Workbench&) = delete;

  const fs::path& folder() const { return folder_; }
  fs::path incoming() const { return folder_ / "incoming"; }
  fs::path packs() const { return folder_ / "packs"; }

 private:
  fs::path folder_;
};

inline std::vector<std::byte> random_bytes(std::size_t size, unsigned seed) {
  std::mt19937_64 random(seed);
  std::vector<std::byte> bytes(size);
  for (std::byte& byte : bytes) byte = static_cast<std::byte>(random());
  return bytes;
}

inline std::string read_text(const fs::path& file) {
  std::ifstream stream(file, std::ios::binary);
  return {std::istreambuf_iterator<char>(stream), {}};
}

// EXPECT that names the error.
#define EXPECT_OK(expression)                                      \
  do {                                                             \
    const auto& outcome_ = (expression);                           \
    EXPECT_TRUE(outcome_.has_value()) << outcome_.error().message; \
  } while (false)
#define ASSERT_OK(expression)                                      \
  do {                                                             \
    const auto& outcome_ = (expression);                           \
    ASSERT_TRUE(outcome_.has_value()) << outcome_.error().message; \
  } while (false)
#define EXPECT_FAILS(expression, expected)                                      \
  do {                                                                          \
    const auto& outcome_ = (expression);                                        \
    ASSERT_FALSE(outcome_.has_value());                                         \
    EXPECT_EQ(to_string(outcome_.error().code), to_string(ErrorCode::expected)) \
        << outcome_.error().message;                                            \
  } while (false)

// Appends in pieces that fit no boundary.
inline Status append_all(PackWriter& writer, Bytes content) {
  while (!content.empty()) {
    const Bytes part = content.first(std::min<std::size_t>(content.size(), 70'001));
    const Status done = writer.append(part);
    if (!done) return done;
    content = content.subspan(part.size());
  }
  return {};
}

// Begins, fills and finishes one artifact in an open pack.
inline Status store(PackWriter& writer, Bytes content) {
  const auto partial = writer.begin(Sha256::of(content), content.size());
  if (!partial) return fail(partial.error());
  const Status appended = append_all(writer, content.subspan(partial->offset));
  return appended ? writer.finish() : appended;
}

// A sealed pack of these artifacts.
inline Result<std::vector<StoredArtifact>> make_pack(
    const Workbench& bench, const std::string& name,
    const std::vector<std::vector<std::byte>>& contents) {
  auto writer = PackWriter::open(bench.incoming() / name);
  if (!writer) return fail(writer.error());
  for (const auto& content : contents) {
    const Status stored = store(*writer, content);
    if (!stored) return fail(stored.error());
  }
  return writer->seal(bench.packs());
}

inline Result<std::vector<std::byte>> read_all(PackReader& reader, const StoredArtifact& artifact) {
  std::vector<std::byte> bytes(artifact.size);
  const Status read = reader.read(artifact, 0, bytes);
  if (!read) return fail(read.error());
  return bytes;
}

}  // namespace ferry::storage::testing
