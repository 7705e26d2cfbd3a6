#include "config/wake_checks.hpp"

#include <fmt/format.h>

#include <map>
#include <string>
#include <utility>

#include "config/wake_values.hpp"

namespace ferry::config {
namespace {

// Who is woken by which section: product and device, "" for all of the product.
using Taken = std::map<std::pair<std::string, std::string>, std::string>;

void check_names(const MergedSection& section, const WakeSettings& wake, Findings& findings) {
  for (const WokenDevice& woken : wake.devices) {
    if (is_wake_name(wake.wake_template, woken.name)) continue;
    findings.add(section, "devices",
                 fmt::format("'{}' is not {}", woken.name, wake_name_noun(wake.wake_template)));
    return;
  }
}

// Two sections that wake one device would each keep to the budget alone.
void check_apart(const MergedSection& section, const WakeSettings& wake, Taken& taken,
                 Findings& findings) {
  const auto twice = [&](const std::string& what, const std::string& by) {
    findings.add(section, "devices", fmt::format("{} in [{}] already", what, by));
  };
  const auto all = taken.find({wake.product, ""});
  const auto first = taken.lower_bound({wake.product, ""});
  const bool any = first != taken.end() && first->first.first == wake.product;
  if (all != taken.end()) return twice("all devices of its product are woken", all->second);
  if (wake.devices.empty()) {
    if (any) return twice("devices of its product are woken", first->second);
    taken[{wake.product, ""}] = section.name;
    return;
  }
  for (const WokenDevice& woken : wake.devices) {
    const auto [known, fresh] = taken.emplace(std::pair(wake.product, woken.device), section.name);
    if (!fresh) return twice(woken.device + " is woken", known->second);
  }
}

}  // namespace

void check_wakes(const std::vector<MergedSection>& sections, const Settings& settings,
                 Findings& findings) {
  Taken taken;
  auto wake = settings.wakes.begin();
  for (const MergedSection& section : sections) {
    if (!section.name.starts_with("wake.")) continue;
    const WakeSettings& read = *wake++;
    check_names(section, read, findings);
    check_apart(section, read, taken, findings);
    if (read.longest_interval < read.interval) {
      findings.add(section, "longest_interval", "is shorter than interval");
    }
  }
}

}  // namespace ferry::config
