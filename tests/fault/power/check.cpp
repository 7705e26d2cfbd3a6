#include <fmt/format.h>

#include <filesystem>
#include <fstream>
#include <map>
#include <set>
#include <sstream>

#include "tests/fault/power/promises.hpp"

namespace ferry::power {
namespace {

using Number = std::uint64_t;

struct Promises {
  std::map<Number, Number> appended;
  std::map<Number, Number> partial;
  std::map<Number, std::vector<std::string>> releases;  // round → SHA-256 values
  std::set<Number> evicting;
  std::set<Number> evicted;
  std::map<Number, std::string> deliveries;
  std::set<Number> events;
  std::set<Number> acknowledging;
  std::set<Number> acknowledged;
  Number device = 0;
  bool any = false;
};

Promises read_promises(const std::string& file) {
  Promises promises;
  std::ifstream stream(file);
  for (std::string line; std::getline(stream, line);) {
    std::istringstream words(line);
    std::string what;
    Number number = 0;
    words >> what >> number;
    promises.any = true;
    if (what == "appended") words >> promises.appended[number];
    if (what == "partial") words >> promises.partial[number];
    if (what == "delivery") words >> promises.deliveries[number];
    if (what == "evicting") promises.evicting.insert(number);
    if (what == "evicted") promises.evicted.insert(number);
    if (what == "event") promises.events.insert(number);
    if (what == "acknowledging") promises.acknowledging.insert(number);
    if (what == "acknowledged") promises.acknowledged.insert(number);
    if (what == "device") promises.device = number;
    if (what == "release") {
      std::string image;
      std::string small;
      words >> image >> small;
      promises.releases[number] = {image, small};
    }
  }
  return promises;
}

class Check {
 public:
  Check(storage::Store& store, const Promises& promises) : store_(store), promises_(promises) {}

  bool all() {
    everything_named_is_whole();
    releases();
    deliveries();
    events();
    device();
    open_packs();
    return problems_ == 0;
  }

 private:
  template <typename... Args>
  void problem(fmt::format_string<Args...> format, Args&&... args) {
    ++problems_;
    fmt::print("  {}\n", fmt::format(format, std::forward<Args>(args)...));
  }
  template <typename T>
  bool good(const Result<T>& result, const char* what) {
    if (!result) problem("{}: {}", what, result.error().message);
    return result.has_value();
  }

  // Nothing unverified is visible: what the store names can be read, and is what its name says.
  void everything_named_is_whole() {
    const auto artifacts = store_.releases().artifacts();
    if (!good(artifacts, "artifacts")) return;
    storage::PackReader reader(store_.packs_folder());
    for (const storage::StoredArtifact& artifact : *artifacts) {
      std::vector<std::byte> bytes(artifact.size);
      const Status read = reader.read(artifact, 0, bytes);
      if (good(read, "a named artifact") && Sha256::of(bytes) != artifact.sha256) {
        problem("artifact {} reads as something else", artifact.sha256.hex());
      }
      held_.insert(artifact.sha256.hex());
    }
  }

  void releases() {
    const auto all = store_.releases().all();
    if (!good(all, "releases")) return;
    std::set<Number> held;
    for (const storage::HeldRelease& release : *all) {
      held.insert(std::stoull(release.release.version));
      if (!release.complete) problem("release {} is not complete", release.release.version);
      for (const auto& artifact : release.release.artifacts) {
        if (!held_.contains(artifact.sha256.hex())) {
          problem("release {}: '{}' is not held", release.release.version, artifact.name);
        }
      }
    }
    for (const auto& [round, digests] : promises_.releases) {
      if (promises_.evicting.contains(round)) continue;
      if (!held.contains(round)) problem("release {} was admitted and is lost", round);
      for (const std::string& digest : digests) {
        if (!held_.contains(digest)) problem("release {}: {} is lost", round, digest);
      }
    }
    for (const Number round : promises_.evicted) {
      if (held.contains(round)) problem("release {} was evicted and is back", round);
    }
    admitted_ = std::move(held);
  }

