// Makes a TUF repository that a `tuf` source reads (docs/release-format.md) from a folder that a
// `directory` source reads.
#pragma once

#include "ctl/publish.hpp"

namespace ferry::ctl {

struct TufPublishOptions : PublishOptions {
  std::filesystem::path keys;  // root.pem, timestamp.pem, snapshot.pem, targets.pem; made as needed
  // How long what is signed now will be believed, in days.
  unsigned root_days = 365;
  unsigned targets_days = 180;
  unsigned snapshot_days = 30;
  unsigned timestamp_days = 30;
};

// As publish(), with SITE/metadata and SITE/targets. Each call signs anew, so it also renews what
// would expire. The report's `sequence` is the version of timestamp.json, its key_id the root's.
Result<PublishReport> publish_tuf(const TufPublishOptions& options);

}  // namespace ferry::ctl
