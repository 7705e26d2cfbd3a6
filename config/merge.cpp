#include "config/merge.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <tuple>

#include "config/ini.hpp"

namespace ferry::config {

const MergedEntry* MergedSection::find(std::string_view key) const {
  const auto entry = entries.find(key);
  return entry == entries.end() ? nullptr : &entry->second;
}

std::string_view MergedSection::value(std::string_view key) const {
  const auto* entry = find(key);
  return entry == nullptr ? std::string_view() : std::string_view(entry->value);
}

Place MergedSection::place_of(std::string_view key) const {
  const auto* entry = find(key);
  return entry == nullptr ? place : entry->place;
}

void Findings::add(Place place, std::string text) {
  found_.push_back({place, std::move(text)});
}

void Findings::add(const MergedSection& section, std::string_view key, std::string_view text) {
  add(section.place_of(key), fmt::format("[{}] {}: {}", section.name, key, text));
}

Problems Findings::list() const {
  auto sorted = found_;
  std::stable_sort(sorted.begin(), sorted.end(), [](const Finding& left, const Finding& right) {
    return std::tie(left.place.file, left.place.line) <
           std::tie(right.place.file, right.place.line);
  });
  Problems problems;
  for (const auto& finding : sorted) {
    problems.push_back(fmt::format("{}:{}: {}", files_[finding.place.file].name, finding.place.line,
                                   finding.text));
  }
  return problems;
}

std::vector<MergedSection> merge(const std::vector<TextFile>& files, Findings& findings) {
  std::vector<MergedSection> merged;
  std::map<std::string, std::size_t> known;
  for (std::size_t file = 0; file < files.size(); ++file) {
    auto ini = parse_ini(files[file].text);
    for (auto& problem : ini.problems) findings.add({file, problem.line}, std::move(problem.text));
    for (auto& section : ini.sections) {
      const auto [at, is_new] = known.emplace(section.name, merged.size());
      if (is_new) merged.push_back({section.name, {file, section.line}, {}});
      for (auto& entry : section.entries) {
        merged[at->second].entries[entry.key] = {std::move(entry.value), {file, entry.line}};
      }
    }
  }
  return merged;
}

}  // namespace ferry::config
