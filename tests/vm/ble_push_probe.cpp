// Pushes a file to an SMP device over the kernel's Bluetooth, by the product's GATT client,
// reassembly and SMP client:  ble_push_probe ADAPTER DEVICE FILE IMAGE_HASH
// Prints what came of it; exit status 0 when the device has all of it, 3 when the link was lost.
#include <bluetooth/bluetooth.h>
#include <bluetooth/l2cap.h>
#include <fmt/format.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <fstream>
#include <iterator>
#include <string>

#include "transports/ble/advertisement.hpp"
#include "transports/ble/gatt_client.hpp"
#include "transports/smp/client.hpp"
#include "transports/smp/reassembler.hpp"

namespace {

using namespace ferry;
using std::chrono::steady_clock;

constexpr int lost = 3;
constexpr unsigned short att_channel = 4;

sockaddr_l2 address_of(const char* text) {
  sockaddr_l2 address{};
  address.l2_family = AF_BLUETOOTH;
  address.l2_cid = att_channel;
  address.l2_bdaddr_type = BDADDR_LE_PUBLIC;
  if (const auto parsed = ble::parse_address(text)) {
    std::memcpy(&address.l2_bdaddr, parsed->bytes.data(), parsed->bytes.size());
  }
  return address;
}

int end(int status, const std::string& why) {
  fmt::print("probe: {}\n", why);
  return status;
}

std::string raw_of(std::string_view hex) {
  std::string raw;
  for (std::size_t i = 0; i + 1 < hex.size(); i += 2) {
    raw += static_cast<char>(std::stoi(std::string(hex.substr(i, 2)), nullptr, 16));
  }
  return raw;
}

class Push {
 public:
  Push(int socket, std::string content, std::string hash)
      : socket_(socket), content_(std::move(content)), hash_(std::move(hash)) {}

  int run() {
    for (;;) {
      if (gatt_.failed()) return end(1, gatt_.failure());
      if (gatt_.ready() && !begun_) begin();
      if (begun_ && client_.idle()) return status_;
      if (!write()) return end(lost, "lost while writing");
      const auto due = client_.deadline();
      auto wait = std::chrono::milliseconds(10000);
      if (due) {
        const auto left = *due - steady_clock::now();
        wait = std::max(std::chrono::milliseconds(0),
                        std::chrono::ceil<std::chrono::milliseconds>(left));
      }
      pollfd readable{socket_, POLLIN, 0};
      const int ready = ::poll(&readable, 1, static_cast<int>(wait.count()));
      if (ready == 0 && !due) return end(1, "nothing comes");
      if (ready > 0 && !read()) return end(lost, "the link is lost");
      client_.on_time(steady_clock::now());
    }
  }

 private:
  static ble::GattTarget target() {
    ble::GattTarget target;
    target.service = *ble::parse_uuid("8d53dc1d-1db7-4cd3-868b-8a527460aa84");
    target.characteristic = *ble::parse_uuid("da2e7828-fbce-4e01-ae9e-261174997c48");
    return target;
  }

  void begin() {
    begun_ = true;
    fmt::print("probe: ready, MTU {}\n", gatt_.mtu());
    smp::UploadRequest request;
    request.size = content_.size();
    request.sha256 = Sha256::of(as_bytes(content_));
    request.image_hash = hash_;
    request.read = [this](std::uint64_t offset, std::span<std::byte> out) {
      std::memcpy(out.data(), content_.data() + offset, out.size());
      return true;
    };
    client_.upload(std::move(request), [this](const smp::Reply<smp::UploadResult>& result) {
      if (!result) {
        status_ = end(1, result.error().message);
        return;
      }
      status_ =
          end(0, fmt::format("done, from {}, {} packets, {} repeated", result->counts.resumed_from,
                             result->counts.packets, result->counts.repeated));
    });
  }

  bool write() {
    const auto now = steady_clock::now();
    for (;;) {
      while (const auto packet = gatt_.next_output()) {
        if (::send(socket_, packet->data(), packet->size(), MSG_NOSIGNAL) < 0) return false;
      }
      if (!gatt_.ready()) return true;
      const auto packet = client_.next_output(now);
      if (!packet) return true;
      gatt_.write(*packet);
      client_.written(now);
    }
  }

  bool read() {
    char packet[1024];
    const ssize_t size = ::recv(socket_, packet, sizeof packet, 0);
    if (size <= 0) return false;
    gatt_.received(as_bytes(std::string_view(packet, static_cast<std::size_t>(size))));
    return true;
  }

  int socket_;
  std::string content_;
  std::string hash_;
  bool begun_ = false;
  int status_ = 1;
  smp::Client client_{smp::ClientOptions()};
  smp::Reassembler reassembler_{
      [this](Bytes packet) { client_.received(packet, steady_clock::now()); }};
  ble::GattClient gatt_{target(), [this](Bytes value) { reassembler_.feed(value); }};
};

int run(char** values) {
  const int link = ::socket(AF_BLUETOOTH, SOCK_SEQPACKET | SOCK_CLOEXEC, BTPROTO_L2CAP);
  sockaddr_l2 here = address_of(values[1]);
  sockaddr_l2 there = address_of(values[2]);
  if (link < 0 || ::bind(link, reinterpret_cast<sockaddr*>(&here), sizeof here) != 0 ||
      ::connect(link, reinterpret_cast<sockaddr*>(&there), sizeof there) != 0) {
    return end(2, std::strerror(errno));
  }
  std::ifstream file(values[3], std::ios::binary);
  Push push(link, std::string(std::istreambuf_iterator<char>(file), {}), raw_of(values[4]));
  const int status = push.run();
  ::close(link);
  return status;
}

}  // namespace

int main(int count, char** values) {
  if (count != 5) return end(2, "ble_push_probe ADAPTER DEVICE FILE IMAGE_HASH");
  return run(values);
}
