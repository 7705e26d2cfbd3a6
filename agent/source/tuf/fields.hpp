// Readers of the fields that several kinds of metadata share; for metadata.cpp and delegations.cpp.
#pragma once

#include "agent/source/tuf/metadata.hpp"

namespace ferry::tuf {

// The member `key`, which must be an object.
Result<const Json*> object_at(const Json& parent, const char* key);
// A whole number from 1 to the highest that a signed 64-bit number can hold, so that the next
// version is always a number as well.
Result<std::uint64_t> counting_at(const Json& parent, const char* key);
// Members of `parent[key]`, all of them text, at most `most`, none twice if `unique`.
Result<std::vector<std::string>> texts_at(const Json& parent, const char* key, bool unique,
                                          std::size_t most);
Result<Role> read_role(const Json& entry);
Result<Keys> read_keys(const Json& parent);
Result<FileFacts> read_facts(const Json& entry, bool required);
Result<std::optional<Delegations>> read_delegations(const Json& signed_part);

// Keys of one role, and signatures of one document.
constexpr std::size_t most_signers = 256;

}  // namespace ferry::tuf
