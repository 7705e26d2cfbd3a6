// What the keys of [wake.NAME] have to say to each other, and those sections to one another.
#pragma once

#include <vector>

#include "config/merge.hpp"
#include "config/settings.hpp"

namespace ferry::config {

// `settings.wakes` are those of the sections named so, in that order.
void check_wakes(const std::vector<MergedSection>& sections, const Settings& settings,
                 Findings& findings);

}  // namespace ferry::config
