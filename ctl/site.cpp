#include "ctl/site.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/file.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>

namespace ferry::ctl {
namespace {

namespace fs = std::filesystem;

Status make_folders(const fs::path& folder) {
  std::error_code error;
  fs::create_directories(folder, error);
  if (error) return fail_errno(error.value(), folder.string());
  return {};
}

Status write_all(int file, Bytes content, const std::string& name) {
  while (!content.empty()) {
    const ssize_t put = ::write(file, content.data(), content.size());
    if (put < 0 && errno == EINTR) continue;
    if (put < 0) return fail_errno(errno, name);
    content = content.subspan(static_cast<std::size_t>(put));
  }
  return {};
}

// Copies to `target`, checking that the bytes are those that were hashed before.
Status copy(const source::LayoutFolder& folder, const source::LayoutFile& file,
            const Sha256& expected, const fs::path& target) {
  const Descriptor out(::open(target.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644));
  if (!out) return fail_errno(errno, target.string());
  Digester digester(Algorithm::sha256);
  Status read = folder.read(file, 0, {}, [&](Bytes piece) {
    digester.update(piece);
    return write_all(out.get(), piece, target.string());
  });
  if (!read) return read;
  if (digester.sha256() != expected) {
    return fail(ErrorCode::changed, file.path + ": changed between two readings");
  }
  if (::fsync(out.get()) != 0) return fail_errno(errno, target.string());
  return {};
}

}  // namespace

Result<Descriptor> lock_folder(const fs::path& folder) {
  if (Status made = make_folders(folder); !made) return fail(made.error());
  Descriptor lock(::open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!lock) return fail_errno(errno, folder.string());
  if (::flock(lock.get(), LOCK_EX | LOCK_NB) != 0) {
    if (errno != EWOULDBLOCK) return fail_errno(errno, folder.string());
    return fail(ErrorCode::unavailable, folder.string() + ": another publication is under way");
  }
  return lock;
}

Result<bool> copy_artifact(const source::LayoutFolder& folder, const source::LayoutFile& file,
                           const formats::ReleaseArtifact& artifact, const fs::path& target) {
  std::error_code error;
  if (fs::file_size(target, error) == artifact.size && !error) return false;
  if (Status made = make_folders(target.parent_path()); !made) return fail(made.error());
  const fs::path temporary = target.parent_path() / ("." + artifact.sha256.hex());
  Status done = copy(folder, file, artifact.sha256, temporary);
  if (done && ::rename(temporary.c_str(), target.c_str()) != 0) {
    done = fail_errno(errno, target.string());
  }
  if (done) return true;
  ::unlink(temporary.c_str());
  return fail(done.error());
}

Result<Site> Site::open(const fs::path& folder) {
  Result<Descriptor> lock = lock_folder(folder);
  if (!lock) return fail(lock.error());
  if (Status made = make_folders(folder / "artifacts"); !made) return fail(made.error());
  return Site(folder, std::move(*lock));
}

std::string Site::artifact_url(const Sha256& sha256) {
  return "artifacts/" + sha256.hex();
}

std::string Site::document_url(const formats::Release& release) {
  return fmt::format("releases/{}/{}/{}/release.json", release.product, release.channel,
                     release.version);
}

Result<std::optional<formats::Index>> Site::read_index(const PrivateKey* key) const {
  const std::string name = (folder_ / "index.json").string();
  const Result<std::string> text = read_file(folder_ / "index.json", formats::index_size_limit);
  if (!text && text.error().code == ErrorCode::not_found) return std::optional<formats::Index>();
  if (!text) return fail(text.error());
  const Result<formats::Envelope> envelope = formats::parse_envelope(*text);
  if (!envelope) return fail(envelope.error(), name);
  if (key == nullptr && !envelope->signatures.empty()) {
    return fail(ErrorCode::denied, name + ": is signed: give the key that signs this site");
  }
  if (key != nullptr) {
    const Result<PublicKey> known = key->public_key();
    if (!known) return fail(known.error());
    const std::string message = formats::signed_bytes(*envelope);
    const bool ours = std::any_of(
        envelope->signatures.begin(), envelope->signatures.end(), [&](const auto& signature) {
          return known->verify(as_bytes(message), as_bytes(signature.signature));
        });
    if (!ours) {
      return fail(
          ErrorCode::denied,
          fmt::format("{}: is not signed by key {}: what it names is not vouched for; publish "
                      "into a new folder",
                      name, known->key_id()));
    }
  }
  Result<formats::Index> index = formats::parse_index(envelope->payload);
  if (!index) return fail(index.error(), name);
  return std::optional<formats::Index>(std::move(*index));
}

Result<formats::Release> Site::read_release(const formats::IndexEntry& entry) const {
  const std::string name = (folder_ / entry.document).string();
  const Result<std::string> document =
      read_file(folder_ / entry.document, formats::document_size_limit);
  if (!document) return fail(document.error());
  if (Sha256::of(as_bytes(*document)) != entry.sha256) {
    return fail(ErrorCode::corrupt, name + ": is not what index.json says");
  }
  Result<formats::Release> release = formats::parse_release(*document);
  if (!release) return fail(release.error(), name);
  return release;
}

Status Site::write_index(const formats::Index& index, const PrivateKey* key) const {
  formats::Envelope envelope;
  envelope.payload_type = std::string(formats::index_payload_type);
  envelope.payload = formats::write_index(index);
  if (key != nullptr) {
    const std::string message = formats::signed_bytes(envelope);
    Result<std::string> signature = key->sign(as_bytes(message));
    if (!signature) return fail(signature.error());
    const Result<PublicKey> known = key->public_key();
    if (!known) return fail(known.error());
    envelope.signatures.push_back({known->key_id(), std::move(*signature)});
  }
  const std::string text = formats::write_envelope(envelope);
  if (text.size() > formats::index_size_limit) {
    return fail(ErrorCode::too_large, "index.json: too many releases in one site");
  }
  return write_file_atomically(folder_ / "index.json", as_bytes(text));
}

Result<bool> Site::put_artifact(const source::LayoutFolder& folder, const source::LayoutFile& file,
                                const formats::ReleaseArtifact& artifact) const {
  return copy_artifact(folder, file, artifact, folder_ / artifact_url(artifact.sha256));
}

Status Site::sync_artifacts() const {
  return sync_folder(folder_ / "artifacts");
}

Status Site::put_document(const std::string& url, const std::string& document) const {
  const fs::path target = folder_ / url;
  const Result<std::string> present = read_file(target, formats::document_size_limit);
  if (present && *present == document) return {};
  if (Status made = make_folders(target.parent_path()); !made) return made;
  return write_file_atomically(target, as_bytes(document));
}

}  // namespace ferry::ctl
