#include "storage/outbox.hpp"

#include <algorithm>

namespace ferry::storage {
namespace {

// Far above what any event of Ferry's holds.
constexpr std::size_t max_detail = 64U << 10U;

Status drop_excess_events(Database& database, std::uint64_t limit) {
  const auto size = database.number("SELECT value FROM counter WHERE name = 'outbox_size'");
  if (!size) return fail(size.error());
  const std::int64_t excess = *size - static_cast<std::int64_t>(limit);
  if (excess <= 0) return {};
  // The index outbox_steps is for these very words.
  Status done = database.run(
      "DELETE FROM outbox WHERE sequence IN (SELECT sequence FROM outbox WHERE kind IN ('fetched',"
      " 'verified', 'delivered') ORDER BY sequence LIMIT ?1)",
      excess);
  const auto rest = excess - static_cast<std::int64_t>(database.changes());
  if (done && rest > 0) {
    done = database.run(
        "DELETE FROM outbox WHERE sequence IN (SELECT sequence FROM outbox ORDER BY sequence LIMIT "
        "?1)",
        rest);
  }
  if (done) {
    done =
        database.run("UPDATE counter SET value = value + ?1 WHERE name = 'outbox_dropped'", excess);
  }
  return done;
}

}  // namespace

Status add_events(Database& database, const std::vector<Event>& events, std::uint64_t limit) {
  if (events.empty()) return {};
  for (const Event& event : events) {
    if (event.detail.size() > max_detail) {
      return fail(ErrorCode::too_large, "an event's detail is too long");
    }
    Status added = database.run("INSERT INTO outbox (at, kind, detail) VALUES (?1, ?2, ?3)",
                                to_unix_ms(event.at), event.kind, event.detail);
    if (!added) return added;
  }
  return drop_excess_events(database, limit);
}

Status CatalogOutbox::append(const std::vector<Event>& events) {
  return catalog_.write([&](Database& database) { return add_events(database, events, limit_); });
}

Result<std::vector<Event>> CatalogOutbox::waiting(std::uint64_t after_sequence, std::size_t limit) {
  std::vector<Event> events;
  const Status done = catalog_.read([&](Database& database) -> Status {
    auto rows = database.prepare(
        "SELECT sequence, at, kind, detail FROM outbox WHERE sequence > ?1 ORDER BY sequence LIMIT "
        "?2",
        after_sequence, static_cast<std::uint64_t>(limit));
    if (!rows) return fail(rows.error());
    for (;;) {
      const Result<bool> row = rows->step();
      if (!row) return fail(row.error());
      if (!*row) return {};
      events.push_back(
          {rows->count(0), from_unix_ms(rows->integer(1)), rows->text(2), rows->text(3)});
    }
  });
  if (!done) return fail(done.error());
  return events;
}

Status CatalogOutbox::acknowledge(const std::vector<std::uint64_t>& sequences) {
  // Nearly always they are one stretch.
  std::vector<std::uint64_t> sorted = sequences;
  std::sort(sorted.begin(), sorted.end());
  return catalog_.write([&](Database& database) -> Status {
    for (auto first = sorted.begin(); first != sorted.end();) {
      auto last = first;
      while (last + 1 != sorted.end() && *(last + 1) - *last <= 1) ++last;
      Status done =
          database.run("DELETE FROM outbox WHERE sequence BETWEEN ?1 AND ?2", *first, *last);
      if (!done) return done;
      first = last + 1;
    }
    return {};
  });
}

Result<std::uint64_t> CatalogOutbox::counter(const char* name) {
  std::uint64_t value = 0;
  const Status done = catalog_.read([&](Database& database) -> Status {
    const auto number = database.number("SELECT value FROM counter WHERE name = ?1", name);
    if (!number) return fail(number.error());
    value = static_cast<std::uint64_t>(*number);
    return {};
  });
  if (!done) return fail(done.error());
  return value;
}

Result<std::uint64_t> CatalogOutbox::size() {
  return counter("outbox_size");
}
Result<std::uint64_t> CatalogOutbox::dropped() {
  return counter("outbox_dropped");
}

}  // namespace ferry::storage
