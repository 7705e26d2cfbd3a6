#include "agent/catalog/offer.hpp"

#include <algorithm>

#include "agent/catalog/version.hpp"

namespace ferry::catalog {
namespace {

using formats::ReleaseArtifact;
using formats::Role;
using storage::HeldRelease;

// The releases that this device may be given, newest first.
std::vector<const HeldRelease*> candidates(const View& view, const Policy& policy,
                                           const DeviceFacts& device) {
  const std::string& channel = device.channel.empty() ? policy.channel : device.channel;
  std::vector<const HeldRelease*> found;
  for (const HeldRelease* held : view.releases_of(device.product)) {
    const formats::Release& release = held->release;
    if (!device.assigned_version.empty()) {
      // An operator who names a version means it, whatever channel it is in.
      if (release.version != device.assigned_version) continue;
    } else if (release.channel != channel) {
      continue;
    }
    if (!device.version.empty()) {
      const auto order = compare(policy.versions, release.version, device.version);
      const bool wanted_down =
          (policy.allow_downgrade || device.downgrade) && !device.assigned_version.empty();
      if (!order || std::is_eq(*order) || (std::is_lt(*order) && !wanted_down)) continue;
    }
    if (view.servable(*held)) found.push_back(held);
  }
  std::reverse(found.begin(), found.end());
  return found;
}

const HeldRelease* newest_with(const std::vector<const HeldRelease*>& releases, Role role) {
  const auto found = std::find_if(releases.begin(), releases.end(), [&](const HeldRelease* held) {
    return held->release.find(role) != nullptr;
  });
  return found == releases.end() ? nullptr : *found;
}

const ReleaseArtifact* differential_from(const formats::Release& release,
                                         const std::string& version) {
  for (const ReleaseArtifact& artifact : release.artifacts) {
    if (artifact.role == Role::differential && artifact.from == version) return &artifact;
  }
  return nullptr;
}

// The image for the device, or the smaller package that makes it from what it runs.
std::optional<Pick> pick_image(const std::vector<const HeldRelease*>& releases,
                               const Policy& policy, const DeviceFacts& device) {
  for (const HeldRelease* held : releases) {
    const ReleaseArtifact* image = held->release.find(Role::firmware);
    const ReleaseArtifact* patch = policy.takes_differential && !device.version.empty()
                                       ? differential_from(held->release, device.version)
                                       : nullptr;
    if (patch != nullptr && (image == nullptr || patch->size < image->size)) image = patch;
    if (image != nullptr) return Pick{image, held->release.version};
  }
  return std::nullopt;
}

// What the device has now: the files of its version, or of the newest below it that has files, for
// a release that brought only an image left the files as they were.
void find_base(const View& view, const Policy& policy, const DeviceFacts& device, Offer& offer) {
  const HeldRelease* newest = nullptr;
  for (const HeldRelease* held : view.releases_of(device.product)) {
    const auto order = compare(policy.versions, held->release.version, device.version);
    if (!order || std::is_gt(*order)) continue;
    if (std::is_eq(*order)) offer.base_known = true;
    if (held->release.find(Role::file) != nullptr) newest = held;
  }
  if (!offer.base_known || newest == nullptr) return;
  for (const ReleaseArtifact& artifact : newest->release.artifacts) {
    if (artifact.role == Role::file) offer.base.push_back(&artifact);
  }
}

void raise_version(const Policy& policy, const std::string& version, std::string& highest) {
  if (highest.empty() || std::is_gt(*compare(policy.versions, version, highest))) highest = version;
}

}  // namespace

Policy policy_of(const config::ProductSettings& product) {
  Policy policy;
  policy.versions = product.versions;
  policy.channel = product.channel;
  policy.allow_downgrade = product.allow_downgrade;
  policy.takes_differential = product.dialect == "plain" || product.dialect == "quecpython";
  return policy;
}

std::optional<Offer> plan_offer(const View& view, const Policy& policy, const DeviceFacts& device) {
  const auto releases = candidates(view, policy, device);
  Offer offer;
  if (const HeldRelease* held = newest_with(releases, Role::file)) {
    for (const ReleaseArtifact& artifact : held->release.artifacts) {
      if (artifact.role == Role::file) offer.picks.push_back({&artifact, held->release.version});
    }
    raise_version(policy, held->release.version, offer.version);
  }
  if (const auto image = pick_image(releases, policy, device)) {
    offer.picks.push_back(*image);
    raise_version(policy, image->version, offer.version);
  }
  if (const HeldRelease* held = newest_with(releases, Role::archive)) {
    offer.picks.push_back({held->release.find(Role::archive), held->release.version});
    raise_version(policy, held->release.version, offer.version);
  }
  if (offer.picks.empty()) return std::nullopt;
  if (!device.version.empty()) find_base(view, policy, device, offer);
  return offer;
}

}  // namespace ferry::catalog
