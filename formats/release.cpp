#include "formats/release.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <set>
#include <tuple>
#include <utility>

#include "formats/json.hpp"
#include "formats/patch_fields.hpp"

namespace ferry::formats {
namespace {

constexpr std::string_view release_format = "ferry-release/1";

constexpr std::array<std::pair<Role, std::string_view>, 4> roles = {{
    {Role::firmware, "firmware"},
    {Role::file, "file"},
    {Role::archive, "archive"},
    {Role::differential, "differential"},
}};

// Remembers what a release has had so far, to refuse what may be there only once.
class ReleaseCheck {
 public:
  explicit ReleaseCheck(const Release& release) : release_(release) {}

  Status check() {
    if (!is_name(release_.product)) return bad("product", release_.product, "is not a name");
    if (!is_name(release_.version)) return bad("version", release_.version, "is not a name");
    if (!is_name(release_.channel)) return bad("channel", release_.channel, "is not a name");
    if (release_.artifacts.empty()) return fail(ErrorCode::invalid, "has no artifacts");
    if (release_.artifacts.size() > artifact_count_limit) {
      return fail(ErrorCode::too_large,
                  fmt::format("has more than {} artifacts", artifact_count_limit));
    }
    for (const ReleaseArtifact& artifact : release_.artifacts) {
      if (Status good = check(artifact); !good) return good;
    }
    return check_no_file_is_a_folder();
  }

 private:
  static Failure bad(std::string_view key, std::string_view value, std::string_view why) {
    return fail(ErrorCode::invalid, fmt::format("{} '{}' {}", key, value.substr(0, 128), why));
  }

  Status check(const ReleaseArtifact& artifact) {
    if (!is_relative_path(artifact.name)) return bad("name", artifact.name, "is not a clean path");
    if (!names_.insert(artifact.name).second) return bad("name", artifact.name, "stands twice");
    if (artifact.size > artifact_size_limit) {
      return bad("artifact", artifact.name, "is larger than 4 GiB");
    }
    if (!artifact.url.empty() && !is_site_url(artifact.url)) {
      return bad("url", artifact.url, "is not a relative URL of plain names");
    }
    if (artifact.role != Role::file && !artifact.dst_path.empty()) {
      return bad("artifact", artifact.name, "has a dst_path but is no file");
    }
    if (artifact.role != Role::differential && !artifact.from.empty()) {
      return bad("artifact", artifact.name, "has a 'from' but is no differential package");
    }
    // A file may well be empty (__init__.py); an empty image is a mistake that would brick a
    // device.
    if (artifact.role != Role::file && artifact.size == 0) {
      return bad("artifact", artifact.name, "is empty");
    }
    return check_role(artifact);
  }

  Status check_role(const ReleaseArtifact& artifact) {
    switch (artifact.role) {
      case Role::firmware:
      case Role::archive:
        if (!single_.insert(artifact.role).second) {
          return bad("artifact", artifact.name,
                     fmt::format("is a second {}", to_string(artifact.role)));
        }
        return {};
      case Role::file:
        if (!is_relative_path(artifact.dst_path)) {
          return bad("dst_path", artifact.dst_path, "is not a clean path");
        }
        if (!paths_.insert(artifact.dst_path).second) {
          return bad("dst_path", artifact.dst_path, "stands twice");
        }
        return {};
      case Role::differential:
        if (!is_name(artifact.from) || artifact.from == release_.version) {
          return bad("from", artifact.from, "is not another version");
        }
        if (!from_.insert(artifact.from).second) return bad("from", artifact.from, "stands twice");
        return {};
    }
    return fail(ErrorCode::invalid, "unknown role");
  }

  // A device would fail at such a release half way through.
  Status check_no_file_is_a_folder() const {
    for (const std::string_view path : paths_) {
      for (std::size_t at = path.find('/'); at != path.npos; at = path.find('/', at + 1)) {
        if (paths_.contains(path.substr(0, at))) {
          return bad("dst_path", path, "lies below another file");
        }
      }
    }
    return {};
  }

