// Which product a request belongs to.
#include <arpa/inet.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <cstring>

#include "transports/dialects/common.hpp"

namespace ferry::dialects {
namespace {

// A prefix of addresses, "10.1.0.0/16" or "fd00::/8"; a bare address stands for itself.
struct Network {
  int family = AF_INET;
  std::array<unsigned char, 16> address{};
  unsigned bits = 0;
};

std::optional<std::array<unsigned char, 16>> parse_address(int family, std::string_view text) {
  std::array<char, INET6_ADDRSTRLEN> name{};
  if (text.size() >= name.size()) return std::nullopt;
  std::memcpy(name.data(), text.data(), text.size());
  std::array<unsigned char, 16> address{};
  if (inet_pton(family, name.data(), address.data()) != 1) return std::nullopt;
  return address;
}

std::optional<Network> parse_network(std::string_view text) {
  Network network;
  const std::size_t slash = text.find('/');
  const std::string_view address = text.substr(0, slash);
  network.family = address.find(':') == std::string_view::npos ? AF_INET : AF_INET6;
  const unsigned longest = network.family == AF_INET ? 32 : 128;
  network.bits = longest;
  if (slash != std::string_view::npos) {
    const std::string_view digits = text.substr(slash + 1);
    const auto end = digits.data() + digits.size();
    const auto parsed = std::from_chars(digits.data(), end, network.bits);
    if (parsed.ec != std::errc() || parsed.ptr != end || network.bits > longest) {
      return std::nullopt;
    }
  }
  const auto bytes = parse_address(network.family, address);
  if (!bytes) return std::nullopt;
  network.address = *bytes;
  return network;
}

bool contains(const Network& network, std::string_view peer) {
  const auto address = parse_address(network.family, peer);
  if (!address) return false;
  for (unsigned bit = 0; bit < network.bits; bit += 8) {
    const unsigned rest = network.bits - bit;
    const auto mask = static_cast<unsigned char>(rest >= 8 ? 0xFF : 0xFF << (8 - rest));
    if (((network.address[bit / 8] ^ (*address)[bit / 8]) & mask) != 0) return false;
  }
  return true;
}

std::string_view trimmed(std::string_view text) {
  while (!text.empty() && text.front() == ' ') text.remove_prefix(1);
  while (!text.empty() && text.back() == ' ') text.remove_suffix(1);
  return text;
}

// Length of the profile's root when the path lies below it.
std::optional<std::size_t> root_length(const Profile& profile, std::string_view path) {
  std::string_view root = profile.match_path;
  while (!root.empty() && root.back() == '/') root.remove_suffix(1);
  if (profile.match_path.empty()) {
    if (path.size() <= profile.name.size() || path.front() != '/') return std::nullopt;
    if (path.substr(1, profile.name.size()) != profile.name) return std::nullopt;
    root = path.substr(0, profile.name.size() + 1);
  }
  if (path.size() <= root.size() || !path.starts_with(root) || path[root.size()] != '/') {
    return std::nullopt;
  }
  return root.size();
}

bool fits_query(const Profile& profile, const Request& request) {
  const std::size_t equals = profile.match_query.find('=');
  if (equals == std::string::npos) return false;
  const std::string_view wanted = profile.match_query;
  return query(request, wanted.substr(0, equals)) == wanted.substr(equals + 1);
}

bool fits_header(const Profile& profile, const Request& request) {
  const std::size_t colon = profile.match_header.find(':');
  if (colon == std::string::npos) return false;
  const std::string_view wanted = profile.match_header;
  return header(request, trimmed(wanted.substr(0, colon))) == trimmed(wanted.substr(colon + 1));
}

bool fits_address(const Profile& profile, const Request& request) {
  if (profile.match_address.empty()) return false;
  const auto network = parse_network(profile.match_address);
  return network && contains(*network, request.peer);
}

// The root as this device sees it: with `device_id = path` its id belongs to it.
Match match_of(const Profile& profile, const Request& request, std::size_t root) {
  if (profile.device_id == "path") {
    const std::size_t end = request.path.find('/', root + 1);
    if (end != std::string_view::npos) root = end;
  }
  return {&profile, request.path.substr(0, root)};
}

}  // namespace

Match select(const std::vector<Profile>& profiles, const Request& request,
             std::string_view fallback) {
  const Profile* best = nullptr;
  std::size_t longest = 0;
  for (const Profile& profile : profiles) {
    const auto root = root_length(profile, request.path);
    if (root && (best == nullptr || *root > longest)) {
      best = &profile;
      longest = *root;
    }
  }
  if (best != nullptr) return match_of(*best, request, longest);
  for (const auto fits : {fits_query, fits_header, fits_address}) {
    for (const Profile& profile : profiles) {
      if (fits(profile, request)) return match_of(profile, request, 0);
    }
  }
  for (const Profile& profile : profiles) {
    if (!fallback.empty() && profile.name == fallback) return match_of(profile, request, 0);
  }
  return {};
}

Status check_match(const Profile& profile) {
  const auto wrong = [&](std::string_view key, std::string_view value, std::string_view wanted) {
    return fail(ErrorCode::invalid, "[product." + profile.name + "] " + std::string(key) + ": '" +
                                        std::string(value) + "' is not " + std::string(wanted));
  };
  if (!profile.match_path.empty() && profile.match_path.front() != '/') {
    return wrong("match_path", profile.match_path, "a path that starts with '/'");
  }
  if (!profile.match_query.empty() && profile.match_query.find('=') == std::string::npos) {
    return wrong("match_query", profile.match_query, "key=value");
  }
  if (!profile.match_header.empty() && profile.match_header.find(':') == std::string::npos) {
    return wrong("match_header", profile.match_header, "'Header: value'");
  }
  if (!profile.match_address.empty() && !parse_network(profile.match_address)) {
    return wrong("match_address", profile.match_address, "a network such as 10.1.0.0/16");
  }
  return {};
}

}  // namespace ferry::dialects
