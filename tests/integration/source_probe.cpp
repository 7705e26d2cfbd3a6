// Runs the real sources over a real store, for tests: from an INI file, without the rest of the
// agent.
//
//   source_probe INI sync [COUNTER]   one attempt of each source, then shows the store and ends
//   source_probe INI pull             one attempt of each source, then names what is held, unread
//   source_probe INI run              runners; standard input says "show", "poke"; its end ends
//   them
//
// COUNTER is a file of 8 bytes that holds the bytes of artifacts received, exact even after
// SIGKILL.
#include <fcntl.h>
#include <fmt/format.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

#include <atomic>
#include <cstdio>
#include <iostream>
#include <string>

#include "agent/room.hpp"
#include "agent/source/runner.hpp"
#include "base/file.hpp"
#include "formats/json.hpp"
#include "storage/store.hpp"

namespace {

using ferry::formats::Json;
namespace config = ferry::config;
namespace source = ferry::source;
namespace storage = ferry::storage;

std::atomic<std::uint64_t>* map_counter(const char* path) {
  const ferry::Descriptor file(::open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0644));
  if (!file || ::ftruncate(file.get(), sizeof(std::uint64_t)) != 0) return nullptr;
  void* memory =
      ::mmap(nullptr, sizeof(std::uint64_t), PROT_READ | PROT_WRITE, MAP_SHARED, file.get(), 0);
  return memory == MAP_FAILED ? nullptr : static_cast<std::atomic<std::uint64_t>*>(memory);
}

// Reads the artifact as a device would get it, and hashes what it got.
bool whole(storage::PackReader& reader, const storage::StoredArtifact& artifact) {
  ferry::Digester digester(ferry::Algorithm::sha256);
  std::vector<std::byte> piece(64U << 10U);
  for (std::uint64_t offset = 0; offset < artifact.size; offset += piece.size()) {
    const std::size_t length = std::min<std::uint64_t>(piece.size(), artifact.size - offset);
    const std::span<std::byte> out(piece.data(), length);
    if (!reader.read(artifact, offset, out)) return false;
    digester.update(out);
  }
  return digester.sha256() == artifact.sha256;
}

Json releases(storage::Store& store) {
  storage::PackReader reader(store.packs_folder());
  Json shown = Json::array();
  const auto all = store.releases().all();
  if (!all) return all.error().message;
  for (const storage::HeldRelease& held : *all) {
    Json artifacts = Json::object();
    for (const auto& artifact : held.release.artifacts) {
      const auto stored = store.releases().find(artifact.sha256);
      const bool good = stored && *stored && whole(reader, **stored);
      artifacts[artifact.name] = {{"role", to_string(artifact.role)},
                                  {"dst_path", artifact.dst_path},
                                  {"from", artifact.from},
                                  {"size", artifact.size},
                                  {"sha256", artifact.sha256.hex()},
                                  {"whole", good}};
    }
    shown.push_back({{"product", held.release.product},
                     {"version", held.release.version},
                     {"channel", held.release.channel},
                     {"source", held.source},
                     {"complete", held.complete},
                     {"artifacts", artifacts}});
  }
  return shown;
}

Json events(storage::Store& store) {
  Json shown = Json::array();
  const auto waiting = store.outbox().waiting(0, 1000);
  if (!waiting) return waiting.error().message;
  for (const storage::Event& event : *waiting) {
    shown.push_back({{"kind", event.kind}, {"detail", Json::parse(event.detail)}});
  }
  return shown;
}

Json state(const storage::SourceState& state) {
  return {
      {"last_error", state.last_error},       {"succeeded", state.last_success != ferry::Time{}},
      {"validator", state.validator},         {"sequence", state.sequence},
      {"bytes_fetched", state.bytes_fetched}, {"rejected", state.rejected}};
}

void print(const Json& json) {
  fmt::print("{}\n", ferry::formats::to_text(json));
  std::fflush(stdout);
}

// What this process has used of all processors.
double cpu_ms() {
  timespec used{};
  ::clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &used);
  return static_cast<double>(used.tv_sec) * 1e3 + static_cast<double>(used.tv_nsec) / 1e6;
}

