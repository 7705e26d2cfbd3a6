#include "agent/source/ingest.hpp"

#include <fmt/format.h>

#include <optional>
#include <unordered_set>

#include "agent/source/content.hpp"
#include "agent/source/room.hpp"
#include "base/log.hpp"

namespace ferry::source {
namespace {

// Open packs are memory. Those closed meanwhile are read once more when they are sealed.
constexpr std::size_t open_packs = 2;

void add(PackPlan& plan, const formats::ReleaseArtifact& artifact) {
  plan.artifacts.push_back(&artifact);
  plan.bytes += artifact.size;
}

// Two sources may fetch the same artifact at the same time: each into a pack of its own.
std::string pack_name(const std::string& source, const PackPlan& plan) {
  Digester digester(Algorithm::sha256);
  for (const formats::ReleaseArtifact* artifact : plan.artifacts) {
    digester.update(artifact->sha256.bytes);
  }
  return fmt::format("{}-{}.pack", source, digester.hex().substr(0, 32));
}

}  // namespace

std::vector<PackPlan> plan_packs(
    const std::string& source, const formats::Release& release,
    const std::function<bool(const formats::ReleaseArtifact&)>& wanted) {
  std::vector<PackPlan> plans;
  PackPlan small;
  std::unordered_set<Sha256, Sha256Hash> planned;
  for (const formats::ReleaseArtifact& artifact : release.artifacts) {
    if (planned.contains(artifact.sha256) || !wanted(artifact)) continue;
    planned.insert(artifact.sha256);
    if (artifact.size < own_pack_size) {
      add(small, artifact);
      continue;
    }
    PackPlan own;
    add(own, artifact);
    plans.push_back(std::move(own));
  }
  if (!small.artifacts.empty()) plans.push_back(std::move(small));
  for (PackPlan& plan : plans) plan.name = pack_name(source, plan);
  return plans;
}

Result<std::vector<storage::StoredArtifact>> Ingest::fill_and_seal(
    const std::vector<PackPlan>& plans, const std::stop_token& stop, const Fill& fill,
    Names* names) {
  std::vector<std::optional<storage::PackWriter>> packs(plans.size());
  for (std::size_t i = 0; i < plans.size(); ++i) {
    Result<storage::PackWriter> pack = context_.store.incoming(plans[i].name, plans[i].bytes);
    if (!pack) return fail(pack.error());
    if (names != nullptr) pack->name_later();
    for (Next next = plans[i].artifacts; !next.empty(); next = next.subspan(1)) {
      if (stop.stop_requested()) return fail(ErrorCode::cancelled, "stopped");
      const Status filled = fill(*pack, next);
      ledger_.artifact_ends();
      if (!filled) return fail(filled.error(), next.front()->name);
    }
    if (i + open_packs >= plans.size()) packs[i] = std::move(*pack);
  }
  std::vector<storage::StoredArtifact> sealed;
  for (std::size_t i = 0; i < plans.size(); ++i) {
    if (!packs[i]) {
      Result<storage::PackWriter> again = context_.store.incoming(plans[i].name, 0);
      if (!again) return fail(again.error());
      packs[i] = std::move(*again);
    }
    for (const formats::ReleaseArtifact* artifact : plans[i].artifacts) {
      if (names == nullptr) break;
      const Result<Sha256> name = packs[i]->name(artifact->sha256);
      if (!name) return fail(name.error(), artifact->name);
      names->emplace(artifact->sha256, *name);
    }
    Result<std::vector<storage::StoredArtifact>> done =
        packs[i]->seal(context_.store.packs_folder());
    packs[i].reset();
    if (!done) return fail(done.error());
    sealed.insert(sealed.end(), done->begin(), done->end());
  }
  return sealed;
}

Result<std::optional<std::vector<PackPlan>>> Ingest::plan_with_room(
    const formats::Release& release) {
  for (;;) {
    Status searched;
    std::vector<PackPlan> plans =
        plan_packs(ledger_.state().name, release, [&](const formats::ReleaseArtifact& artifact) {
          const auto known = context_.store.releases().find(artifact.sha256);
          if (!known) searched = fail(known.error());
          return known && !known->has_value();
        });
    if (!searched) return fail(searched.error());
    std::map<std::string, std::uint64_t> wanted;
    for (const PackPlan& plan : plans) wanted.emplace(plan.name, plan.bytes);
    const Result<std::uint64_t> shortfall = context_.store.shortfall(wanted);
    if (!shortfall) return fail(shortfall.error());
    if (*shortfall == 0) return std::optional(std::move(plans));
    const Result<Made> made = context_.room.make(ledger_.state().name, release, *shortfall);
    if (!made) return fail(made.error());
    if (*made == Made::left_out) return std::optional<std::vector<PackPlan>>();
    // Where something was evicted, artifacts may be gone that were held before.
    if (*made == Made::nothing) return std::optional(std::move(plans));
  }
}

Result<bool> Ingest::run(const formats::Release& release, const std::stop_token& stop,
                         const Fill& fill) {
  return run(release, stop, fill, nullptr);
}

Result<bool> Ingest::run_unnamed(const formats::Release& release, const std::stop_token& stop,
                                 const Fill& fill) {
  Names names;
  return run(release, stop, fill, &names);
}

Result<bool> Ingest::run(const formats::Release& announced, const std::stop_token& stop,
                         const Fill& fill, Names* names) {
  const auto plans = plan_with_room(announced);
  if (!plans) return fail(plans.error());
  if (!*plans) return false;
  const std::uint64_t before = ledger_.progress().bytes_fetched;
  Result<std::vector<storage::StoredArtifact>> sealed = fill_and_seal(**plans, stop, fill, names);
  if (!sealed) return fail(sealed.error());
  formats::Release release = announced;
  for (formats::ReleaseArtifact& artifact : release.artifacts) {
    if (names != nullptr) artifact.sha256 = names->at(artifact.sha256);
  }
  const Status good = check_content(context_, ledger_.state().name, release, *sealed);
  if (!good) {
    context_.store.releases().discard(*sealed);
    return fail(good.error());
  }

  storage::HeldRelease held;
  held.release = release;
  held.source = ledger_.state().name;
  held.admitted = context_.clock.now();
  held.snapshot = grounds_.snapshot;
  const std::uint64_t fetched = ledger_.progress().bytes_fetched - before;
  const Status admitted = context_.store.releases().admit(
      held, *sealed, ledger_.admission_events(release, fetched, grounds_.trust));
  if (!admitted) return fail(admitted.error());
  log::info("source " + held.source, "{} {} ({}) is here: {} artifacts, {} bytes fetched",
            release.product, release.version, release.channel, release.artifacts.size(), fetched);
  if (context_.admitted) context_.admitted();
  return true;
}

}  // namespace ferry::source
