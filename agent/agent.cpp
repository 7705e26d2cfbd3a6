#include "agent/agent.hpp"

#include <systemd/sd-daemon.h>

#include <csignal>
#include <cstdlib>

#include "agent/state.hpp"
#include "base/log.hpp"

namespace ferry::agent {
namespace {

// What is done now and then: expired deliveries, the scrub, the state for the broker.
constexpr auto housekeeping_interval = std::chrono::seconds(10);
// Deliveries that ferryctl lists.
constexpr std::size_t deliveries_shown = 1000;

}  // namespace

Agent::Agent(AgentOptions options, const Clock& clock)
    : state_(std::make_unique<State>(std::move(options), clock)) {}
Agent::~Agent() = default;

Status Agent::State::open_store() {
  storage::StoreOptions wanted;
  wanted.folder = options.settings.storage.path;
  wanted.quota = options.settings.storage.quota;
  wanted.outbox_limit = options.settings.monitor.outbox_limit;
  auto opened = storage::Store::open(wanted, clock);
  if (!opened) return fail(opened.error());
  store = std::move(*opened);
  DeskEvents events;
  events.device_changed = [this](const storage::Device& device) { device_changed(device); };
  events.events_stored = [this] {
    if (monitor) monitor->events_added();
    tell_of_jobs();
  };
  events.delivery_changed = [this](const storage::Delivery& delivery) {
    delivery_changed(delivery);
  };
  events.delivery_moved = [this](const storage::Delivery& delivery) { delivery_moved(delivery); };
  events.releases_changed = [this] {
    if (server && server->watched()) server->publish_event("release", "", releases());
  };
  events.wake_in = [this](Duration in) { wake_hosts(in); };
  events.cancel_step = [this](const std::string& transport, std::uint64_t delivery) {
    if (supervisor) supervisor->cancel(transport, delivery);
  };
  events.pack_corrupt = [this](const std::string& pack, const std::string& why) {
    pack_corrupt(pack, why);
  };
  desk = std::make_unique<Desk>(worker, *store, clock, options.settings.products, events);
  desk->set_mirrors(mirrors_of(options.settings.transports));
  if (Status loaded = desk->load(); !loaded) return loaded;
  auto pinned = store->operators().pins();
  if (!pinned) return fail(pinned.error());
  pins = std::move(*pinned);
  if (Status gated = open_gate(); !gated) return gated;
  if (Status timed = start_time(); !timed) return timed;
  auto read = read_catalog(*store, options.settings, trusted_time->now());
  if (!read) return fail(read.error());
  use_catalog(std::move(*read));
  return start_waker();
}

Status Agent::State::start_time() {
  const Result<Time> floor = store->trust().time_floor();
  if (!floor) return fail(floor.error());
  trusted_time = std::make_unique<source::TrustedTime>(clock, *floor, [this](Time raised) {
    const Status kept = store->trust().put_time_floor(raised);
    if (!kept) log::error("time", "its floor could not be kept: {}", kept.error().message);
  });
  if (trusted_time->clock_is_behind()) {
    log::warning("time",
                 "the clock reads {}, and it is {} at least: certificates are judged as of then",
                 to_rfc3339(clock.now()), to_rfc3339(trusted_time->floor()));
  }
  return {};
}

Status Agent::State::start_control() {
  control::ControlOptions wanted;
  wanted.socket = options.settings.gateway.control_socket;
  server = std::make_unique<control::ControlServer>(loop, wanted, clock, *this);
  if (Status listening = server->start(); !listening) return listening;
  const std::string& page = options.settings.monitor.metrics;
  if (page.empty()) return {};
  // Devices are served all the same when another program has that port.
  if (Status paged = server->serve_metrics(page); !paged) {
    log::error("control", "{}", paged.error().message);
  }
  return {};
}

void Agent::State::start_hosts() {
  SupervisorOptions wanted;
  wanted.host_program = options.host_program;
  wanted.plugin_folder = options.plugin_folder;
  wanted.packs_folder = store->packs_folder();
  supervisor = std::make_unique<Supervisor>(loop, wanted, options.settings.transports,
                                            options.settings.products, *desk);
  supervisor->on_change([this] { transports_changed(); });
  supervisor->start();
}

Status Agent::State::start_sources() {
  const auto changed = [this] { asio::post(loop, [this] { reload_catalog(); }); };
  room = std::make_unique<CatalogRoom>(*store, options.settings.products, changed);
  const auto assign = [this](const storage::Job& job, bool wanted) {
    asio::post(loop, [this, job, wanted] { assign_job(job, wanted); });
  };
  const source::Context context{*store, clock, *trusted_time, *room, turns, changed, assign};
  for (const auto& settings : options.settings.sources) {
    auto runner = source::SourceRunner::start(settings, context);
    if (!runner) return fail(runner.error(), "[source." + settings.name + "]");
    runners.push_back(std::move(*runner));
  }
  return {};
}

// A host's word is not enough to take a pack out: one that is broken into could empty the store.
// The pack is read here first. The host that complained does not serve from it meanwhile.
void Agent::State::pack_corrupt(const std::string& pack, const std::string& why) {
  suspects.insert(pack);
  if (!reading) scrub();
  log::warning("storage", "pack {} is read again: {}", pack, why);
}

namespace {

// The first problem of a pack's artifacts, as far as reading all of them shows one.
Status read_pack(storage::Store& store, const catalog::View& view, const std::string& pack) {
  for (const auto& artifact : view.artifacts_in(pack)) {
    if (Status whole = storage::verify(store.packs_folder(), artifact); !whole) return whole;
  }
  return {};
}

}  // namespace

// Reads what hosts complained of, or else the pack that was not read for longest.
void Agent::State::scrub() {
  if (reading || stopping) return;
  reading = true;
  struct Found {
    bool worked = false;  // look for the next one right away
    Status status;
  };
  auto found = std::make_shared<Found>();
  const std::string suspect = suspects.empty() ? "" : *suspects.begin();
  asio::post(reader, [this, suspect, found, seen = view] {
    if (suspect.empty()) {
      const auto stepped = store->scrub_step(options.settings.storage.scrub_interval);
      found->worked = stepped && *stepped;
      if (!stepped) found->status = fail(stepped.error());
    } else if (const Status whole = read_pack(*store, *seen, suspect); !whole) {
      found->status = store->releases().quarantine(suspect, whole.error().message);
    }
    asio::post(loop, [this, suspect, found] {
      reading = false;
      store_error = found->status ? "" : found->status.error().message;
      suspects.erase(suspect);
      if (!suspect.empty()) reload_catalog();
      take_stock();
      if (found->worked || !suspects.empty()) scrub();
    });
  });
}

// Hosts ask again for their devices. However many reasons there are, not more often than this.
void Agent::State::wake_hosts(Duration in) {
  constexpr Duration least = std::chrono::milliseconds(200);
  constexpr Duration most = std::chrono::hours(24);
  const auto at = std::max(clock.steady() + std::min(in, most), woken + least);
  if (stopping || at >= wake_at) return;
  wake_at = at;
  wake_timer.expires_at(at);
  wake_timer.async_wait([this](const boost::system::error_code& failed) {
    if (failed || stopping) return;
    woken = clock.steady();
    wake_at = std::chrono::steady_clock::time_point::max();
    if (supervisor) supervisor->catalog_changed();
  });
}

void Agent::State::keep_house() {
  if (stopping) return;
  desk->expire();
  desk->flush();
  scrub();
  take_stock();
  judge_sources();
  tell_of_jobs();
  look_for_sleepers();
  if (clock.steady() - state_published >= options.settings.monitor.state_interval) publish_state();
  housekeeping.expires_after(housekeeping_interval);
  housekeeping.async_wait([this](const boost::system::error_code& failed) {
    if (!failed) keep_house();
  });
}

// Sources run on threads of their own; what watchers see of them is looked up once a second.
void Agent::State::watch_sources() {
  if (stopping) return;
  for (const auto& runner : runners) {
    if (!server->watched()) break;
    const Json value = source_json(*runner);
    Json& shown = shown_sources[value["name"]];
    if (shown == value) continue;
    const bool moved =
        shown.is_object() && shown["state"] == value["state"] && shown["runs"] == value["runs"];
    shown = value;
    if (moved) {
      server->publish_progress("source", value["name"], value);
    } else {
      server->publish_event("source", value["name"], value);
    }
  }
  source_watch.expires_after(std::chrono::seconds(1));
  source_watch.async_wait([this](const boost::system::error_code& failed) {
    if (!failed) watch_sources();
  });
}

// What status() and deliveries() show, read where a slow disk holds up nobody.
void Agent::State::take_stock() {
  struct Found {
    Result<storage::Usage> usage = fail(ErrorCode::cancelled, "not read");
    Result<std::vector<storage::Delivery>> recent = fail(ErrorCode::cancelled, "not read");
  };
  auto found = std::make_shared<Found>();
  worker.run(
      [this, found] {
        found->usage = store->usage();
        found->recent = store->fleet().deliveries(deliveries_shown);
      },
      [this, found] {
        if (found->recent) recent = std::move(*found->recent);
        if (!found->usage) return;
        const bool fewer = found->usage->packs < usage.packs;
        usage = *found->usage;
        if (fewer) reload_catalog();  // the scrub took one out
      });
}

// systemd ends an agent whose loop stands still (systemd.service(5), WatchdogSec).
void Agent::State::feed_watchdog() {
  std::uint64_t microseconds = 0;
  if (stopping || sd_watchdog_enabled(0, &microseconds) <= 0) return;
  sd_notify(0, "WATCHDOG=1");
  watchdog.expires_after(std::chrono::microseconds(microseconds / 3));
  watchdog.async_wait([this](const boost::system::error_code& error) {
    if (!error) feed_watchdog();
  });
}

// Everything is asked to stop at once, then waited for.
void Agent::State::stop() {
  if (stopping) return;
  stopping = true;
  log::info("ferryd", "stopping");
  sd_notify(0, "STOPPING=1");
  for (auto& runner : runners) runner->stop();
  desk->flush();
  housekeeping.cancel();
  source_watch.cancel();
  wake_timer.cancel();
  waker_timer.cancel();
  reload_pause.cancel();
  watchdog.cancel();
  signals.cancel();
  supervisor->stop([this] { loop.stop(); });
}

Status Agent::run() {
  State& state = *state_;
  state.started = state.clock.now();
  state.started_steady = state.clock.steady();
  if (Status opened = state.open_store(); !opened) return opened;
  state.start_hosts();
  if (Status control = state.start_control(); !control) return control;
  state.signals.add(SIGTERM);
  state.signals.add(SIGINT);
  state.signals.async_wait([&state](const boost::system::error_code& error, int) {
    if (!error) state.stop();
  });
  if (Status begun = state.start_sources(); !begun) return begun;
  state.start_monitor();
  log::info("ferryd", "{} started: {} releases, {} sources, {} transports",
            state.options.settings.gateway.name, state.view->all().size(), state.runners.size(),
            state.options.settings.transports.size());
  sd_notify(0, "READY=1");
  state.feed_watchdog();
  state.keep_house();
  state.watch_sources();
  state.loop.run();
  state.runners.clear();
  state.monitor.reset();
  state.worker.finish();
  // A pack being read may be gigabytes: nobody waits for that, and nothing is lost with it.
  if (state.reading) std::_Exit(0);
  state.server.reset();
  state.supervisor.reset();
  return {};
}

}  // namespace ferry::agent
