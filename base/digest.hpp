// Digests by OpenSSL. SHA-256 is what Ferry trusts; SHA-1 and MD5 exist only because old devices
// ask for them and are computed from bytes already verified, never taken as input.
#pragma once

#include <array>
#include <compare>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>

namespace ferry {

using Bytes = std::span<const std::byte>;

inline Bytes as_bytes(std::string_view text) {
  return {reinterpret_cast<const std::byte*>(text.data()), text.size()};
}
inline std::string_view as_text(Bytes bytes) {
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

std::string to_hex(Bytes bytes);  // lower case

// A SHA-256 value: 32 bytes, ordered and hashable, written as 64 lower-case hex digits.
struct Sha256 {
  std::array<std::byte, 32> bytes{};

  static std::optional<Sha256> from_hex(std::string_view hex);  // exactly 64 digits, either case
  static std::optional<Sha256> from_bytes(Bytes raw);           // exactly 32 bytes
  static Sha256 of(Bytes content);
  std::string hex() const { return to_hex(bytes); }
  bool operator==(const Sha256&) const = default;
  auto operator<=>(const Sha256& other) const { return bytes <=> other.bytes; }
};

struct Sha256Hash {
  std::size_t operator()(const Sha256& value) const;
};

// sha384 and sha512 occur as hashes inside MCUboot images.
enum class Algorithm { sha256, sha1, md5, sha384, sha512 };

// Digests a stream. Not thread-safe; movable.
class Digester {
 public:
  explicit Digester(Algorithm algorithm);
  ~Digester();
  Digester(Digester&&) noexcept;
  Digester& operator=(Digester&&) noexcept;

  void update(Bytes content);
  // The digest so far; the stream may go on afterwards.
  std::string hex() const;
  Sha256 sha256() const;  // only for Algorithm::sha256
  void reset();

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace ferry