  static int rank(std::string_view state) {
    return state == "transferring" ? 1 : state == "transferred" ? 2 : state == "installed" ? 3 : 0;
  }

  void deliveries() {
    const auto deliveries = store_.fleet().deliveries(10'000);
    if (!good(deliveries, "deliveries")) return;
    std::map<Number, int> ranks;
    for (const storage::Delivery& delivery : *deliveries) {
      ranks[delivery.id] = rank(to_string(delivery.state));
    }
    for (const auto& [id, state] : promises_.deliveries) {
      if (ranks[id] < rank(state)) problem("delivery {} was {} and is no more", id, state);
    }
  }

  void events() {
    const auto waiting = store_.outbox().waiting(0, 1'000'000);
    if (!good(waiting, "outbox")) return;
    std::set<Number> there;
    for (const storage::Event& event : *waiting) {
      if (event.kind == "delivered") {
        there.insert(std::stoull(event.detail));
      } else if (event.kind != "evicted") {
        problem("an event says '{}': {}", event.kind, event.detail);
      }
    }
    for (const Number number : promises_.events) {
      if (!there.contains(number) && !promises_.acknowledging.contains(number)) {
        problem("event {} is lost", number);
      }
    }
    for (const Number number : promises_.acknowledged) {
      if (there.contains(number)) problem("event {} was acknowledged and is back", number);
    }
  }

  void device() {
    const auto devices = store_.fleet().devices();
    if (!good(devices, "devices") || promises_.device == 0) return;
    if (devices->empty() || std::stoull(devices->front().version) < promises_.device) {
      problem("the device ran version {}, which is forgotten", promises_.device);
    }
  }

  // The round that was being fetched goes on where it says, and comes out right.
  void open_packs() {
    if (promises_.appended.empty()) return;
    const auto [round, appended] = *promises_.appended.rbegin();
    if (admitted_.contains(round) || promises_.evicting.contains(round)) return;
    const auto image = image_of(round);
    const auto file = file_of(round);
    auto writer = store_.incoming(pack_of(round), image.size() + file.size());
    if (!good(writer, "open pack")) return;
    const auto partial = writer->begin(Sha256::of(image), image.size());
    if (!good(partial, "resuming")) return;
    // Sealed but not admitted is an orphan, and swept: then the pack is new.
    const bool swept = partial->offset == 0 && appended == image.size();
    const auto promised = promises_.partial.find(round);
    const Number least = std::max(promised == promises_.partial.end() ? 0 : promised->second,
                                  appended - std::min(appended, storage::PackWriter::commit_bytes));
    if (!swept && partial->offset < least) {
      problem("round {}: {} bytes of {} are there, {} were promised", round, partial->offset,
              appended, least);
    }
    const Status appending = writer->append(Bytes(image).subspan(partial->offset));
    if (!good(appending, "going on")) return;
    if (!good(writer->finish(), "finishing") ||
        !good(writer->begin(Sha256::of(file), file.size()), "file") ||
        !good(writer->restart(""), "file") || !good(writer->append(file), "file") ||
        !good(writer->finish(), "file")) {
      return;
    }
    const auto sealed = writer->seal(store_.packs_folder());
    if (!good(sealed, "sealing")) return;
    good(store_.releases().admit(release_of(round), *sealed, {}), "admitting");
    everything_named_is_whole();
  }

  storage::Store& store_;
  const Promises& promises_;
  std::set<std::string> held_;
  std::set<Number> admitted_;
  int problems_ = 0;
};

}  // namespace

int check(const std::string& folder, const std::string& marks) {
  const Promises promises = read_promises(marks);
  SystemClock clock;
  storage::StoreOptions options;
  options.folder = folder;
  options.quota = quota;
  const auto store = storage::Store::open(options, clock);
  if (!store) {
    fmt::print("  the store does not open: {}\n", store.error().message);
    return 1;
  }
  return Check(**store, promises).all() ? 0 : 1;
}

}  // namespace ferry::power
