#include "storage/wakes.hpp"

#include "formats/json.hpp"
#include "storage/outbox.hpp"

namespace ferry::storage {
namespace {

// Those that were woken longest ago make room; more than the agent knows devices.
constexpr std::int64_t max_rows = 20000;
constexpr std::size_t longest_wake_text = 4096;

std::string to_text(const std::vector<Time>& times) {
  formats::Json list = formats::Json::array();
  for (const Time time : times) list.push_back(to_unix_ms(time));
  return formats::to_text(list);
}

// Whatever else stands there is no time.
std::vector<Time> times_from(const std::string& text) {
  std::vector<Time> times;
  const auto list = formats::parse_json(text, "wake_up.sent");
  if (!list || !list->is_array()) return times;
  for (const auto& time : *list) {
    if (time.is_number_integer()) times.push_back(from_unix_ms(time.get<std::int64_t>()));
  }
  return times;
}

Status write(Database& database, const WakeUp& wake) {
  if (wake.product.size() > longest_wake_text || wake.device.size() > longest_wake_text ||
      wake.version.size() > longest_wake_text) {
    return fail(ErrorCode::too_large, "a text is longer than 4096 bytes");
  }
  const Time last = wake.sent.empty() ? Time{} : wake.sent.back();
  Status done = database.run("INSERT OR REPLACE INTO wake_up VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)",
                             wake.product, wake.device, wake.version, wake.attempts, wake.shown,
                             to_text(wake.sent), to_unix_ms(last));
  if (!done) return done;
  return database.run(
      "DELETE FROM wake_up WHERE (product, device) IN (SELECT product, device FROM wake_up"
      " ORDER BY last DESC LIMIT -1 OFFSET ?1)",
      max_rows);
}

}  // namespace

Result<std::vector<WakeUp>> CatalogWakes::all() {
  std::vector<WakeUp> wakes;
  const Status done = catalog_.read([&](Database& database) -> Status {
    auto rows = database.prepare(
        "SELECT product, device, version, attempts, shown, sent FROM wake_up"
        " ORDER BY product, device");
    if (!rows) return fail(rows.error());
    for (;;) {
      const Result<bool> row = rows->step();
      if (!row) return fail(row.error());
      if (!*row) return {};
      wakes.push_back({rows->text(0), rows->text(1), rows->text(2), rows->count(3),
                       rows->integer(4) == 1, times_from(rows->text(5))});
    }
  });
  if (!done) return fail(done.error());
  return wakes;
}

Status CatalogWakes::put(const WakeUp& wake, const std::vector<Event>& events) {
  return catalog_.write([&](Database& database) {
    const Status done = write(database, wake);
    return done ? add_events(database, events, outbox_limit_) : done;
  });
}

}  // namespace ferry::storage
