// What of a TUF repository is kept so that others can pull it from here: its metadata by the names
// that clients ask for, every root since the provisioned one, and which artifact each path stands
// for. Pure; any thread.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "agent/source/tuf_releases.hpp"
#include "storage/store.hpp"

namespace ferry::source {

// Where in the TrustStore: no name of a source has a blank, so no other source is meant.
std::string roots_of(const std::string& source);
std::string mirror_of(const std::string& source);

// So many roots are kept, the newest.
inline constexpr std::uint64_t most_roots = 256;

// "3.root.json".
std::string root_file(std::uint64_t version);
// What the newest root makes of the chain: the root is added, those too old go.
storage::TrustChange root_change(const std::string& source, std::uint64_t version,
                                 std::string_view bytes);

// Beside metadata, whose names end in ".json", a mirror has two documents of its own; both have the
// snapshot's version. `names`: of all metadata in it, so that the set before stays for those who
// are reading it. `index`: see index_of().
inline constexpr std::string_view names_document = "names";
inline constexpr std::string_view index_document = "index";
std::string names_of(const std::vector<storage::TrustedDocument>& documents);
std::vector<std::string> names_in(std::string_view names);

// A line for each artifact: its path, percent-encoded, a blank, its SHA-256. An artifact without a
// SHA-256 has none.
std::string index_of(const TufTargets& targets);
// The SHA-256 of the artifact that `path` names as clients ask for it: "DIR/NAME", or
// "DIR/HASH.NAME" with consistent snapshots. Nothing when there is none.
std::optional<Sha256> indexed(std::string_view index, const std::string& path);

}  // namespace ferry::source
