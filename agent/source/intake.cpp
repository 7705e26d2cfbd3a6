#include "agent/source/intake.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <numeric>
#include <utility>

#include "agent/source/download.hpp"
#include "base/log.hpp"

namespace ferry::source {
namespace {

// Releases that may fail one after the other for reasons of link or store before the rest is left.
constexpr int most_failures_in_a_row = 3;
// Releases that are described side by side, and the bytes of their documents.
constexpr std::size_t batch_releases = 32;
constexpr std::uint64_t batch_bytes = 1U << 20U;

// What would befall the whole artifact as well: the patch goes on when it is over.
bool is_no_fault_of_the_patch(ErrorCode code) {
  return code == ErrorCode::unavailable || code == ErrorCode::timed_out ||
         code == ErrorCode::cancelled || code == ErrorCode::disk_full ||
         code == ErrorCode::read_only;
}

// Without its artifacts.
formats::Release name_of(const Announced& entry) {
  formats::Release name;
  name.product = entry.product;
  name.version = entry.version;
  name.channel = entry.channel;
  return name;
}

}  // namespace

bool is_refusal(ErrorCode code) {
  return code == ErrorCode::corrupt || code == ErrorCode::invalid || code == ErrorCode::denied ||
         code == ErrorCode::too_large || code == ErrorCode::exists;
}

Status Intake::look() {
  Result<std::vector<storage::HeldRelease>> all = context_.store.releases().all();
  if (!all) return fail(all.error());
  held_.clear();
  for (storage::HeldRelease& release : *all) {
    const formats::Release& name = release.release;
    const Name key(name.product, name.version, name.channel);
    held_.emplace(key, std::move(release));
  }
  auto room = context_.room.look();
  if (!room) return fail(room.error());
  room_ = std::move(*room);
  return {};
}

bool Intake::is_settled() const {
  return !room_->wants_more() && std::all_of(held_.begin(), held_.end(), [](const auto& release) {
    return release.second.complete;
  });
}

bool Intake::is_wanted(const Announced& entry) {
  if (!takes(entry)) return false;
  const auto known = held_.find({entry.product, entry.version, entry.channel});
  if (known != held_.end() && known->second.complete) {
    check_unchanged(entry);
    return false;
  }
  return !room_->leaves_out(name_of(entry));
}

std::span<const std::size_t> Intake::batch_of(std::span<const std::size_t> wanted,
                                              const std::vector<Announced>& announced) {
  std::size_t count = 0;
  for (std::uint64_t bytes = 0; count < wanted.size() && count < batch_releases; ++count) {
    const Announced& entry = announced[wanted[count]];
    bytes += entry.document_size;
    if (entry.urgent != announced[wanted.front()].urgent) break;
    if (count > 0 && bytes > batch_bytes) break;
  }
  return wanted.first(count);
}

Status Intake::take(const std::vector<Announced>& announced, const Describe& describe,
                    const Grounds& grounds, const std::stop_token& stop, Report& report) {
  std::vector<std::size_t> wanted;
  for (const std::size_t i : order_of(announced)) {
    if (is_wanted(announced[i])) wanted.push_back(i);
  }
  Outcome outcome;
  for (std::span<const std::size_t> rest = wanted; !rest.empty();) {
    const auto batch = batch_of(rest, announced);
    rest = rest.subspan(batch.size());
    const Purpose purpose = announced[batch.front()].urgent ? Purpose::urgent : Purpose::release;
    if (const auto why = thrift_.held(purpose)) {
      // The urgent ones came before it, so the rest is held as well.
      ledger_.waits(*why);
      return outcome.first ? fail(ErrorCode::unavailable, *why) : outcome.first;
    }
    const std::vector<Result<Described>> described = describe(batch);
    thrift_.fetches(purpose);
    for (std::size_t i = 0; i < batch.size() && !outcome.ended; ++i) {
      const Result<bool> done = described[i] ? fetch_in_turn(*described[i], grounds, stop)
                                             : Result<bool>(fail(described[i].error()));
      note(announced[batch[i]], done, outcome);
      report.releases_admitted += done && *done ? 1 : 0;
    }
    thrift_.fetches(Purpose::look);
    if (outcome.ended) break;
  }
  return outcome.first;
}

void Intake::note(const Announced& entry, const Result<bool>& done, Outcome& outcome) {
  if (done) {
    if (*done) identities_[{entry.product, entry.version, entry.channel}] = entry.identity;
    outcome.failures_in_a_row = 0;
    return;
  }
  const std::string name = entry.product + " " + entry.version;
  if (done.error().code == ErrorCode::cancelled) {
    outcome = {fail(done.error()), 0, true};
    return;
  }
  if (is_refusal(done.error().code)) ledger_.rejected(name, done.error().message);
  if (outcome.first) outcome.first = fail(done.error(), name);
  // Without a link or room each further one would only wait and fail.
  outcome.failures_in_a_row = is_refusal(done.error().code) ? 0 : outcome.failures_in_a_row + 1;
  outcome.ended = outcome.failures_in_a_row == most_failures_in_a_row;
}

std::vector<std::size_t> Intake::order_of(const std::vector<Announced>& announced) const {
  std::vector<formats::Release> names(announced.size());
  for (std::size_t i = 0; i < announced.size(); ++i) names[i] = name_of(announced[i]);
  const std::vector<Time> seen = room_->awaited(names);
  std::vector<std::size_t> order(announced.size());
  std::iota(order.begin(), order.end(), 0);
  std::stable_sort(order.begin(), order.end(), [&](std::size_t one, std::size_t other) {
    return std::pair(announced[one].urgent, seen[one]) >
           std::pair(announced[other].urgent, seen[other]);
  });
  return order;
}

Result<bool> Intake::fetch_in_turn(const Described& described, const Grounds& grounds,
                                   const std::stop_token& stop) {
  Turns& turns = context_.turns;
  for (;;) {
    if (stop.stop_requested()) return fail(ErrorCode::cancelled, "stopped");
    if (const std::string first = turns.first_before(settings_.priority); !first.empty()) {
      ledger_.waits("waits: gives way to source " + first);
      if (!turns.wait(settings_.priority, stop)) return fail(ErrorCode::cancelled, "stopped");
      ledger_.goes_on();
    }
    const Turns::Turn turn = turns.take(settings_.priority, settings_.name);
    Result<bool> done = fetch(described, grounds, stop);
    const bool gave_way = !done && done.error().code == ErrorCode::unavailable &&
                          !turns.first_before(settings_.priority).empty();
    if (!gave_way) return done;
  }
}

bool Intake::takes(const Announced& entry) {
  const auto& taken = settings_.products;
  if (taken.empty() || std::find(taken.begin(), taken.end(), entry.product) != taken.end()) {
    return true;
  }
  const bool fresh = refused_.emplace(entry.product, entry.version, entry.channel).second;
  if (fresh) {
    ledger_.rejected(entry.product + " " + entry.version,
                     fmt::format("[source.{}] products does not name {}: nothing of it is taken",
                                 settings_.name, entry.product));
  }
  return false;
}

void Intake::check_unchanged(const Announced& entry) {
  const Name name(entry.product, entry.version, entry.channel);
  const auto [known, fresh] = identities_.emplace(name, entry.identity);
  if (fresh || known->second == entry.identity) return;
  known->second = entry.identity;
  ledger_.rejected(entry.product + " " + entry.version,
                   "the site changed a version that is here already; versions are immutable: "
                   "publish the change as a new one");
}

Status Intake::check_conflict(const formats::Release& release) const {
  const Name first(release.product, release.version, "");
  for (auto known = held_.lower_bound(first); known != held_.end(); ++known) {
    const formats::Release& here = known->second.release;
    if (here.product != release.product || here.version != release.version) break;
    if (formats::same_artifacts(here, release)) continue;
    return fail(ErrorCode::exists,
                fmt::format("differs from what is here under this version, from source {} in "
                            "channel {}: publish it as a new version",
                            known->second.source, here.channel));
  }
  return {};
}

Result<bool> Intake::fetch(const Described& described, const Grounds& grounds,
                           const std::stop_token& stop) {
  const formats::Release& release = described.release;
  if (Status free = check_conflict(release); !free) return fail(free.error());
  Ingest ingest(context_, ledger_, grounds);
  ahead_.forget();
  return ingest.run(release, stop, [&](storage::PackWriter& pack, Ingest::Next next) {
    return bring(described, pack, next, stop);
  });
}

Status Intake::bring(const Described& described, storage::PackWriter& pack, Ingest::Next next,
                     const std::stop_token& stop) {
  const formats::Release& release = described.release;
  const formats::ReleaseArtifact& artifact = *next.front();
  const auto orders = patch_orders(described, artifact);
  if (!orders) return fail(orders.error());
  for (const PatchOrder& order : *orders) {
    Status done = patches_.run(order, pack, release, artifact, stop);
    if (done || is_no_fault_of_the_patch(done.error().code)) return done;
    const std::string what = release.product + " " + release.version + " " + artifact.name;
    const std::string why = "patch " + done.error().message;
    if (is_refusal(done.error().code)) ledger_.rejected(what, why);
    log::info("source " + ledger_.state().name, "{}: {}: fetched another way", what, why);
  }
  // Packs are filled in order: what an earlier attempt left is in front.
  const auto have = pack.begin(artifact.sha256, artifact.size);
  if (!have) return fail(have.error());
  Download download(client_, ledger_, stop);
  if (have->offset == 0) {
    const auto content = ahead_.take(next, described.locate, stop);
    if (content) return download.store(as_bytes(*content), pack, release, artifact);
  }
  return download.run(described.locate(artifact), pack, release, artifact);
}

Result<std::vector<PatchOrder>> Intake::patch_orders(
    const Described& described, const formats::ReleaseArtifact& artifact) const {
  std::vector<PatchOrder> orders;
  for (const formats::ArtifactPatch& patch : artifact.patches) {
    if (patch.size >= artifact.size) continue;
    PatchOrder order{&patch, described.locate_patch(patch), std::nullopt};
    if (patch.base) {
      const auto held = context_.store.releases().find(*patch.base);
      if (!held) return fail(held.error());
      if (!held->has_value()) continue;
      order.base = **held;
    }
    orders.push_back(std::move(order));
  }
  std::sort(orders.begin(), orders.end(), [](const PatchOrder& one, const PatchOrder& other) {
    return one.patch->size < other.patch->size;
  });
  return orders;
}

}  // namespace ferry::source
