#include "agent/wake/schedule.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "base/local_time.hpp"
#include "config/day_window.hpp"

namespace ferry::wake {
namespace {

// Nobody tells when a clock is set, jumps or changes to summer time: it is looked at so often.
constexpr Duration clock_look = std::chrono::minutes(5);

void wait_for(Standing& standing, std::string why, std::optional<Duration> due_in) {
  standing.waits = std::move(why);
  standing.due_in = due_in;
}

// Nothing when it was never seen, or clocks do not tell.
std::optional<Duration> seen_ago(Time last_seen, const Moment& now) {
  const bool same_clock = (last_seen >= clock_was_set) == (now.wall >= clock_was_set);
  if (last_seen == Time{} || !same_clock || last_seen > now.wall) return std::nullopt;
  return now.wall - last_seen;
}

}  // namespace

Duration pause_after(const config::WakeSettings& settings, std::uint64_t attempts) {
  Duration pause = settings.interval;
  for (std::uint64_t i = 1; i < attempts && pause < settings.longest_interval; ++i) pause *= 2;
  return std::min(pause, settings.longest_interval);
}

Schedule::Schedule(std::uint64_t per_hour, const std::vector<storage::WakeUp>& stored,
                   const Moment& now)
    : per_hour_(per_hour) {
  for (const storage::WakeUp& row : stored) {
    Record& record = records_[{row.product, row.device}];
    record.row = row;
    if (row.shown) record.seen_at = now.steady;
    for (const Time at : row.sent) record.sent.push_back({at, now.steady, true});
    for (const Sent& sent : record.sent) {
      if (age(sent, now) < hour) last_hour_.push_back(sent);
    }
  }
  std::sort(last_hour_.begin(), last_hour_.end(),
            [&](const Sent& left, const Sent& right) { return age(left, now) > age(right, now); });
}

// A clock that starts in 1970 tells nothing of what was before; what this run knows of for longer
// than a span is surely older than it.
Duration Schedule::age(const Sent& sent, const Moment& now) {
  const auto known = std::chrono::floor<Duration>(now.steady - sent.known);
  const bool told = sent.earlier && sent.wall >= clock_was_set && now.wall >= clock_was_set;
  return told ? std::max(known, now.wall - sent.wall) : known;
}

void Schedule::forget_old(std::vector<Sent>& sent, Duration span, const Moment& now) {
  std::erase_if(sent, [&](const Sent& one) { return age(one, now) >= span; });
}

storage::WakeUp& Schedule::kept(Record& record) {
  record.row.sent.clear();
  for (const Sent& sent : record.sent) record.row.sent.push_back(sent.wall);
  return record.row;
}

const storage::WakeUp* Schedule::row(const std::string& product, const std::string& device) const {
  const auto found = records_.find({product, device});
  return found == records_.end() ? nullptr : &found->second.row;
}

std::size_t Schedule::in_last_hour(const Moment& now) {
  forget_old(last_hour_, hour, now);
  return last_hour_.size();
}

// Another release begins anew; a device that shows itself needs no further word.
void Schedule::follow(Record& record, const Target& target, const Moment& now, Standing& standing) {
  storage::WakeUp& row = record.row;
  row.product = target.settings->product;
  row.device = target.device;
  const bool first = !record.seen;
  const bool noticed = !first && *record.seen != target.last_seen;
  // Seen between the last wake-up and the restart, as far as clocks tell.
  const bool since = first && row.attempts > 0 && !record.sent.empty() &&
                     record.sent.back().wall >= clock_was_set &&
                     target.last_seen > record.sent.back().wall;
  record.seen = target.last_seen;
  if (noticed) record.seen_at = now.steady;
  if (first && !record.seen_at) {
    if (const auto ago = seen_ago(target.last_seen, now)) record.seen_at = now.steady - *ago;
  }
  if (row.version != target.version) {
    row.version = target.version;
    row.attempts = 0;
    row.shown = false;
    return;
  }
  if (noticed || since) {
    standing.changed = !row.shown && row.attempts > 0;
    row.shown = true;
  }
  if (row.shown && now.steady - record.seen_at.value_or(now.steady) >= target.settings->absent) {
    row.shown = false;
    row.attempts = 0;
  }
}

Standing Schedule::look(const Target& target, const Moment& now) {
  Standing standing;
  if (target.version.empty()) return standing;
  Record& record = records_[{target.settings->product, target.device}];
  follow(record, target, now, standing);
  if (!target.hold.empty()) {
    wait_for(standing, target.hold, std::nullopt);
    return standing;
  }
  const auto seen_for = now.steady - record.seen_at.value_or(now.steady);
  if (record.row.shown) {
    const auto left = target.settings->absent - seen_for;
    wait_for(standing, "waits: it showed itself", std::chrono::ceil<Duration>(left));
    return standing;
  }
  if (record.row.attempts == 0 && record.seen_at && seen_for < target.settings->interval) {
    const auto left = target.settings->interval - seen_for;
    wait_for(standing, "waits: it was here just now", std::chrono::ceil<Duration>(left));
    return standing;
  }
  if (record.row.attempts > 0 && !record.sent.empty()) {
    const Duration left =
        pause_after(*target.settings, record.row.attempts) - age(record.sent.back(), now);
    if (left > Duration(0)) {
      wait_for(standing, "waits: the device to show itself", left);
      return standing;
    }
  }
  hold_for_budget(record, target, now, standing);
  standing.due = standing.waits.empty();
  return standing;
}

void Schedule::hold_for_budget(const Record& record, const Target& target, const Moment& now,
                               Standing& standing) {
  const config::WakeSettings& settings = *target.settings;
  if (!settings.window.empty()) {
    const std::string text = "waits: window " + config::to_text(settings.window);
    if (!now.time_of_day) {
      return wait_for(standing, text + ", the clock is not set", clock_look);
    }
    if (const auto left = config::until_window(settings.window, *now.time_of_day)) {
      return wait_for(standing, text, std::min(*left, clock_look));
    }
  }
  if (record.sent.size() >= settings.per_day) {
    const Sent& oldest = record.sent[record.sent.size() - settings.per_day];
    if (const Duration left = day - age(oldest, now); left > Duration(0)) {
      return wait_for(standing, fmt::format("waits: {} in 24 h are enough", settings.per_day),
                      left);
    }
  }
  if (in_last_hour(now) < per_hour_) return;
  const Sent& oldest = last_hour_[last_hour_.size() - per_hour_];
  wait_for(standing, fmt::format("waits: {} of the gateway in an hour are enough", per_hour_),
           hour - age(oldest, now));
}

storage::WakeUp Schedule::wake(const Target& target, const Moment& now) {
  Record& record = records_[{target.settings->product, target.device}];
  forget_old(record.sent, day, now);
  const Sent sent{now.wall, now.steady, false};
  record.sent.push_back(sent);
  last_hour_.push_back(sent);
  ++record.row.attempts;
  return kept(record);
}

}  // namespace ferry::wake
