#include "transports/smp/name_table.hpp"

#include <algorithm>
#include <utility>

namespace ferry::smp {

std::list<NameTable::Entry>::iterator NameTable::position(std::string_view name) {
  return std::find_if(entries_.begin(), entries_.end(),
                      [&](const Entry& entry) { return entry.name == name; });
}

const NameTable::Entry* NameTable::find(std::string_view name) {
  const auto found = position(name);
  if (found == entries_.end() || !found->open) return nullptr;
  entries_.splice(entries_.begin(), entries_, found);
  return &entries_.front();
}

const NameTable::Entry* NameTable::bind(std::string_view name, Files::Opened content) {
  auto found = position(name);
  if (found == entries_.end()) {
    entries_.push_front({std::string(name), false, {}});
  } else {
    close(*found);
    entries_.splice(entries_.begin(), entries_, found);
  }
  Entry& entry = entries_.front();
  entry.open = true;
  entry.content = std::move(content);
  trim();
  return &entry;
}

const NameTable::Entry* NameTable::bind_same(std::string_view name, Files::Opened content) {
  const auto found = position(name);
  const bool other = found != entries_.end() && (found->content.identity.empty() ||
                                                 found->content.identity != content.identity ||
                                                 found->content.size != content.size);
  if (!other) return bind(name, std::move(content));
  files_.close(content.handle);
  return nullptr;
}

void NameTable::close(Entry& entry) {
  if (!entry.open) return;
  entry.open = false;
  files_.close(entry.content.handle);
}

// The front entry, just bound, stays open whatever the limits.
void NameTable::trim() {
  std::size_t open = 0;
  for (Entry& entry : entries_) {
    if (entry.open && ++open > std::max<std::size_t>(1, options_.open_limit)) close(entry);
  }
  while (entries_.size() > std::max<std::size_t>(1, options_.remembered_names)) {
    close(entries_.back());
    entries_.pop_back();
  }
}

void NameTable::clear() {
  for (Entry& entry : entries_) close(entry);
  entries_.clear();
}

}  // namespace ferry::smp
