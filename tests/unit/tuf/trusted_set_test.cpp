// The rules alone, each attack by its name. Whole sessions are in tests/integration/test_tuf_*.py.
#include "agent/source/tuf/trusted_set.hpp"

#include <gtest/gtest.h>

#include "agent/source/tuf/search.hpp"
#include "tests/unit/tuf/signing.hpp"

namespace ferry::tuf {
namespace {

class Rules : public testing::Test, protected SignedRepository {
 protected:
  TrustedSet begin(Time time = now) const {
    return *TrustedSet::begin(signed_by({root_key}, root), time);
  }
  // Up to the snapshot, all of it good.
  TrustedSet with_snapshot() const {
    TrustedSet set = begin();
    EXPECT_TRUE(set.update_timestamp(signed_by({time_key}, timestamp)).value_or(false));
    EXPECT_TRUE(set.update_snapshot(signed_by({list_key}, snapshot)));
    return set;
  }
};

TEST_F(Rules, AllThatIsGoodIsTakenIn) {
  TrustedSet set = with_snapshot();
  EXPECT_EQ(why(set.update_targets(file_text())), "accepted");
  EXPECT_NE(set.targets(), nullptr);
}

TEST_F(Rules, OrderIsThatOfTheWorkflow) {
  TrustedSet set = begin();
  EXPECT_FALSE(set.kept_snapshot_holds());
  EXPECT_FALSE(set.update_snapshot(list_text()));
  EXPECT_FALSE(set.update_targets(file_text()));
  ASSERT_TRUE(set.update_timestamp(time_text()));
  root["version"] = 2;
  EXPECT_FALSE(set.update_root(signed_by({root_key}, root)));
  ASSERT_TRUE(set.update_snapshot(list_text()));
  EXPECT_FALSE(set.update_timestamp(time_text()));
  ASSERT_TRUE(set.update_targets(file_text()));
  EXPECT_FALSE(set.update_targets(file_text()));
  EXPECT_FALSE(set.update_snapshot(list_text()));
}

TEST_F(Rules, ArbitrarySoftwareSignedByAStrangerIsRefused) {
  TrustedSet set = begin();
  EXPECT_FALSE(TrustedSet::begin(signed_by({stranger}, root), now));
  EXPECT_FALSE(set.update_timestamp(signed_by({stranger}, timestamp)));
  ASSERT_TRUE(set.update_timestamp(time_text()));
  EXPECT_FALSE(set.update_snapshot(signed_by({time_key}, snapshot)));
  ASSERT_TRUE(set.update_snapshot(list_text()));
  EXPECT_FALSE(set.update_targets(signed_by({root_key, list_key}, targets)));
}

TEST_F(Rules, RoleConfusionIsRefused) {
  trust("snapshot", time_key);
  TrustedSet set = begin();
  ASSERT_TRUE(set.update_timestamp(time_text()));
  EXPECT_FALSE(set.update_snapshot(time_text()));
}

TEST_F(Rules, RootTakeoverByOldOrNewKeysAloneIsRefused) {
  TrustedSet set = begin();
  root["version"] = 2;
  trust("root", stranger);
  EXPECT_FALSE(set.update_root(signed_by({stranger}, root)));
  EXPECT_FALSE(set.update_root(signed_by({root_key}, root)));
  EXPECT_TRUE(set.update_root(signed_by({root_key, stranger}, root)));
}

TEST_F(Rules, RootRollbackReplayAndGapsAreRefused) {
  TrustedSet set = begin();
  for (const unsigned version : {1U, 3U}) {
    root["version"] = version;
    EXPECT_FALSE(set.update_root(signed_by({root_key}, root)));
  }
  EXPECT_FALSE(set.update_root("{}"));
}

TEST_F(Rules, KeyBelowTheThresholdIsNotEnough) {
  root["keys"]["same"] = time_key.entry();
  root["roles"]["timestamp"] = {{"keyids", {"time", "same", "list"}}, {"threshold", 2}};
  TrustedSet set = begin();
  EXPECT_FALSE(set.update_timestamp(time_text()));
  Signer same = time_key;
  same.id = "same";
  EXPECT_FALSE(set.update_timestamp(signed_by({time_key, same}, timestamp)));
  EXPECT_TRUE(set.update_timestamp(signed_by({same, list_key}, timestamp)));
}

TEST_F(Rules, FreezeEndsWhenMetadataExpires) {
  const Time end = *parse_time("2027-01-01T00:00:00Z");
  TrustedSet late = begin(end);
  EXPECT_TRUE(why(late.update_timestamp(time_text())).starts_with("root: expired"));
  root["expires"] = timestamp["expires"] = "2028-01-01T00:00:00Z";
  TrustedSet set = begin(end);
  ASSERT_TRUE(set.update_timestamp(time_text()));
  EXPECT_TRUE(why(set.update_snapshot(list_text())).starts_with("snapshot: expired"));
  snapshot["expires"] = "2028-01-01T00:00:00Z";
  ASSERT_TRUE(set.update_snapshot(list_text()));
  EXPECT_TRUE(why(set.update_targets(file_text())).starts_with("targets: expired"));
  TrustedSet in_time = begin(end - Duration(1));
  EXPECT_TRUE(in_time.update_timestamp(time_text()));
}

TEST_F(Rules, KeptTimestampThatExpiredDoesNotPassAsTheCurrentOne) {
  timestamp["expires"] = "2026-01-01T00:00:00Z";
  TrustedSet set = begin();
  set.remember(time_text(), "");
  EXPECT_TRUE(why(set.update_timestamp(time_text())).starts_with("timestamp: expired"));
}

TEST_F(Rules, RollbackOfTimestampSnapshotAndTargetsIsRefused) {
  timestamp["version"] = snapshot["version"] = 5;
  timestamp["meta"]["snapshot.json"]["version"] = 5;
  snapshot["meta"]["targets.json"]["version"] = 5;
  const std::string kept_time = time_text(), kept_list = list_text();
  TrustedSet set = begin();
  set.remember(kept_time, kept_list);
  timestamp["version"] = 4;
  EXPECT_NE(why(set.update_timestamp(time_text())).find("rolled back"), std::string::npos);
  timestamp["version"] = 6;
  timestamp["meta"]["snapshot.json"]["version"] = 4;
  EXPECT_NE(why(set.update_timestamp(time_text())).find("rolls the snapshot"), std::string::npos);
  timestamp["meta"]["snapshot.json"]["version"] = snapshot["version"] = 6;
  ASSERT_TRUE(set.update_timestamp(time_text()));
  EXPECT_FALSE(*set.kept_snapshot_holds());
  snapshot["meta"]["targets.json"]["version"] = 4;
  EXPECT_NE(why(set.update_snapshot(list_text())).find("rolls back"), std::string::npos);
  snapshot["meta"] = Json::object();
  EXPECT_NE(why(set.update_snapshot(list_text())).find("no longer"), std::string::npos);
}

TEST_F(Rules, FastForwardIsRecoveredFromWhenEitherKeyIsNew) {
  timestamp["version"] = 9999;
  const std::string fast_time = time_text(), fast_list = list_text();
  timestamp["version"] = 2;
  for (const bool of_snapshot : {true, false}) {
    Signer fresh{"fresh"};
    Json before = root;
    trust(of_snapshot ? "snapshot" : "timestamp", fresh);
    TrustedSet set = begin();
    set.remember(fast_time, fast_list);
    EXPECT_EQ(why(set.update_timestamp(signed_by({of_snapshot ? time_key : fresh}, timestamp))),
              "accepted");
    root = before;
  }
  // A damaged file is no new key: the other one guards on.
  TrustedSet set = begin();
  set.remember(fast_time, "garbage");
  EXPECT_FALSE(set.update_timestamp(time_text()));
}

TEST_F(Rules, MixAndMatchIsRefused) {
  const std::string list = list_text();
  timestamp["meta"]["snapshot.json"]["length"] = list.size();
  timestamp["meta"]["snapshot.json"]["hashes"]["sha256"] = Sha256::of(as_bytes(list)).hex();
  TrustedSet set = begin();
  ASSERT_TRUE(set.update_timestamp(time_text()));
  snapshot["x"] = 1;
  EXPECT_FALSE(set.update_snapshot(list_text()));
  EXPECT_EQ(why(set.update_snapshot(list)), "accepted");
  targets["version"] = 2;
  EXPECT_FALSE(set.update_targets(file_text()));
}

TEST_F(Rules, KeptSnapshotHoldsOnlyAsTheTimestampHasIt) {
  timestamp["meta"]["snapshot.json"]["hashes"]["sha256"] = Sha256::of(as_bytes(list_text())).hex();
  TrustedSet same = begin();
  same.remember("", list_text());
  ASSERT_TRUE(same.update_timestamp(time_text()));
  EXPECT_TRUE(*same.kept_snapshot_holds());
  snapshot["x"] = 1;
  TrustedSet other = begin();
  other.remember("", list_text());
  ASSERT_TRUE(other.update_timestamp(time_text()));
  EXPECT_FALSE(*other.kept_snapshot_holds());
}

TEST_F(Rules, DelegatedRolesSpeakOnlyAsTheirDelegatorLetsThem) {
  const Signer deputy{"deputy"};
  targets["delegations"] = {{"keys", {{"deputy", deputy.entry()}}},
                            {"roles",
                             {{{"name", "A"},
                               {"keyids", {"deputy"}},
                               {"threshold", 1},
                               {"terminating", false},
                               {"paths", {"*"}}}}}};
  snapshot["meta"]["A.json"]["version"] = snapshot["meta"]["B.json"]["version"] = 1;
  TrustedSet set = with_snapshot();
  ASSERT_TRUE(set.update_targets(file_text()));
  const Targets& top = *set.targets();
  targets.erase("delegations");
  EXPECT_FALSE(set.update_delegated(top, "A", file_text()));
  EXPECT_FALSE(set.update_delegated(top, "B", signed_by({deputy}, targets)));
  EXPECT_FALSE(set.update_delegated(top, "C", signed_by({deputy}, targets)));
  EXPECT_EQ(set.delegated(top, "A"), nullptr);
  const Result<const Targets*> role = set.update_delegated(top, "A", signed_by({deputy}, targets));
  ASSERT_TRUE(role);
  EXPECT_EQ(set.delegated(top, "A"), *role);
  EXPECT_EQ(*set.update_delegated(top, "A", signed_by({deputy}, targets)), *role);
  // The role itself delegates to nobody.
  EXPECT_FALSE(set.update_delegated(**role, "A", signed_by({deputy}, targets)));
}

TEST_F(Rules, SuccinctRolesSpeakUnderTheirNamesAlone) {
  const Signer deputy{"deputy"};
  targets["delegations"] = {
      {"keys", {{"deputy", deputy.entry()}}},
      {"succinct_roles",
       {{"keyids", {"deputy"}}, {"threshold", 1}, {"bit_length", 4}, {"name_prefix", "bin"}}}};
  for (const char* role : {"bin-0", "bin-10", "A"}) {
    snapshot["meta"][role + std::string(".json")]["version"] = 1;
  }
  TrustedSet set = with_snapshot();
  ASSERT_TRUE(set.update_targets(file_text()));
  const Targets& top = *set.targets();
  targets.erase("delegations");
  const std::string text = signed_by({deputy}, targets);
  for (const char* role : {"bin-10", "A"}) {
    EXPECT_NE(why(set.update_delegated(top, role, text)).find("does not name it"),
              std::string::npos);
    EXPECT_EQ(set.delegated(top, role), nullptr);
  }
  EXPECT_FALSE(set.update_delegated(top, "bin-0", file_text()));
  EXPECT_TRUE(set.update_delegated(top, "bin-0", text));
}

TEST_F(Rules, SignaturesThatAreNoHexDigitsOrEmptyCountForNothing) {
  root["roles"]["timestamp"] = {{"keyids", {"time", "list"}}, {"threshold", 2}};
  Json document = Json::parse(signed_by({time_key, list_key}, timestamp));
  TrustedSet set = begin();
  for (const char* signature : {"zz", "0", ""}) {
    Json changed = document;
    changed["signatures"][0]["sig"] = signature;
    EXPECT_TRUE(why(set.update_timestamp(changed.dump())).starts_with("timestamp: not signed"));
  }
  EXPECT_EQ(why(set.update_timestamp(document.dump())), "accepted");
}

}  // namespace
}  // namespace ferry::tuf
