#include "transports/ble/advertisement.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "transports/ble/numbers.hpp"

namespace ferry::ble {
namespace {

// Kinds of data structures (Assigned Numbers, 2.3).
constexpr std::uint8_t services_16_some = 0x02;
constexpr std::uint8_t services_16 = 0x03;
constexpr std::uint8_t services_32_some = 0x04;
constexpr std::uint8_t services_32 = 0x05;
constexpr std::uint8_t services_128_some = 0x06;
constexpr std::uint8_t services_128 = 0x07;
constexpr std::uint8_t name_short = 0x08;
constexpr std::uint8_t name_whole = 0x09;
constexpr std::uint8_t manufacturer = 0xFF;

constexpr std::size_t most_services = 32;

void add_services(Bytes list, std::size_t size, Advertisement& into) {
  for (; list.size() >= size && into.services.size() < most_services; list = list.subspan(size)) {
    if (const auto uuid = uuid_from(list.first(size))) into.services.push_back(*uuid);
  }
}

void take(std::uint8_t kind, Bytes value, Advertisement& into) {
  switch (kind) {
    case services_16_some:
    case services_16:
      return add_services(value, 2, into);
    case services_32_some:
    case services_32:
      return add_services(value, 4, into);
    case services_128_some:
    case services_128:
      return add_services(value, 16, into);
    case name_short:
      if (into.name.empty()) into.name = as_text(value);
      return;
    case name_whole:
      into.name = as_text(value);
      return;
    case manufacturer:
      if (value.size() < 2) return;
      into.company = static_cast<std::uint16_t>(byte_at(value, 0) | byte_at(value, 1) << 8U);
      into.manufacturer_data = as_text(value.subspan(2));
      return;
    default:
      return;
  }
}

}  // namespace

std::string to_string(const Address& address) {
  const auto& b = address.bytes;
  return fmt::format("{:02X}:{:02X}:{:02X}:{:02X}:{:02X}:{:02X}", b[5], b[4], b[3], b[2], b[1],
                     b[0]);
}

std::optional<Address> parse_address(std::string_view text) {
  constexpr std::size_t length = 17;
  constexpr std::string_view digits = "0123456789ABCDEF";
  if (text.size() != length) return std::nullopt;
  Address address;
  for (std::size_t i = 0; i < address.bytes.size(); ++i) {
    unsigned value = 0;
    for (const char c : text.substr(3 * i, 2)) {
      const std::size_t digit = digits.find(c >= 'a' && c <= 'f' ? static_cast<char>(c - 32) : c);
      if (digit == digits.npos) return std::nullopt;
      value = value * 16 + static_cast<unsigned>(digit);
    }
    if (i > 0 && text[3 * i - 1] != ':') return std::nullopt;
    address.bytes[address.bytes.size() - 1 - i] = static_cast<std::uint8_t>(value);
  }
  return address;
}

void read_advertising_data(Bytes data, Advertisement& into) {
  while (data.size() >= 2) {
    const std::size_t length = byte_at(data, 0);
    if (length == 0 || length > data.size() - 1) return;
    take(byte_at(data, 1), data.subspan(2, length - 1), into);
    data = data.subspan(1 + length);
  }
}

bool fits_pattern(std::string_view pattern, std::string_view text) {
  // Where the last star was met, and how much of the text it swallows so far.
  std::size_t star = pattern.npos;
  std::size_t swallowed = 0;
  std::size_t p = 0;
  std::size_t t = 0;
  while (t < text.size()) {
    if (p < pattern.size() && pattern[p] == '*') {
      star = p++;
      swallowed = t;
    } else if (p < pattern.size() && pattern[p] == text[t]) {
      ++p;
      ++t;
    } else if (star != pattern.npos) {
      p = star + 1;
      t = ++swallowed;
    } else {
      return false;
    }
  }
  return pattern.find_first_not_of('*', p) == pattern.npos;
}

bool fits(const Filter& filter, const Advertisement& advertisement) {
  const auto has = [](const auto& list, const auto& wanted) {
    return std::find(list.begin(), list.end(), wanted) != list.end();
  };
  if (!advertisement.connectable) return false;
  if (!filter.services.empty() &&
      std::none_of(filter.services.begin(), filter.services.end(),
                   [&](const Uuid& uuid) { return has(advertisement.services, uuid); })) {
    return false;
  }
  if (!filter.name.empty() && !fits_pattern(filter.name, advertisement.name)) return false;
  if (filter.company && filter.company != advertisement.company) return false;
  if (!advertisement.manufacturer_data.starts_with(filter.manufacturer_data)) return false;
  if (!filter.addresses.empty() && !has(filter.addresses, advertisement.address.bytes)) {
    return false;
  }
  return !filter.least_signal || advertisement.signal == 0 ||
         advertisement.signal >= *filter.least_signal;
}

}  // namespace ferry::ble
