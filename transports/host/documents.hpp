// Metadata that this host was told to pass on, by the handles that its plugin knows it by.
#pragma once

#include <cstdint>
#include <deque>
#include <memory>
#include <mutex>
#include <span>

#include "base/digest.hpp"
#include "base/file.hpp"
#include "base/result.hpp"

namespace ferry::host {

// Thread-safe. Keeps the descriptors, whose bytes are in memory, of the documents that were added
// last; the oldest goes first.
class DocumentTable {
 public:
  static constexpr std::size_t most = 64;
  static constexpr std::uint64_t most_bytes = 16U
                                              << 20U;  // the one that was added last always fits

  // Handles of documents are never those of artifacts.
  static bool is_document(std::uint64_t handle) { return (handle & mark) != 0; }

  // The same handle for the same bytes while they are kept. The agent sealed the file.
  std::uint64_t add(Descriptor file, std::uint64_t size, const Sha256& sha256);
  // All or nothing. ErrorCode::not_found when it is no longer kept, ErrorCode::invalid beyond its
  // end.
  Status read(std::uint64_t handle, std::uint64_t offset, std::span<std::byte> out);

 private:
  static constexpr std::uint64_t mark = std::uint64_t{1} << 63U;
  struct Document {
    std::uint64_t handle = 0;
    std::uint64_t size = 0;
    Sha256 sha256;
    std::shared_ptr<Descriptor> file;  // a read that is under way keeps it open
  };

  std::mutex mutex_;
  std::deque<Document> documents_;
  std::uint64_t bytes_ = 0;
  std::uint64_t next_ = mark;
};

}  // namespace ferry::host
