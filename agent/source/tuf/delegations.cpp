#include "agent/source/tuf/fields.hpp"

namespace ferry::tuf {
namespace {

constexpr std::size_t most_patterns = 65'536;  // as many as a role of 64 hash bins could want

bool is_top_level(std::string_view name) {
  return name == "root" || name == "timestamp" || name == "snapshot" || name == "targets";
}

Result<DelegatedRole> read_delegated_role(const Json& entry) {
  const Result<std::string> name = formats::text_at(entry, "name");
  if (!name) return fail(name.error());
  if (name->empty() || is_top_level(*name)) {
    return fail(ErrorCode::invalid, "a delegated role may not be called '" + *name + "'");
  }
  Result<Role> signers = read_role(entry);
  if (!signers) return fail(signers.error());
  const auto terminating = entry.find("terminating");
  if (terminating == entry.end() || !terminating->is_boolean()) {
    return fail(ErrorCode::invalid, "'terminating' is missing or not true or false");
  }
  DelegatedRole role;
  static_cast<Role&>(role) = std::move(*signers);
  role.name = *name;
  role.terminating = terminating->get<bool>();
  const bool by_hash = entry.contains("path_hash_prefixes");
  if (by_hash == entry.contains("paths")) {
    return fail(ErrorCode::invalid, "needs either 'paths' or 'path_hash_prefixes'");
  }
  Result<std::vector<std::string>> list =
      texts_at(entry, by_hash ? "path_hash_prefixes" : "paths", false, most_patterns);
  if (!list) return fail(list.error());
  (by_hash ? role.hash_prefixes : role.paths) = std::move(*list);
  return role;
}

Result<std::vector<DelegatedRole>> read_roles(const Json& list) {
  if (!list.is_array()) return fail(ErrorCode::invalid, "'roles' is not a list");
  std::vector<DelegatedRole> roles;
  std::set<std::string> seen;
  for (const Json& entry : list) {
    Result<DelegatedRole> role = read_delegated_role(entry);
    if (!role) return fail(role.error());
    if (!seen.insert(role->name).second) {
      return fail(ErrorCode::invalid, "the role '" + role->name.substr(0, 128) + "' stands twice");
    }
    roles.push_back(std::move(*role));
  }
  return roles;
}

Result<SuccinctRoles> read_succinct(const Json& entry) {
  Result<Role> signers = read_role(entry);
  if (!signers) return fail(signers.error());
  const Result<std::string> prefix = formats::text_at(entry, "name_prefix");
  if (!prefix) return fail(prefix.error());
  const Result<std::uint64_t> bits = counting_at(entry, "bit_length");
  if (!bits) return fail(bits.error());
  if (*bits > 32) return fail(ErrorCode::invalid, "'bit_length' is above 32");
  SuccinctRoles roles;
  static_cast<Role&>(roles) = std::move(*signers);
  roles.name_prefix = *prefix;
  roles.bit_length = static_cast<unsigned>(*bits);
  return roles;
}

}  // namespace

Result<std::optional<Delegations>> read_delegations(const Json& signed_part) {
  const auto found = signed_part.find("delegations");
  if (found == signed_part.end()) return std::optional<Delegations>();
  Result<Keys> keys = read_keys(*found);
  if (!keys) return fail(keys.error(), "delegations");
  Delegations delegations;
  delegations.keys = std::move(*keys);
  const auto roles = found->find("roles");
  const auto succinct = found->find("succinct_roles");
  if ((roles == found->end()) == (succinct == found->end())) {
    return fail(ErrorCode::invalid, "delegations: needs either 'roles' or 'succinct_roles'");
  }
  if (roles != found->end()) {
    Result<std::vector<DelegatedRole>> list = read_roles(*roles);
    if (!list) return fail(list.error(), "delegations");
    delegations.roles = std::move(*list);
  } else {
    Result<SuccinctRoles> bins = read_succinct(*succinct);
    if (!bins) return fail(bins.error(), "delegations");
    delegations.succinct = std::move(*bins);
  }
  return std::optional<Delegations>(std::move(delegations));
}

}  // namespace ferry::tuf
