// A folder of releases in the layout that Pycom's server reads (docs/release-format.md). The
// directory source and `ferryctl publish` both read it through here; it knows neither store nor
// site.
//
//   1.0.1/flash/main.py              file: whatever lies below a folder named by a version
//
//   firmware_1.0.1.bin               firmware
//
//   archive_1.0.1.tar                archive
//
//   differential_1.0.0_to_1.0.1.bin  differential
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <memory>
#include <optional>
#include <stop_token>
#include <string>
#include <vector>

#include "base/digest.hpp"
#include "base/file.hpp"
#include "base/result.hpp"
#include "formats/release.hpp"

namespace ferry::source {

// What tells one state of a file from another without reading it. Times in nanoseconds since 1970.
struct FileStamp {
  std::uint64_t size = 0;
  std::int64_t modified = 0;
  std::int64_t changed = 0;
  bool operator==(const FileStamp&) const = default;
};

struct LayoutFile {
  formats::ReleaseArtifact artifact;  // all but sha256, which only reading tells
  std::string path;                   // relative to the folder
  FileStamp stamp;
};

struct LayoutRelease {
  std::string version;
  std::vector<LayoutFile> files;  // ordered by artifact.name
  // Differs when any file came, went or was touched.
  Sha256 fingerprint() const;
  // Without hashes: what check_release() can say before anything was read.
  formats::Release release(const std::string& product, const std::string& channel) const;
};

struct Skipped {
  std::string path;  // control characters replaced: it may be shown
  std::string why;
  bool version = false;  // a version that is left out, not merely something that is none
};

struct Layout {
  std::vector<LayoutRelease> releases;  // ordered by the text of their versions
  std::vector<Skipped> skipped;
};

// The role that a top-level file's name gives it; the version (and `from`) stand in the name.
// Nothing for any other name.
struct NamedFile {
  formats::Role role = formats::Role::firmware;
  std::string version;
  std::string from;
};
std::optional<NamedFile> parse_layout_name(std::string_view name);

// The folder, held open for as long as the object lives: a medium stays busy so long, so keep it
// short. Symbolic links are followed as long as they stay inside the folder. Not thread-safe.
class LayoutFolder {
 public:
  // ErrorCode::not_found when there is no such folder.
  static Result<LayoutFolder> open(const std::filesystem::path& folder);

  // `entering` is called with each folder's path (relative, "" for the top) before it is listed. A
  // version that has something in it that cannot be published (a device, a name that is no clean
  // path, a link to the outside) is left out whole: half a file system must not reach a device.
  Result<Layout> scan(const std::function<void(const std::string&)>& entering = {}) const;

  // Hands the file's bytes from `offset` on to `take`, piece by piece. ErrorCode::changed when the
  // file is not, or during the reading ceases to be, what was scanned; what was taken is then of no
  // use.
  Status read(const LayoutFile& file, std::uint64_t offset, const std::stop_token& stop,
              const std::function<Status(Bytes)>& take) const;
  Result<Sha256> digest(const LayoutFile& file, const std::stop_token& stop) const;

 private:
  explicit LayoutFolder(Descriptor root, std::string name)
      : root_(std::move(root)), name_(std::move(name)) {}
  Descriptor root_;
  std::string name_;  // for messages
};

}  // namespace ferry::source