  const Release& release_;
  std::set<std::string_view> names_;
  std::set<std::string_view> paths_;
  std::set<std::string_view> from_;
  std::set<Role> single_;
};

Result<ReleaseArtifact> artifact_from(const Json& json) {
  ReleaseArtifact artifact;
  const Result<std::string> role_name = text_at(json, "role");
  if (!role_name) return fail(role_name.error());
  const Result<Role> role = role_from(*role_name);
  if (!role) return fail(role.error());
  artifact.role = *role;

  Result<std::string> name = text_at(json, "name");
  if (!name) return fail(name.error());
  artifact.name = std::move(*name);
  Result<std::string> dst_path = optional_text(json, "dst_path");
  if (!dst_path) return fail(dst_path.error());
  artifact.dst_path = std::move(*dst_path);
  Result<std::string> from = optional_text(json, "from");
  if (!from) return fail(from.error());
  artifact.from = std::move(*from);
  Result<std::string> url = optional_text(json, "url");
  if (!url) return fail(url.error());
  artifact.url = std::move(*url);

  const Result<std::uint64_t> size = unsigned_at(json, "size");
  if (!size) return fail(size.error());
  artifact.size = *size;
  const Result<Sha256> sha256 = sha256_at(json, "sha256");
  if (!sha256) return fail(sha256.error());
  artifact.sha256 = *sha256;
  auto patches = patches_from(json);
  if (!patches) return fail(patches.error());
  artifact.patches = std::move(*patches);
  return artifact;
}

Json to_json(const ReleaseArtifact& artifact) {
  Json json = {{"role", to_string(artifact.role)},
               {"name", artifact.name},
               {"size", artifact.size},
               {"sha256", artifact.sha256.hex()}};
  if (!artifact.dst_path.empty()) json["dst_path"] = artifact.dst_path;
  if (!artifact.from.empty()) json["from"] = artifact.from;
  if (!artifact.url.empty()) json["url"] = artifact.url;
  if (!artifact.patches.empty()) json["patches"] = to_json(artifact.patches);
  return json;
}

Result<Release> release_from(const Json& json) {
  const Status format = check_format(json, release_format);
  if (!format) return fail(format.error());
  Release release;
  Result<std::string> product = text_at(json, "product");
  if (!product) return fail(product.error());
  release.product = std::move(*product);
  Result<std::string> version = text_at(json, "version");
  if (!version) return fail(version.error());
  release.version = std::move(*version);
  Result<std::string> channel = optional_text(json, "channel");
  if (!channel) return fail(channel.error());
  release.channel = channel->empty() ? "stable" : std::move(*channel);

  const auto artifacts = json.find("artifacts");
  if (artifacts == json.end() || !artifacts->is_array()) {
    return fail(ErrorCode::invalid, "'artifacts' is missing or not a list");
  }
  for (const Json& entry : *artifacts) {
    Result<ReleaseArtifact> artifact = artifact_from(entry);
    if (!artifact) {
      return fail(artifact.error(), fmt::format("artifact {}", release.artifacts.size()));
    }
    release.artifacts.push_back(std::move(*artifact));
  }
  const Status good = check_release(release);
  if (!good) return fail(good.error());
  return release;
}

}  // namespace

std::string_view to_string(Role role) {
  for (const auto& [known, name] : roles) {
    if (known == role) return name;
  }
  return "";
}

Result<Role> role_from(std::string_view name) {
  for (const auto& [role, known] : roles) {
    if (known == name) return role;
  }
  return fail(ErrorCode::invalid, fmt::format("'{}' is not a role", name.substr(0, 64)));
}

const ReleaseArtifact* Release::find(Role role) const {
  const auto found = std::find_if(artifacts.begin(), artifacts.end(),
                                  [&](const auto& artifact) { return artifact.role == role; });
  return found == artifacts.end() ? nullptr : &*found;
}

bool same_artifacts(const Release& one, const Release& other) {
  const auto key = [](const ReleaseArtifact& artifact) {
    return std::tie(artifact.name, artifact.role, artifact.dst_path, artifact.from, artifact.size,
                    artifact.sha256);
  };
  std::set<decltype(key(one.artifacts.front()))> left;
  for (const ReleaseArtifact& artifact : one.artifacts) left.insert(key(artifact));
  return one.artifacts.size() == other.artifacts.size() &&
         std::all_of(other.artifacts.begin(), other.artifacts.end(),
                     [&](const ReleaseArtifact& artifact) { return left.contains(key(artifact)); });
}

Status check_release(const Release& release) {
  return ReleaseCheck(release).check();
}

Result<Release> parse_release(std::string_view document) {
  const JsonLimits limits{.bytes = document_size_limit, .depth = 8};
  const Result<Json> json = parse_json(document, "release document", limits);
  if (!json) return fail(json.error());
  Result<Release> release = release_from(*json);
  if (!release) return fail(release.error(), "release document");
  return release;
}

std::string write_release(const Release& release) {
  Json artifacts = Json::array();
  for (const ReleaseArtifact& artifact : release.artifacts) artifacts.push_back(to_json(artifact));
  const Json json = {{"format", release_format},
                     {"product", release.product},
                     {"version", release.version},
                     {"channel", release.channel},
                     {"artifacts", std::move(artifacts)}};
  return to_text(json);
}

}  // namespace ferry::formats
