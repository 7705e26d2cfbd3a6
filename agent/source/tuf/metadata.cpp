#include "agent/source/tuf/metadata.hpp"

#include "agent/source/tuf/fields.hpp"

namespace ferry::tuf {
namespace {

struct Opened {
  Json whole;
  const Json* signed_part = nullptr;  // in `whole`
  std::vector<Signature> signatures;
  std::string canonical;
  Common common;
};

Result<std::vector<Signature>> read_signatures(const Json& whole) {
  const auto list = whole.find("signatures");
  if (list == whole.end() || !list->is_array() || list->size() > most_signers) {
    return fail(ErrorCode::invalid, "'signatures' is not a list of reasonable length");
  }
  std::vector<Signature> signatures;
  std::set<std::string> seen;
  for (const Json& entry : *list) {
    const Result<std::string> keyid = formats::text_at(entry, "keyid");
    if (!keyid) return fail(keyid.error(), "signatures");
    const Result<std::string> hex = formats::text_at(entry, "sig");
    if (!hex) return fail(hex.error(), "signatures");
    // Section 4.2: unique, so that nobody can count one key twice.
    if (!seen.insert(*keyid).second) {
      return fail(ErrorCode::invalid, "a key id stands twice in 'signatures'");
    }
    signatures.push_back(Signature{*keyid, *hex});
  }
  return signatures;
}

Result<Common> read_common(const Json& part, std::string_view type) {
  const Result<std::string> found = formats::text_at(part, "_type");
  if (!found) return fail(found.error());
  if (*found != type) {
    return fail(ErrorCode::invalid, "'_type' is not '" + std::string(type) + "'");
  }
  const Result<std::string> specification = formats::text_at(part, "spec_version");
  if (!specification) return fail(specification.error());
  if (!specification->starts_with("1.")) {
    return fail(ErrorCode::too_new, "'spec_version' is not 1.x");
  }
  const Result<std::uint64_t> version = counting_at(part, "version");
  if (!version) return fail(version.error());
  const Result<std::string> expires = formats::text_at(part, "expires");
  if (!expires) return fail(expires.error());
  const std::optional<Time> time = parse_time(*expires);
  if (!time) return fail(ErrorCode::invalid, "'expires' is not of the form 2026-11-21T08:15:00Z");
  Common common;
  common.version = *version;
  common.expires = *time;
  return common;
}

Result<Opened> open_document(std::string_view bytes, std::string_view role, std::string_view type,
                             std::uint64_t limit) {
  Opened opened;
  Result<Json> whole = parse_strict(bytes, role, limit);
  if (!whole) return fail(whole.error());
  opened.whole = std::move(*whole);
  const Result<const Json*> part = object_at(opened.whole, "signed");
  if (!part) return fail(part.error(), role);
  opened.signed_part = *part;
  Result<std::vector<Signature>> signatures = read_signatures(opened.whole);
  if (!signatures) return fail(signatures.error(), role);
  opened.signatures = std::move(*signatures);
  const Result<Common> common = read_common(**part, type);
  if (!common) return fail(common.error(), role);
  opened.common = *common;
  Result<std::string> form = canonical(**part);
  if (!form) return fail(form.error(), role);
  opened.canonical = std::move(*form);
  return opened;
}

template <typename Part>
Document<Part> document_of(Opened&& opened, Part part) {
  Document<Part> document;
  static_cast<Common&>(part) = opened.common;
  document.part = std::move(part);
  document.canonical = std::move(opened.canonical);
  document.signatures = std::move(opened.signatures);
  return document;
}

Result<MetaFile> read_meta(const Json& entry) {
  const Result<std::uint64_t> version = counting_at(entry, "version");
  if (!version) return fail(version.error());
  Result<FileFacts> facts = read_facts(entry, false);
  if (!facts) return fail(facts.error());
  MetaFile meta;
  static_cast<FileFacts&>(meta) = std::move(*facts);
  meta.version = *version;
  return meta;
}

Result<std::map<std::string, TargetFile>> read_targets(const Json& part) {
  const Result<const Json*> list = object_at(part, "targets");
  if (!list) return fail(list.error());
  std::map<std::string, TargetFile> targets;
  for (const auto& [path, entry] : (*list)->items()) {
    Result<FileFacts> facts = read_facts(entry, true);
    if (!facts) return fail(facts.error(), path.substr(0, 128));
    TargetFile target;
    static_cast<FileFacts&>(target) = std::move(*facts);
    const auto custom = entry.find("custom");
    if (custom != entry.end()) target.custom = *custom;
    targets.emplace(path, std::move(target));
  }
  return targets;
}

}  // namespace

Result<Document<Root>> parse_root(std::string_view bytes, const Limits& limits) {
  Result<Opened> opened = open_document(bytes, "root", "root", limits.root);
  if (!opened) return fail(opened.error());
  const Json& part = *opened->signed_part;
  Root root;
  const auto consistent = part.find("consistent_snapshot");
  if (consistent != part.end()) {
    if (!consistent->is_boolean()) {
      return fail(ErrorCode::invalid, "root: 'consistent_snapshot' is not true or false");
    }
    root.consistent_snapshot = consistent->get<bool>();
  }
  Result<Keys> keys = read_keys(part);
  if (!keys) return fail(keys.error(), "root");
  root.keys = std::move(*keys);
  const Result<const Json*> roles = object_at(part, "roles");
  if (!roles) return fail(roles.error(), "root");
  const std::pair<const char*, Role*> wanted[] = {{"root", &root.root},
                                                  {"timestamp", &root.timestamp},
                                                  {"snapshot", &root.snapshot},
                                                  {"targets", &root.targets}};
  for (const auto& [name, role] : wanted) {
    const Result<const Json*> entry = object_at(**roles, name);
    if (!entry) return fail(entry.error(), "root");
    Result<Role> read = read_role(**entry);
    if (!read) return fail(read.error(), std::string("root: role ") + name);
    *role = std::move(*read);
  }
  return document_of(std::move(*opened), std::move(root));
}

Result<Document<Timestamp>> parse_timestamp(std::string_view bytes, const Limits& limits) {
  Result<Opened> opened = open_document(bytes, "timestamp", "timestamp", limits.timestamp);
  if (!opened) return fail(opened.error());
  const Result<const Json*> meta = object_at(*opened->signed_part, "meta");
  if (!meta) return fail(meta.error(), "timestamp");
  const Result<const Json*> entry = object_at(**meta, "snapshot.json");
  if (!entry) return fail(entry.error(), "timestamp");
  Result<MetaFile> snapshot = read_meta(**entry);
  if (!snapshot) return fail(snapshot.error(), "timestamp");
  Timestamp timestamp;
  timestamp.snapshot = std::move(*snapshot);
  return document_of(std::move(*opened), std::move(timestamp));
}

Result<Document<Snapshot>> parse_snapshot(std::string_view bytes, const Limits& limits) {
  Result<Opened> opened = open_document(bytes, "snapshot", "snapshot", limits.snapshot);
  if (!opened) return fail(opened.error());
  const Result<const Json*> list = object_at(*opened->signed_part, "meta");
  if (!list) return fail(list.error(), "snapshot");
  Snapshot snapshot;
  for (const auto& [name, entry] : (*list)->items()) {
    Result<MetaFile> meta = read_meta(entry);
    if (!meta) return fail(meta.error(), "snapshot: " + name.substr(0, 128));
    snapshot.meta.emplace(name, std::move(*meta));
  }
  return document_of(std::move(*opened), std::move(snapshot));
}

Result<Document<Targets>> parse_targets(std::string_view bytes, std::string_view role,
                                        const Limits& limits) {
  Result<Opened> opened = open_document(bytes, role, "targets", limits.targets);
  if (!opened) return fail(opened.error());
  Result<std::map<std::string, TargetFile>> files = read_targets(*opened->signed_part);
  if (!files) return fail(files.error(), role);
  Result<std::optional<Delegations>> delegations = read_delegations(*opened->signed_part);
  if (!delegations) return fail(delegations.error(), role);
  Targets targets;
  targets.targets = std::move(*files);
  targets.delegations = std::move(*delegations);
  return document_of(std::move(*opened), std::move(targets));
}

}  // namespace ferry::tuf
