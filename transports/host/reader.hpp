// Verified reads out of sealed packs for every thread of the plugin, and the last words of a host
// whose medium fails under it.
#pragma once

#include <atomic>
#include <cstdint>
#include <filesystem>
#include <span>

#include "base/result.hpp"
#include "transports/host/artifacts.hpp"

namespace ferry::host {

// Thread-safe; one in a process, since each thread keeps its own open packs.
class Reader {
 public:
  explicit Reader(std::filesystem::path packs_folder) : packs_folder_(std::move(packs_folder)) {}

  // See PackReader::read. ErrorCode::not_found when the artifact's pack was withdrawn,
  // ErrorCode::invalid beyond its end.
  Status read(const Servable& servable, std::uint64_t offset, std::span<std::byte> out);
  // Every thread closes what it has open before its next read.
  void forget() { ++generation_; }

 private:
  std::filesystem::path packs_folder_;
  std::atomic<std::uint64_t> generation_ = 1;
};

// A SIGBUS while a pack is being read sends that artifact's last words over `socket`; then, as
// after any other, the process dies by the signal.
Status report_bus_errors(int socket);

}  // namespace ferry::host
