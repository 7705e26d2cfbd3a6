#include "config/schema.hpp"

#include <fmt/format.h>

namespace ferry::config {
namespace {

template <typename Keys>
void describe(std::vector<KeyDescription>& out, const std::string& section, const Keys& keys) {
  for (const auto& key : keys) {
    out.push_back({section, std::string(key.name), key.need, std::string(key.standard),
                   std::string(key.explanation)});
  }
}
}  // namespace

std::optional<std::span<const Key<TransportSettings>>> plugin_keys(std::string_view plugin) {
  for (const auto& known : plugins()) {
    if (known.name == plugin) return known.keys;
  }
  return std::nullopt;
}

std::vector<KeyDescription> describe_keys() {
  std::vector<KeyDescription> all;
  describe(all, "gateway", gateway_keys());
  describe(all, "storage", storage_keys());
  describe(all, "monitor", monitor_keys());
  describe(all, "source", source_keys());
  describe(all, "product", product_keys());
  describe(all, "transport", transport_keys());
  describe(all, "wake", wake_keys());
  for (const auto& plugin : plugins()) {
    describe(all, fmt::format("transport:{}", plugin.name), plugin.keys);
  }
  return all;
}

}  // namespace ferry::config
