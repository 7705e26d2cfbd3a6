// The walk over all that a repository names, and its bounds.
#include "agent/source/tuf/names.hpp"
#include "tests/unit/tuf/client_rig.hpp"

namespace ferry::tuf {
namespace {

class Walk : public Client {
 protected:
  Signer deputy{"deputy"};
  std::map<std::string, std::string> refusals;

  Result<std::set<std::string>> list(Updater& updater) {
    return updater.list(
        [&](const std::string& role, const Error& error) { refusals[role] = error.message; });
  }
  void use_bins(unsigned bits) {
    targets["delegations"] = {
        {"keys", {{"deputy", deputy.entry()}}},
        {"succinct_roles",
         {{"keyids", {"deputy"}}, {"threshold", 1}, {"bit_length", bits}, {"name_prefix", "bin"}}}};
  }
};

TEST_F(Walk, NamesThePathsOfEveryRole) {
  targets["targets"]["top"] = file_entry();
  delegate(targets, deputy, "A");
  Json a = files_part({"a", "shared"});
  delegate(a, deputy, "B");
  serve("A", deputy, a);
  serve("B", deputy, files_part({"b", "shared"}));
  publish();
  Updater updater = fresh();
  EXPECT_EQ(*list(updater), (std::set<std::string>{"a", "b", "shared", "top"}));
  EXPECT_TRUE(refusals.empty());
  EXPECT_TRUE(updater.roles().contains("B"));
}

TEST_F(Walk, EndsWhereRolesDelegateInACircle) {
  delegate(targets, deputy, "A");
  Json a = files_part({"a"});
  delegate(a, deputy, "B");
  Json b = files_part({"b"});
  delegate(b, deputy, "A");
  serve("A", deputy, a);
  serve("B", deputy, b);
  publish();
  Updater updater = fresh();
  EXPECT_EQ(*list(updater), (std::set<std::string>{"a", "b"}));
  EXPECT_EQ(server.times(url("1.A.json")), 1U);
}

TEST_F(Walk, LeavesOutTheRoleThatIsNotBelievedAndSaysSo) {
  delegate(targets, deputy, "A");
  delegate(targets, deputy, "B");
  serve("A", stranger, files_part({"evil"}));
  serve("B", deputy, files_part({"good"}));
  publish();
  Updater updater = fresh();
  EXPECT_EQ(*list(updater), std::set<std::string>{"good"});
  ASSERT_EQ(refusals.size(), 1U);
  EXPECT_TRUE(refusals["A"].starts_with("A: not signed by"));
  EXPECT_FALSE(updater.roles().contains("A"));
}

TEST_F(Walk, LooksAtThoseBinsThatTheSnapshotNames) {
  use_bins(8);
  for (const char* bin : {"bin-00", "bin-7f"}) {
    snapshot["meta"][bin + std::string(".json")]["version"] = 1;
    serve(bin, deputy, files_part({bin}));
  }
  snapshot["meta"]["box-00.json"]["version"] = snapshot["meta"]["x"]["version"] = 1;
  publish();
  Updater updater = fresh();
  EXPECT_EQ(*list(updater), (std::set<std::string>{"bin-00", "bin-7f"}));
  EXPECT_TRUE(refusals.empty());
}

TEST_F(Walk, FindsArtifactsInTheBinOfTheirPathAlone) {
  use_bins(1);
  SuccinctRoles bins;
  bins.name_prefix = "bin";
  const std::string right = succinct_role_for(bins, "file");
  const std::string wrong = right == "bin-0" ? "bin-1" : "bin-0";
  for (const std::string& bin : {right, wrong}) snapshot["meta"][bin + ".json"]["version"] = 1;
  serve(wrong, deputy, files_part({"file"}));
  serve(right, deputy, files_part({}));
  publish();
  Updater updater = fresh();
  EXPECT_TRUE(list(updater)->contains("file"));
  EXPECT_EQ(updater.find("file").error().code, ErrorCode::not_found);
}

TEST_F(Walk, EndsAfterSoManyRolesWhetherBelievedOrNot) {
  for (std::size_t i = 0; i <= Updater::most_roles; ++i) {
    delegate(targets, deputy, "role" + std::to_string(i));
  }
  publish();
  Updater updater = fresh();
  server.asked.clear();
  const auto listed = list(updater);
  EXPECT_EQ(listed.error().code, ErrorCode::too_large);
  EXPECT_EQ(why(listed), "more than 1024 delegated roles");
  EXPECT_EQ(server.asked.size(), Updater::most_roles);
}

// Roles about as large as one may be, so that some of them are all that is fetched.
class LargeRoles : public Walk {
 protected:
  static constexpr std::size_t count = 20;
  std::size_t role_bytes = 0;

  void SetUp() override {
    limits.targets = 5'000;
    limits.together = 64'000;
    Json large = files_part({});
    large["padding"] = std::string(limits.targets - 1000, 'x');
    const std::string text = signed_by({deputy}, large);
    role_bytes = text.size();
    for (std::size_t i = 0; i < count; ++i) {
      const std::string role = "role" + std::to_string(i);
      delegate(targets, deputy, role);
      server.files[url("1." + role + ".json")] = text;
    }
    publish();
  }
  void expect_bounded(Updater& updater) {
    server.asked.clear();
    const auto listed = list(updater);
    EXPECT_EQ(listed.error().code, ErrorCode::too_large);
    EXPECT_LE(server.asked.size(), limits.together / role_bytes + 1);
    // Nor is anything more fetched for the sake of one path.
    const std::size_t asked = server.asked.size();
    EXPECT_EQ(updater.find("none").error().code, ErrorCode::too_large);
    EXPECT_EQ(server.asked.size(), asked);
  }
};

TEST_F(LargeRoles, AreFetchedToTheBoundOfAllTogether) {
  Updater updater = fresh();
  expect_bounded(updater);
}

TEST_F(LargeRoles, ThatAreKeptCountAsWell) {
  for (std::size_t i = 0; i < count; ++i) {
    const std::string role = "role" + std::to_string(i);
    keeper.held[role] = server.files[url("1." + role + ".json")];
  }
  Updater updater = fresh();
  expect_bounded(updater);
}

TEST_F(LargeRoles, CountThoughEachIsLargerThanARoleMayBe) {
  for (auto& [name, text] : server.files) {
    if (name.find(".role") != std::string::npos) text.resize(limits.targets + 1, ' ');
  }
  Updater updater = fresh();
  expect_bounded(updater);
}

}  // namespace
}  // namespace ferry::tuf
