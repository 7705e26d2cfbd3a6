// What sources over HTTP have in common once they know what there is upstream: which of the
// announced releases are wanted, and how those come in.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <set>
#include <stop_token>
#include <string>
#include <tuple>
#include <vector>

#include "agent/source/http_client.hpp"
#include "agent/source/ingest.hpp"
#include "agent/source/ledger.hpp"
#include "agent/source/patch_download.hpp"
#include "agent/source/room.hpp"
#include "agent/source/source.hpp"

namespace ferry::source {

// A release upstream, as far as it is known before it is looked at.
struct Announced {
  std::string product;
  std::string version;
  std::string channel;
  Sha256 identity;  // differs when anything of the release does
};

// A release in full, and the URLs at which the bytes of its artifacts and of patches to them are.
struct Described {
  formats::Release release;
  std::function<std::string(const formats::ReleaseArtifact& artifact)> locate;
  std::function<std::string(const formats::ArtifactPatch& patch)> locate_patch;
};

// Whether an error says that something from outside was no good, rather than not to be had.
bool is_refusal(ErrorCode code);

// On the source's thread.
class Intake {
 public:
  // Of the announced release with that number; whatever is wrong with it is an error.
  using Describe = std::function<Result<Described>(std::size_t number)>;

  // All of them must outlive it.
  Intake(const config::SourceSettings& settings, const Context& context, Ledger& ledger,
         HttpClient& client)
      : settings_(settings),
        context_(context),
        ledger_(ledger),
        client_(client),
        patches_(client, ledger, context.store.packs_folder()) {}

  // Looks at the store as it is now; before each of the others.
  Status look();
  // False when something is amiss here, so that the upstream's "unchanged" is no answer.
  bool is_settled() const;
  // Brings in what is announced and missing. The first error, after having tried all; what is no
  // good is counted and told.
  Status take(const std::vector<Announced>& announced, const Describe& describe,
              const Grounds& grounds, const std::stop_token& stop, Report& report);

 private:
  using Name = std::tuple<std::string, std::string, std::string>;  // product, version, channel
  using Held = std::map<Name, storage::HeldRelease>;

  // Whether the section takes releases of that product; one that it does not take is told once.
  bool takes(const Announced& entry);
  // One that differs from the one seen for the same version: told once, never taken.
  void check_unchanged(const Announced& entry);
  bool is_wanted(const Announced& entry);
  // An error when the version is held with other bytes: said before they are fetched.
  Status check_conflict(const formats::Release& release) const;
  // False when it is left out.
  Result<bool> fetch(const Described& described, const Grounds& grounds,
                     const std::stop_token& stop);
  // Makes one artifact complete: by the smallest patch that can be had, or whole.
  Status bring(const Described& described, storage::PackWriter& pack,
               const formats::ReleaseArtifact& artifact, const std::stop_token& stop);
  // The patches whose base is held and that are smaller than the artifact; the smallest first.
  Result<std::vector<PatchOrder>> patch_orders(const Described& described,
                                               const formats::ReleaseArtifact& artifact) const;

  const config::SourceSettings& settings_;
  const Context& context_;
  Ledger& ledger_;
  HttpClient& client_;
  PatchDownload patches_;
  Held held_;
  std::unique_ptr<const Room> room_;
  std::set<Name> refused_;             // of products that are not taken, as told
  std::map<Name, Sha256> identities_;  // of releases held, as seen since the process started
};

}  // namespace ferry::source
