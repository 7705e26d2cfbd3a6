// What sources over HTTP have in common once they know what there is upstream: which of the
// announced releases are wanted, and how those come in.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <set>
#include <span>
#include <stop_token>
#include <string>
#include <tuple>
#include <vector>

#include "agent/source/ahead.hpp"
#include "agent/source/http_client.hpp"
#include "agent/source/ingest.hpp"
#include "agent/source/ledger.hpp"
#include "agent/source/patch_download.hpp"
#include "agent/source/room.hpp"
#include "agent/source/source.hpp"
#include "agent/source/thrift.hpp"

namespace ferry::source {

// A release upstream, as far as it is known before it is looked at.
struct Announced {
  std::string product;
  std::string version;
  std::string channel;
  Sha256 identity;  // differs when anything of the release does
  bool urgent = false;
  std::uint64_t document_size = 0;  // bytes that are fetched to describe it
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
  // Of the announced releases with those numbers; whatever is wrong with one is its error.
  using Describe = std::function<std::vector<Result<Described>>(std::span<const std::size_t>)>;

  // All of them must outlive it.
  Intake(const config::SourceSettings& settings, const Context& context, Ledger& ledger,
         HttpClient& client, Thrift& thrift)
      : settings_(settings),
        context_(context),
        ledger_(ledger),
        client_(client),
        thrift_(thrift),
        ahead_(client),
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
  // How taking in goes.
  struct Outcome {
    Status first;  // the first error
    int failures_in_a_row = 0;
    bool ended = false;
  };
  void note(const Announced& entry, const Result<bool>& done, Outcome& outcome);
  // What is urgent first, then what devices wait for that were seen lately.
  std::vector<std::size_t> order_of(const std::vector<Announced>& announced) const;
  // The first of them that are described at once: of one purpose, and not too many bytes.
  static std::span<const std::size_t> batch_of(std::span<const std::size_t> wanted,
                                               const std::vector<Announced>& announced);
  // Fetches one once no source of higher priority does, and again after having given way.
  Result<bool> fetch_in_turn(const Described& described, const Grounds& grounds,
                             const std::stop_token& stop);
  // False when it is left out.
  Result<bool> fetch(const Described& described, const Grounds& grounds,
                     const std::stop_token& stop);
  // Makes the first complete: by the smallest patch that can be had, along with the next ones, or
  // whole.
  Status bring(const Described& described, storage::PackWriter& pack, Ingest::Next next,
               const std::stop_token& stop);
  // The patches whose base is held and that are smaller than the artifact; the smallest first.
  Result<std::vector<PatchOrder>> patch_orders(const Described& described,
                                               const formats::ReleaseArtifact& artifact) const;

  const config::SourceSettings& settings_;
  const Context& context_;
  Ledger& ledger_;
  HttpClient& client_;
  Thrift& thrift_;
  Ahead ahead_;
  PatchDownload patches_;
  Held held_;
  std::unique_ptr<const Room> room_;
  std::set<Name> refused_;             // of products that are not taken, as told
  std::map<Name, Sha256> identities_;  // of releases held, as seen since the process started
};

}  // namespace ferry::source
