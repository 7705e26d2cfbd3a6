// SMP client and server, fed with whatever a device might send. The client ends each operation
// exactly once, though the device answers nonsense and then falls silent; the server answers within
// its limit.
//
// Input: records, each a byte that says what, a length byte, and so many bytes:
//   0  a packet to the server        1  a packet to the client, as it is
//   2  the body of an answer to what the client asked last
//   3  time passes, so many tenths of a second as the length says; no bytes follow
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>

#include "transports/smp/client.hpp"
#include "transports/smp/server.hpp"

namespace {

using namespace ferry;
using namespace ferry::smp;

class FuzzFiles final : public Files {
 public:
  void open(std::string_view name, OpenCallback done) override {
    if (name.size() < 2) return done(fail(ErrorCode::not_found, "none"));
    Opened opened;
    opened.handle = ++open_;
    opened.size = name.size() * 100;
    opened.identity = std::string(name);
    done(std::move(opened));
  }
  Status read(std::uint64_t handle, std::uint64_t offset, std::span<std::byte> out) override {
    if (handle == 0 || offset + out.size() > 25600) std::abort();
    return {};
  }
  void close(std::uint64_t /*handle*/) override { ++closed_; }

  std::uint64_t open_ = 0;
  std::uint64_t closed_ = 0;
};

class Run {
 public:
  Run() : client_(options()), server_({}, files_) {
    const auto count = [this](const auto&) { ++ended_; };
    client_.echo("a", count);
    client_.os_info("", count);
    UploadRequest request;
    request.size = 3000;
    request.image_hash = std::string(32, 'h');
    request.read = [](std::uint64_t offset, std::span<std::byte> out) {
      if (offset + out.size() > 3000) std::abort();
      return true;
    };
    client_.upload(request, count);
    client_.image_state(count);
    client_.confirm(std::nullopt, count);
    client_.erase(1, count);
    client_.reset(count);
    started_ = 7;
  }

  void record(unsigned kind, std::string_view content, unsigned length) {
    pump();
    switch (kind % 4) {
      case 0:
        server_.received(as_bytes(content), now_);
        while (server_.hashing()) server_.step();
        while (const auto answer = server_.next_output()) {
          if (answer->size() > ServerOptions{}.answer_limit || !peek(as_bytes(*answer))) {
            std::abort();
          }
        }
        break;
      case 1:
        client_.received(as_bytes(content), now_);
        break;
      case 2: {
        Header header = asked_;
        header.op = answer_to(header.op);
        client_.received(as_bytes(encode(header, content)), now_);
        break;
      }
      default:
        now_ += Milliseconds(100 * length);
        if (const auto due = client_.deadline(); due && *due <= now_) client_.on_time(now_);
    }
  }

  // Silence from now on.
  void finish() {
    for (int steps = 0; !client_.idle(); ++steps) {
      if (steps > 5000) std::abort();
      pump();
      const auto due = client_.deadline();
      if (!due && !client_.idle()) std::abort();
      if (!due) break;
      now_ = std::max(now_, *due);
      client_.on_time(now_);
    }
    if (ended_ != started_) std::abort();
  }

 private:
  static ClientOptions options() {
    ClientOptions made;
    made.first_sequence = 250;
    return made;
  }
  void pump() {
    while (const auto packet = client_.next_output(now_)) {
      const auto header = peek(as_bytes(*packet));
      if (!header || !decode(as_bytes(*packet))) std::abort();
      asked_ = *header;
      client_.written(now_);
    }
  }

  FuzzFiles files_;
  Client client_;
  Server server_;
  TimePoint now_{};
  Header asked_;
  int started_ = 0;
  int ended_ = 0;
};

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  std::string_view input(reinterpret_cast<const char*>(data), size);
  Run run;
  while (input.size() >= 2) {
    const unsigned kind = static_cast<unsigned char>(input[0]);
    const unsigned length = static_cast<unsigned char>(input[1]);
    input.remove_prefix(2);
    const std::string_view content = kind % 4 == 3 ? std::string_view() : input.substr(0, length);
    input.remove_prefix(content.size());
    run.record(kind, content, length);
  }
  run.finish();
  return 0;
}
