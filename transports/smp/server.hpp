// An SMP server: small devices pull from the gateway by name and offset (file-system group), and
// tools look at it (image state). No I/O and no clock: packets go in and out as bytes without
// framing, times are the caller's steady clock.
//
// Use: received() for each request; then next_output() until it gives nothing; step() as long as
// hashing() is true, when nothing else is to do. Answers that wait for Files come out of
// next_output() after its callback was called; Files posts nothing by itself, so ask again then.
//
// Asked: echo, parameters, image state (read), file download, status and hash. Refused as "access
// denied": whatever would change this side. Everything else is "not supported".
//
// A name is bound to the content that it had when it was last asked from offset 0; a name that
// stands for other bytes now is refused at any other offset ("offset not valid"), so that no device
// puts two versions together. A request that comes again within `repeat_window` is answered with
// the very bytes of before.
//
// Single-threaded; memory is bounded by the limits below.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/digest.hpp"
#include "base/result.hpp"
#include "transports/smp/operation.hpp"
#include "transports/smp/requests.hpp"

namespace ferry::smp {

// Where the bytes come from.
class Files {
 public:
  virtual ~Files() = default;

  struct Opened {
    std::uint64_t handle = 0;
    std::uint64_t size = 0;
    std::optional<Sha256> sha256;  // of the whole content, where it is known
    // Two openings of one name with the same identity have the same bytes; "" when that is not
    // known, and then every opening counts as another content.
    std::string identity;
  };
  using OpenCallback = std::function<void(Result<Opened>)>;

  // Calls back exactly once, at once or later, on the server's thread; not after the server is
  // gone, when the call does nothing and what was opened is for Files to close.
  // ErrorCode::not_found and ErrorCode::unavailable (tell the device to try again) are told apart.
  virtual void open(std::string_view name, OpenCallback done) = 0;
  // Fills `out` from `offset` on; the range lies within the size. Local and quick.
  virtual Status read(std::uint64_t handle, std::uint64_t offset, std::span<std::byte> out) = 0;
  // What open() gave is not used any more.
  virtual void close(std::uint64_t handle) = 0;
};

struct ServerOptions {
  // The largest answer, header included, framing not: what devices' buffers hold. For a console
  // line fit_console() of that.
  std::size_t answer_limit = 368;
  Parameters parameters{384, 4, true};  // what this side announces; larger requests are ignored
  std::size_t name_limit = 256;         // bytes
  std::size_t open_limit = 8;           // contents that are open at once
  std::size_t remembered_names = 64;    // whose identity is kept after they were closed
  std::size_t pending_limit = 8;        // requests that wait for Files; more are answered "busy"
  std::size_t repeat_answers = 4;       // kept for requests that come again
  Milliseconds repeat_window{5000};
  std::size_t hash_slice = 256U << 10U;  // bytes that one step() hashes
  // What image state shows; null: not supported.
  std::function<std::vector<ImageSlot>()> images;
  // A request is being answered by an error.
  std::function<void()> refused;
  // A piece of a content was handed out: for progress. `name` as the device wrote it.
  std::function<void(std::string_view name, std::uint64_t handle, std::uint64_t offset,
                     std::uint64_t length)>
      served;
};

class Server {
 public:
  // `files` must outlive the server.
  Server(ServerOptions options, Files& files);
  ~Server();  // closes what is open
  Server(const Server&) = delete;
  Server& operator=(const Server&) = delete;

  // Anything but a request is ignored.
  void received(Bytes packet, TimePoint now);
  // The next answer, header included.
  std::optional<std::string> next_output();
  bool hashing() const;
  void step();
  // The catalog changed: names are opened afresh when next asked from offset 0 anyway; this also
  // drops the answers kept for repetition.
  void forget_answers();

 private:
  class Implementation;
  std::shared_ptr<Implementation> implementation_;
};

}  // namespace ferry::smp
