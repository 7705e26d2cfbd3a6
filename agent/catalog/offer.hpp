// Offers: what one device should get now. A pure function of catalog, device and policy.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "agent/catalog/view.hpp"
#include "config/settings.hpp"

namespace ferry::catalog {

struct Policy {
  config::VersionOrder versions = config::VersionOrder::loose;
  std::string channel = "stable";
  bool allow_downgrade = false;
  bool takes_differential = false;  // the product's dialect can hand over a differential package
};

Policy policy_of(const config::ProductSettings& product);

// What is known of a device when it asks.
struct DeviceFacts {
  std::string product;
  std::string version;           // "" = it does not say
  std::string channel;           // "" = the product's
  std::string assigned_version;  // "" = the newest
  bool downgrade = false;  // an operator agreed that the assigned version is below the device's
};

// One artifact of an offer and the version of the release it comes from.
struct Pick {
  const formats::ReleaseArtifact* artifact = nullptr;
  std::string version;
};

struct Offer {
  std::string version;  // that the device will run
  std::vector<Pick> picks;
  // The files that the device's present version consists of; known only when that version is.
  bool base_known = false;
  std::vector<const formats::ReleaseArtifact*> base;
};

// Nothing when there is nothing for the device. The newest servable release above the device's
// version is taken for its files, its image and its archive, each by itself: a release without
// files leaves the files alone. A differential package stands in for the image when its `from` is
// the device's version and it is smaller. Pointers reach into `view`.
std::optional<Offer> plan_offer(const View& view, const Policy& policy, const DeviceFacts& device);

}  // namespace ferry::catalog
