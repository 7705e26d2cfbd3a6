#include "ctl/tuf_publish.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <set>

#include "base/file.hpp"
#include "ctl/patches.hpp"
#include "ctl/site.hpp"
#include "ctl/tuf_metadata.hpp"
#include "formats/patch_fields.hpp"

namespace ferry::ctl {
namespace {

std::string folder_of(const formats::Release& release) {
  return release.product + "/" + release.channel + "/" + release.version + "/";
}

Json target_of(const formats::Release& release, const formats::ReleaseArtifact& artifact,
               bool urgent) {
  Json facts = {{"product", release.product},
                {"version", release.version},
                {"channel", release.channel},
                {"artifacts", release.artifacts.size()},
                {"role", formats::to_string(artifact.role)},
                {"name", artifact.name}};
  if (!artifact.dst_path.empty()) facts["dst_path"] = artifact.dst_path;
  if (!artifact.from.empty()) facts["from"] = artifact.from;
  if (urgent) facts["urgent"] = true;
  if (!artifact.patches.empty()) facts["patches"] = formats::to_json(artifact.patches);
  return {{"length", artifact.size},
          {"hashes", {{"sha256", artifact.sha256.hex()}}},
          {"custom", {{"ferry", std::move(facts)}}}};
}

// What a target's custom says, "" where it does not.
std::string fact(const Json& target, const char* key) {
  const Json::json_pointer at(std::string("/custom/ferry/") + key);
  return target.contains(at) && target.at(at).is_string() ? target.at(at).get<std::string>() : "";
}

// Where a consistent snapshot has it: the hash stands before the last part.
std::filesystem::path place_of(const formats::Release& release,
                               const formats::ReleaseArtifact& artifact) {
  const std::filesystem::path whole(folder_of(release) + artifact.name);
  return whole.parent_path() / (artifact.sha256.hex() + "." + whole.filename().string());
}

Json targets_of(const formats::Release& release, bool urgent) {
  Json made = Json::object();
  for (const formats::ReleaseArtifact& artifact : release.artifacts) {
    made[folder_of(release) + artifact.name] = target_of(release, artifact, urgent);
  }
  return made;
}

// A version that is published already has to be the same, artifact by artifact; and in another
// channel, the same bytes by the same names.
Status compare(const formats::Release& release, const Json& present, const Json& made) {
  std::map<std::string, std::map<std::string, std::string>> hashes;  // by channel, by name
  Json same = Json::object();
  for (const auto& [path, target] : present.items()) {
    if (fact(target, "product") != release.product || fact(target, "version") != release.version) {
      continue;
    }
    if (fact(target, "channel") == release.channel) same[path] = target;
    hashes[fact(target, "channel")][fact(target, "name")] =
        target.at("hashes").value("sha256", std::string());
  }
  std::map<std::string, std::string> wanted;
  for (const auto& artifact : release.artifacts) wanted[artifact.name] = artifact.sha256.hex();
  bool differs = !same.empty() && same != made;
  for (const auto& [channel, names] : hashes) differs = differs || names != wanted;
  if (!differs) return {};
  return fail(ErrorCode::exists,
              fmt::format("{} {} differs from what was published under this version: publish the "
                          "change as a new version",
                          release.product, release.version));
}

class TufPublication {
 public:
  TufPublication(const TufPublishOptions& options, const source::LayoutFolder& folder,
                 TufMetadata& metadata)
      : options_(options),
        folder_(folder),
        metadata_(metadata),
        patches_(options.site / "targets", options.patches,
                 [&options](const auto& release, const auto& artifact) {
                   return options.site / "targets" / place_of(release, artifact);
                 }) {}

