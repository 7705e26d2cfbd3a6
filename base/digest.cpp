#include "base/digest.hpp"

#include <openssl/evp.h>

#include <algorithm>
#include <cstring>
#include <new>
#include <vector>

#include "base/hex.hpp"

namespace ferry {
namespace {

const EVP_MD* method_of(Algorithm algorithm) {
  switch (algorithm) {
    case Algorithm::sha1:
      return EVP_sha1();
    case Algorithm::md5:
      return EVP_md5();
    case Algorithm::sha384:
      return EVP_sha384();
    case Algorithm::sha512:
      return EVP_sha512();
    case Algorithm::sha256:
      break;
  }
  return EVP_sha256();
}

}  // namespace

std::string to_hex(Bytes bytes) {
  static constexpr char digits[] = "0123456789abcdef";
  std::string hex;
  hex.reserve(bytes.size() * 2);
  for (const std::byte byte : bytes) {
    hex.push_back(digits[std::to_integer<unsigned>(byte) >> 4]);
    hex.push_back(digits[std::to_integer<unsigned>(byte) & 15]);
  }
  return hex;
}

std::optional<Sha256> Sha256::from_hex(std::string_view hex) {
  Sha256 value;
  if (hex.size() != value.bytes.size() * 2) return std::nullopt;
  for (std::size_t i = 0; i < value.bytes.size(); ++i) {
    const int high = hex_value(hex[2 * i]);
    const int low = hex_value(hex[2 * i + 1]);
    if (high < 0 || low < 0) return std::nullopt;
    value.bytes[i] = static_cast<std::byte>(high * 16 + low);
  }
  return value;
}

std::optional<Sha256> Sha256::from_bytes(Bytes raw) {
  Sha256 value;
  if (raw.size() != value.bytes.size()) return std::nullopt;
  std::copy(raw.begin(), raw.end(), value.bytes.begin());
  return value;
}

Sha256 Sha256::of(Bytes content) {
  Sha256 value;
  EVP_Digest(content.data(), content.size(), reinterpret_cast<unsigned char*>(value.bytes.data()),
             nullptr, EVP_sha256(), nullptr);
  return value;
}

std::size_t Sha256Hash::operator()(const Sha256& value) const {
  std::size_t hash = 0;
  std::memcpy(&hash, value.bytes.data(), sizeof hash);  // a digest is its own hash
  return hash;
}

struct Digester::State {
  explicit State(Algorithm algorithm) : method(method_of(algorithm)), context(EVP_MD_CTX_new()) {
    if (context == nullptr) throw std::bad_alloc();
    EVP_DigestInit_ex(context, method, nullptr);
  }
  ~State() { EVP_MD_CTX_free(context); }
  State(const State&) = delete;
  State& operator=(const State&) = delete;

  std::vector<std::byte> finish() const {
    std::vector<std::byte> out(EVP_MAX_MD_SIZE);
    unsigned length = 0;
    EVP_MD_CTX* copy = EVP_MD_CTX_new();
    if (copy == nullptr) throw std::bad_alloc();
    EVP_MD_CTX_copy_ex(copy, context);
    EVP_DigestFinal_ex(copy, reinterpret_cast<unsigned char*>(out.data()), &length);
    EVP_MD_CTX_free(copy);
    out.resize(length);
    return out;
  }

  const EVP_MD* method;
  EVP_MD_CTX* context;
};

Digester::Digester(Algorithm algorithm) : state_(std::make_unique<State>(algorithm)) {}
Digester::~Digester() = default;
Digester::Digester(Digester&&) noexcept = default;
Digester& Digester::operator=(Digester&&) noexcept = default;

void Digester::update(Bytes content) {
  EVP_DigestUpdate(state_->context, content.data(), content.size());
}

std::string Digester::hex() const {
  return to_hex(state_->finish());
}

Sha256 Digester::sha256() const {
  return Sha256::from_bytes(state_->finish()).value_or(Sha256{});
}

void Digester::reset() {
  EVP_DigestInit_ex(state_->context, state_->method, nullptr);
}

}  // namespace ferry
