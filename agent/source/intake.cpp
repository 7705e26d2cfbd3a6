#include "agent/source/intake.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "agent/source/download.hpp"
#include "base/log.hpp"

namespace ferry::source {
namespace {

// Releases that may fail one after the other for reasons of link or store before the rest is left.
constexpr int patience = 3;

// What would befall the whole artifact as well: the patch goes on when it is over.
bool is_no_fault_of_the_patch(ErrorCode code) {
  return code == ErrorCode::unavailable || code == ErrorCode::timed_out ||
         code == ErrorCode::cancelled || code == ErrorCode::disk_full ||
         code == ErrorCode::read_only;
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
  formats::Release wanted;
  wanted.product = entry.product;
  wanted.version = entry.version;
  wanted.channel = entry.channel;
  return !room_->leaves_out(wanted);
}

Status Intake::take(const std::vector<Announced>& announced, const Describe& describe,
                    const Grounds& grounds, const std::stop_token& stop, Report& report) {
  Status first;
  int failures_in_a_row = 0;
  for (std::size_t i = 0; i < announced.size(); ++i) {
    const Announced& entry = announced[i];
    if (stop.stop_requested()) return fail(ErrorCode::cancelled, "stopped");
    if (!is_wanted(entry)) continue;
    const Result<Described> described = describe(i);
    const Result<bool> done =
        described ? fetch(*described, grounds, stop) : Result<bool>(fail(described.error()));
    if (done) {
      if (*done) identities_[{entry.product, entry.version, entry.channel}] = entry.identity;
      report.releases_admitted += *done ? 1 : 0;
      failures_in_a_row = 0;
      continue;
    }
    const std::string name = entry.product + " " + entry.version;
    if (done.error().code == ErrorCode::cancelled) return fail(done.error());
    if (is_refusal(done.error().code)) ledger_.rejected(name, done.error().message);
    if (first) first = fail(done.error(), name);
    // Without a link or room each further one would only wait and fail.
    failures_in_a_row = is_refusal(done.error().code) ? 0 : failures_in_a_row + 1;
    if (failures_in_a_row == patience) return first;
  }
  return first;
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
  return ingest.run(release, stop,
                    [&](storage::PackWriter& pack, const formats::ReleaseArtifact& artifact) {
                      return bring(described, pack, artifact, stop);
                    });
}

Status Intake::bring(const Described& described, storage::PackWriter& pack,
                     const formats::ReleaseArtifact& artifact, const std::stop_token& stop) {
  const formats::Release& release = described.release;
  const auto orders = patch_orders(described, artifact);
  if (!orders) return fail(orders.error());
  for (const PatchOrder& order : *orders) {
    const Status done = patches_.run(order, pack, release, artifact, stop);
    if (done || is_no_fault_of_the_patch(done.error().code)) return done;
    const std::string what = release.product + " " + release.version + " " + artifact.name;
    const std::string why = "patch " + done.error().message;
    if (is_refusal(done.error().code)) ledger_.rejected(what, why);
    log::info("source " + ledger_.state().name, "{}: {}: fetched another way", what, why);
  }
  return Download(client_, ledger_, stop).run(described.locate(artifact), pack, release, artifact);
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
