// Names of roles and artifacts: as they stand in a URL, as files, and against the patterns and hash
// bins of delegations. Pure, any thread.
#pragma once

#include <string>
#include <string_view>

#include "agent/source/tuf/metadata.hpp"

namespace ferry::tuf {

// Every byte but letters, digits, '-', '.', '_' and '~' (and '/' if `keep_slashes`) as %XX.
std::string percent_encoded(std::string_view text, bool keep_slashes = false);

// A name for a file that stays in its folder whatever `text` is, and that no other text has.
// Encoded as above; when that is longer than file systems like, "%sha256-" and the digest, which no
// encoded text begins with.
std::string safe_file_name(std::string_view text);

// Shell wildcards '*' and '?', neither of which matches '/' (specification 1.0, section 4.5).
bool matches_pattern(std::string_view path, std::string_view pattern);

// Whether the delegator lets this role speak of the artifact `path`, whose SHA-256 is `hash` in
// hex; of use where the role has hash prefixes.
bool covers(const DelegatedRole& role, std::string_view path, std::string_view hash);

// Name of the one of the succinct roles that may speak of `path`, and whether `name` is one at all.
std::string succinct_role_for(const SuccinctRoles& roles, std::string_view path);
bool is_succinct_role(const SuccinctRoles& roles, std::string_view name);

}  // namespace ferry::tuf
