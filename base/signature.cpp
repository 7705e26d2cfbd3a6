#include "base/signature.hpp"

#include <fcntl.h>
#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>

#include "base/base64.hpp"
#include "base/file.hpp"

namespace ferry {
namespace {

constexpr std::uint64_t key_file_limit = 16U << 10U;

struct FreeKey {
  void operator()(EVP_PKEY* key) const { EVP_PKEY_free(key); }
};
struct FreeContext {
  void operator()(EVP_MD_CTX* context) const { EVP_MD_CTX_free(context); }
};
struct FreeBio {
  void operator()(BIO* bio) const { BIO_free_all(bio); }
};
using Key = std::unique_ptr<EVP_PKEY, FreeKey>;
using DigestContext = std::unique_ptr<EVP_MD_CTX, FreeContext>;
using Bio = std::unique_ptr<BIO, FreeBio>;

const unsigned char* raw(Bytes bytes) {
  return reinterpret_cast<const unsigned char*>(bytes.data());
}

// OpenSSL asks for a passphrase on the terminal unless it is told that there is none.
int no_passphrase(char* /*buffer*/, int /*size*/, int /*writing*/, void* /*user*/) {
  return 0;
}

Result<Key> read_key(const std::filesystem::path& file, bool is_private) {
  Result<std::string> text = read_file(file, key_file_limit);
  if (!text) return fail(text.error(), "key");
  const Bio bio(BIO_new_mem_buf(text->data(), static_cast<int>(text->size())));
  Key key;
  if (bio) {
    key.reset(is_private ? PEM_read_bio_PrivateKey(bio.get(), nullptr, no_passphrase, nullptr)
                         : PEM_read_bio_PUBKEY(bio.get(), nullptr, no_passphrase, nullptr));
  }
  OPENSSL_cleanse(text->data(), text->size());
  ERR_clear_error();
  if (!key || EVP_PKEY_get_base_id(key.get()) != EVP_PKEY_ED25519) {
    return fail(ErrorCode::invalid, "key: " + file.string() + ": not an unencrypted Ed25519 " +
                                        (is_private ? "private" : "public") + " key in PEM form");
  }
  return key;
}

Result<PublicKey> public_half(EVP_PKEY* key) {
  std::array<std::byte, PublicKey::size> bytes{};
  std::size_t length = bytes.size();
  if (EVP_PKEY_get_raw_public_key(key, reinterpret_cast<unsigned char*>(bytes.data()), &length) !=
      1) {
    return fail(ErrorCode::invalid, "key: has no public half");
  }
  return PublicKey::from_raw(Bytes(bytes.data(), length));
}

}  // namespace

Result<PublicKey> PublicKey::load(const std::string& base64_or_file) {
  const std::optional<std::string> bytes = from_base64(base64_or_file);
  if (bytes && bytes->size() == size) return from_raw(as_bytes(*bytes));
  Result<Key> key = read_key(base64_or_file, false);
  if (!key) return fail(key.error());
  return public_half(key->get());
}

Result<PublicKey> PublicKey::from_raw(Bytes bytes) {
  if (bytes.size() != size) return fail(ErrorCode::invalid, "public key: not 32 bytes");
  PublicKey key;
  std::copy(bytes.begin(), bytes.end(), key.raw_.begin());
  return key;
}

std::string PublicKey::key_id() const {
  return Sha256::of(raw_).hex().substr(0, 16);
}

std::string PublicKey::base64() const {
  return to_base64(raw_);
}

bool PublicKey::verify(Bytes message, Bytes signature) const {
  if (signature.size() != signature_size) return false;
  const Key key(EVP_PKEY_new_raw_public_key(EVP_PKEY_ED25519, nullptr, raw(raw_), raw_.size()));
  const DigestContext context(EVP_MD_CTX_new());
  const bool good =
      key && context &&
      EVP_DigestVerifyInit(context.get(), nullptr, nullptr, nullptr, key.get()) == 1 &&
      EVP_DigestVerify(context.get(), raw(signature), signature.size(), raw(message),
                       message.size()) == 1;
  ERR_clear_error();
  return good;
}

struct PrivateKey::State {
  Key key;
};

PrivateKey::PrivateKey(std::unique_ptr<State> state) : state_(std::move(state)) {}
PrivateKey::PrivateKey(PrivateKey&&) noexcept = default;
PrivateKey& PrivateKey::operator=(PrivateKey&&) noexcept = default;
PrivateKey::~PrivateKey() = default;

Result<PrivateKey> PrivateKey::load(const std::filesystem::path& file) {
  Result<Key> key = read_key(file, true);
  if (!key) return fail(key.error());
  auto state = std::make_unique<State>();
  state->key = std::move(*key);
  return PrivateKey(std::move(state));
}

Result<PrivateKey> PrivateKey::generate() {
  auto state = std::make_unique<State>();
  state->key.reset(EVP_PKEY_Q_keygen(nullptr, nullptr, "ED25519"));
  ERR_clear_error();
  if (!state->key) return fail(ErrorCode::io, "key: cannot be generated");
  return PrivateKey(std::move(state));
}

Status PrivateKey::write(const std::filesystem::path& file) const {
  const Descriptor out(::open(file.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600));
  if (!out && errno == EEXIST) {
    return fail(ErrorCode::exists,
                file.string() + ": exists already; a key is never replaced: move it away first");
  }
  if (!out) return fail_errno(errno, file.string());
  const Bio bio(BIO_new_fd(out.get(), BIO_NOCLOSE));
  const bool written = bio && PEM_write_bio_PKCS8PrivateKey(bio.get(), state_->key.get(), nullptr,
                                                            nullptr, 0, nullptr, nullptr) == 1;
  ERR_clear_error();
  if (!written || ::fsync(out.get()) != 0) {
    const int error_number = errno;
    ::unlink(file.c_str());
    return fail_errno(error_number, file.string());
  }
  return sync_folder(file.has_parent_path() ? file.parent_path() : ".");
}

Result<PublicKey> PrivateKey::public_key() const {
  return public_half(state_->key.get());
}

Result<std::string> PrivateKey::sign(Bytes message) const {
  std::string signature(PublicKey::signature_size, '\0');
  std::size_t length = signature.size();
  const DigestContext context(EVP_MD_CTX_new());
  const bool good =
      context &&
      EVP_DigestSignInit(context.get(), nullptr, nullptr, nullptr, state_->key.get()) == 1 &&
      EVP_DigestSign(context.get(), reinterpret_cast<unsigned char*>(signature.data()), &length,
                     raw(message), message.size()) == 1;
  ERR_clear_error();
  if (!good || length != signature.size()) return fail(ErrorCode::io, "key: cannot sign");
  return signature;
}

Result<PublicKey> generate_key_file(const std::filesystem::path& file) {
  Result<PrivateKey> key = PrivateKey::generate();
  if (!key) return fail(key.error());
  const Status written = key->write(file);
  if (!written) return fail(written.error());
  return key->public_key();
}

}  // namespace ferry
