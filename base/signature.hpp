// Ed25519 signatures by OpenSSL: what makes an index believed.
#pragma once

#include <array>
#include <filesystem>
#include <memory>
#include <string>
#include <string_view>

#include "base/digest.hpp"
#include "base/result.hpp"

namespace ferry {

// The half that everybody may know. A value; verify() may be called from any thread.
class PublicKey {
 public:
  static constexpr std::size_t size = 32;            // bytes of the key
  static constexpr std::size_t signature_size = 64;  // bytes of a signature

  // Base64 of the 32 raw bytes, or else the path of a PEM file ("BEGIN PUBLIC KEY").
  static Result<PublicKey> load(const std::string& base64_or_file);
  static Result<PublicKey> from_raw(Bytes raw);

  // First 16 hex digits of the raw bytes' SHA-256: a hint which key it was, never a reason for
  // trust.
  std::string key_id() const;
  std::string base64() const;
  bool verify(Bytes message, Bytes signature) const;
  bool operator==(const PublicKey&) const = default;

 private:
  std::array<std::byte, size> raw_{};
};

// The half that signs. Movable; sign() may be called from any thread.
class PrivateKey {
 public:
  // An unencrypted PEM file ("BEGIN PRIVATE KEY"), as write() and `openssl genpkey -algorithm
  // ed25519` make.
  static Result<PrivateKey> load(const std::filesystem::path& file);
  static Result<PrivateKey> generate();
  PrivateKey(PrivateKey&&) noexcept;
  PrivateKey& operator=(PrivateKey&&) noexcept;
  ~PrivateKey();

  // Writes a new PEM file of mode 0600. ErrorCode::exists when there is a file: a key is never
  // replaced.
  Status write(const std::filesystem::path& file) const;
  Result<PublicKey> public_key() const;
  // 64 raw bytes.
  Result<std::string> sign(Bytes message) const;

 private:
  struct State;
  explicit PrivateKey(std::unique_ptr<State> state);
  std::unique_ptr<State> state_;
};

// What `ferryctl keygen FILE` does: a new key in `file`, and the public half to paste into
// ferry.ini.
Result<PublicKey> generate_key_file(const std::filesystem::path& file);

}  // namespace ferry
