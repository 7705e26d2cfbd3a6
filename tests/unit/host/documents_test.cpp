#include "transports/host/documents.hpp"

#include <gtest/gtest.h>
#include <sys/mman.h>
#include <unistd.h>

#include <string>

namespace ferry::host {
namespace {

Descriptor file_of(const std::string& content) {
  Descriptor file(::memfd_create("test", MFD_CLOEXEC));
  EXPECT_EQ(::write(file.get(), content.data(), content.size()),
            static_cast<ssize_t>(content.size()));
  return file;
}

std::uint64_t add(DocumentTable& table, const std::string& content) {
  return table.add(file_of(content), content.size(), Sha256::of(as_bytes(content)));
}

Result<std::string> read(DocumentTable& table, std::uint64_t handle, std::uint64_t offset,
                         std::size_t length) {
  std::string out(length, '\0');
  const Status done =
      table.read(handle, offset, {reinterpret_cast<std::byte*>(out.data()), out.size()});
  if (!done) return fail(done.error());
  return out;
}

TEST(DocumentTable, ReadsWhatItWasGivenAndNothingBeyond) {
  DocumentTable table;
  const std::uint64_t handle = add(table, "timestamp");
  EXPECT_TRUE(DocumentTable::is_document(handle));
  EXPECT_EQ(*read(table, handle, 0, 9), "timestamp");
  EXPECT_EQ(*read(table, handle, 4, 5), "stamp");
  EXPECT_EQ(*read(table, handle, 9, 0), "");
  EXPECT_EQ(read(table, handle, 9, 1).error().code, ErrorCode::invalid);
  EXPECT_EQ(read(table, handle, UINT64_MAX, 2).error().code, ErrorCode::invalid);
  EXPECT_EQ(read(table, handle + 1, 0, 1).error().code, ErrorCode::not_found);
}

TEST(DocumentTable, TheSameBytesHaveOneHandle) {
  DocumentTable table;
  const std::uint64_t handle = add(table, "root");
  EXPECT_EQ(add(table, "root"), handle);
  EXPECT_NE(add(table, "toor"), handle);
}

TEST(DocumentTable, AFileShorterThanWasSaidIsAnErrorAndNoEndlessRead) {
  DocumentTable table;
  const std::uint64_t handle = table.add(file_of("short"), 100, Sha256());
  EXPECT_EQ(read(table, handle, 0, 100).error().code, ErrorCode::io);
}

TEST(DocumentTable, TheOldestGoesWhenThereAreTooMany) {
  DocumentTable table;
  const std::uint64_t first = add(table, "0");
  for (std::size_t i = 1; i < DocumentTable::most; ++i) add(table, std::to_string(i));
  EXPECT_TRUE(read(table, first, 0, 1));
  const std::uint64_t last = add(table, "last");
  EXPECT_EQ(read(table, first, 0, 1).error().code, ErrorCode::not_found);
  EXPECT_EQ(*read(table, last, 0, 4), "last");
}

TEST(DocumentTable, TheOldestGoesWhenTheyAreTooLarge) {
  DocumentTable table;
  const std::uint64_t first = add(table, "first");
  const std::uint64_t large = table.add(file_of("x"), DocumentTable::most_bytes, Sha256());
  EXPECT_EQ(read(table, first, 0, 1).error().code, ErrorCode::not_found);
  EXPECT_EQ(*read(table, large, 0, 1), "x");
}

}  // namespace
}  // namespace ferry::host
