#include "agent/source/tuf_mirror.hpp"

#include "agent/source/tuf/names.hpp"

namespace ferry::source {
namespace {

constexpr std::size_t hex_digits = 64;

std::optional<Sha256> line_of(std::string_view index, const std::string& path) {
  const std::string wanted = "\n" + tuf::percent_encoded(path, true) + " ";
  const std::size_t at = index.find(wanted);
  if (at == std::string_view::npos) return std::nullopt;
  return Sha256::from_hex(index.substr(at + wanted.size(), hex_digits));
}

}  // namespace

std::string roots_of(const std::string& source) {
  return source + " roots";
}

std::string mirror_of(const std::string& source) {
  return source + " mirror";
}

std::string root_file(std::uint64_t version) {
  return std::to_string(version) + ".root.json";
}

storage::TrustChange root_change(const std::string& source, std::uint64_t version,
                                 std::string_view bytes) {
  storage::TrustChange change{roots_of(source), {}, std::set<std::string>()};
  change.documents.push_back({root_file(version), version, std::string(bytes)});
  const std::uint64_t oldest = version < most_roots ? 1 : version - most_roots + 1;
  for (std::uint64_t kept = oldest; kept <= version; ++kept) change.only->insert(root_file(kept));
  return change;
}

std::string names_of(const std::vector<storage::TrustedDocument>& documents) {
  std::string names;
  for (const storage::TrustedDocument& document : documents) names += document.name + '\0';
  return names;
}

std::vector<std::string> names_in(std::string_view names) {
  std::vector<std::string> found;
  for (std::size_t end; (end = names.find('\0')) != names.npos; names.remove_prefix(end + 1)) {
    found.emplace_back(names.substr(0, end));
  }
  return found;
}

std::string index_of(const TufTargets& targets) {
  std::string index = "\n";
  for (const auto& [path, file] : targets) {
    const auto hash = file->hashes.find("sha256");
    if (hash == file->hashes.end()) continue;
    index += tuf::percent_encoded(path, true) + " " + hash->second + "\n";
  }
  return index;
}

std::optional<Sha256> indexed(std::string_view index, const std::string& path) {
  if (const auto plain = line_of(index, path)) return plain;
  const std::size_t name = path.rfind('/') + 1;  // 0 when there is no '/'
  if (path.size() <= name + hex_digits || path[name + hex_digits] != '.') return std::nullopt;
  const auto hash = Sha256::from_hex(path.substr(name, hex_digits));
  const auto found = line_of(index, path.substr(0, name) + path.substr(name + hex_digits + 1));
  return hash && found && *hash == *found ? found : std::nullopt;
}

}  // namespace ferry::source
