#pragma once

#include <string>
#include <string_view>
#include <utility>

#include "config/schema.hpp"
#include "config/values.hpp"

// What the tables of keys (gateway_keys.cpp, source_keys.cpp and so on) are written with.
namespace ferry::config {

template <typename>
struct MemberOf;
template <typename Target, typename Field>
struct MemberOf<Field Target::*> {
  using type = Target;
};

// A key of type Type that fills the field `member`.
template <auto member, typename Type>
constexpr auto key(std::string_view name, std::string_view standard, std::string_view explanation,
                   std::string_view only = "", Need need = Need::optional) {
  using Target = typename MemberOf<decltype(member)>::type;
  const auto fill = [](const Key<Target>&, Target& target, std::string_view text) {
    auto value = Type::parse(text);
    if (value) target.*member = std::move(*value);
    return value.has_value();
  };
  return Key<Target>{name, need, standard, only, Type::noun, explanation, fill};
}

template <auto member, typename Type>
constexpr auto required(std::string_view name, std::string_view explanation,
                        std::string_view only = "") {
  return key<member, Type>(name, "", explanation, only, Need::required);
}

// A key of type Type whose normalized text is handed to the plugin.
template <typename Type>
constexpr Key<TransportSettings> plugin_key(std::string_view name, std::string_view standard,
                                            std::string_view explanation) {
  const auto fill = [](const Key<TransportSettings>& self, TransportSettings& target,
                       std::string_view text) {
    const auto value = Type::parse(text);
    if (value) target.values[std::string(self.name)] = values::normalized(*value);
    return value.has_value();
  };
  return {name, Need::optional, standard, "", Type::noun, explanation, fill};
}

}  // namespace ferry::config
