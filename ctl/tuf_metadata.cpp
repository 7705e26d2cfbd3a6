#include "ctl/tuf_metadata.hpp"

#include <fmt/format.h>

#include "agent/source/tuf/trusted_set.hpp"
#include "base/base64.hpp"
#include "base/file.hpp"

namespace ferry::ctl {
namespace {

constexpr std::array<const char*, 4> roles = {"root", "timestamp", "snapshot", "targets"};
enum RoleNumber : std::size_t { root, timestamp, snapshot, targets };

std::string hex_of(std::string_view bytes) {
  std::string hex;
  for (const char byte : bytes) hex += fmt::format("{:02x}", static_cast<unsigned char>(byte));
  return hex;
}

// "2026-11-21T08:15:00Z"
std::string expiry(Time now, unsigned days) {
  const auto at = std::chrono::floor<std::chrono::seconds>(now) + std::chrono::hours(24) * days;
  return to_rfc3339(at).substr(0, 19) + "Z";
}

Result<PrivateKey> load_or_make(const std::filesystem::path& file) {
  Result<PrivateKey> loaded = PrivateKey::load(file);
  if (loaded || loaded.error().code != ErrorCode::not_found) return loaded;
  Result<PrivateKey> made = PrivateKey::generate();
  if (!made) return made;
  if (Status written = made->write(file); !written) return fail(written.error());
  return made;
}

}  // namespace

Result<TufMetadata> TufMetadata::open(const std::filesystem::path& folder,
                                      const TufPublishOptions& options, Time now) {
  TufMetadata metadata(folder, options, now);
  Status loaded = metadata.load_keys();
  if (loaded) loaded = metadata.load_present();
  if (!loaded) return fail(loaded.error());
  return metadata;
}

Status TufMetadata::load_keys() {
  std::error_code error;
  std::filesystem::create_directories(options_.keys, error);
  if (error) return fail_errno(error.value(), options_.keys.string());
  for (const char* role : roles) {
    Result<PrivateKey> key = load_or_make(options_.keys / (std::string(role) + ".pem"));
    if (!key) return fail(key.error());
    const Result<PublicKey> known = key->public_key();
    if (!known) return fail(known.error());
    const std::optional<std::string> raw = from_base64(known->base64());
    const Json entry = {{"keytype", "ed25519"},
                        {"scheme", "ed25519"},
                        {"keyval", {{"public", hex_of(raw.value_or(""))}}}};
    const Result<std::string> form = tuf::canonical(entry);
    if (!form) return fail(form.error());
    signers_.push_back({std::move(*key), Sha256::of(as_bytes(*form)).hex(), entry});
  }
  return {};
}

Status TufMetadata::load_present() {
  const tuf::Limits limits;
  const auto read = [&](const std::string& name, std::uint64_t limit) {
    return read_file(folder_ / (name + ".json"), limit);
  };
  const Result<std::string> known = read("root", limits.root);
  if (!known && known.error().code == ErrorCode::not_found) return {};
  if (!known) return fail(known.error());
  Result<tuf::TrustedSet> set = tuf::TrustedSet::begin(*known, Time::min(), limits);
  if (!set) return fail(set.error(), folder_.string());
  root_ = set->root();
  if (!root_->root.keyids.contains(signers_[root].keyid) || root_->root.threshold != 1) {
    return fail(ErrorCode::denied,
                fmt::format("{}: its root is not signed by {}: what it names is not vouched for; "
                            "publish into a new folder",
                            folder_.string(), (options_.keys / "root.pem").string()));
  }
  versions_[root] = root_->version;
  const Result<std::string> first = read("timestamp", limits.timestamp);
  // A publication that was cut off before its end has shown nothing yet.
  if (!first && first.error().code == ErrorCode::not_found) return {};
  if (!first) return fail(first.error());
  if (const auto taken = set->update_timestamp(*first); !taken) return fail(taken.error());
  versions_[timestamp] = set->timestamp().version;
  versions_[snapshot] = set->timestamp().snapshot.version;
  const Result<std::string> list =
      read(fmt::format("{}.snapshot", versions_[snapshot]), limits.snapshot);
  if (!list) return fail(list.error());
  if (Status taken = set->update_snapshot(*list); !taken) return taken;
  const tuf::MetaFile* meta = set->announced("targets");
  if (meta == nullptr) return fail(ErrorCode::invalid, "snapshot: names no targets");
  versions_[targets] = meta->version;
  const Result<std::string> last =
      read(fmt::format("{}.targets", versions_[targets]), limits.targets);
  if (!last) return fail(last.error());
  if (Status taken = set->update_targets(*last); !taken) return taken;
  const Result<Json> whole = tuf::parse_strict(*last, "targets", limits.targets);
  if (!whole) return fail(whole.error());
  if (set->targets()->delegations) {
    return fail(ErrorCode::invalid, folder_.string() +
                                        ": has delegations: made by another tool, "
                                        "which has to keep it");
  }
  targets_ = whole->at("signed").at("targets");
  return {};
}

Result<std::string> TufMetadata::sign(std::size_t role, Json part, std::uint64_t version) const {
  const std::array<unsigned, 4> days = {options_.root_days, options_.timestamp_days,
                                        options_.snapshot_days, options_.targets_days};
  part["_type"] = roles[role];
  part["spec_version"] = "1.0.31";
  part["version"] = version;
  part["expires"] = expiry(now_, days[role]);
  const Result<std::string> form = tuf::canonical(part);
  if (!form) return fail(form.error());
  const Result<std::string> signature = signers_[role].key.sign(as_bytes(*form));
  if (!signature) return fail(signature.error());
  Json whole = {{"signed", std::move(part)}};
  whole["signatures"] =
      Json::array({{{"keyid", signers_[role].keyid}, {"sig", hex_of(*signature)}}});
  return formats::to_text(whole) + "\n";
}

Status TufMetadata::write_file(const std::string& name, const std::string& text) const {
  return write_file_atomically(folder_ / (name + ".json"), as_bytes(text));
}

Status TufMetadata::write_root() {
  if (root_) {
    const bool fresh = now_ + std::chrono::hours(12) * options_.root_days < root_->expires;
    const bool same = root_->timestamp.keyids.contains(signers_[timestamp].keyid) &&
                      root_->snapshot.keyids.contains(signers_[snapshot].keyid) &&
                      root_->targets.keyids.contains(signers_[targets].keyid);
    if (fresh && same) return {};
  }
  Json part = {{"consistent_snapshot", true}, {"keys", Json::object()}, {"roles", Json::object()}};
  for (std::size_t role = 0; role < roles.size(); ++role) {
    part["keys"][signers_[role].keyid] = signers_[role].entry;
    part["roles"][roles[role]] = {{"keyids", {signers_[role].keyid}}, {"threshold", 1}};
  }
  const std::uint64_t version = versions_[root] + 1;
  const Result<std::string> text = sign(root, std::move(part), version);
  if (!text) return fail(text.error());
  Status written = write_file(fmt::format("{}.root", version), *text);
  if (written) written = write_file("root", *text);
  return written;
}

Result<std::uint64_t> TufMetadata::write(const Json& wanted) {
  if (Status written = write_root(); !written) return fail(written.error());
  const auto put = [&](std::size_t role, const Json& part) -> Result<Json> {
    const std::uint64_t version = ++versions_[role];
    const Result<std::string> text = sign(role, part, version);
    if (!text) return fail(text.error());
    if (role == targets && text->size() > tuf::Limits().targets) {
      return fail(ErrorCode::too_large, "targets.json: too many artifacts in one repository");
    }
    const std::string name =
        role == timestamp ? roles[role] : fmt::format("{}.{}", version, roles[role]);
    if (Status written = write_file(name, *text); !written) return fail(written.error());
    return Json{{"version", version},
                {"length", text->size()},
                {"hashes", {{"sha256", Sha256::of(as_bytes(*text)).hex()}}}};
  };
  const Result<Json> first = put(targets, {{"targets", wanted}});
  if (!first) return fail(first.error());
  const Result<Json> second = put(snapshot, {{"meta", {{"targets.json", *first}}}});
  if (!second) return fail(second.error());
  const Result<Json> third = put(timestamp, {{"meta", {{"snapshot.json", *second}}}});
  if (!third) return fail(third.error());
  return versions_[timestamp];
}

}  // namespace ferry::ctl
