// Makes a site that an `https` source reads (docs/release-format.md) from a folder that a
// `directory` source reads. Idempotent: what is published already is left alone.
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "agent/source/layout.hpp"
#include "base/result.hpp"

namespace ferry::ctl {

struct PublishOptions {
  std::filesystem::path directory;
  std::filesystem::path site;  // made when it is not there
  std::string product;
  std::string channel = "stable";
  std::filesystem::path
      key;  // private key, PEM; "" = an unsigned index, for sources with trust = tls
  std::optional<unsigned> patches;  // from how many versions before; nothing = none are made
  std::vector<std::string> urgent;  // versions to be marked so; those that are stay so
};

struct PublishReport {
  std::uint64_t sequence = 0;          // of the index as it is now
  std::uint64_t releases = 0;          // in the index, of all products
  std::vector<std::string> published;  // versions that are new in it
  std::vector<std::string> urgent;     // versions that are newly marked so
  std::vector<std::string> withdrawn;  // versions that it no longer names; gateways keep them
  std::uint64_t artifacts_copied = 0;
  std::uint64_t bytes_copied = 0;
  std::uint64_t patches = 0;  // to artifacts of the new versions
  std::string key_id;         // that signed the index, "" when unsigned
  std::vector<std::string>
      skipped;  // entries of the directory that are no releases: "notes.txt: why"
};

// The index is replaced last and whole: readers see the site before or after, never in between. The
// product's and channel's versions in the index become exactly those of the directory; other
// products stay. ErrorCode::exists when a version that is published differs from the directory's;
// invalid when a version of the directory cannot be published; denied when the present index is not
// signed by this key; unavailable when another publication is under way.
Result<PublishReport> publish(const PublishOptions& options);

// Whether that version is to be marked urgent.
bool marks_urgent(const PublishOptions& options, const std::string& version);

// What publications of all kinds do first. Whether product and channel are names.
Status check_names(const PublishOptions& options);
// The folder's releases from the oldest version on, as LooseVersion orders them; an error where a
// version in it cannot be published, what is none is added to report.skipped.
Result<source::Layout> scan_releases(const source::LayoutFolder& folder,
                                     const PublishOptions& options, PublishReport& report);
// The release with the hashes of its artifacts.
Result<formats::Release> hash_release(const source::LayoutFolder& folder,
                                      const PublishOptions& options,
                                      const source::LayoutRelease& layout);

}  // namespace ferry::ctl
