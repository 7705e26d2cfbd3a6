// The rules alone, each attack by its name. Whole sessions are in tests/integration/test_tuf_*.py.
#include "agent/source/tuf/trusted_set.hpp"

#include <gtest/gtest.h>

#include "agent/source/tuf/search.hpp"
#include "base/base64.hpp"
#include "base/signature.hpp"

namespace ferry::tuf {
namespace {

const Time now = *parse_time("2026-11-21T08:15:00Z");

struct Signer {
  std::string id;
  std::shared_ptr<PrivateKey> key = std::make_shared<PrivateKey>(*PrivateKey::generate());

  Json entry() const {
    const std::string raw = *from_base64(key->public_key()->base64());
    return {{"keytype", "ed25519"},
            {"scheme", "ed25519"},
            {"keyval", {{"public", to_hex(as_bytes(raw))}}}};
  }
};

Json part(const char* type, unsigned version) {
  return {{"_type", type},
          {"spec_version", "1.0.31"},
          {"version", version},
          {"expires", "2027-01-01T00:00:00Z"}};
}

std::string signed_by(const std::vector<Signer>& signers, const Json& content) {
  Json signatures = Json::array();
  for (const Signer& signer : signers) {
    const std::string signature = *signer.key->sign(as_bytes(*canonical(content)));
    signatures.push_back({{"keyid", signer.id}, {"sig", to_hex(as_bytes(signature))}});
  }
  return Json{{"signatures", signatures}, {"signed", content}}.dump();
}

class Rules : public testing::Test {
 protected:
  Signer root_key{"root"}, time_key{"time"}, list_key{"list"}, file_key{"file"}, stranger{"else"};
  Json root = part("root", 1), timestamp = part("timestamp", 1), snapshot = part("snapshot", 1),
       targets = part("targets", 1);

  void SetUp() override {
    for (const Signer& signer : {root_key, time_key, list_key, file_key}) {
      root["keys"][signer.id] = signer.entry();
    }
    trust("root", root_key);
    trust("timestamp", time_key);
    trust("snapshot", list_key);
    trust("targets", file_key);
    timestamp["meta"]["snapshot.json"]["version"] = 1;
    snapshot["meta"]["targets.json"]["version"] = 1;
    targets["targets"] = Json::object();
  }
  void trust(const char* role, const Signer& signer) {
    root["keys"][signer.id] = signer.entry();
    root["roles"][role] = {{"keyids", {signer.id}}, {"threshold", 1}};
  }
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
  std::string time_text() const { return signed_by({time_key}, timestamp); }
  std::string list_text() const { return signed_by({list_key}, snapshot); }
  std::string file_text() const { return signed_by({file_key}, targets); }
};

template <typename R>
std::string why(const R& result) {
  return result ? "accepted" : result.error().message;
}

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

// An RSA key of 1024 bits, and one of the curve P-384: weaker or other than the schemes ask for.
const char* const short_key =
    "-----BEGIN PUBLIC KEY-----\n"
    "MIGfMA0GCSqGSIb3DQEBAQUAA4GNADCBiQKBgQCeK5O8nIGvpfulBEdqhv9oM9Zd\n"
    "JZoBxCT2k5XLYL+hkQGc9MFZpFSjbL8nL106cZtqMPk+qpj0OWykLyS/q+wbCsgo\n"
    "v6S6jlUM74A9hlTs1CJoCM13iqI10fgh4aMYg763chzuawFNNNDzuC6+5drstDHZ\n"
    "nIse3Ku5lGnaRf6IIwIDAQAB\n"
    "-----END PUBLIC KEY-----\n";
const char* const other_curve =
    "-----BEGIN PUBLIC KEY-----\n"
    "MHYwEAYHKoZIzj0CAQYFK4EEACIDYgAEYVSRSuRelrG8Du5h4NmYVFmYzrMdwQQB\n"
    "XfHfOSVPw6P2Nm5ejTNdFH8RXa66yRgJcgca0UWlDv6Aq4QOc0ZpjMPlo/MtRtUG\n"
    "YqGHtzxwqds0m9WF0MOAONHjy04QL4UV\n"
    "-----END PUBLIC KEY-----\n";

TEST(Keys, ThatCannotBeReadHaveSignedNothing) {
  const auto key = [](const char* type, const char* scheme, const Json& half) {
    return Key::from_json({{"keytype", type}, {"scheme", scheme}, {"keyval", {{"public", half}}}});
  };
  const char* const garbage = "-----BEGIN PUBLIC KEY-----\nAAAA\n-----END PUBLIC KEY-----\n";
  const Result<Key> keys[] = {key("ed25519", "ed25519", "00"),
                              key("ed25519", "ed25519", "zz"),
                              key("ed25519", "other", "00"),
                              key("ecdsa", "ecdsa-sha2-nistp256", garbage),
                              key("rsa", "rsassa-pss-sha256", garbage),
                              key("rsa", "rsassa-pss-sha256", 1),
                              key("rsa", "rsassa-pss-sha256", short_key),
                              key("rsa", "rsassa-pss-sha256", other_curve),
                              key("ecdsa", "ecdsa-sha2-nistp256", short_key),
                              key("ecdsa", "ecdsa-sha2-nistp256", other_curve),
                              key("ecdsa", "ecdsa-sha2-nistp256", "")};
  for (const Result<Key>& one : keys) {
    ASSERT_TRUE(one);
    EXPECT_FALSE(one->usable());
    EXPECT_FALSE(one->verify(as_bytes("text"), as_bytes("signature")));
    EXPECT_FALSE(one->same_as(*one));
  }
}

}  // namespace
}  // namespace ferry::tuf
