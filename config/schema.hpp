// The table of all keys: for each its type, default, explanation and the field it fills. The loader
// reads by it, and the tests prove with it that config/ferry.ini says the same.
#pragma once

#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "config/settings.hpp"

namespace ferry::config {

enum class Need { optional, required };

// One key of a section that fills a Target.
template <typename Target>
struct Key {
  std::string_view name;
  Need need = Need::optional;
  // Read as if it stood in the file; "" leaves the field as it is. NAME stands for the section's
  // name.
  std::string_view standard;
  // The values of the section's discriminator (type, dialect) that this key belongs to, separated
  // by ", "; "" any.
  std::string_view only;
  std::string_view noun;  // what a value has to be
  std::string_view explanation;
  // Fills the field; false when the text is not of the key's type.
  bool (*fill)(const Key& key, Target& target, std::string_view text);
};

std::span<const Key<GatewaySettings>> gateway_keys();
std::span<const Key<StorageSettings>> storage_keys();
std::span<const Key<MonitorSettings>> monitor_keys();
std::span<const Key<SourceSettings>> source_keys();    // discriminator "type"
std::span<const Key<ProductSettings>> product_keys();  // discriminator "dialect"
std::span<const Key<TransportSettings>> transport_keys();
std::span<const Key<WakeSettings>> wake_keys();  // discriminator "template"
// Ferry's own plugins, with their keys.
struct PluginKeys {
  std::string_view name;
  std::span<const Key<TransportSettings>> keys;
};
std::span<const PluginKeys> plugins();
// The keys of a plugin that is Ferry's own; none for others, whose keys are handed on as they are.
std::optional<std::span<const Key<TransportSettings>>> plugin_keys(std::string_view plugin);

// A key as people and tests see it.
struct KeyDescription {
  std::string section;  // "storage", "source", "transport:http"
  std::string key;
  Need need = Need::optional;
  std::string standard;
  std::string explanation;
};
std::vector<KeyDescription> describe_keys();

}  // namespace ferry::config
