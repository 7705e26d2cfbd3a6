#include "agent/metrics/families.hpp"

#include <array>

namespace ferry::metrics {
namespace {

constexpr Kind counter = Kind::counter;
constexpr Kind gauge = Kind::gauge;

constexpr auto table = std::to_array<Family>({
    {"ferry_requests", counter, "", "transport", "requests",
     "Requests of devices that were answered, errors included."},
    {"ferry_refusals", counter, "", "transport", "refusals",
     "Requests of devices that were answered by an error."},
    {"ferry_delivered_bytes", counter, "bytes", "transport", "bytes_delivered",
     "Bytes of artifacts that the ends of devices acknowledged."},
    {"ferry_transport_restarts", counter, "", "transport", "transport_restarts",
     "How often the process of a transport ended and was started again."},
    {"ferry_transport_up", gauge, "", "transport", "", "1 while the transport serves its link."},
    {"ferry_fetched_bytes", counter, "bytes", "source", "bytes_fetched",
     "Bytes fetched since the source is known."},
    {"ferry_rejected", counter, "", "source", "rejected",
     "Documents and artifacts thrown away for a wrong signature, hash or form."},
    {"ferry_source_up", gauge, "", "source", "",
     "1 when the last attempt of the source went well."},
    {"ferry_releases", gauge, "", "", "releases", "Releases in the catalog."},
    {"ferry_devices", gauge, "", "", "devices", "Devices that are known."},
    {"ferry_open_deliveries", gauge, "", "", "open_deliveries", "Deliveries that have not ended."},
    {"ferry_deliveries", counter, "", "outcome", "deliveries",
     "Deliveries by what became of them; one may be delivered and then installed."},
    {"ferry_delivery_retries", counter, "", "", "delivery_retries",
     "Steps of deliveries that failed and are tried again."},
    {"ferry_delivery_losses", counter, "", "", "delivery_losses",
     "Steps of deliveries that broke off because the device or its link went away."},
    {"ferry_store_bytes", gauge, "bytes", "", "", "Taken by packs."},
    {"ferry_store_quota_bytes", gauge, "bytes", "", "", "That packs may take."},
    {"ferry_store_packs", gauge, "", "", "", "Sealed packs."},
    {"ferry_store_quarantined_packs", gauge, "", "", "", "Packs set aside for a wrong byte."},
    {"ferry_store_writable", gauge, "", "", "", "0 while nothing can be written to the store."},
    {"ferry_written_bytes", counter, "bytes", "", "bytes_written",
     "Bytes that ferryd made the kernel write to storage: the wear of the flash."},
    {"ferry_broker_up", gauge, "", "", "", "1 while the broker accepts the gateway."},
    {"ferry_broker_connections", counter, "", "", "", "Connections that the broker accepted."},
    {"ferry_commands", counter, "", "", "", "Commands of the broker that were heard."},
    {"ferry_commands_ignored", counter, "", "", "", "Commands that were ignored without a reply."},
    {"ferry_wakes", counter, "", "", "wakes", "Messages that woke a device."},
    {"ferry_events_waiting", gauge, "", "", "", "Events that no broker has acknowledged yet."},
    {"ferry_events_dropped", counter, "", "", "events_dropped",
     "Events that a full outbox gave up since the store was made."},
    {"ferry_job_reports_waiting", gauge, "", "source", "",
     "Reports about jobs that their cloud has not acknowledged yet."},
    {"ferry_job_reports_dropped", counter, "", "", "job_reports_dropped",
     "Reports about jobs that were given up because too many waited, since the store was made."},
    {"ferry_time_floor_seconds", gauge, "seconds", "", "", "The newest time that was trusted."},
    {"ferry_clock_behind", gauge, "", "", "", "1 while the clock reads less than the time floor."},
    {"ferry_start_time_seconds", gauge, "seconds", "", "",
     "When ferryd started, by its clock then."},
});
static_assert(table.size() == static_cast<std::size_t>(Metric::start_seconds) + 1);

}  // namespace

std::span<const Family> families() {
  return table;
}

const Family& family(Metric metric) {
  return table.at(static_cast<std::size_t>(metric));
}

}  // namespace ferry::metrics
