// A published site on disk: its index, documents and artifacts. publish() is its only user.
#pragma once

#include <filesystem>
#include <optional>
#include <string>

#include "agent/source/layout.hpp"
#include "base/file.hpp"
#include "base/signature.hpp"
#include "formats/release.hpp"

namespace ferry::ctl {

// Makes the folder and locks it against other publishers for as long as the descriptor lives.
Result<Descriptor> lock_folder(const std::filesystem::path& folder);
// Copies the file to `target` unless that is there; true when it was copied.
Result<bool> copy_artifact(const source::LayoutFolder& folder, const source::LayoutFile& file,
                           const formats::ReleaseArtifact& artifact,
                           const std::filesystem::path& target);

class Site {
 public:
  // Makes the folder and locks it against other publishers for as long as the object lives.
  static Result<Site> open(const std::filesystem::path& folder);

  // The present index, nothing when there is none yet. With a key it must be signed by it, without
  // one it must be unsigned: entries that somebody else wrote must not get our signature.
  Result<std::optional<formats::Index>> read_index(const PrivateKey* key) const;
  // A release that the index names, checked against it.
  Result<formats::Release> read_release(const formats::IndexEntry& entry) const;
  Status write_index(const formats::Index& index, const PrivateKey* key) const;
  // Copies the file unless it is there; true when it was copied.
  Result<bool> put_artifact(const source::LayoutFolder& folder, const source::LayoutFile& file,
                            const formats::ReleaseArtifact& artifact) const;
  // Makes the copied artifacts durable.
  Status sync_artifacts() const;
  Status put_document(const std::string& url, const std::string& document) const;

  const std::filesystem::path& folder() const { return folder_; }
  // Where an artifact lies, relative to the site.
  static std::string artifact_url(const Sha256& sha256);
  static std::string document_url(const formats::Release& release);

 private:
  Site(std::filesystem::path folder, Descriptor lock)
      : folder_(std::move(folder)), lock_(std::move(lock)) {}

  std::filesystem::path folder_;
  Descriptor lock_;
};

}  // namespace ferry::ctl
