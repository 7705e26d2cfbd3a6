#include "transports/host/reader.hpp"

#include <poll.h>
#include <sys/socket.h>

#include <cerrno>
#include <csignal>
#include <optional>

#include "storage/pack.hpp"

namespace ferry::host {
namespace {

constexpr int longest_wait_ms = 1000;

std::atomic<int> link_socket = -1;
// What the calling thread is reading; for the signal handler, which runs on that very thread.
thread_local const Servable* volatile being_read = nullptr;

struct OpenPacks {
  storage::PackReader reader;
  std::uint64_t generation;
};
thread_local std::optional<OpenPacks> open_packs;

class Reading {
 public:
  explicit Reading(const Servable& servable) { being_read = &servable; }
  ~Reading() { being_read = nullptr; }
  Reading(const Reading&) = delete;
  Reading& operator=(const Reading&) = delete;
};

// Async-signal-safe. SA_RESETHAND has restored the default action already: going back repeats the
// access, which ends the process, and the agent sees by which signal.
void on_bus_error(int /*signal*/) {
  const Servable* servable = being_read;
  if (servable == nullptr) return;
  const std::string& packet = servable->last_words;
  const int socket = link_socket;
  while (::send(socket, packet.data(), packet.size(), MSG_NOSIGNAL | MSG_DONTWAIT) < 0) {
    if (errno == EINTR) continue;
    pollfd writable{socket, POLLOUT, 0};
    if (errno != EAGAIN || ::poll(&writable, 1, longest_wait_ms) <= 0) return;
  }
}

}  // namespace

Status Reader::read(const Servable& servable, std::uint64_t offset, std::span<std::byte> out) {
  if (servable.withdrawn) return fail(ErrorCode::not_found, "the artifact was withdrawn");
  if (offset > servable.artifact.size || out.size() > servable.artifact.size - offset) {
    return fail(ErrorCode::invalid, "a read beyond the artifact's end");
  }
  const std::uint64_t generation = generation_;
  if (!open_packs || open_packs->generation != generation) {
    open_packs.emplace(OpenPacks{storage::PackReader(packs_folder_), generation});
  }
  const Reading reading(servable);
  return open_packs->reader.read(servable.artifact, offset, out);
}

Status report_bus_errors(int socket) {
  link_socket = socket;
  struct sigaction action {};
  action.sa_handler = on_bus_error;
  action.sa_flags = static_cast<int>(SA_RESETHAND);
  if (::sigaction(SIGBUS, &action, nullptr) != 0) return fail_errno(errno, "SIGBUS");
  return {};
}

}  // namespace ferry::host
