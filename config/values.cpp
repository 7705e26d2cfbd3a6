#include "config/values.hpp"

#include <arpa/inet.h>

#include <algorithm>
#include <array>
#include <limits>

#include "base/base64.hpp"
#include "config/parsing.hpp"
#include "formats/release.hpp"

namespace ferry::config::values {
namespace {

using std::nullopt;
using std::optional;
using std::string;
using std::string_view;

bool is_letter_or_digit(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
}

bool consists_of(string_view text, string_view others) {
  return std::all_of(text.begin(), text.end(), [&](char c) {
    return is_letter_or_digit(c) || others.find(c) != string_view::npos;
  });
}

// The number in front and the unit behind it.
struct Quantity {
  std::uint64_t number = 0;
  string_view unit;
};

optional<Quantity> quantity(string_view text) {
  const auto digits = std::min(text.find_first_not_of("0123456789"), text.size());
  const auto number = decimal(text.substr(0, digits));
  if (!number) return nullopt;
  return Quantity{*number, text.substr(digits)};
}

optional<std::uint64_t> scaled(std::uint64_t number, std::uint64_t factor, std::uint64_t most) {
  if (number > most / factor) return nullopt;
  return number * factor;
}

bool is_ip_address(int family, const string& text) {
  in6_addr address{};
  return inet_pton(family, text.c_str(), &address) == 1;
}

// "host:port" or "[host]:port"; brackets are kept out of `host` and told apart by `bracketed`.
struct Parts {
  string host;
  std::uint16_t port = 0;
  bool bracketed = false;
};

optional<Parts> split_host_port(string_view text) {
  const auto colon = text.rfind(':');
  if (colon == string_view::npos) return nullopt;
  const auto port = between(text.substr(colon + 1), 0, std::numeric_limits<std::uint16_t>::max());
  if (!port) return nullopt;
  Parts parts{string(text.substr(0, colon)), static_cast<std::uint16_t>(*port), false};
  if (parts.host.starts_with('[') && parts.host.ends_with(']')) {
    parts.host = parts.host.substr(1, parts.host.size() - 2);
    parts.bracketed = true;
  }
  return parts;
}

bool is_host_name(string_view text) {
  return !text.empty() && text.size() <= 253 && text.front() != '.' && text.front() != '-' &&
         consists_of(text, ".-_");
}

bool is_base64_of_32_bytes(string_view text) {
  const auto raw = from_base64(text);
  return raw && raw->size() == 32;
}

bool is_token(string_view text) {
  return !text.empty() && consists_of(text, "._~-");
}

// "query:KEY" or "header:NAME".
bool names_field(string_view text) {
  for (const string_view place : {"query:", "header:"}) {
    if (text.starts_with(place)) return is_token(text.substr(place.size()));
  }
  return false;
}

template <std::size_t Count>
optional<string> one_of(string_view text, const std::array<string_view, Count>& choices) {
  if (std::find(choices.begin(), choices.end(), text) == choices.end()) return nullopt;
  return string(text);
}

}  // namespace

optional<string> Name::parse(string_view text) {
  if (!formats::is_name(text)) return nullopt;
  return string(text);
}

optional<string> TopicPart::parse(string_view text) {
  if (!formats::is_name(text) || text.find('+') != string_view::npos) return nullopt;
  return string(text);
}

optional<string> Topic::parse(string_view text) {
  for (auto rest = text;;) {
    const auto slash = std::min(rest.find('/'), rest.size());
    if (!TopicPart::parse(rest.substr(0, slash))) return nullopt;
    if (slash == rest.size()) return string(text);
    rest.remove_prefix(slash + 1);
  }
}

optional<bool> Boolean::parse(string_view text) {
  if (text == "yes" || text == "true" || text == "on") return true;
  if (text == "no" || text == "false" || text == "off") return false;
  return nullopt;
}

optional<std::uint64_t> Size::parse(string_view text) {
  const auto parts = quantity(text);
  if (!parts) return nullopt;
  unsigned shift = 0;
  if (!parts->unit.empty()) {
    const auto unit = string_view("KMGT").find(parts->unit.front());
    if (unit == string_view::npos || parts->unit.size() > 1) return nullopt;
    shift = 10U * (static_cast<unsigned>(unit) + 1U);
  }
  // SQLite and off_t count in signed 64 bits.
  return scaled(parts->number, 1ULL << shift, std::numeric_limits<std::int64_t>::max());
}

optional<Duration> Time::parse(string_view text) {
  struct Unit {
    string_view name;
    std::uint64_t ms;
  };
  constexpr std::array<Unit, 5> units = {
      {{"ms", 1}, {"s", 1000}, {"min", 60'000}, {"h", 3'600'000}, {"d", 86'400'000}}};
  constexpr std::uint64_t ten_years = 3650ULL * 86'400'000ULL;
  const auto parts = quantity(text);
  if (!parts || parts->number == 0) return nullopt;
  for (const auto& unit : units) {
    if (unit.name != parts->unit) continue;
    const auto ms = scaled(parts->number, unit.ms, ten_years);
    if (!ms) return nullopt;
    return Duration(*ms);
  }
  return nullopt;
}

optional<Duration> Timeout::parse(string_view text) {
  const auto time = Time::parse(text);
  if (!time || *time > std::chrono::hours(24)) return nullopt;
  return time;
}

optional<std::uint64_t> Count::parse(string_view text) {
  return between(text, 1, 10'000'000);
}

optional<std::uint64_t> Connections::parse(string_view text) {
  return between(text, 1, 65'535);
}

optional<std::filesystem::path> AbsolutePath::parse(string_view text) {
  if (!text.starts_with('/')) return nullopt;
  return std::filesystem::path(text);
}

optional<string> Endpoint::parse(string_view text) {
  const auto parts = split_host_port(text);
  if (!parts || !is_ip_address(parts->bracketed ? AF_INET6 : AF_INET, parts->host)) return nullopt;
  return string(text);
}

optional<HostPort> Broker::parse(string_view text) {
  const auto parts = split_host_port(text);
  if (!parts || parts->port == 0) return nullopt;
  if (parts->bracketed ? !is_ip_address(AF_INET6, parts->host) : !is_host_name(parts->host)) {
    return nullopt;
  }
  return HostPort{parts->host, parts->port};
}

optional<string> SiteUrl::parse(string_view text) {
  auto rest = text;
  if (rest.starts_with("https://")) {
    rest.remove_prefix(8);
  } else if (rest.starts_with("http://")) {
    rest.remove_prefix(7);
  } else {
    return nullopt;
  }
  if (rest.empty() || rest.front() == '/' ||
      rest.find_first_of(" \t?#@\\\"<>") != string_view::npos) {
    return nullopt;
  }
  string url(text);
  if (!url.ends_with('/')) url += '/';
  return url;
}

optional<string> PublicKey::parse(string_view text) {
  if (!text.starts_with('/') && !is_base64_of_32_bytes(text)) return nullopt;
  return string(text);
}

optional<SourceType> Type::parse(string_view text) {
  if (text == "directory") return SourceType::directory;
  if (text == "https") return SourceType::https;
  if (text == "tuf") return SourceType::tuf;
  if (text == "aws-jobs") return SourceType::aws_jobs;
  return nullopt;
}

optional<Trust> TrustKind::parse(string_view text) {
  if (text == "signature") return Trust::signature;
  if (text == "tls") return Trust::tls;
  return nullopt;
}

optional<VersionOrder> Order::parse(string_view text) {
  if (text == "loose") return VersionOrder::loose;
  if (text == "semver") return VersionOrder::semver;
  return nullopt;
}

optional<string> Dialect::parse(string_view text) {
  if (!formats::is_listed(formats::dialect_names, text)) return nullopt;
  return string(text);
}

optional<string> NothingToDo::parse(string_view text) {
  constexpr std::array<string_view, 4> answers = {"not-found", "empty", "no-content",
                                                  "not-modified"};
  return one_of(text, answers);
}

optional<string> BlockCheck::parse(string_view text) {
  constexpr std::array<string_view, 2> checks = {"skip-last", "whole-blocks"};
  return one_of(text, checks);
}

optional<string> JsonField::parse(string_view text) {
  constexpr std::size_t most_steps = 8;
  std::size_t steps = 0;
  for (auto rest = text; !text.empty();) {
    const auto dot = std::min(rest.find('.'), rest.size());
    if (dot == 0 || !consists_of(rest.substr(0, dot), "_-") || ++steps > most_steps) return nullopt;
    if (dot == rest.size()) break;
    rest.remove_prefix(dot + 1);
  }
  return string(text);
}

optional<string> HashKind::parse(string_view text) {
  constexpr std::array<string_view, 3> kinds = {"sha256", "sha1", "md5"};
  return one_of(text, kinds);
}

optional<string> PortPatterns::parse(string_view text) {
  constexpr string_view separators = " \t,";
  bool any = false;
  for (auto rest = text;;) {
    rest.remove_prefix(std::min(rest.find_first_not_of(separators), rest.size()));
    if (rest.empty()) return any ? optional(string(text)) : nullopt;
    if (!rest.starts_with('/')) return nullopt;
    rest.remove_prefix(std::min(rest.find_first_of(separators), rest.size()));
    any = true;
  }
}

optional<string> SerialDialect::parse(string_view text) {
  constexpr std::array<string_view, 5> dialects = {"smp", "pull", "raw", "xmodem", "ymodem"};
  return one_of(text, dialects);
}

optional<string> Parity::parse(string_view text) {
  constexpr std::array<string_view, 3> parities = {"none", "even", "odd"};
  return one_of(text, parities);
}

optional<string> StopBits::parse(string_view text) {
  constexpr std::array<string_view, 2> counts = {"1", "2"};
  return one_of(text, counts);
}

optional<string> FlowControl::parse(string_view text) {
  constexpr std::array<string_view, 3> kinds = {"none", "rtscts", "xonxoff"};
  return one_of(text, kinds);
}

optional<string> SerialDeviceId::parse(string_view text) {
  constexpr std::array<string_view, 2> places = {"port", "info"};
  return one_of(text, places);
}

optional<string> UdpDialect::parse(string_view text) {
  constexpr std::array<string_view, 3> dialects = {"smp", "pull", "yaota8266"};
  return one_of(text, dialects);
}

optional<string> UdpPeers::parse(string_view text) {
  constexpr string_view separators = " \t,";
  for (auto rest = text;;) {
    rest.remove_prefix(std::min(rest.find_first_not_of(separators), rest.size()));
    if (rest.empty()) return string(text);
    const string_view peer = rest.substr(0, rest.find_first_of(separators));
    const bool plain =
        is_ip_address(AF_INET, string(peer)) || is_ip_address(AF_INET6, string(peer));
    if (!plain && !Endpoint::parse(peer)) return nullopt;
    rest.remove_prefix(peer.size());
  }
}

optional<string> UdpDiscovery::parse(string_view text) {
  constexpr std::array<string_view, 4> ways = {"no", "packet", "mdns", "all"};
  return one_of(text, ways);
}

optional<string> UdpDeviceId::parse(string_view text) {
  constexpr std::array<string_view, 2> places = {"address", "info"};
  return one_of(text, places);
}

optional<std::uint64_t> Baud::parse(string_view text) {
  return between(text, 50, 100'000'000);
}

optional<string> PathPrefix::parse(string_view text) {
  if (!text.starts_with('/') || text.find_first_of(" \t?#") != string_view::npos) return nullopt;
  return string(text);
}

optional<string> QueryMatch::parse(string_view text) {
  const auto equals = text.find('=');
  if (equals == string_view::npos || !is_token(text.substr(0, equals))) return nullopt;
  return string(text);
}

optional<string> HeaderMatch::parse(string_view text) {
  const auto colon = text.find(": ");
  if (colon == string_view::npos || !is_token(text.substr(0, colon))) return nullopt;
  return string(text);
}

optional<string> Network::parse(string_view text) {
  const auto slash = std::min(text.find('/'), text.size());
  const string address(text.substr(0, slash));
  const bool is_v4 = is_ip_address(AF_INET, address);
  if (slash == text.size() || (!is_v4 && !is_ip_address(AF_INET6, address))) return nullopt;
  if (!between(text.substr(slash + 1), 0, is_v4 ? 32 : 128)) return nullopt;
  return string(text);
}

optional<string> DeviceId::parse(string_view text) {
  if (text != "address" && text != "path" && !names_field(text)) return nullopt;
  return string(text);
}

optional<string> DeviceVersion::parse(string_view text) {
  if (!names_field(text)) return nullopt;
  return string(text);
}

}  // namespace ferry::config::values

namespace ferry::config {

std::string_view to_string(SourceType type) {
  constexpr std::array<std::string_view, 4> names = {"directory", "https", "tuf", "aws-jobs"};
  return names[static_cast<std::size_t>(type)];
}

}  // namespace ferry::config
