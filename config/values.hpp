// The types of values that settings have: how each is read from its text, and how a person is told
// that a text is none ("'80a' is not an address:port": the noun).
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <string_view>

#include "base/clock.hpp"
#include "base/log.hpp"
#include "config/settings.hpp"
#include "formats/dialect_names.hpp"

namespace ferry::config::values {

struct Text {
  static constexpr std::string_view noun = "a text";
  static std::optional<std::string> parse(std::string_view text) { return std::string(text); }
};

struct Name {
  static constexpr std::string_view noun = "a name (letters, digits and . _ + ~ -, at most 120)";
  static std::optional<std::string> parse(std::string_view text);
};

// A name that MQTT allows inside a topic.
struct TopicPart {
  static constexpr std::string_view noun = "a name (letters, digits and . _ ~ -, at most 120)";
  static std::optional<std::string> parse(std::string_view text);
};

// Several topic parts with '/' between.
struct Topic {
  static constexpr std::string_view noun = "a topic (names with '/' between)";
  static std::optional<std::string> parse(std::string_view text);
};

struct Boolean {
  static constexpr std::string_view noun = "yes or no";
  static std::optional<bool> parse(std::string_view text);
};

// Bytes; K, M, G, T are powers of 1024.
struct Size {
  static constexpr std::string_view noun = "a size like 4G, 512M, 64K or a number of bytes";
  static std::optional<std::uint64_t> parse(std::string_view text);
};

// 1 ms to ten years; ms, s, min, h, d.
struct Time {
  static constexpr std::string_view noun = "a time like 100ms, 30s, 10min, 24h or 7d";
  static std::optional<Duration> parse(std::string_view text);
};

// 1 ms to a day.
struct Timeout {
  static constexpr std::string_view noun = "a time of at most 24h, like 100ms, 30s or 10min";
  static std::optional<Duration> parse(std::string_view text);
};

struct Count {
  static constexpr std::string_view noun = "a number from 1 to 10000000";
  static std::optional<std::uint64_t> parse(std::string_view text);
};

struct Connections {
  static constexpr std::string_view noun = "a number from 1 to 65535";
  static std::optional<std::uint64_t> parse(std::string_view text);
};

struct AbsolutePath {
  static constexpr std::string_view noun = "an absolute path";
  static std::optional<std::filesystem::path> parse(std::string_view text);
};

// Where to listen: an IP address (IPv6 in brackets) and a port; port 0 lets the system choose.
struct Endpoint {
  static constexpr std::string_view noun = "an address:port";
  static std::optional<std::string> parse(std::string_view text);
};

// Where to connect to: a host name or an IP address (IPv6 in brackets), and a port.
struct Broker {
  static constexpr std::string_view noun = "a host:port";
  static std::optional<HostPort> parse(std::string_view text);
};

// http:// or https://, no user, query or fragment; given back with a '/' at the end.
struct SiteUrl {
  static constexpr std::string_view noun =
      "a URL like https://host/path/ without user, query and fragment";
  static std::optional<std::string> parse(std::string_view text);
};

// An Ed25519 public key: base64 of 32 bytes, or the absolute path of a PEM file.
struct PublicKey {
  static constexpr std::string_view noun =
      "a public key (base64 of 32 bytes, or a PEM file's absolute path)";
  static std::optional<std::string> parse(std::string_view text);
};

struct LogLevel {
  static constexpr std::string_view noun = "one of debug, info, warning, error";
  static std::optional<log::Level> parse(std::string_view text) { return log::level_from(text); }
};

struct Type {
  static constexpr std::string_view noun = "one of directory, https, tuf, aws-jobs";
  static std::optional<SourceType> parse(std::string_view text);
};

struct TrustKind {
  static constexpr std::string_view noun = "one of signature, tls";
  static std::optional<Trust> parse(std::string_view text);
};

struct Order {
  static constexpr std::string_view noun = "one of loose, semver";
  static std::optional<VersionOrder> parse(std::string_view text);
};

struct Dialect {
  static constexpr std::string_view noun = formats::one_of_dialects;
  static std::optional<std::string> parse(std::string_view text);
};

struct NothingToDo {
  static constexpr std::string_view noun = "one of not-found, empty, no-content, not-modified";
  static std::optional<std::string> parse(std::string_view text);
};

struct BlockCheck {
  static constexpr std::string_view noun = "one of skip-last, whole-blocks";
  static std::optional<std::string> parse(std::string_view text);
};

// A field of a JSON document; "" none.
struct JsonField {
  static constexpr std::string_view noun =
      "a field (letters, digits, _ and -, a dot for each of at most seven steps down)";
  static std::optional<std::string> parse(std::string_view text);
};

struct HashKind {
  static constexpr std::string_view noun = "one of sha256, sha1, md5";
  static std::optional<std::string> parse(std::string_view text);
};

struct PathPrefix {
  static constexpr std::string_view noun = "a path that begins with '/', without query and blanks";
  static std::optional<std::string> parse(std::string_view text);
};

struct QueryMatch {
  static constexpr std::string_view noun = "of the form key=value";
  static std::optional<std::string> parse(std::string_view text);
};

struct HeaderMatch {
  static constexpr std::string_view noun = "of the form Header: value";
  static std::optional<std::string> parse(std::string_view text);
};

struct Network {
  static constexpr std::string_view noun = "a network like 10.1.0.0/16";
  static std::optional<std::string> parse(std::string_view text);
};

struct DeviceId {
  static constexpr std::string_view noun = "one of address, path, query:KEY, header:NAME";
  static std::optional<std::string> parse(std::string_view text);
};

struct DeviceVersion {
  static constexpr std::string_view noun = "one of query:KEY, header:NAME";
  static std::optional<std::string> parse(std::string_view text);
};

// Serial lines.
struct PortPatterns {
  static constexpr std::string_view noun =
      "absolute paths, which may have * and ?, separated by blanks or commas";
  static std::optional<std::string> parse(std::string_view text);
};

struct SerialDialect {
  static constexpr std::string_view noun = "one of smp, pull, raw, xmodem, ymodem";
  static std::optional<std::string> parse(std::string_view text);
};

struct Parity {
  static constexpr std::string_view noun = "one of none, even, odd";
  static std::optional<std::string> parse(std::string_view text);
};

struct StopBits {
  static constexpr std::string_view noun = "1 or 2";
  static std::optional<std::string> parse(std::string_view text);
};

struct FlowControl {
  static constexpr std::string_view noun = "one of none, rtscts, xonxoff";
  static std::optional<std::string> parse(std::string_view text);
};

struct SerialDeviceId {
  static constexpr std::string_view noun = "one of port, info";
  static std::optional<std::string> parse(std::string_view text);
};

// Devices behind UDP.
struct UdpDialect {
  static constexpr std::string_view noun = "one of smp, pull, yaota8266";
  static std::optional<std::string> parse(std::string_view text);
};

struct UdpPeers {
  static constexpr std::string_view noun =
      "numeric addresses, which may have a port, separated by blanks or commas";
  static std::optional<std::string> parse(std::string_view text);
};

struct UdpDiscovery {
  static constexpr std::string_view noun = "one of no, packet, mdns, all";
  static std::optional<std::string> parse(std::string_view text);
};

struct UdpDeviceId {
  static constexpr std::string_view noun = "one of address, info";
  static std::optional<std::string> parse(std::string_view text);
};

struct Baud {
  static constexpr std::string_view noun = "a number of bits a second from 50 to 100000000";
  static std::optional<std::uint64_t> parse(std::string_view text);
};

// A value as its section's plugin gets it: times in milliseconds, sizes in bytes,
// yes or no.
inline std::string normalized(const std::string& value) {
  return value;
}
inline std::string normalized(const std::filesystem::path& value) {
  return value.string();
}
inline std::string normalized(std::uint64_t value) {
  return std::to_string(value);
}
inline std::string normalized(bool value) {
  return value ? "yes" : "no";
}
inline std::string normalized(Duration value) {
  return std::to_string(value.count());
}

}  // namespace ferry::config::values
