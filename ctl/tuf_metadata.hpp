// The metadata of a TUF repository on disk: keys, versions, signatures. publish_tuf() is its only
// user.
#pragma once

#include <array>
#include <filesystem>
#include <optional>
#include <string>
#include <string_view>

#include "agent/source/tuf/metadata.hpp"
#include "base/clock.hpp"
#include "base/signature.hpp"
#include "ctl/tuf_publish.hpp"

namespace ferry::ctl {

using formats::Json;

class TufMetadata {
 public:
  // Loads the keys, making those that are missing, and what `folder` has, checked against them.
  // ErrorCode::denied when it is not signed by these keys.
  static Result<TufMetadata> open(const std::filesystem::path& folder,
                                  const TufPublishOptions& options, Time now);

  // Of the targets, by path; empty at first.
  const Json& present() const { return targets_; }
  // Signs and writes all anew, one version higher; the timestamp last, so that readers see the
  // repository before or after. The root only when it is new, names other keys, or is past half of
  // its time. Gives the timestamp's version.
  Result<std::uint64_t> write(const Json& targets);

 private:
  struct Signer {
    PrivateKey key;
    std::string keyid;
    Json entry;  // of "keys"
  };
  TufMetadata(std::filesystem::path folder, const TufPublishOptions& options, Time now)
      : folder_(std::move(folder)), options_(options), now_(now) {}

  Status load_keys();
  Status load_present();
  Status write_root();
  Result<std::string> sign(std::size_t role, Json part, std::uint64_t version) const;
  Status write_file(const std::string& name, const std::string& text) const;

  std::filesystem::path folder_;
  TufPublishOptions options_;
  Time now_;
  std::vector<Signer> signers_;              // in the order of the roles
  std::array<std::uint64_t, 4> versions_{};  // that are there; 0 none
  std::optional<tuf::Root> root_;            // that is there
  Json targets_ = Json::object();
};

}  // namespace ferry::ctl