int sync_once(const config::Settings& settings, const source::Context& context) {
  Json sources = Json::object();
  for (const config::SourceSettings& section : settings.sources) {
    const auto made = source::make_source(section, context);
    if (!made) {
      sources[section.name] = {{"error", made.error().message},
                               {"code", to_string(made.error().code)}};
      continue;
    }
    const double before = cpu_ms();
    const auto report = (*made)->sync({});
    const double after = cpu_ms();
    Json shown = state((*made)->state());
    shown["cpu_ms"] = after - before;
    if (report) {
      shown["admitted"] = report->releases_admitted;
      shown["fetched"] = report->bytes_fetched;
      shown["unchanged"] = report->unchanged;
    } else {
      shown["error"] = report.error().message;
      shown["code"] = to_string(report.error().code);
    }
    sources[section.name] = shown;
  }
  print({{"sources", sources},
         {"releases", releases(context.store)},
         {"events", events(context.store)}});
  return 0;
}

// For measuring: nothing is done beside the pull.
int pull(const config::Settings& settings, const source::Context& context) {
  for (const config::SourceSettings& section : settings.sources) {
    const auto made = source::make_source(section, context);
    const auto report =
        made ? (*made)->sync({}) : ferry::Result<source::Report>(ferry::fail(made.error()));
    if (!report) {
      fmt::print(stderr, "{}\n", report.error().message);
      return 1;
    }
  }
  const auto held = context.store.releases().artifacts();
  if (!held) return 1;
  for (const storage::StoredArtifact& artifact : *held)
    fmt::print("{} whole\n", artifact.sha256.hex());
  return 0;
}

int run(const config::Settings& settings, const source::Context& context) {
  std::vector<std::unique_ptr<source::SourceRunner>> runners;
  for (const config::SourceSettings& section : settings.sources) {
    auto runner = source::SourceRunner::start(section, context);
    if (!runner) {
      fmt::print(stderr, "{}\n", runner.error().message);
      return 1;
    }
    runners.push_back(std::move(*runner));
  }
  for (std::string line; std::getline(std::cin, line);) {
    Json sources = Json::object();
    for (const auto& runner : runners) {
      if (line == "poke") runner->poke();
      const source::RunnerStatus status = runner->status();
      sources[status.name] = state(status.state);
      sources[status.name]["running"] = status.running;
      sources[status.name]["trust"] = status.trust;
      sources[status.name]["next_attempt_in"] = (status.next_attempt - context.clock.now()).count();
    }
    print({{"sources", sources},
           {"releases", releases(context.store)},
           {"events", events(context.store)}});
  }
  for (const auto& runner : runners) runner->stop();
  return 0;
}

}  // namespace

int main(int argc, char** argv) {
  const std::string mode = argc > 2 ? argv[2] : "";
  if (mode != "sync" && mode != "pull" && mode != "run") {
    fmt::print(stderr, "usage: source_probe INI sync [COUNTER] | source_probe INI pull | run\n");
    return 2;
  }
  const config::Loaded loaded = config::load(argv[1]);
  for (const std::string& problem : loaded.problems) fmt::print(stderr, "{}\n", problem);
  if (!loaded.settings) return 2;
  const ferry::SystemClock clock;
  storage::StoreOptions options;
  options.folder = loaded.settings->storage.path;
  options.quota = loaded.settings->storage.quota;
  const auto store = storage::Store::open(options, clock);
  if (!store) {
    fmt::print(stderr, "{}\n", store.error().message);
    return 1;
  }
  ferry::agent::CatalogRoom room(**store, loaded.settings->products, {});
  const auto floor = (*store)->trust().time_floor();
  if (!floor) {
    fmt::print(stderr, "{}\n", floor.error().message);
    return 1;
  }
  source::TrustedTime time(clock, *floor, [&store](ferry::Time raised) {
    const auto kept = (*store)->trust().put_time_floor(raised);
    if (!kept) fmt::print(stderr, "{}\n", kept.error().message);
  });
  source::Turns turns;
  source::Context context{**store, clock, time, room, turns, {}};
  if (argc > 3) {
    std::atomic<std::uint64_t>* counter = map_counter(argv[3]);
    if (counter == nullptr) return 1;
    context.received = [counter](std::size_t length) { *counter += length; };
  }
  if (mode == "pull") return pull(*loaded.settings, context);
  return mode == "sync" ? sync_once(*loaded.settings, context) : run(*loaded.settings, context);
}
