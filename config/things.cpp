#include "config/things.hpp"

#include "config/parsing.hpp"
#include "config/policy_values.hpp"
#include "config/values.hpp"
#include "formats/job_messages.hpp"

namespace ferry::config::values {
namespace {

using std::nullopt;
using std::optional;
using std::string_view;

constexpr std::size_t most_things = 16;

constexpr std::size_t most_own_things = 256;

// "thing = product/device" or "thing = product".
optional<ThingSettings> one_thing(string_view text) {
  const auto equals = text.find('=');
  if (equals == string_view::npos) return nullopt;
  const string_view thing = trimmed(text.substr(0, equals));
  const string_view place = trimmed(text.substr(equals + 1));
  const auto slash = std::min(place.find('/'), place.size());
  const auto product = Name::parse(place.substr(0, slash));
  if (!formats::is_thing_name(thing) || !product) return nullopt;
  ThingSettings settings{std::string(thing), *product, ""};
  if (slash == place.size()) return settings;
  settings.device = place.substr(slash + 1);
  return is_device(settings.device) ? optional(settings) : nullopt;
}

optional<std::vector<ThingSettings>> list_of(string_view text, std::size_t most) {
  std::vector<ThingSettings> things;
  for (;;) {
    const auto comma = std::min(text.find(','), text.size());
    const auto one = one_thing(text.substr(0, comma));
    if (!one || things.size() == most) return nullopt;
    const bool twice = std::any_of(things.begin(), things.end(), [&](const auto& known) {
      return known.thing == one->thing ||
             (!one->device.empty() && known.product == one->product && known.device == one->device);
    });
    if (twice) return nullopt;
    things.push_back(*one);
    if (comma == text.size()) return things;
    text.remove_prefix(comma + 1);
  }
}

}  // namespace

optional<std::vector<ThingSettings>> Things::parse(string_view text) {
  return list_of(text, most_things);
}

optional<std::string> ThingProducts::parse(string_view text) {
  const auto things = list_of(text, most_own_things);
  const bool good = things && std::all_of(things->begin(), things->end(),
                                          [](const auto& one) { return one.device.empty(); });
  return good ? optional(std::string(text)) : nullopt;
}

std::vector<std::string> products_of_things(string_view text) {
  std::vector<std::string> products;
  const auto things = list_of(text, most_own_things);
  if (!things) return products;
  for (const ThingSettings& one : *things) products.push_back(one.product);
  return products;
}

}  // namespace ferry::config::values
