#include "agent/source/tuf_releases.hpp"

#include <fmt/format.h>

#include <optional>
#include <tuple>

#include "formats/json.hpp"
#include "formats/patch_fields.hpp"

namespace ferry::source {
namespace {

using formats::Json;

// One target as an artifact of its release.
struct Member {
  std::string path;
  std::uint64_t artifacts = 0;  // of the whole release
  bool urgent = false;
  std::string product, version, channel;
  formats::ReleaseArtifact artifact;
};

std::string shown(const std::string& path) {
  return path.substr(0, 256);
}

Status read_artifact(const Json& facts, const tuf::TargetFile& file, Member& member) {
  const Result<std::string> role = formats::text_at(facts, "role");
  if (!role) return fail(role.error());
  const Result<formats::Role> known = formats::role_from(*role);
  if (!known) return fail(known.error());
  const std::string last = member.path.substr(member.path.rfind('/') + 1);
  Result<std::string> name = formats::optional_text(facts, "name");
  if (!name) return fail(name.error());
  Result<std::string> dst_path = formats::optional_text(facts, "dst_path");
  if (!dst_path) return fail(dst_path.error());
  Result<std::string> from = formats::optional_text(facts, "from");
  if (!from) return fail(from.error());
  const auto hash = file.hashes.find("sha256");
  const std::optional<Sha256> sha256 =
      hash == file.hashes.end() ? std::nullopt : Sha256::from_hex(hash->second);
  if (!sha256) return fail(ErrorCode::invalid, "its hashes lack a SHA-256");
  auto patches = formats::patches_from(facts);
  if (!patches) return fail(patches.error());
  formats::ReleaseArtifact& artifact = member.artifact;
  artifact.patches = std::move(*patches);
  artifact.role = *known;
  artifact.name = name->empty() ? last : *name;
  artifact.dst_path = std::move(*dst_path);
  artifact.from = std::move(*from);
  artifact.size = file.length.value_or(0);
  artifact.sha256 = *sha256;
  return {};
}

Result<Member> read_member(const std::string& path, const tuf::TargetFile& file) {
  const Json& facts = file.custom["ferry"];
  if (!facts.is_object()) return fail(ErrorCode::invalid, "custom.ferry is not an object");
  Member member;
  member.path = path;
  const Result<std::string> product = formats::text_at(facts, "product");
  if (!product) return fail(product.error());
  const Result<std::string> version = formats::text_at(facts, "version");
  if (!version) return fail(version.error());
  const Result<std::string> channel = formats::optional_text(facts, "channel");
  if (!channel) return fail(channel.error());
  member.product = *product;
  member.version = *version;
  member.channel = channel->empty() ? "stable" : *channel;
  // Delegations go by paths: so a role that may speak of one product's can name no other.
  if (!path.starts_with(*product + "/")) {
    return fail(ErrorCode::denied, fmt::format("says product '{}', but its path does not begin "
                                               "with that",
                                               product->substr(0, 120)));
  }
  const Result<std::uint64_t> artifacts = formats::unsigned_at(facts, "artifacts");
  if (!artifacts) return fail(artifacts.error());
  member.artifacts = *artifacts;
  const Result<bool> urgent = formats::optional_flag(facts, "urgent");
  if (!urgent) return fail(urgent.error());
  member.urgent = *urgent;
  if (Status read = read_artifact(facts, file, member); !read) return fail(read.error());
  return member;
}

// Of one product, version and channel; never empty.
Result<TufRelease> join(const std::vector<Member>& members) {
  TufRelease made;
  made.release.product = members.front().product;
  made.release.version = members.front().version;
  made.release.channel = members.front().channel;
  Digester identity(Algorithm::sha256);
  for (const Member& member : members) {
    if (member.artifacts != members.size()) {
      return fail(ErrorCode::denied,
                  fmt::format("{} says that it has {} artifacts, but {} are named", member.path,
                              member.artifacts, members.size()));
    }
    const formats::ReleaseArtifact& artifact = member.artifact;
    identity.update(as_bytes(fmt::format("{}\n{}\n{}\n{}\n{}\n{} {}\n", member.path,
                                         to_string(artifact.role), artifact.name, artifact.dst_path,
                                         artifact.from, artifact.size, artifact.sha256.hex())));
    made.release.artifacts.push_back(artifact);
    made.paths.emplace(artifact.name, member.path);
    made.urgent = made.urgent || member.urgent;
  }
  made.identity = identity.sha256();
  if (Status good = formats::check_release(made.release); !good) return fail(good.error());
  return made;
}

}  // namespace

TufReleases releases_of(const TufTargets& targets) {
  TufReleases made;
  std::map<std::tuple<std::string, std::string, std::string>, std::vector<Member>> groups;
  for (const auto& [path, file] : targets) {
    if (!file->custom.is_object() || !file->custom.contains("ferry")) continue;
    Result<Member> member = read_member(path, *file);
    if (!member) {
      made.refused.push_back({shown(path), member.error().message});
      continue;
    }
    groups[{member->product, member->version, member->channel}].push_back(std::move(*member));
  }
  for (const auto& [name, members] : groups) {
    Result<TufRelease> release = join(members);
    if (release) {
      made.releases.push_back(std::move(*release));
    } else {
      made.refused.push_back(
          {shown(std::get<0>(name)) + " " + shown(std::get<1>(name)), release.error().message});
    }
  }
  return made;
}

}  // namespace ferry::source
