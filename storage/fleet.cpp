#include "storage/fleet.hpp"

#include <algorithm>
#include <array>

#include "storage/outbox.hpp"
#include "storage/rollouts.hpp"

namespace ferry::storage {
namespace {

// Whoever invents device ids, or asks again and again, must not fill the disk: what was heard of
// longest ago makes room.
constexpr std::int64_t max_devices = 10000;
constexpr std::int64_t max_deliveries = 10000;
constexpr std::size_t longest_fleet_text = 4096;

template <typename... Texts>
Status bounded(const Texts&... texts) {
  if (((texts.size() <= longest_fleet_text) && ...)) return {};
  return fail(ErrorCode::too_large, "a text is longer than 4096 bytes");
}

constexpr auto state_names = std::to_array<std::string_view>(
    {"waiting", "scheduled", "transferring", "transferred", "activated", "confirming", "installed",
     "failed", "rolled_back", "cancelled", "unknown"});
static_assert(state_names.size() == delivery_states);

DeliveryState state_from(const std::string& name) {
  const auto found = std::find(state_names.begin(), state_names.end(), name);
  if (found == state_names.end()) return DeliveryState::unknown;
  return static_cast<DeliveryState>(found - state_names.begin());
}

Status make_room_for_device(Database& database, const Device& device) {
  const auto known = database.number("SELECT count(*) FROM device WHERE product = ?1 AND id = ?2",
                                     device.product, device.id);
  if (!known) return fail(known.error());
  if (*known > 0) return {};
  const auto count = database.number("SELECT count(*) FROM device");
  if (!count) return fail(count.error());
  if (*count < max_devices) return {};
  return database.run(
      "DELETE FROM device WHERE (product, id) = (SELECT product, id FROM device"
      " ORDER BY assigned_version <> '', last_seen LIMIT 1)");
}

Status insert(Database& database, const Delivery& delivery, std::uint64_t& id) {
  Status done = database.run(
      "INSERT INTO delivery (device, product, from_version, version, transport, state, bytes_done,"
      " bytes_total, started, updated, detail, mode, attempts, not_before, paused, forced,"
      " may_install, cause, image) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13,"
      " ?14, ?15, ?16, ?17, ?18, ?19)",
      delivery.device, delivery.product, delivery.from_version, delivery.version,
      delivery.transport, to_string(delivery.state), delivery.bytes_done, delivery.bytes_total,
      to_unix_ms(delivery.started), to_unix_ms(delivery.updated), delivery.detail,
      to_string(delivery.mode), delivery.attempts, to_unix_ms(delivery.not_before), delivery.paused,
      delivery.forced, delivery.may_install, delivery.cause, delivery.image);
  if (!done) return done;
  id = static_cast<std::uint64_t>(database.last_id());
  return database.run("DELETE FROM delivery WHERE id <= ?1", database.last_id() - max_deliveries);
}

Status update(Database& database, const Delivery& delivery) {
  Status done = database.run(
      "UPDATE delivery SET device = ?2, product = ?3, from_version = ?4, version = ?5,"
      " transport = ?6, state = ?7, bytes_done = ?8, bytes_total = ?9, started = ?10,"
      " updated = ?11, detail = ?12, mode = ?13, attempts = ?14, not_before = ?15, paused = ?16,"
      " forced = ?17, may_install = ?18, cause = ?19, image = ?20 WHERE id = ?1",
      delivery.id, delivery.device, delivery.product, delivery.from_version, delivery.version,
      delivery.transport, to_string(delivery.state), delivery.bytes_done, delivery.bytes_total,
      to_unix_ms(delivery.started), to_unix_ms(delivery.updated), delivery.detail,
      to_string(delivery.mode), delivery.attempts, to_unix_ms(delivery.not_before), delivery.paused,
      delivery.forced, delivery.may_install, delivery.cause, delivery.image);
  if (done && database.changes() == 0) {
    return fail(ErrorCode::not_found, "delivery " + std::to_string(delivery.id) + " is not known");
  }
  return done;
}

Delivery delivery_from(const Statement& row) {
  Delivery delivery;
  delivery.id = row.count(0);
  delivery.device = row.text(1);
  delivery.product = row.text(2);
  delivery.from_version = row.text(3);
  delivery.version = row.text(4);
  delivery.transport = row.text(5);
  delivery.state = state_from(row.text(6));
  delivery.bytes_done = row.count(7);
  delivery.bytes_total = row.count(8);
  delivery.started = from_unix_ms(row.integer(9));
  delivery.updated = from_unix_ms(row.integer(10));
  delivery.detail = row.text(11);
  delivery.mode = row.text(12) == "push" ? DeliveryMode::push : DeliveryMode::pull;
  delivery.attempts = row.count(13);
  delivery.not_before = from_unix_ms(row.integer(14));
  delivery.paused = row.integer(15) == 1;
  delivery.forced = row.integer(16) == 1;
  delivery.may_install = row.integer(17) == 1;
  delivery.cause = row.text(18);
  delivery.image = row.text(19);
  return delivery;
}

Status write_device(Database& database, const Device& device) {
  Status done = bounded(device.id, device.product, device.version, device.transport, device.address,
                        device.channel, device.assigned_version);
  if (done) done = make_room_for_device(database, device);
  if (!done) return done;
  return database.run(
      "INSERT OR REPLACE INTO device VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10)",
      device.product, device.id, device.version, device.transport, device.address,
      to_unix_ms(device.last_seen), device.channel, device.assigned_version, device.downgrade,
      device.proven);
}

}  // namespace

std::string_view to_string(DeliveryState state) {
  return state_names.at(static_cast<std::size_t>(state));
}

std::string_view to_string(DeliveryMode mode) {
  return mode == DeliveryMode::push ? "push" : "pull";
}

Status CatalogFleet::put(const Device& device) {
  return put(std::vector<Device>{device});
}

Status CatalogFleet::put(const std::vector<Device>& devices) {
  return catalog_.write([&](Database& database) -> Status {
    for (const Device& device : devices) {
      Status done = write_device(database, device);
      if (done) done = conclude_jobs(database, device, job_reports_);
      if (!done) return done;
    }
    return {};
  });
}

Result<std::vector<Device>> CatalogFleet::devices() {
  std::vector<Device> devices;
  const Status done = catalog_.read([&](Database& database) -> Status {
    auto rows = database.prepare(
        "SELECT id, product, version, transport, address, last_seen, channel, assigned_version, "
        "downgrade, proven FROM device ORDER BY product, id");
    if (!rows) return fail(rows.error());
    for (;;) {
      const Result<bool> row = rows->step();
      if (!row) return fail(row.error());
      if (!*row) return {};
      devices.push_back({rows->text(0), rows->text(1), rows->text(2), rows->text(3), rows->text(4),
                         from_unix_ms(rows->integer(5)), rows->text(6), rows->text(7),
                         rows->integer(8) == 1, rows->integer(9) == 1});
    }
  });
  if (!done) return fail(done.error());
  return devices;
}

Result<std::uint64_t> CatalogFleet::put(const Delivery& delivery, const std::vector<Event>& events,
                                        const std::optional<Rollout>& rollout) {
  const Status sane =
      bounded(delivery.device, delivery.product, delivery.from_version, delivery.version,
              delivery.transport, delivery.detail, delivery.cause, delivery.image);
  if (!sane) return fail(sane.error());
  std::uint64_t id = delivery.id;
  const Status done = catalog_.write([&](Database& database) {
    Status stored = delivery.id == 0 ? insert(database, delivery, id) : update(database, delivery);
    if (stored && rollout) stored = write_rollout(database, *rollout);
    if (stored) stored = conclude_jobs(database, delivery, job_reports_);
    return stored ? add_events(database, events, outbox_limit_) : stored;
  });
  if (!done) return fail(done.error());
  return id;
}

Result<std::vector<Delivery>> CatalogFleet::deliveries(std::size_t newest) {
  std::vector<Delivery> deliveries;
  const Status done = catalog_.read([&](Database& database) -> Status {
    auto rows = database.prepare(
        "SELECT id, device, product, from_version, version, transport, state, bytes_done,"
        " bytes_total, started, updated, detail, mode, attempts, not_before, paused, forced,"
        " may_install, cause, image FROM delivery ORDER BY id DESC LIMIT ?1",
        static_cast<std::int64_t>(std::min<std::size_t>(newest, max_deliveries)));
    if (!rows) return fail(rows.error());
    for (;;) {
      const Result<bool> row = rows->step();
      if (!row) return fail(row.error());
      if (!*row) return {};
      deliveries.push_back(delivery_from(*rows));
    }
  });
  if (!done) return fail(done.error());
  return deliveries;
}

Status CatalogFleet::put(const SourceState& state) {
  Status sane = bounded(state.name, state.last_error, state.validator);
  if (!sane) return sane;
  return catalog_.write([&](Database& database) {
    return database.run(
        "INSERT OR REPLACE INTO source VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11)",
        state.name, to_unix_ms(state.last_success), to_unix_ms(state.last_attempt),
        state.last_error, state.validator, state.sequence, state.bytes_fetched, state.rejected,
        to_unix_ms(state.period_begin), state.period_bytes, to_unix_ms(state.trusted_until));
  });
}

Result<SourceState> CatalogFleet::source(const std::string& name) {
  SourceState state;
  state.name = name;
  const Status done = catalog_.read([&](Database& database) -> Status {
    auto row = database.prepare(
        "SELECT last_success, last_attempt, last_error, validator, sequence, bytes_fetched, "
        "rejected, period_begin, period_bytes, trusted_until"
        " FROM source WHERE name = ?1",
        name);
    if (!row) return fail(row.error());
    const Result<bool> known = row->step();
    if (!known) return fail(known.error());
    if (!*known) return {};
    state.last_success = from_unix_ms(row->integer(0));
    state.last_attempt = from_unix_ms(row->integer(1));
    state.last_error = row->text(2);
    state.validator = row->text(3);
    state.sequence = row->count(4);
    state.bytes_fetched = row->count(5);
    state.rejected = row->count(6);
    state.period_begin = from_unix_ms(row->integer(7));
    state.period_bytes = row->count(8);
    state.trusted_until = from_unix_ms(row->integer(9));
    return {};
  });
  if (!done) return fail(done.error());
  return state;
}

}  // namespace ferry::storage
