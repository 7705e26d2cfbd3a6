// The type of value that says which things of a cloud stand for which devices; as
// config/values.hpp.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "config/settings.hpp"

namespace ferry::config::values {

// At most 16, each thing and each device once: AWS IoT takes 50 subscriptions of a connection, and
// each thing needs three.
struct Things {
  static constexpr std::string_view noun =
      "a list of at most 16 things like meter-7 = meter/10.1.0.7, by comma";
  static std::optional<std::vector<ThingSettings>> parse(std::string_view text);
};

// Things of the gateway's own broker, each once; normalized as written.
struct ThingProducts {
  static constexpr std::string_view noun =
      "a list of at most 256 things like meter-7 = meter, by comma";
  static std::optional<std::string> parse(std::string_view text);
};
// Of a text that ThingProducts takes: the products, as often as they stand there.
std::vector<std::string> products_of_things(std::string_view text);

}  // namespace ferry::config::values
