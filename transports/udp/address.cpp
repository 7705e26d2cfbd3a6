#include "transports/udp/address.hpp"

#include <arpa/inet.h>
#include <fmt/format.h>

#include <array>
#include <charconv>
#include <cstring>

namespace ferry::udp {
namespace {

template <typename Number>
bool read_number(std::string_view text, Number& number) {
  const char* const end = text.data() + text.size();
  const auto parsed = std::from_chars(text.data(), end, number);
  return !text.empty() && parsed.ec == std::errc() && parsed.ptr == end;
}

template <typename Raw>
std::string bytes_of(const Raw& raw) {
  return std::string(reinterpret_cast<const char*>(&raw), sizeof raw);
}

}  // namespace

Address Address::of(in_addr address, std::uint16_t port) {
  Address made;
  made.family_ = AF_INET;
  made.port_ = port;
  made.raw_ = bytes_of(address);
  return made;
}

std::optional<Address> Address::parse(std::string_view text, std::uint16_t port) {
  std::string_view host = text;
  const std::size_t colon = text.rfind(':');
  const bool bracketed = text.starts_with('[');
  const bool one_colon = colon != text.npos && text.find(':') == colon;
  if (bracketed) {
    const std::size_t end = text.find(']');
    if (end == text.npos) return std::nullopt;
    host = text.substr(1, end - 1);
    const std::string_view rest = text.substr(end + 1);
    if (!rest.empty() && (rest[0] != ':' || !read_number(rest.substr(1), port))) {
      return std::nullopt;
    }
  } else if (one_colon) {
    host = text.substr(0, colon);
    if (!read_number(text.substr(colon + 1), port)) return std::nullopt;
  }
  Address made;
  made.port_ = port;
  const std::size_t percent = host.find('%');
  if (percent != host.npos && !read_number(host.substr(percent + 1), made.scope_)) {
    return std::nullopt;
  }
  const std::string plain(host.substr(0, percent));
  in_addr v4{};
  in6_addr v6{};
  if (!bracketed && ::inet_pton(AF_INET, plain.c_str(), &v4) == 1) return of(v4, port);
  if (::inet_pton(AF_INET6, plain.c_str(), &v6) != 1) return std::nullopt;
  made.family_ = AF_INET6;
  made.raw_ = bytes_of(v6);
  return made;
}

Address Address::from(const sockaddr_storage& raw) {
  if (raw.ss_family == AF_INET) {
    const auto& v4 = reinterpret_cast<const sockaddr_in&>(raw);
    return of(v4.sin_addr, ntohs(v4.sin_port));
  }
  Address made;
  if (raw.ss_family != AF_INET6) return made;
  const auto& v6 = reinterpret_cast<const sockaddr_in6&>(raw);
  made.port_ = ntohs(v6.sin6_port);
  if (IN6_IS_ADDR_V4MAPPED(&v6.sin6_addr)) {
    made.family_ = AF_INET;
    made.raw_ = bytes_of(v6.sin6_addr).substr(12);
    return made;
  }
  made.family_ = AF_INET6;
  made.scope_ = v6.sin6_scope_id;
  made.raw_ = bytes_of(v6.sin6_addr);
  return made;
}

std::string Address::host() const {
  std::array<char, INET6_ADDRSTRLEN> text{};
  if (::inet_ntop(family_, raw_.data(), text.data(), static_cast<socklen_t>(text.size())) ==
      nullptr) {
    return "unknown";
  }
  return text.data();
}

std::string Address::text() const {
  return family_ == AF_INET6 ? fmt::format("[{}]:{}", host(), port_)
                             : fmt::format("{}:{}", host(), port_);
}

socklen_t Address::write(int socket_family, sockaddr_storage& out) const {
  std::memset(&out, 0, sizeof out);
  if (socket_family == AF_INET) {
    auto& v4 = reinterpret_cast<sockaddr_in&>(out);
    if (family_ != AF_INET) return 0;
    v4.sin_family = AF_INET;
    v4.sin_port = htons(port_);
    std::memcpy(&v4.sin_addr, raw_.data(), raw_.size());
    return sizeof v4;
  }
  auto& v6 = reinterpret_cast<sockaddr_in6&>(out);
  v6.sin6_family = AF_INET6;
  v6.sin6_port = htons(port_);
  v6.sin6_scope_id = scope_;
  if (family_ == AF_INET6) {
    std::memcpy(&v6.sin6_addr, raw_.data(), raw_.size());
  } else if (family_ == AF_INET) {
    v6.sin6_addr.s6_addr[10] = v6.sin6_addr.s6_addr[11] = 0xFF;
    std::memcpy(&v6.sin6_addr.s6_addr[12], raw_.data(), raw_.size());
  } else {
    return 0;
  }
  return sizeof v6;
}

}  // namespace ferry::udp
