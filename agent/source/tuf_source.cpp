#include "agent/source/tuf_source.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>

#include "agent/source/tuf/http_fetcher.hpp"
#include "base/file.hpp"

namespace ferry::source {
namespace {

// A role's metadata is small: a server that trickles it for so long is given up.
constexpr Duration metadata_time = std::chrono::minutes(5);

}  // namespace

Result<std::unique_ptr<Source>> TufSource::make(const config::SourceSettings& settings,
                                                const Context& context) {
  Result<std::string> root = read_file(settings.root, tuf::Limits().root);
  if (!root) return fail(root.error(), "root");
  const Result<tuf::TrustedSet> good = tuf::TrustedSet::begin(*root, Time::min());
  if (!good) return fail(good.error(), "root: " + settings.root.string());
  Result<HttpClient> client = HttpClient::open(settings, &context.time);
  if (!client) return fail(client.error());
  return std::unique_ptr<Source>(
      new TufSource(settings, context, std::move(*root), std::move(*client)));
}

TufSource::TufSource(const config::SourceSettings& settings, const Context& context,
                     std::string root, HttpClient client)
    : settings_(settings),
      context_(context),
      root_(std::move(root)),
      ledger_(context_, settings.name),
      client_(std::move(client)),
      thrift_(settings_, context_, ledger_),
      keeper_(context_.store.trust(), settings.name),
      intake_(settings_, context_, ledger_, client_, thrift_) {
  client_.count_by(thrift_);
}

Progress TufSource::progress() const {
  Progress progress = ledger_.progress();
  progress.budget = thrift_.use();
  return progress;
}

Result<Report> TufSource::sync(std::stop_token stop) {
  if (const auto why = thrift_.held(Purpose::look)) {
    ledger_.waits(*why);
    return fail(ErrorCode::unavailable, *why);
  }
  if (const Status begun = ledger_.attempt_begins(); !begun) return fail(begun.error());
  return ledger_.attempt_ends(attempt(stop));
}

void TufSource::refuse(const std::string& what, const std::string& why, Status& first) {
  ledger_.rejected(what, why);
  if (first) first = fail(ErrorCode::denied, what + ": " + why);
}

Status TufSource::refresh(tuf::Updater& updater) {
  Status done = updater.refresh(context_.time.now());
  if (Status kept = keeper_.commit(std::nullopt); !kept) return kept;
  if (!done && is_refusal(done.error().code)) ledger_.rejected("metadata", done.error().message);
  if (!done) return done;
  const tuf::TrustedSet& trusted = updater.trusted();
  ledger_.trusted_until(std::min({trusted.root().expires, trusted.timestamp().expires,
                                  trusted.snapshot().expires, trusted.targets()->expires}));
  return ledger_.accepted(updater.trusted().snapshot().version);
}

std::string TufSource::mark_prefix(const tuf::Updater& updater) const {
  std::string identity = settings_.url + "\n" + settings_.targets_url + "\n" + root_;
  for (const std::string& product : settings_.products) identity += "\n" + product;
  return fmt::format("{} root {} snapshot {} until ",
                     Sha256::of(as_bytes(identity)).hex().substr(0, 16),
                     updater.trusted().root().version, updater.trusted().snapshot().version);
}

bool TufSource::is_unchanged(const tuf::Updater& updater) const {
  const std::string mark = ledger_.state().validator;
  const std::string prefix = mark_prefix(updater);
  if (!intake_.is_settled() || !mark.starts_with(prefix)) return false;
  std::int64_t until = 0;
  std::from_chars(mark.data() + prefix.size(), mark.data() + mark.size(), until);
  return to_unix_ms(context_.time.now()) < until;
}

Result<TufReleases> TufSource::read_releases(tuf::Updater& updater, Status& first) {
  const auto refused = [&](const std::string& role, const Error& why) {
    refuse("role " + role.substr(0, 128), why.message, first);
  };
  const Result<std::set<std::string>> paths = updater.list(refused);
  if (!paths) return fail(paths.error());
  TufTargets targets;
  std::map<std::string, std::vector<std::string>> lost;  // paths, by the reason
  for (const std::string& path : *paths) {
    const Result<const tuf::TargetFile*> target = updater.find(path);
    if (target) {
      targets.emplace(path, *target);
    } else if (is_refusal(target.error().code)) {
      lost[target.error().message].push_back(path);
    } else if (target.error().code != ErrorCode::not_found) {
      return fail(target.error());
    }
    // Else a role named what nobody lets it speak of.
  }
  for (const auto& [why, which] : lost) {
    refuse(fmt::format("{} and {} more", which.front().substr(0, 256), which.size() - 1), why,
           first);
  }
  const Status kept = settings_.mirrored ? keeper_.commit_mirrored(updater, targets)
                                         : keeper_.commit_unmirrored(updater);
  if (!kept) return fail(kept.error());
  TufReleases releases = releases_of(targets);
  for (const TufReleases::Refused& one : releases.refused) refuse(one.what, one.why, first);
  return releases;
}

Described TufSource::describe(const TufRelease& release, bool consistent) const {
  const auto locate = [this, consistent,
                       paths = release.paths](const formats::ReleaseArtifact& artifact) {
    return tuf::artifact_url(settings_.targets_url, paths.at(artifact.name),
                             consistent ? artifact.sha256.hex() : "");
  };
  const auto locate_patch = [this](const formats::ArtifactPatch& patch) {
    return tuf::artifact_url(settings_.targets_url, patch.url, "");
  };
  return Described{release.release, locate, locate_patch};
}

Result<Report> TufSource::attempt(const std::stop_token& stop) {
  const std::uint64_t before = ledger_.progress().bytes_fetched;
  if (Status looked = intake_.look(); !looked) return fail(looked.error());
  if (Status provisioned = keeper_.provision(root_); !provisioned) return fail(provisioned.error());
  tuf::HttpFetcher fetcher(client_, metadata_time, stop);
  tuf::Repository repository;
  repository.metadata_url = settings_.url;
  tuf::Updater updater(std::move(repository), fetcher, keeper_);
  if (Status fresh = refresh(updater); !fresh) return fail(fresh.error());

  Report report;
  Result<bool> handed_on = true;
  if (settings_.mirrored) handed_on = keeper_.renew_mirror(updater);
  if (!handed_on) return fail(handed_on.error());
  if (*handed_on && is_unchanged(updater)) {
    report.unchanged = true;
    return report;
  }
  ledger_.set_validator("");
  Status first;
  const Result<TufReleases> releases = read_releases(updater, first);
  if (!releases) return fail(releases.error());
  std::vector<Announced> announced;
  for (const TufRelease& release : releases->releases) {
    const formats::Release& named = release.release;
    announced.push_back(
        {named.product, named.version, named.channel, release.identity, release.urgent});
  }
  const bool consistent = updater.trusted().root().consistent_snapshot;
  const Grounds grounds{"tuf", updater.trusted().snapshot().version};
  const Status taken = intake_.take(
      announced,
      [&](std::span<const std::size_t> numbers) {
        std::vector<Result<Described>> described;
        for (const std::size_t number : numbers) {
          described.emplace_back(describe(releases->releases[number], consistent));
        }
        return described;
      },
      grounds, stop, report);
  report.bytes_fetched = ledger_.progress().bytes_fetched - before;
  if (!taken) return fail(taken.error());
  if (!first) return fail(first.error());
  ledger_.set_validator(mark_prefix(updater) + std::to_string(to_unix_ms(updater.expires())));
  report.unchanged = report.releases_admitted == 0;
  return report;
}

}  // namespace ferry::source
