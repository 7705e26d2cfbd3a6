#include "agent/metrics/open_metrics.hpp"

#include <fmt/format.h>

#include <iterator>

namespace ferry::metrics {
namespace {

// Inside quotes, and in HELP.
std::string escaped(std::string_view text) {
  std::string out;
  for (const char c : text) {
    if (c == '\n') {
      out += "\\n";
      continue;
    }
    if (c == '\\' || c == '"') out += '\\';
    out += c;
  }
  return out;
}

void append(std::string& page, const Sampled& sampled) {
  const Family& family = *sampled.family;
  const bool counter = family.kind == Kind::counter;
  const auto line = std::back_inserter(page);
  fmt::format_to(line, "# TYPE {} {}\n", family.name, counter ? "counter" : "gauge");
  if (!family.unit.empty()) fmt::format_to(line, "# UNIT {} {}\n", family.name, family.unit);
  fmt::format_to(line, "# HELP {} {}\n", family.name, escaped(family.help));
  for (const auto& [label, value] : sampled.values) {
    fmt::format_to(line, "{}{}", family.name, counter ? "_total" : "");
    if (!family.label.empty()) fmt::format_to(line, "{{{}=\"{}\"}}", family.label, escaped(label));
    fmt::format_to(line, " {}\n", value);
  }
}

}  // namespace

std::string to_open_metrics(const Snapshot& snapshot) {
  std::string page;
  for (const Sampled& sampled : snapshot) {
    if (!sampled.values.empty()) append(page, sampled);
  }
  return page + "# EOF\n";
}

}  // namespace ferry::metrics
