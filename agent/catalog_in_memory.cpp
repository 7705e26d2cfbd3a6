// How the catalog in memory follows the store, and whom of the sources it believes.
#include "agent/state.hpp"
#include "base/log.hpp"

namespace ferry::agent {

namespace {

// The sources that were believed last, and are no more.
Result<std::set<std::string>> lapsed_sources(storage::Store& store,
                                             const config::Settings& settings, Time now) {
  std::set<std::string> lapsed;
  for (const auto& source : settings.sources) {
    const auto state = store.fleet().source(source.name);
    if (!state) return fail(state.error());
    const auto standing = source::standing_of(source, state->trusted_until, now);
    if (standing == source::Standing::lapsed) lapsed.insert(source.name);
  }
  return lapsed;
}

}  // namespace

Result<Catalog> read_catalog(storage::Store& store, const config::Settings& settings, Time now) {
  auto releases = store.releases().all();
  if (!releases) return fail(releases.error());
  auto artifacts = store.releases().artifacts();
  if (!artifacts) return fail(artifacts.error());
  auto lapsed = lapsed_sources(store, settings, now);
  if (!lapsed) return fail(lapsed.error());
  return std::make_shared<const catalog::View>(
      std::move(*releases), *artifacts, catalog::orders_of(settings.products), std::move(*lapsed));
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
        read->catalog = read_catalog(*store, options.settings, trusted_time->now());
        read->taken = clock.steady() - begun;
      },
      [this, read] {
        if (read->catalog) {
          use_catalog(std::move(*read->catalog));
          take_stock();
          if (monitor) monitor->events_added();
          publish_devices_again();
          look_for_sleepers();
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

// Time alone ends what a source may have offered, and a clock that was set right begins it anew.
void Agent::State::judge_sources() {
  std::set<std::string> lapsed;
  for (const auto& runner : runners) {
    if (runner->standing(trusted_time->now()) != source::Standing::lapsed) continue;
    lapsed.insert(runner->status().name);
  }
  if (lapsed == view->lapsed()) return;
  for (const std::string& name : lapsed) {
    if (view->lapsed().contains(name)) continue;
    log::warning("source " + name,
                 "its metadata expired for longer than its grace: none of its releases is offered "
                 "until it can be refreshed");
  }
  for (const std::string& name : view->lapsed()) {
    if (!lapsed.contains(name)) log::info("source " + name, "its releases are offered again");
  }
  reload_catalog();
}

}  // namespace ferry::agent
