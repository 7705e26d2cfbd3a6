#include "transports/host/progress.hpp"

#include <algorithm>

namespace ferry::host {
namespace {

// Ranges that follow each other become one; of others the later counts.
void join(std::optional<formats::link::Progress>& held, formats::link::Progress next) {
  if (held && held->offset + held->length == next.offset) {
    next.length += held->length;
    next.offset = held->offset;
  }
  held = std::move(next);
}

}  // namespace

std::optional<formats::link::Progress> ProgressLimiter::add(formats::link::Progress progress,
                                                            std::uint64_t length, Instant now) {
  const bool end = progress.offset + progress.length == length;
  const Key key(progress.device.product, progress.device.id, progress.sha256);
  const auto found = entries_.find(key);
  if (found == entries_.end()) {
    if (!end && entries_.size() < most) entries_.emplace(key, Entry{now, std::nullopt});
    return progress;
  }
  Entry& entry = found->second;
  join(entry.held, std::move(progress));
  if (!end && now - entry.told < interval) return std::nullopt;
  std::optional<formats::link::Progress> told = std::exchange(entry.held, std::nullopt);
  entry.told = now;
  if (end) entries_.erase(found);
  return told;
}

std::vector<formats::link::Progress> ProgressLimiter::due(Instant now) {
  std::vector<formats::link::Progress> told;
  for (auto entry = entries_.begin(); entry != entries_.end();) {
    if (now - entry->second.told < interval) {
      ++entry;
    } else if (entry->second.held) {
      told.push_back(*std::exchange(entry->second.held, std::nullopt));
      entry->second.told = now;
      ++entry;
    } else {
      entry = entries_.erase(entry);
    }
  }
  return told;
}

std::optional<ProgressLimiter::Instant> ProgressLimiter::next() const {
  std::optional<Instant> first;
  for (const auto& [key, entry] : entries_) {
    const Instant at = entry.told + interval;
    if (!first || at < *first) first = at;
  }
  return first;
}

}  // namespace ferry::host
