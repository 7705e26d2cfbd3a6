// The workflow over a server and a keeper in memory: what is refused, and what stays as it was.
#include "agent/source/tuf/updater.hpp"

#include <gtest/gtest.h>

#include "agent/source/tuf/search.hpp"
#include "tests/unit/tuf/client_rig.hpp"

namespace ferry::tuf {
namespace {

TEST_F(Client, RootThatIsNotSignedByItselfIsNeverProvisioned) {
  const auto before = keeper.held;
  EXPECT_EQ(why(Updater::provision(keeper, signed_by({stranger}, root))),
            "the trusted root: not signed by 1 distinct keys of itself");
  EXPECT_FALSE(Updater::provision(keeper, "{}"));
  EXPECT_EQ(keeper.held, before);
  root["expires"] = "2020-01-01T00:00:00Z";
  EXPECT_TRUE(Updater::provision(keeper, root_text()));
  EXPECT_EQ(keeper.held["root"], root_text());
}

TEST_F(Client, NothingIsFoundListedOrFetchedBeforeARefresh) {
  Updater updater = client();
  TargetFile target;
  const Updater::Refused refused = [](const std::string&, const Error&) {};
  EXPECT_EQ(updater.find("a").error().code, ErrorCode::denied);
  EXPECT_EQ(updater.list(refused).error().code, ErrorCode::denied);
  EXPECT_EQ(updater.download("a", target, url(""), "/nowhere").error().code, ErrorCode::denied);
  server.broken[url("timestamp.json")] = ErrorCode::unavailable;
  EXPECT_EQ(updater.refresh(now).error().code, ErrorCode::unavailable);
  EXPECT_EQ(updater.find("a").error().code, ErrorCode::denied);
  EXPECT_EQ(updater.list(refused).error().code, ErrorCode::denied);
}

TEST_F(Client, WithoutATrustedRootNothingIsAskedFor) {
  keeper.held["root"] = "{}";
  EXPECT_TRUE(why(client().refresh(now)).starts_with("the trusted root: "));
  keeper.held.erase("root");
  EXPECT_EQ(why(client().refresh(now)), "the trusted root: no root");
  EXPECT_TRUE(server.asked.empty());
}

TEST_F(Client, RefreshWithNoChangeAsksForRootAndTimestampAlone) {
  fresh();
  EXPECT_EQ(keeper.held.size(), 4U);
  const auto before = keeper.held;
  server.asked.clear();
  fresh();
  EXPECT_EQ(server.asked, (std::vector{url("2.root.json"), url("timestamp.json")}));
  EXPECT_EQ(keeper.held, before);
}

TEST_F(Client, WithoutConsistentSnapshotsNoVersionStandsInTheName) {
  root["consistent_snapshot"] = false;
  keeper.held["root"] = root_text();
  server.files = {{url("timestamp.json"), time_text()},
                  {url("snapshot.json"), list_text()},
                  {url("targets.json"), file_text()}};
  fresh();
}

TEST_F(Client, RootsAreFollowedToTheBoundOfOneRefresh) {
  for (unsigned version = 2; version <= 4; ++version) {
    root["version"] = version;
    server.files[versioned("root", root)] = root_text();
  }
  Updater bounded = client(2);
  EXPECT_TRUE(bounded.refresh(now));
  EXPECT_EQ(bounded.trusted().root().version, 3U);
  EXPECT_EQ(fresh().trusted().root().version, 4U);
  EXPECT_EQ(keeper.held["root"], root_text());
}

TEST_F(Client, RootsAreKeptUpToTheOneThatIsRefused) {
  root["version"] = 2;
  const std::string second = root_text();
  server.files[versioned("root", root)] = second;
  root["version"] = 3;
  server.files[versioned("root", root)] = signed_by({stranger}, root);
  EXPECT_TRUE(why(client().refresh(now)).starts_with("root: not signed by"));
  EXPECT_EQ(keeper.held["root"], second);
  EXPECT_EQ(server.times(url("timestamp.json")), 0U);
}

TEST_F(Client, RootThatTheLinkWithholdsIsNoEndOfTheChain) {
  server.broken[url("2.root.json")] = ErrorCode::timed_out;
  EXPECT_EQ(client().refresh(now).error().code, ErrorCode::timed_out);
  EXPECT_EQ(keeper.held.size(), 1U);
}

TEST_F(Client, RefusedMetadataOfEachRoleLeavesWhatIsKept) {
  fresh();
  const auto before = keeper.held;
  timestamp["version"] = targets["version"] = 2;
  snapshot["meta"]["targets.json"]["version"] = 2;
  server.files[url("timestamp.json")] = signed_by({stranger}, timestamp);
  EXPECT_TRUE(why(client().refresh(now)).starts_with("timestamp: not signed"));
  EXPECT_EQ(keeper.held, before);

  snapshot["version"] = 2;
  timestamp["meta"]["snapshot.json"]["version"] = 2;
  publish();
  server.files[versioned("snapshot", snapshot)] = signed_by({stranger}, snapshot);
  EXPECT_TRUE(why(client().refresh(now)).starts_with("snapshot: not signed"));
  EXPECT_EQ(keeper.held["timestamp"], time_text());
  EXPECT_EQ(keeper.held["snapshot"], before.at("snapshot"));

  publish();
  server.files[versioned("targets", targets)] = signed_by({stranger}, targets);
  EXPECT_TRUE(why(client().refresh(now)).starts_with("targets: not signed"));
  EXPECT_EQ(keeper.held["snapshot"], list_text());
  EXPECT_EQ(keeper.held["targets"], before.at("targets"));
}

TEST_F(Client, SnapshotThatIsNotToBeHadEndsTheRefresh) {
  server.files.erase(versioned("snapshot", snapshot));
  EXPECT_EQ(why(client().refresh(now)), "snapshot: no such file");
  EXPECT_FALSE(keeper.held.contains("snapshot"));
}

TEST_F(Client, TimestampThatExpiredBetweenTwoRefreshesIsRefused) {
  timestamp["expires"] = "2026-12-01T00:00:00Z";
  publish();
  fresh();
  EXPECT_TRUE(
      why(client().refresh(*parse_time("2026-12-01T00:00:00Z"))).starts_with("timestamp: expired"));
}

TEST_F(Client, MetadataThatCannotBeKeptEndsTheRefresh) {
  root["version"] = 2;
  server.files[versioned("root", root)] = root_text();
  for (const char* role : {"root", "timestamp", "snapshot", "targets"}) {
    keeper.refuses = role;
    EXPECT_EQ(why(client().refresh(now)), "no room") << role;
    EXPECT_TRUE(role == std::string("root") || !keeper.held.contains(role)) << role;
  }
  keeper.refuses = "";
  fresh();
}

TEST_F(Client, LengthThatIsAnnouncedBoundsWhatIsFetched) {
  timestamp["meta"]["snapshot.json"]["length"] = list_text().size() - 1;
  publish();
  EXPECT_EQ(client().refresh(now).error().code, ErrorCode::too_large);
  timestamp["meta"]["snapshot.json"].erase("length");
  limits.snapshot = list_text().size() - 1;
  publish();
  EXPECT_EQ(client().refresh(now).error().code, ErrorCode::too_large);
}

TEST_F(Client, SnapshotThatDoesNotNameTheTargetsAdmitsNone) {
  snapshot["meta"] = Json::object();
  publish();
  Updater updater = client();
  EXPECT_EQ(why(updater.refresh(now)), "targets: the snapshot does not name it");
  EXPECT_EQ(updater.trusted().targets(), nullptr);
}

TEST_F(Client, TargetsThatAreNamedButWithheldAreTold) {
  server.files.erase(versioned("targets", targets));
  const Status done = client().refresh(now);
  EXPECT_EQ(done.error().code, ErrorCode::denied);
  EXPECT_NE(why(done).find("it is withheld, or lost"), std::string::npos);
}

TEST_F(Client, ArtifactsAreFoundInTargetsAndBelow) {
  const Signer deputy{"deputy"};
  targets["targets"]["top"] = file_entry();
  delegate(targets, deputy, "A");
  Json below = files_part({"low"});
  below["expires"] = "2026-12-01T00:00:00Z";
  serve("A", deputy, below);
  publish();
  Updater updater = fresh();
  EXPECT_TRUE(updater.find("top"));
  EXPECT_FALSE(updater.roles().contains("A"));
  EXPECT_EQ(updater.expires(), *parse_time("2027-01-01T00:00:00Z"));
  EXPECT_TRUE(updater.find("low"));
  EXPECT_TRUE(updater.roles().contains("A"));
  EXPECT_EQ(updater.expires(), *parse_time("2026-12-01T00:00:00Z"));
  EXPECT_EQ(why(updater.find("none")), "none: no role names it");
  EXPECT_EQ(server.times(url("1.A.json")), 1U);
  // What was kept is believed again, without a request.
  Updater again = fresh();
  EXPECT_TRUE(again.find("low"));
  EXPECT_EQ(server.times(url("1.A.json")), 1U);
}

TEST_F(Client, RoleThatIsRefusedIsAskedForOnce) {
  const Signer deputy{"deputy"};
  delegate(targets, deputy, "A");
  serve("A", stranger, files_part({"low"}));
  publish();
  Updater updater = fresh();
  const Result<const TargetFile*> first = updater.find("low");
  EXPECT_TRUE(why(first).starts_with("A: not signed by"));
  EXPECT_EQ(why(updater.find("other")), why(first));
  EXPECT_EQ(server.times(url("1.A.json")), 1U);
  EXPECT_FALSE(keeper.held.contains("A"));
  // The next refresh looks again.
  serve("A", deputy, files_part({"low"}));
  EXPECT_TRUE(updater.refresh(now));
  EXPECT_TRUE(updater.find("low"));
}

TEST_F(Client, RoleThatTheLinkWithheldIsAskedForAgain) {
  const Signer deputy{"deputy"};
  delegate(targets, deputy, "A");
  serve("A", deputy, files_part({"low"}));
  publish();
  Updater updater = fresh();
  for (const ErrorCode code : {ErrorCode::unavailable, ErrorCode::timed_out, ErrorCode::cancelled,
                               ErrorCode::io, ErrorCode::disk_full, ErrorCode::read_only}) {
    server.broken[url("1.A.json")] = code;
    EXPECT_EQ(updater.find("low").error().code, code);
    EXPECT_EQ(updater.list([](const std::string&, const Error&) { FAIL(); }).error().code, code);
  }
  server.broken.clear();
  EXPECT_TRUE(updater.find("low"));
}

TEST_F(Client, SearchGivesUpAfterThirtyTwoRoles) {
  const Signer deputy{"deputy"};
  for (std::size_t i = 0; i <= Search::most_roles; ++i) {
    const std::string role = "role" + std::to_string(i);
    delegate(targets, deputy, role);
    serve(role, deputy,
          files_part(i == Search::most_roles ? std::vector<std::string>{"last"}
                                             : std::vector<std::string>{}));
  }
  publish();
  EXPECT_EQ(why(fresh().find("last")), "last: not named by the first 32 roles");
}

}  // namespace
}  // namespace ferry::tuf
