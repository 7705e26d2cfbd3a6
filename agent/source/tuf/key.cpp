#include "agent/source/tuf/key.hpp"

#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>

#include <array>

#include "base/hex.hpp"

namespace ferry::tuf {
namespace {

constexpr int fewest_rsa_bits = 2048;
constexpr int most_rsa_bits = 8192;  // what is longer costs more to check than it is worth

using SharedKey = std::shared_ptr<EVP_PKEY>;

struct FreeContext {
  void operator()(EVP_MD_CTX* context) const { EVP_MD_CTX_free(context); }
};
struct FreeBio {
  void operator()(BIO* bio) const { BIO_free_all(bio); }
};

const unsigned char* raw(Bytes bytes) {
  return reinterpret_cast<const unsigned char*>(bytes.data());
}

int no_passphrase(char* /*buffer*/, int /*size*/, int /*writing*/, void* /*user*/) {
  return 0;
}

SharedKey owned(EVP_PKEY* key) {
  ERR_clear_error();
  return key == nullptr ? SharedKey() : SharedKey(key, EVP_PKEY_free);
}

SharedKey from_pem(const std::string& text) {
  const std::unique_ptr<BIO, FreeBio> bio(
      BIO_new_mem_buf(text.data(), static_cast<int>(text.size())));
  return bio ? owned(PEM_read_bio_PUBKEY(bio.get(), nullptr, no_passphrase, nullptr)) : SharedKey();
}

SharedKey read_ed25519(const std::string& text) {
  const std::optional<std::string> bytes = from_hex(text);
  if (!bytes || bytes->size() != 32) return {};
  return owned(
      EVP_PKEY_new_raw_public_key(EVP_PKEY_ED25519, nullptr, raw(as_bytes(*bytes)), bytes->size()));
}

SharedKey read_p256(const std::string& text) {
  SharedKey key = from_pem(text);
  if (!key || EVP_PKEY_get_base_id(key.get()) != EVP_PKEY_EC) return {};
  std::array<char, 64> group{};
  std::size_t length = 0;
  const bool named = EVP_PKEY_get_group_name(key.get(), group.data(), group.size(), &length) == 1;
  ERR_clear_error();
  return named && std::string_view(group.data(), length) == "prime256v1" ? key : SharedKey();
}

SharedKey read_rsa(const std::string& text) {
  SharedKey key = from_pem(text);
  // Keys of the type RSA-PSS are left out: OpenSSL holds them for other keys than RSA ones of the
  // same numbers, and one key would count as two.
  if (!key || EVP_PKEY_get_id(key.get()) != EVP_PKEY_RSA) return {};
  const int bits = EVP_PKEY_get_bits(key.get());
  return bits >= fewest_rsa_bits && bits <= most_rsa_bits ? key : SharedKey();
}

}  // namespace

Result<Key> Key::from_json(const Json& entry) {
  const Result<std::string> type = formats::text_at(entry, "keytype");
  if (!type) return fail(type.error());
  const Result<std::string> scheme = formats::text_at(entry, "scheme");
  if (!scheme) return fail(scheme.error());
  const auto value = entry.find("keyval");
  if (value == entry.end() || !value->is_object()) {
    return fail(ErrorCode::invalid, "'keyval' is missing or not an object");
  }
  Key key;
  const auto text = value->find("public");
  // Schemes that are not known here may keep their public half otherwise.
  if (text == value->end() || !text->is_string()) return key;
  const std::string& half = text->get_ref<const std::string&>();
  if (*type == "ed25519" && *scheme == "ed25519") {
    key.scheme_ = Scheme::ed25519;
    key.key_ = read_ed25519(half);
  } else if ((*type == "ecdsa" || *type == "ecdsa-sha2-nistp256") &&
             *scheme == "ecdsa-sha2-nistp256") {
    key.scheme_ = Scheme::ecdsa;
    key.key_ = read_p256(half);
  } else if (*type == "rsa" && *scheme == "rsassa-pss-sha256") {
    key.scheme_ = Scheme::rsa_pss;
    key.key_ = read_rsa(half);
  }
  return key;
}

bool Key::verify(Bytes message, Bytes signature) const {
  if (!key_ || signature.empty()) return false;
  const std::unique_ptr<EVP_MD_CTX, FreeContext> context(EVP_MD_CTX_new());
  EVP_PKEY_CTX* options = nullptr;  // belongs to context
  const EVP_MD* method = scheme_ == Scheme::ed25519 ? nullptr : EVP_sha256();
  bool good =
      context && EVP_DigestVerifyInit(context.get(), &options, method, nullptr, key_.get()) == 1;
  if (good && scheme_ == Scheme::rsa_pss) {
    good = EVP_PKEY_CTX_set_rsa_padding(options, RSA_PKCS1_PSS_PADDING) == 1 &&
           EVP_PKEY_CTX_set_rsa_pss_saltlen(options, RSA_PSS_SALTLEN_AUTO) == 1 &&
           EVP_PKEY_CTX_set_rsa_mgf1_md(options, EVP_sha256()) == 1;
  }
  good = good && EVP_DigestVerify(context.get(), raw(signature), signature.size(), raw(message),
                                  message.size()) == 1;
  ERR_clear_error();
  return good;
}

bool Key::same_as(const Key& other) const {
  if (!key_ || !other.key_) return false;
  const bool same = EVP_PKEY_eq(key_.get(), other.key_.get()) == 1;
  ERR_clear_error();
  return same;
}

}  // namespace ferry::tuf
