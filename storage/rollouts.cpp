#include "storage/rollouts.hpp"

#include "storage/outbox.hpp"

namespace ferry::storage {
namespace {

// Rollouts of releases that were never stopped and are long done make room for new ones.
constexpr std::int64_t max_rollouts = 1000;
constexpr std::size_t longest_rollout_text = 4096;

Status make_room(Database& database) {
  return database.run(
      "DELETE FROM rollout WHERE (product, version) IN (SELECT product, version FROM rollout"
      " ORDER BY stopped <> 0 DESC, settled = 0 DESC, settled DESC LIMIT -1 OFFSET ?1)",
      max_rollouts);
}

}  // namespace

Result<std::vector<Rollout>> CatalogRollouts::all() {
  std::vector<Rollout> rollouts;
  const Status done = catalog_.read([&](Database& database) -> Status {
    auto rows = database.prepare(
        "SELECT product, version, settled, open, failures, stopped, why FROM rollout"
        " ORDER BY product, version");
    if (!rows) return fail(rows.error());
    for (;;) {
      const Result<bool> row = rows->step();
      if (!row) return fail(row.error());
      if (!*row) return {};
      rollouts.push_back({rows->text(0), rows->text(1), from_unix_ms(rows->integer(2)),
                          rows->integer(3) == 1, rows->count(4), from_unix_ms(rows->integer(5)),
                          rows->text(6)});
    }
  });
  if (!done) return fail(done.error());
  return rollouts;
}

Status write_rollout(Database& database, const Rollout& rollout) {
  if (rollout.product.size() > longest_rollout_text ||
      rollout.version.size() > longest_rollout_text || rollout.why.size() > longest_rollout_text) {
    return fail(ErrorCode::too_large, "a text is longer than 4096 bytes");
  }
  const Status done =
      database.run("INSERT OR REPLACE INTO rollout VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)",
                   rollout.product, rollout.version, to_unix_ms(rollout.settled), rollout.open,
                   rollout.failures, to_unix_ms(rollout.stopped), rollout.why);
  return done ? make_room(database) : done;
}

Status CatalogRollouts::put(const Rollout& rollout, const std::vector<Event>& events) {
  return catalog_.write([&](Database& database) {
    const Status done = write_rollout(database, rollout);
    return done ? add_events(database, events, outbox_limit_) : done;
  });
}

}  // namespace ferry::storage
