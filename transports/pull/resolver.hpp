// Asks the host what requests name, and remembers it: artifacts by product, version and name, so
// that a device that fetches in pieces costs the agent one question; and the ids of devices that
// tell them only in some of their requests.
#pragma once

#include <functional>
#include <string>
#include <string_view>
#include <unordered_map>

#include "transports/dialects/dialect.hpp"
#include "transports/transport.hpp"

namespace ferry::pull {

// Lives on the plugin's loop. Bounded: a full table is emptied, and fills again with what is in
// use.
class Resolver {
 public:
  static constexpr std::size_t most_artifacts = 1024;
  static constexpr std::size_t most_devices = 1024;
  static constexpr std::size_t most_images = 1024;

  using ArtifactCallback = std::function<void(int result, const dialects::Artifact*)>;
  using OfferCallback = std::function<void(int result, const dialects::Offer*)>;

  explicit Resolver(const plugin::Host& host) : host_(host) {}

  // The artifact when it is remembered, else null. Valid until the next call of find() or forget().
  const dialects::Artifact* remembered(std::string_view product, std::string_view version,
                                       std::string_view name);
  // Asks the host; `callback` comes later, on the loop. What it is given lives during the call.
  void find(std::string_view product, std::string_view version, std::string_view name,
            ArtifactCallback callback);
  void offer(const plugin::Device& device, const std::vector<std::string>& want,
             OfferCallback callback);
  // The catalog changed: what is remembered of artifacts may be out of date.
  void forget();

  // The id of the device at `peer` in this product: `told` when its request told it, else what an
  // earlier one told, else the address itself.
  std::string_view device_id(std::string_view told, std::string_view peer,
                             std::string_view product);

  // The version of the image that devices of this product name by that digest; "" not known yet.
  // An image's version lasts, so forget() leaves it.
  std::string_view version_of(std::string_view product, std::string_view image);
  void remember_image(std::string_view product, std::string_view image, std::string_view version);

 private:
  const std::string& key(std::string_view first, std::string_view second, std::string_view third);

  plugin::Host host_;
  std::unordered_map<std::string, dialects::Artifact> artifacts_;
  std::unordered_map<std::string, std::string> devices_;
  std::unordered_map<std::string, std::string> images_;
  std::uint64_t generation_ = 0;  // grows with each forget(): answers asked for before are not kept
  std::string key_;               // reused, so that looking up allocates nothing
};

}  // namespace ferry::pull
