// Artifacts of a TUF repository: where they lie, and whether they are what was described.
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <cerrno>

#include "agent/source/tuf/names.hpp"
#include "agent/source/tuf/updater.hpp"
#include "base/file.hpp"

namespace ferry::tuf {
namespace {

Status write_all(int file, Bytes content, const std::string& name) {
  while (!content.empty()) {
    const ssize_t put = ::write(file, content.data(), content.size());
    if (put < 0 && errno == EINTR) continue;
    if (put < 0) return fail_errno(errno, name);
    content = content.subspan(static_cast<std::size_t>(put));
  }
  return {};
}

bool is_there(const std::filesystem::path& path, const TargetFile& target) {
  const Descriptor file(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
  if (!file) return false;
  FileCheck check(target);
  std::array<std::byte, 65536> buffer{};
  for (;;) {
    const ssize_t got = ::read(file.get(), buffer.data(), buffer.size());
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return false;
    if (got == 0) return check.finish().has_value();
    if (!check.update(Bytes(buffer.data(), static_cast<std::size_t>(got)))) return false;
  }
}

// A file that takes the place of `path` once it is whole and right, and is gone otherwise.
class Replacement {
 public:
  explicit Replacement(std::filesystem::path path)
      : path_(std::move(path)), name_(path_.string() + ".XXXXXX") {}
  ~Replacement() {
    if (file_) ::unlink(name_.c_str());
  }
  Replacement(const Replacement&) = delete;
  Replacement& operator=(const Replacement&) = delete;

  Status begin() {
    file_.reset(::mkostemp(name_.data(), O_CLOEXEC));
    return file_ ? Status() : Status(fail_errno(errno, name_));
  }
  Status write(Bytes content) { return write_all(file_.get(), content, name_); }
  Status finish() {
    if (::fchmod(file_.get(), 0644) != 0 || ::fsync(file_.get()) != 0 ||
        ::rename(name_.c_str(), path_.c_str()) != 0) {
      return fail_errno(errno, path_.string());
    }
    file_.reset();
    return sync_folder(path_.has_parent_path() ? path_.parent_path() : ".");
  }

 private:
  std::filesystem::path path_;
  std::string name_;
  Descriptor file_;
};

}  // namespace

std::string artifact_url(const std::string& base_url, const std::string& path,
                         const std::string& hash) {
  const std::size_t slash = path.rfind('/');
  const std::size_t last = slash == std::string::npos ? 0 : slash + 1;
  const std::string prefix = hash.empty() ? "" : hash + ".";
  return base_url + percent_encoded(path.substr(0, last), true) + prefix +
         percent_encoded(path.substr(last), true);
}

Status Updater::download(const std::string& path, const TargetFile& target,
                         const std::string& base_url, const std::filesystem::path& file) {
  if (!trusted_) return fail(ErrorCode::denied, "nothing is fetched before a refresh");
  if (is_there(file, target)) return {};
  std::vector<std::string> hashes;
  if (!trusted_->root().consistent_snapshot) {
    hashes.emplace_back();
  } else {
    for (const char* algorithm : {"sha256", "sha512"}) {
      const auto hash = target.hashes.find(algorithm);
      if (hash != target.hashes.end()) hashes.push_back(hash->second);
    }
  }
  Status fetched;
  for (const std::string& hash : hashes) {
    Replacement replacement(file);
    Status begun = replacement.begin();
    if (!begun) return begun;
    FileCheck check(target);
    fetched = fetcher_->fetch(artifact_url(base_url, path, hash), *target.length,
                              [&](Bytes content) -> Status {
                                const Status fits = check.update(content);
                                return fits ? replacement.write(content) : fits;
                              });
    // The repository may have it under another of its hashes.
    if (!fetched && fetched.error().code == ErrorCode::not_found) continue;
    if (fetched) fetched = check.finish();
    return fetched ? replacement.finish() : Status(fail(fetched.error(), path.substr(0, 256)));
  }
  return fail(fetched.error(), path.substr(0, 256));
}

}  // namespace ferry::tuf