  Result<PublishReport> run() {
    const Result<source::Layout> layout = scan_releases(folder_, options_, report_);
    if (!layout) return fail(layout.error());
    std::set<std::string> gone;
    for (const auto& [path, target] : metadata_.present().items()) {
      const bool ours = fact(target, "product") == options_.product &&
                        fact(target, "channel") == options_.channel;
      if (ours) {
        gone.insert(fact(target, "version"));
      } else {
        targets_[path] = target;
      }
    }
    for (const source::LayoutRelease& release : layout->releases) {
      const bool fresh = gone.erase(release.version) == 0;
      if (fresh) report_.published.push_back(release.version);
      if (Status added = add(release, fresh); !added) return fail(added.error());
    }
    report_.withdrawn.assign(gone.begin(), gone.end());
    const Result<std::uint64_t> version = metadata_.write(targets_);
    if (!version) return fail(version.error());
    report_.sequence = *version;
    report_.patches = patches_.count();
    std::set<std::string> releases;
    for (const auto& [path, target] : targets_.items()) {
      releases.insert(fact(target, "product") + "/" + fact(target, "channel") + "/" +
                      fact(target, "version"));
    }
    report_.releases = releases.size();
    return std::move(report_);
  }

 private:
  Status add(const source::LayoutRelease& layout, bool fresh) {
    Result<formats::Release> release = hash_release(folder_, options_, layout);
    if (!release) return fail(release.error());
    if (!fresh) {
      if (Status kept = keep_patches(*release); !kept) return kept;
    }
    const bool was_urgent = is_urgent(*release);
    const Json as_before = targets_of(*release, was_urgent);
    if (Status same = compare(*release, metadata_.present(), as_before); !same) return same;
    if (Status copied = copy(layout, *release); !copied) return copied;
    if (fresh) {
      if (Status made = patches_.make(*release); !made) return made;
    }
    const bool newly_urgent = !was_urgent && marks_urgent(options_, release->version);
    if (newly_urgent) report_.urgent.push_back(release->version);
    targets_.update(newly_urgent ? targets_of(*release, true) : targets_of(*release, was_urgent));
    patches_.add(std::move(*release));
    return {};
  }

  bool is_urgent(const formats::Release& release) const {
    constexpr const char* mark = "/custom/ferry/urgent";
    return std::any_of(
        release.artifacts.begin(), release.artifacts.end(), [&](const auto& artifact) {
          const auto target = metadata_.present().find(folder_of(release) + artifact.name);
          return target != metadata_.present().end() &&
                 target->value(Json::json_pointer(mark), Json(false)) == Json(true);
        });
  }

  // What is published says where its patches are; that stays.
  Status keep_patches(formats::Release& release) const {
    for (formats::ReleaseArtifact& artifact : release.artifacts) {
      const auto target = metadata_.present().find(folder_of(release) + artifact.name);
      if (target == metadata_.present().end()) continue;
      auto patches = formats::patches_from(target->at("custom").at("ferry"));
      if (!patches) return fail(patches.error(), target.key());
      artifact.patches = std::move(*patches);
    }
    return {};
  }

  Status copy(const source::LayoutRelease& layout, const formats::Release& release) {
    for (std::size_t i = 0; i < layout.files.size(); ++i) {
      const formats::ReleaseArtifact& artifact = release.artifacts[i];
      const auto target = options_.site / "targets" / place_of(release, artifact);
      const Result<bool> copied = copy_artifact(folder_, layout.files[i], artifact, target);
      if (!copied) return fail(copied.error());
      if (!*copied) continue;
      ++report_.artifacts_copied;
      report_.bytes_copied += artifact.size;
      if (Status synced = sync_folder(target.parent_path()); !synced) return synced;
    }
    return {};
  }

  const TufPublishOptions& options_;
  const source::LayoutFolder& folder_;
  TufMetadata& metadata_;
  PatchMaker patches_;
  Json targets_ = Json::object();
  PublishReport report_;
};

}  // namespace

Result<PublishReport> publish_tuf(const TufPublishOptions& options) {
  if (Status good = check_names(options); !good) return fail(good.error());
  const Result<source::LayoutFolder> folder = source::LayoutFolder::open(options.directory);
  if (!folder) return fail(folder.error());
  const Result<Descriptor> lock = lock_folder(options.site / "metadata");
  if (!lock) return fail(lock.error());
  Result<TufMetadata> metadata =
      TufMetadata::open(options.site / "metadata", options, SystemClock().now());
  if (!metadata) return fail(metadata.error());
  return TufPublication(options, *folder, *metadata).run();
}

}  // namespace ferry::ctl
