// Releases as Ferry knows them, and their documents (docs/release-format.md).
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/digest.hpp"
#include "base/result.hpp"

namespace ferry::formats {

inline constexpr std::uint64_t artifact_size_limit = 4ULL << 30U;  // bytes
inline constexpr std::size_t artifact_count_limit = 10000;         // in one release
inline constexpr std::uint64_t document_size_limit = 8ULL << 20U;  // bytes of a release document
inline constexpr std::uint64_t index_size_limit = 16ULL << 20U;    // bytes of index.json
inline constexpr std::size_t patch_count_limit = 16;               // to one artifact
inline constexpr std::size_t release_count_limit = 10000;          // in one index

enum class Role {
  firmware,      // the image of the device's program; at most one in a release
  file,          // a file of the device's file system, at dst_path
  archive,       // all files of the device as one ustar archive; at most one in a release
  differential,  // a package that turns `from` into this version; at most one for each `from`
};

std::string_view to_string(Role role);
Result<Role> role_from(std::string_view name);

// A shorter way to an artifact's bytes (formats/patch.hpp): from an artifact that is held already,
// or without a base the artifact itself, compressed.
struct ArtifactPatch {
  std::optional<Sha256> base;   // the artifact that it starts from
  std::string url;              // where the source has it, as an artifact's
  std::uint64_t size = 0;       // bytes of the whole patch
  std::uint64_t head_size = 0;  // bytes of its head
  Sha256 head;                  // of its head, which pins the rest
};

// One artifact as a release names it.
struct ReleaseArtifact {
  Role role = Role::firmware;
  std::string name;      // unique in the release, a clean relative path: "firmware_1.0.1.bin",
                         // "flash/lib/n.py"; it stands in URLs that devices are given
  std::string dst_path;  // role file: where on the device, no leading '/', else ""
  std::string from;      // role differential: the version it applies to, else ""
  std::uint64_t size = 0;
  Sha256 sha256;
  std::string url;  // where the source has the bytes, relative to the site; "" elsewhere
  std::vector<ArtifactPatch>
      patches;  // that the source has; they say nothing of what the artifact is
};

struct Release {
  std::string product;
  std::string version;
  std::string channel;  // "stable" unless said otherwise
  std::vector<ReleaseArtifact> artifacts;

  const ReleaseArtifact* find(Role role) const;  // the first of that role, or null
};

// Names from outside that become URL parts and rows: 1..120 bytes of [A-Za-z0-9._+~-], no leading
// '.'.
bool is_name(std::string_view text);
// A clean relative path: UTF-8, at most 512 bytes and 16 parts, no empty, "." or ".." part, no
// control character, no backslash.
bool is_relative_path(std::string_view text);
// Where a site has something: a relative path whose parts are names, so that it is the same text
// whether percent-encoded or not.
bool is_site_url(std::string_view text);

// What any release must keep, wherever it comes from; parse_release() and the folder reader call
// it. The message names the artifact at fault.
Status check_release(const Release& release);

// Whether both name the same artifacts, in whatever order and wherever their bytes come from.
bool same_artifacts(const Release& one, const Release& other);

// A release document, format "ferry-release/1". Everything is checked: roles, names, paths,
// duplicates, sizes (each at most 4 GiB, at most 10,000 artifacts). Unknown keys are ignored, so
// that later writers may add some; whatever an old reader must not overlook gets a new format name.
Result<Release> parse_release(std::string_view document);
std::string write_release(const Release& release);

struct IndexEntry {
  std::string product;
  std::string version;
  std::string channel;
  std::string document;  // URL of the release document, relative to the site
  std::uint64_t size = 0;
  Sha256 sha256;
  bool urgent = false;  // gateways may exceed a budget for it
};

// What a site offers, format "ferry-index/1".
struct Index {
  std::uint64_t sequence = 0;  // grows with each publication; a lower one than seen is a replay
  std::vector<IndexEntry> releases;
};

Result<Index> parse_index(std::string_view payload);
std::string write_index(const Index& index);

inline constexpr std::string_view index_payload_type = "application/vnd.ferry.index+json";

// index.json is a DSSE envelope (secure-systems-lab/dsse, protocol 1.0.2) around the index. A site
// whose readers trust TLS alone may leave `signatures` empty.
struct Envelope {
  struct Signature {
    std::string key_id;     // hint only: first 16 hex digits of the public key's SHA-256
    std::string signature;  // 64 raw bytes
  };
  std::string payload_type;
  std::string payload;
  std::vector<Signature> signatures;
};

Result<Envelope> parse_envelope(std::string_view document);
std::string write_envelope(const Envelope& envelope);
// The bytes that are signed: DSSE's pre-authentication encoding.
std::string signed_bytes(const Envelope& envelope);

}  // namespace ferry::formats
