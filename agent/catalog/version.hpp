// The order of versions. Pure.
#pragma once

#include <compare>
#include <optional>
#include <string_view>

#include "config/settings.hpp"

namespace ferry::catalog {

// As Python's distutils.version.LooseVersion orders them: runs of digits by value, runs of
// lower-case letters and whatever stands between as text, dots only separate, and a longer list is
// greater. Where Python 3 raises TypeError, a number comes before a text, as in Python 2: the order
// is total.
std::strong_ordering compare_loose(std::string_view left, std::string_view right);

// Semantic Versioning 2.0.0, section 11; build metadata plays no part. Nothing when either is no
// such version.
std::optional<std::strong_ordering> compare_semver(std::string_view left, std::string_view right);

// By the product's order; nothing when a text is no version in it.
std::optional<std::strong_ordering> compare(config::VersionOrder order, std::string_view left,
                                            std::string_view right);
bool is_version(config::VersionOrder order, std::string_view text);

}  // namespace ferry::catalog
