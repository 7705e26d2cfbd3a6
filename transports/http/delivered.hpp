// Which bytes of artifacts the device's end has acknowledged on one connection. Pure accounting:
// the connection tells what it wrote, and how much of that the kernel still holds.
#pragma once

#include <algorithm>
#include <array>
#include <cstdint>

#include "transports/dialects/dialect.hpp"

namespace ferry::http {

class Delivered {
 public:
  // Answers whose acknowledgement is awaited at once; a client that pipelines more has the oldest
  // forgotten.
  static constexpr std::size_t most_answers = 16;
  // Long answers are reported in steps of this many bytes.
  static constexpr std::uint64_t step = 64U << 10U;

  void reset() { *this = {}; }
  // An answer begins: its header is `header` bytes long, then comes `body`.
  void begin(std::uint64_t header, const dialects::Body& body);
  void wrote(std::uint64_t bytes) { written_ += bytes; }

  // `unacknowledged` bytes of what was written are still the kernel's. Calls report(handle, offset,
  // length) for what is new. The end of an answer counts only when the device went on after it
  // (`ended`): it asked again, or closed in order. Until then it may have stopped reading what its
  // system acknowledged.
  template <typename Report>
  void settle(std::uint64_t unacknowledged, bool ended, Report report) {
    const std::uint64_t acknowledged = written_ - std::min(unacknowledged, written_);
    for (std::size_t i = 0; i < count_; ++i) {
      Entry& entry = entries_[i];
      const std::uint64_t bytes = fresh(entry, acknowledged, ended);
      if (bytes == 0) continue;
      report(entry.handle, entry.offset + entry.reported, bytes);
      entry.reported += bytes;
    }
    drop_reported();
  }

 private:
  struct Entry {
    std::uint64_t handle = 0;
    std::uint64_t offset = 0;
    std::uint64_t length = 0;
    std::uint64_t start = 0;  // where on the connection its first byte stands
    std::uint64_t reported = 0;
  };

  static std::uint64_t fresh(const Entry& entry, std::uint64_t acknowledged, bool ended);
  void drop_reported();

  std::array<Entry, most_answers> entries_{};
  std::size_t count_ = 0;
  std::uint64_t written_ = 0;
};

}  // namespace ferry::http
