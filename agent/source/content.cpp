#include "agent/source/content.hpp"

#include <algorithm>
#include <array>

#include "base/log.hpp"
#include "formats/mcuboot.hpp"
#include "formats/ustar.hpp"
#include "formats/yaota.hpp"

namespace ferry::source {
namespace {

class Content {
 public:
  Content(const Context& context, const std::string& source, const formats::Release& release,
          const std::vector<storage::StoredArtifact>& sealed)
      : context_(context),
        source_(source),
        release_(release),
        sealed_(sealed),
        reader_(context.store.packs_folder()) {}

  Status check(const formats::ReleaseArtifact& artifact) {
    const Result<storage::StoredArtifact> stored = find(artifact);
    if (!stored) return fail(stored.error());
    const formats::ReadContent read = [&](std::uint64_t offset, std::span<std::byte> out) {
      return reader_.read(*stored, offset, out);
    };
    if (artifact.role == formats::Role::firmware) return check_image(artifact, read);
    const auto archive = formats::inspect_ustar(read, artifact.size);
    return archive ? Status() : fail(archive.error());
  }

 private:
  Result<storage::StoredArtifact> find(const formats::ReleaseArtifact& artifact) const {
    const auto fresh = std::find_if(sealed_.begin(), sealed_.end(), [&](const auto& stored) {
      return stored.sha256 == artifact.sha256;
    });
    if (fresh != sealed_.end()) return *fresh;
    const auto held = context_.store.releases().find(artifact.sha256);
    if (!held) return fail(held.error());
    // Gone meanwhile: the next attempt fetches it.
    if (!*held) return fail(ErrorCode::unavailable, "its bytes are no longer here");
    return **held;
  }

  Status check_image(const formats::ReleaseArtifact& artifact, const formats::ReadContent& read) {
    std::array<std::byte, formats::yaota_magic_size> magic{};  // the longest of those known
    if (artifact.size < magic.size()) return {};
    if (Status got = read(0, magic); !got) return got;
    if (formats::is_yaota(magic)) {
      const auto container = formats::inspect_yaota(read, artifact.size);
      return container ? Status() : fail(container.error());
    }
    if (!formats::is_mcuboot(magic)) return {};
    const auto image = formats::inspect_mcuboot(read, artifact.size);
    if (!image) return fail(image.error());
    if (image->check == formats::McubootCheck::cannot_be_checked) {
      log::info("source " + source_, "{} {}: {} is encrypted: only the device can check its hash",
                release_.product, release_.version, artifact.name);
    }
    return {};
  }

  const Context& context_;
  const std::string& source_;
  const formats::Release& release_;
  const std::vector<storage::StoredArtifact>& sealed_;
  storage::PackReader reader_;
};

}  // namespace

Status check_content(const Context& context, const std::string& source,
                     const formats::Release& release,
                     const std::vector<storage::StoredArtifact>& sealed) {
  Content content(context, source, release, sealed);
  for (const formats::ReleaseArtifact& artifact : release.artifacts) {
    const bool known =
        artifact.role == formats::Role::firmware || artifact.role == formats::Role::archive;
    if (!known) continue;
    if (Status good = content.check(artifact); !good) return fail(good.error(), artifact.name);
  }
  return {};
}

}  // namespace ferry::source
