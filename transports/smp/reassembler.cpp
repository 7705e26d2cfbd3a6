#include "transports/smp/reassembler.hpp"

#include <algorithm>
#include <utility>

namespace ferry::smp {
namespace {

std::size_t size_told(std::string_view header) {
  const auto high = static_cast<std::uint8_t>(header[2]);
  const auto low = static_cast<std::uint8_t>(header[3]);
  return header_size + (static_cast<std::size_t>(high) << 8U | low);
}

}  // namespace

void Reassembler::feed(Bytes piece) {
  std::string_view rest = as_text(piece);
  while (!rest.empty()) {
    const std::size_t wanted = held_.size() < header_size ? header_size : size_told(held_);
    const std::size_t taken = std::min(wanted - held_.size(), rest.size());
    held_.append(rest.substr(0, taken));
    rest.remove_prefix(taken);
    if (held_.size() < header_size) return;
    if (size_told(held_) > limit_) return held_.clear();
    if (held_.size() < size_told(held_)) continue;
    const std::string packet = std::exchange(held_, {});
    packet_(as_bytes(packet));
  }
}

}  // namespace ferry::smp
