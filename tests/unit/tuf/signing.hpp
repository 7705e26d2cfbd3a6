// What the tests of the trust code share: keys, and a repository's metadata that is signed anew
// after each change. One thread at a time.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "agent/source/tuf/metadata.hpp"
#include "base/base64.hpp"
#include "base/signature.hpp"

namespace ferry::tuf {

inline const Time now = *parse_time("2026-11-21T08:15:00Z");

struct Signer {
  std::string id;
  std::shared_ptr<PrivateKey> key = std::make_shared<PrivateKey>(*PrivateKey::generate());

  Json entry() const {
    const std::string raw = *from_base64(key->public_key()->base64());
    return {{"keytype", "ed25519"},
            {"scheme", "ed25519"},
            {"keyval", {{"public", to_hex(as_bytes(raw))}}}};
  }
};

inline Json part(const char* type, unsigned version) {
  return {{"_type", type},
          {"spec_version", "1.0.31"},
          {"version", version},
          {"expires", "2027-01-01T00:00:00Z"}};
}

inline std::string signed_by(const std::vector<Signer>& signers, const Json& content) {
  Json signatures = Json::array();
  for (const Signer& signer : signers) {
    const std::string signature = *signer.key->sign(as_bytes(*canonical(content)));
    signatures.push_back({{"keyid", signer.id}, {"sig", to_hex(as_bytes(signature))}});
  }
  return Json{{"signatures", signatures}, {"signed", content}}.dump();
}

// The four top-level roles as values: a test changes what it likes, then asks for the signed text.
struct SignedRepository {
  Signer root_key{"root"}, time_key{"time"}, list_key{"list"}, file_key{"file"}, stranger{"else"};
  Json root = part("root", 1), timestamp = part("timestamp", 1), snapshot = part("snapshot", 1),
       targets = part("targets", 1);

  SignedRepository() {
    trust("root", root_key);
    trust("timestamp", time_key);
    trust("snapshot", list_key);
    trust("targets", file_key);
    timestamp["meta"]["snapshot.json"]["version"] = 1;
    snapshot["meta"]["targets.json"]["version"] = 1;
    targets["targets"] = Json::object();
  }
  void trust(const char* role, const Signer& signer) {
    root["keys"][signer.id] = signer.entry();
    root["roles"][role] = {{"keyids", {signer.id}}, {"threshold", 1}};
  }
  std::string root_text() const { return signed_by({root_key}, root); }
  std::string time_text() const { return signed_by({time_key}, timestamp); }
  std::string list_text() const { return signed_by({list_key}, snapshot); }
  std::string file_text() const { return signed_by({file_key}, targets); }
};

// What a test compares: "accepted", or the reason.
template <typename R>
std::string why(const R& result) {
  return result ? "accepted" : result.error().message;
}

}  // namespace ferry::tuf
