#include "tests/contract/smp_fetch.hpp"

#include <poll.h>
#include <sys/socket.h>

#include <array>
#include <optional>
#include <string>
#include <vector>

#include "transports/smp/packet.hpp"

namespace ferry::contract {
namespace {

constexpr int answer_wait = 1000;  // milliseconds; then it asks again
constexpr int most_attempts = 20;

std::optional<smp::Json> ask(int socket, std::uint8_t sequence, std::size_t offset) {
  const smp::Json body = {{"name", "/meter/firmware"}, {"off", offset}};
  const std::vector<std::uint8_t> cbor = smp::Json::to_cbor(body);
  smp::Header header;
  header.group = smp::group::files;
  header.sequence = sequence;
  header.command = smp::command::file_transfer;
  const std::string packet = smp::encode(
      header, std::string_view(reinterpret_cast<const char*>(cbor.data()), cbor.size()));
  for (int attempt = 0; attempt < most_attempts; ++attempt) {
    if (::send(socket, packet.data(), packet.size(), MSG_NOSIGNAL) < 0) return std::nullopt;
    pollfd readable{socket, POLLIN, 0};
    if (::poll(&readable, 1, answer_wait) <= 0) continue;
    std::array<std::byte, 4096> answered{};
    const ssize_t size = ::recv(socket, answered.data(), answered.size(), 0);
    if (size <= 0) return std::nullopt;
    const auto answer = smp::decode(Bytes(answered.data(), static_cast<std::size_t>(size)));
    if (answer && answer->header.sequence == sequence) return answer->body;
  }
  return std::nullopt;
}

}  // namespace

void fetch_file(int socket, const std::function<void(std::string_view piece)>& take) {
  std::size_t length = 1;
  std::uint8_t sequence = 0;
  for (std::size_t offset = 0; offset < length;) {
    const std::optional<smp::Json> answer = ask(socket, ++sequence, offset);
    if (!answer || !answer->contains("data")) return;
    if (answer->contains("len")) length = answer->at("len").get<std::size_t>();
    const auto& piece = answer->at("data").get_binary();
    if (piece.empty()) return;
    offset += piece.size();
    take(std::string_view(reinterpret_cast<const char*>(piece.data()), piece.size()));
  }
}

}  // namespace ferry::contract
