// Files and descriptors: the few operations whose order matters for surviving a power cut.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <utility>

#include "base/digest.hpp"
#include "base/result.hpp"

namespace ferry {

// Owns a file descriptor.
class Descriptor {
 public:
  Descriptor() = default;
  explicit Descriptor(int fd) : fd_(fd) {}
  ~Descriptor() { reset(); }
  Descriptor(Descriptor&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}
  Descriptor& operator=(Descriptor&& other) noexcept {
    if (this != &other) reset(std::exchange(other.fd_, -1));
    return *this;
  }
  int get() const { return fd_; }
  explicit operator bool() const { return fd_ >= 0; }
  int release() { return std::exchange(fd_, -1); }
  void reset(int fd = -1);

 private:
  int fd_ = -1;
};

// Reads a whole file of at most `limit` bytes; a longer one is ErrorCode::too_large.
Result<std::string> read_file(const std::filesystem::path& path, std::uint64_t limit);
// Replaces a file whole or not at all: temporary file, fsync, rename, fsync of the folder.
Status write_file_atomically(const std::filesystem::path& path, Bytes content,
                             unsigned mode = 0644);
// Makes a rename, creation or removal inside `folder` durable.
Status sync_folder(const std::filesystem::path& folder);

}  // namespace ferry
