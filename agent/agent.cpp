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
  if (Status loaded = desk->load(); !loaded) return loaded;
  auto pinned = store->operators().pins();
  if (!pinned) return fail(pinned.error());
  pins = std::move(*pinned);
  if (Status gated = open_gate(); !gated) return gated;
  auto read = read_catalog(*store, options.settings.products);
  if (!read) return fail(read.error());
  use_catalog(std::move(*read));
  return {};
}

Status Agent::State::start_control() {
  control::ControlOptions wanted;
  wanted.socket = options.settings.gateway.control_socket;
  server = std::make_unique<control::ControlServer>(loop, wanted, clock, *this);
  return server->start();
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
  room =
      std::make_unique<CatalogRoom>(*store, catalog::orders_of(options.settings.products), changed);
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
  const source::Context context{*store, clock, *trusted_time, *room, changed};
  for (const auto& settings : options.settings.sources) {
    auto runner = source::SourceRunner::start(settings, context);
    if (!runner) return fail(runner.error(), "[source." + settings.name + "]");
    runners.push_back(std::move(*runner));
  }
  return {};
}

Result<Catalog> read_catalog(storage::Store& store,
                             const std::vector<config::ProductSettings>& products) {
  auto releases = store.releases().all();
  if (!releases) return fail(releases.error());
  auto artifacts = store.releases().artifacts();
  if (!artifacts) return fail(artifacts.error());
  return std::make_shared<const catalog::View>(std::move(*releases), *artifacts,
                                               catalog::orders_of(products));
}

void Agent::State::use_catalog(Catalog read) {
  std::set<std::string> gone = view ? view->packs() : std::set<std::string>();
  for (const std::string& pack : read->packs()) gone.erase(pack);
  view = std::move(read);
  desk->set_view(view);
  if (!supervisor) return;
  // Hosts must not read on in a pack that was taken out, even where they hold it open.
  for (const std::string& pack : gone) supervisor->withdraw(pack);
  supervisor->catalog_changed();
  if (gone.empty()) return;
  for (auto& runner : runners) runner->poke();
}

// A thousand small releases admitted one after the other must not have the whole catalog read a
// thousand times: reading it takes a fifth of the time at most.
void Agent::State::reload_catalog() {
  reload_wanted = true;
  if (reloading || stopping) return;
  reloading = true;
  read_again();
}

void Agent::State::read_again() {
  struct Read {
    Result<Catalog> catalog = fail(ErrorCode::cancelled, "not read");
    std::chrono::steady_clock::duration taken{};
  };
  reload_wanted = false;
  auto read = std::make_shared<Read>();
  worker.run(
      [this, read] {
        const auto begun = clock.steady();
        read->catalog = read_catalog(*store, options.settings.products);
        read->taken = clock.steady() - begun;
      },
      [this, read] {
        if (read->catalog) {
          use_catalog(std::move(*read->catalog));
          take_stock();
          if (monitor) monitor->events_added();
          if (server && server->watched()) server->publish_event("release", "", releases());
        } else {
          log::error("catalog", "could not be read again: {}", read->catalog.error().message);
        }
        reload_pause.expires_after(4 * read->taken);
        reload_pause.async_wait([this](const boost::system::error_code& failed) {
          if (!failed && reload_wanted && !stopping) return read_again();
          reloading = false;
        });
      });
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
    const Json value = to_json(runner->status());
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
