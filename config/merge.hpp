// Several INI texts as one: ferry.ini and its drop-ins, a key of a later one overriding the
// earlier.
#pragma once

#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "config/settings.hpp"

namespace ferry::config {

// A file as people know it: "ferry.ini", "conf.d/50-site.ini".
struct TextFile {
  std::string name;
  std::string text;
};

// Where something stands.
struct Place {
  std::size_t file = 0;
  int line = 0;
};

struct MergedEntry {
  std::string value;
  Place place;
};

struct MergedSection {
  std::string name;
  Place place;  // of its first header
  std::map<std::string, MergedEntry, std::less<>> entries;

  const MergedEntry* find(std::string_view key) const;
  // The value; "" when the key is missing.
  std::string_view value(std::string_view key) const;
  Place place_of(std::string_view key) const;  // the section's when the key is missing
};

// Collects what is wrong, and lists it in the order of the files.
class Findings {
 public:
  explicit Findings(const std::vector<TextFile>& files) : files_(files) {}

  void add(Place place, std::string text);
  // "[section] key: text", at the key.
  void add(const MergedSection& section, std::string_view key, std::string_view text);
  bool empty() const { return found_.empty(); }
  Problems list() const;

 private:
  struct Finding {
    Place place;
    std::string text;
  };
  const std::vector<TextFile>& files_;
  std::vector<Finding> found_;
};

// Sections in the order in which they first appear.
std::vector<MergedSection> merge(const std::vector<TextFile>& files, Findings& findings);

}  // namespace ferry::config
