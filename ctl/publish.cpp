#include "ctl/publish.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <tuple>

#include "agent/catalog/version.hpp"
#include "ctl/patches.hpp"
#include "ctl/site.hpp"

namespace ferry::ctl {
namespace {

// One publication on its way.
class Publication {
 public:
  Publication(const PublishOptions& options, const source::LayoutFolder& folder, const Site& site)
      : options_(options),
        folder_(folder),
        site_(site),
        patches_(options.site, options.patches, [&site](const auto&, const auto& artifact) {
          return site.folder() / Site::artifact_url(artifact.sha256);
        }) {}

  Result<PublishReport> run(const PrivateKey* key);

 private:
  // The release with hashes and URLs.
  Result<formats::Release> describe(const source::LayoutRelease& layout) const;
  Status publish(const source::LayoutRelease& layout, const formats::Index& before,
                 formats::Index& after);
  // Gateways hold a version once: in another channel it has to be the same bytes.
  Status compare_channels(const formats::Release& release, const formats::Index& before) const;
  Status copy(const source::LayoutRelease& layout, const formats::Release& release);
  // A version that is published already has to be the same; its document stays as it is.
  Status compare_published(const formats::IndexEntry& published,
                           const formats::Release& release) const;
  // Writes the document, patches and all.
  Result<formats::IndexEntry> announce(formats::Release& release);

