// Public keys of TUF metadata and what they have signed, by OpenSSL: Ed25519, ECDSA over P-256 with
// SHA-256, RSA-PSS with SHA-256 (specification 1.0, section 4.2).
#pragma once

#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "agent/source/tuf/canonical.hpp"
#include "base/digest.hpp"

struct evp_pkey_st;

namespace ferry::tuf {

// A value, cheap to copy; may be used from any thread.
class Key {
 public:
  // An entry of "keys". A key of a type or scheme that is not known here, or whose public half
  // cannot be read, is a key that has signed nothing: metadata may hold such ones. An error when
  // the entry has not the form of a key.
  static Result<Key> from_json(const Json& entry);

  bool usable() const { return key_ != nullptr; }
  // `signature`: raw bytes.
  bool verify(Bytes message, Bytes signature) const;
  // The same public key, however it was written. A key that is not usable is equal to none.
  bool same_as(const Key& other) const;

 private:
  enum class Scheme { ed25519, ecdsa, rsa_pss };
  std::shared_ptr<evp_pkey_st> key_;
  Scheme scheme_ = Scheme::ed25519;
};

// By key id, which is only a name here: nothing follows from two keys having different ones.
using Keys = std::map<std::string, Key>;

}  // namespace ferry::tuf
