#include "agent/catalog/version.hpp"

#include <algorithm>
#include <string>
#include <vector>

namespace ferry::catalog {
namespace {

bool is_digit(char c) {
  return c >= '0' && c <= '9';
}
bool is_lower(char c) {
  return c >= 'a' && c <= 'z';
}

std::strong_ordering compare_numbers(std::string_view left, std::string_view right) {
  left.remove_prefix(std::min(left.find_first_not_of('0'), left.size()));
  right.remove_prefix(std::min(right.find_first_not_of('0'), right.size()));
  if (left.size() != right.size()) return left.size() <=> right.size();
  return left.compare(right) <=> 0;
}

// Takes the next component off the front: a run of digits, of lower-case letters, or of other
// characters up to the next of those or a dot. Empty at the end.
std::string_view take_component(std::string_view& text) {
  while (!text.empty() && text.front() == '.') text.remove_prefix(1);
  if (text.empty()) return {};
  const auto kind = [](char c) { return is_digit(c) ? 0 : is_lower(c) ? 1 : c == '.' ? 2 : 3; };
  const int first = kind(text.front());
  std::size_t length = 1;
  while (length < text.size() && kind(text[length]) == first) ++length;
  const std::string_view component = text.substr(0, length);
  text.remove_prefix(length);
  return component;
}

struct Semver {
  std::string_view core[3];
  std::vector<std::string_view> prerelease;
};

bool all_digits(std::string_view text) {
  return !text.empty() && std::all_of(text.begin(), text.end(), is_digit);
}

bool is_identifier(std::string_view text) {
  return !text.empty() && std::all_of(text.begin(), text.end(), [](char c) {
    return is_digit(c) || is_lower(c) || (c >= 'A' && c <= 'Z') || c == '-';
  });
}

bool has_leading_zero(std::string_view number) {
  return number.size() > 1 && number[0] == '0';
}

std::vector<std::string_view> split(std::string_view text, char separator) {
  std::vector<std::string_view> parts;
  for (;;) {
    const std::size_t end = text.find(separator);
    parts.push_back(text.substr(0, end));
    if (end == std::string_view::npos) return parts;
    text.remove_prefix(end + 1);
  }
}

std::optional<Semver> parse_semver(std::string_view text) {
  Semver version;
  const std::size_t plus = text.find('+');
  if (plus != std::string_view::npos) {
    for (const auto part : split(text.substr(plus + 1), '.')) {
      if (!is_identifier(part)) return std::nullopt;
    }
    text = text.substr(0, plus);
  }
  const std::size_t dash = text.find('-');
  if (dash != std::string_view::npos) {
    version.prerelease = split(text.substr(dash + 1), '.');
    for (const auto part : version.prerelease) {
      if (!is_identifier(part) || (all_digits(part) && has_leading_zero(part))) return std::nullopt;
    }
    text = text.substr(0, dash);
  }
  const auto core = split(text, '.');
  if (core.size() != 3) return std::nullopt;
  for (std::size_t i = 0; i < 3; ++i) {
    if (!all_digits(core[i]) || has_leading_zero(core[i])) return std::nullopt;
    version.core[i] = core[i];
  }
  return version;
}

std::strong_ordering compare_identifiers(std::string_view left, std::string_view right) {
  const bool left_number = all_digits(left);
  const bool right_number = all_digits(right);
  if (left_number && right_number) return compare_numbers(left, right);
  if (left_number != right_number) {
    return left_number ? std::strong_ordering::less : std::strong_ordering::greater;
  }
  return left.compare(right) <=> 0;
}

}  // namespace

std::strong_ordering compare_loose(std::string_view left, std::string_view right) {
  for (;;) {
    const std::string_view a = take_component(left);
    const std::string_view b = take_component(right);
    if (a.empty() || b.empty()) return !a.empty() <=> !b.empty();
    const bool a_number = is_digit(a.front());
    const bool b_number = is_digit(b.front());
    if (a_number != b_number) {
      return a_number ? std::strong_ordering::less : std::strong_ordering::greater;
    }
    const auto order = a_number ? compare_numbers(a, b) : a.compare(b) <=> 0;
    if (std::is_neq(order)) return order;
  }
}

std::optional<std::strong_ordering> compare_semver(std::string_view left, std::string_view right) {
  const auto a = parse_semver(left);
  const auto b = parse_semver(right);
  if (!a || !b) return std::nullopt;
  for (int i = 0; i < 3; ++i) {
    const auto order = compare_numbers(a->core[i], b->core[i]);
    if (std::is_neq(order)) return order;
  }
  // A version without a pre-release is above the same with one.
  if (a->prerelease.empty() || b->prerelease.empty()) {
    return a->prerelease.empty() <=> b->prerelease.empty();
  }
  const std::size_t common = std::min(a->prerelease.size(), b->prerelease.size());
  for (std::size_t i = 0; i < common; ++i) {
    const auto order = compare_identifiers(a->prerelease[i], b->prerelease[i]);
    if (std::is_neq(order)) return order;
  }
  return a->prerelease.size() <=> b->prerelease.size();
}

std::optional<std::strong_ordering> compare(config::VersionOrder order, std::string_view left,
                                            std::string_view right) {
  if (order == config::VersionOrder::semver) return compare_semver(left, right);
  if (left.empty() || right.empty()) return std::nullopt;
  return compare_loose(left, right);
}

bool is_version(config::VersionOrder order, std::string_view text) {
  return order == config::VersionOrder::semver ? parse_semver(text).has_value() : !text.empty();
}

}  // namespace ferry::catalog