  const PublishOptions& options_;
  const source::LayoutFolder& folder_;
  const Site& site_;
  PatchMaker patches_;
  PublishReport report_;
};

const formats::IndexEntry* find(const formats::Index& index, const formats::Release& release) {
  const auto found = std::find_if(
      index.releases.begin(), index.releases.end(), [&](const formats::IndexEntry& entry) {
        return entry.product == release.product && entry.version == release.version &&
               entry.channel == release.channel;
      });
  return found == index.releases.end() ? nullptr : &*found;
}

Result<formats::Release> Publication::describe(const source::LayoutRelease& layout) const {
  Result<formats::Release> release = hash_release(folder_, options_, layout);
  if (!release) return release;
  for (formats::ReleaseArtifact& artifact : release->artifacts) {
    artifact.url = Site::artifact_url(artifact.sha256);
  }
  return release;
}

Status Publication::compare_channels(const formats::Release& release,
                                     const formats::Index& before) const {
  for (const formats::IndexEntry& entry : before.releases) {
    if (entry.product != release.product || entry.version != release.version ||
        entry.channel == release.channel) {
      continue;
    }
    const Result<formats::Release> other = site_.read_release(entry);
    if (!other) return fail(other.error());
    if (formats::same_artifacts(*other, release)) continue;
    return fail(ErrorCode::exists,
                fmt::format("{} {} differs from the same version in channel {}: publish it as a "
                            "new version",
                            entry.product, entry.version, entry.channel));
  }
  return {};
}

Status Publication::copy(const source::LayoutRelease& layout, const formats::Release& release) {
  for (std::size_t i = 0; i < layout.files.size(); ++i) {
    const Result<bool> copied = site_.put_artifact(folder_, layout.files[i], release.artifacts[i]);
    if (!copied) return fail(copied.error());
    if (!*copied) continue;
    ++report_.artifacts_copied;
    report_.bytes_copied += release.artifacts[i].size;
  }
  return site_.sync_artifacts();
}

Status Publication::compare_published(const formats::IndexEntry& published,
                                      const formats::Release& release) const {
  const Result<formats::Release> before = site_.read_release(published);
  if (!before) return fail(before.error());
  if (formats::same_artifacts(*before, release)) return {};
  return fail(ErrorCode::exists,
              fmt::format("{} {} differs from what was published under this version: publish the "
                          "change as a new version",
                          release.product, release.version));
}

Result<formats::IndexEntry> Publication::announce(formats::Release& release) {
  if (Status made = patches_.make(release); !made) return fail(made.error());
  const std::string document = formats::write_release(release);
  if (document.size() > formats::document_size_limit) {
    return fail(ErrorCode::too_large, release.version + ": its release document exceeds 8 MiB");
  }
  formats::IndexEntry entry;
  entry.product = release.product;
  entry.version = release.version;
  entry.channel = release.channel;
  entry.document = Site::document_url(release);
  entry.size = document.size();
  entry.sha256 = Sha256::of(as_bytes(document));
  if (Status put = site_.put_document(entry.document, document); !put) return fail(put.error());
  report_.published.push_back(entry.version);
  return entry;
}

Status Publication::publish(const source::LayoutRelease& layout, const formats::Index& before,
                            formats::Index& after) {
  Result<formats::Release> release = describe(layout);
  if (!release) return fail(release.error());
  if (Status same = compare_channels(*release, before); !same) return same;
  const formats::IndexEntry* published = find(before, *release);
  if (published != nullptr) {
    if (Status same = compare_published(*published, *release); !same) return same;
  }
  if (Status copied = copy(layout, *release); !copied) return copied;
  Result<formats::IndexEntry> entry =
      published == nullptr ? announce(*release) : Result<formats::IndexEntry>(*published);
  if (!entry) return fail(entry.error());
  if (!entry->urgent && marks_urgent(options_, entry->version)) {
    entry->urgent = true;
    report_.urgent.push_back(entry->version);
  }
  after.releases.push_back(std::move(*entry));
  patches_.add(std::move(*release));
  return {};
}

Result<PublishReport> Publication::run(const PrivateKey* key) {
  const Result<source::Layout> layout = scan_releases(folder_, options_, report_);
  if (!layout) return fail(layout.error());
  const Result<std::optional<formats::Index>> present = site_.read_index(key);
  if (!present) return fail(present.error());
  const formats::Index before = present->value_or(formats::Index());

  formats::Index after;
  for (const source::LayoutRelease& release : layout->releases) {
    const Status done = publish(release, before, after);
    if (!done) return fail(done.error());
  }
  for (const formats::IndexEntry& entry : before.releases) {
    if (entry.product != options_.product || entry.channel != options_.channel) {
      after.releases.push_back(entry);
    } else if (std::none_of(
                   layout->releases.begin(), layout->releases.end(),
                   [&](const auto& release) { return release.version == entry.version; })) {
      report_.withdrawn.push_back(entry.version);
    }
  }
  std::sort(after.releases.begin(), after.releases.end(), [](const auto& a, const auto& b) {
    return std::tie(a.product, a.channel, a.version) < std::tie(b.product, b.channel, b.version);
  });
  const bool changed = !present->has_value() || !report_.published.empty() ||
                       !report_.withdrawn.empty() || !report_.urgent.empty();
  after.sequence = before.sequence + (changed ? 1 : 0);
  if (changed) {
    if (Status written = site_.write_index(after, key); !written) return fail(written.error());
  }
  report_.sequence = after.sequence;
  report_.patches = patches_.count();
  report_.releases = after.releases.size();
  return std::move(report_);
}

}  // namespace

Status check_names(const PublishOptions& options) {
  for (const std::string& name : {options.product, options.channel}) {
    if (!formats::is_name(name)) {
      return fail(ErrorCode::invalid, fmt::format("'{}' cannot name a product or channel", name));
    }
  }
  return {};
}

bool marks_urgent(const PublishOptions& options, const std::string& version) {
  return std::find(options.urgent.begin(), options.urgent.end(), version) != options.urgent.end();
}

Result<source::Layout> scan_releases(const source::LayoutFolder& folder,
                                     const PublishOptions& options, PublishReport& report) {
  Result<source::Layout> layout = folder.scan();
  if (!layout) return layout;
  for (const source::Skipped& skipped : layout->skipped) {
    if (skipped.version) {
      return fail(ErrorCode::invalid,
                  fmt::format("{}/{} {}; nothing was published", options.directory.string(),
                              skipped.path, skipped.why));
    }
    report.skipped.push_back(skipped.path + ": " + skipped.why);
  }
  for (const std::string& version : options.urgent) {
    if (std::none_of(layout->releases.begin(), layout->releases.end(),
                     [&](const auto& release) { return release.version == version; })) {
      return fail(ErrorCode::not_found,
                  fmt::format("--urgent {}: {} has no such version; nothing was published", version,
                              options.directory.string()));
    }
  }
  std::stable_sort(layout->releases.begin(), layout->releases.end(),
                   [](const auto& one, const auto& other) {
                     return catalog::compare_loose(one.version, other.version) < 0;
                   });
  return layout;
}

Result<formats::Release> hash_release(const source::LayoutFolder& folder,
                                      const PublishOptions& options,
                                      const source::LayoutRelease& layout) {
  formats::Release release = layout.release(options.product, options.channel);
  for (std::size_t i = 0; i < layout.files.size(); ++i) {
    const Result<Sha256> digest = folder.digest(layout.files[i], {});
    if (!digest) return fail(digest.error());
    release.artifacts[i].sha256 = *digest;
  }
  const Status good = formats::check_release(release);
  if (!good) return fail(good.error(), layout.version);
  return release;
}

Result<PublishReport> publish(const PublishOptions& options) {
  if (Status good = check_names(options); !good) return fail(good.error());
  std::optional<PrivateKey> key;
  std::string key_id;
  if (!options.key.empty()) {
    Result<PrivateKey> loaded = PrivateKey::load(options.key);
    if (!loaded) return fail(loaded.error());
    const Result<PublicKey> known = loaded->public_key();
    if (!known) return fail(known.error());
    key_id = known->key_id();
    key = std::move(*loaded);
  }
  const Result<source::LayoutFolder> folder = source::LayoutFolder::open(options.directory);
  if (!folder) return fail(folder.error());
  const Result<Site> site = Site::open(options.site);
  if (!site) return fail(site.error());
  Result<PublishReport> report = Publication(options, *folder, *site).run(key ? &*key : nullptr);
  if (report) report->key_id = key_id;
  return report;
}

}  // namespace ferry::ctl
