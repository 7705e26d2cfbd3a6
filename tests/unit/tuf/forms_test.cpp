// Forms: strict JSON, the canonical form, times, names, patterns, hash bins, metadata, the search.
#include <gtest/gtest.h>

#include "agent/source/tuf/names.hpp"
#include "agent/source/tuf/search.hpp"
#include "base/digest.hpp"

namespace ferry::tuf {
namespace {

std::string form_of(std::string_view text) {
  const Result<Json> value = parse_strict(text, "test", 1000);
  if (!value) return "refused: " + value.error().message;
  const Result<std::string> form = canonical(*value);
  return form ? *form : "no form";
}

TEST(Canonical, SortsKeysLeavesOutBlanksAndEscapesTwoCharacters) {
  EXPECT_EQ(form_of(R"( { "b" : [ 1 , -2, true,false,null ], "a":{} } )"),
            R"({"a":{},"b":[1,-2,true,false,null]})");
  EXPECT_EQ(form_of(R"("\u00e9\n\"\\\/")"), "\"\xC3\xA9\n\\\"\\\\/\"");
  EXPECT_EQ(form_of("18446744073709551615"), "18446744073709551615");
}

TEST(Canonical, RefusesWhatCouldBeReadInTwoWays) {
  for (const char* text : {R"({"a":1,"a":1})", "1.0", "1e2", "18446744073709551616", "\"\xff\"",
                           R"("\ud800")", "\xEF\xBB\xBF{}", "", "{}{}", "[1,]", "NaN", "01"}) {
    EXPECT_TRUE(form_of(text).starts_with("refused: test: ")) << text;
  }
  const std::string open(deepest, '['), shut(deepest, ']');
  EXPECT_EQ(form_of(open + shut), open + shut);
  EXPECT_TRUE(form_of("[" + open + shut + "]").starts_with("refused"));
  EXPECT_TRUE(form_of("\"" + std::string(1000, 'x') + "\"").starts_with("refused"));
}

TEST(Canonical, HasNoFormForFractionsAndForWhatIsTooDeep) {
  EXPECT_FALSE(canonical(Json(1.5)));
  EXPECT_FALSE(canonical(Json::object({{"a", Json::array({1.5})}})));
  Json deep = 1;
  for (int i = 0; i <= deepest; ++i) deep = i % 2 == 0 ? Json::array({deep}) : Json{{"a", deep}};
  EXPECT_FALSE(canonical(deep));
  deep = Json{{"a", 1}};
  for (int i = 0; i < deepest; ++i) deep = Json{{"a", deep}};
  EXPECT_FALSE(canonical(deep));
  EXPECT_TRUE(canonical(deep["a"]));
  EXPECT_FALSE(canonical(Json::binary({1})));
}

TEST(Times, OfOneFormOnly) {
  EXPECT_EQ(to_rfc3339(*parse_time("2028-02-29T23:59:59Z")), "2028-02-29T23:59:59Z");
  for (const char* text :
       {"", "2026-02-29T00:00:00Z", "2026-13-01T00:00:00Z", "2026-01-01T24:00:00Z",
        "2026-01-01T00:60:00Z", "2026-01-01T00:00:60Z", "2026-01-01 00:00:00Z",
        "2026-01-01T00:00:00+", "2026-01-01T00:00:00.0Z", "20a6-01-01T00:00:00Z",
        "2026-a1-01T00:00:00Z", "2026-01-a1T00:00:00Z", "2026-01-01Ta0:00:00Z",
        "2026-01-01T00:a0:00Z", "2026-01-01T00:00:a0Z", "2026-01- 1T00:00:00Z"}) {
    EXPECT_FALSE(parse_time(text)) << text;
  }
}

TEST(Names, OfRolesStayInTheirFolderAndApart) {
  EXPECT_EQ(safe_file_name("../x"), "..%2Fx");
  EXPECT_EQ(safe_file_name(".."), "%2E%2E");
  EXPECT_EQ(safe_file_name("?"), "%3F");
  EXPECT_EQ(safe_file_name("%3F"), "%253F");
  EXPECT_EQ(safe_file_name(std::string("a\0b", 3)), "a%00b");
  EXPECT_EQ(safe_file_name("").substr(0, 8), "%sha256-");
  EXPECT_LE(safe_file_name(std::string(5000, '.')).size(), 200U);
  EXPECT_NE(safe_file_name(std::string(300, 'x')), safe_file_name(std::string(301, 'x')));
  EXPECT_EQ(percent_encoded("a/b c", true), "a/b%20c");
  EXPECT_EQ(percent_encoded("aAzZ09-._~"), "aAzZ09-._~");
  EXPECT_EQ(percent_encoded("`{@[/:"), "%60%7B%40%5B%2F%3A");
}

TEST(Patterns, MatchPartByPart) {
  EXPECT_TRUE(matches_pattern("a/b.zip", "*/*.zip"));
  EXPECT_TRUE(matches_pattern("abcabd", "*ab?"));
  EXPECT_TRUE(matches_pattern("", "*"));
  EXPECT_FALSE(matches_pattern("a/b", "*"));
  EXPECT_FALSE(matches_pattern("a", "*/*"));
  EXPECT_FALSE(matches_pattern("ab", "a"));
  EXPECT_FALSE(matches_pattern("a", "ab"));
  EXPECT_FALSE(matches_pattern("a", "?b*"));
  // What would take for ever if every star were tried against every place.
  EXPECT_FALSE(matches_pattern(std::string(20000, 'a'), "*a*a*a*a*a*a*a*a*a*a*b"));
}

TEST(HashBins, BySuccinctName) {
  SuccinctRoles roles;
  roles.name_prefix = "bin";
  roles.bit_length = 10;
  const std::string name = succinct_role_for(roles, "file");
  EXPECT_EQ(name.size(), 7U);
  EXPECT_TRUE(is_succinct_role(roles, name));
  for (const char* other :
       {"bin-400", "bin-3FF", "bin-0", "bin-0000", "bin", "box-000", "bin-g00", "bin-/00"}) {
    EXPECT_FALSE(is_succinct_role(roles, other)) << other;
  }
  EXPECT_TRUE(is_succinct_role(roles, "bin-3ff"));
  roles.bit_length = 32;
  EXPECT_TRUE(is_succinct_role(roles, succinct_role_for(roles, "file")));
}

TEST(Files, AreTheirLengthAndEveryKnownHash) {
  FileFacts facts;
  facts.length = 3;
  facts.hashes = {{"sha256", Sha256::of(as_bytes("abc")).hex()}, {"blake9", "00"}};
  const auto verdict = [&](std::string_view content) {
    FileCheck check(facts);
    const Status taken = check.update(as_bytes(content));
    return taken ? check.finish() : taken;
  };
  EXPECT_TRUE(verdict("abc"));
  EXPECT_EQ(verdict("abcd").error().code, ErrorCode::too_large);
  EXPECT_EQ(verdict("ab").error().code, ErrorCode::corrupt);
  EXPECT_EQ(verdict("abd").error().code, ErrorCode::corrupt);
  facts.hashes["sha512"] = std::string(128, '0');
  EXPECT_FALSE(verdict("abc"));
}

Json good_root() {
  const Json role = {{"keyids", {"k"}}, {"threshold", 1}};
  return Json{
      {"_type", "root"},
      {"spec_version", "1.0.31"},
      {"version", 1},
      {"expires", "2026-11-21T08:15:00Z"},
      {"consistent_snapshot", true},
      {"keys", Json::object()},
      {"roles", {{"root", role}, {"timestamp", role}, {"snapshot", role}, {"targets", role}}}};
}

Json good_targets() {
  const Json role = {
      {"name", "A"}, {"keyids", {"k"}}, {"threshold", 1}, {"paths", {"*"}}, {"terminating", false}};
  return Json{{"_type", "targets"},
              {"spec_version", "1.0.31"},
              {"version", 1},
              {"expires", "2026-11-21T08:15:00Z"},
              {"targets", {{"f", {{"length", 1}, {"hashes", {{"sha256", "00"}}}}}}},
              {"delegations", {{"keys", Json::object()}, {"roles", {role}}}}};
}

std::string wrapped(const Json& part) {
  return Json{{"signed", part}, {"signatures", Json::array()}}.dump();
}

// Each change: where, and what stands there then (null: nothing).
using Changes = std::vector<std::pair<const char*, Json>>;

template <typename Parse>
void expect_refused(const Json& good, const Changes& changes, Parse parse) {
  ASSERT_TRUE(parse(wrapped(good)));
  for (const auto& [where, value] : changes) {
    Json part = good;
    const Json::json_pointer at(where);
    if (value.is_null()) {
      part.at(at.parent_pointer()).erase(at.back());
    } else {
      part[at] = value;
    }
    EXPECT_FALSE(parse(wrapped(part))) << where << " " << value;
  }
}

TEST(Metadata, RootThatIsNotOfItsFormIsRefused) {
  const Changes changes = {{"/_type", nullptr},
                           {"/_type", "targets"},
                           {"/spec_version", nullptr},
                           {"/spec_version", "2.0"},
                           {"/version", nullptr},
                           {"/version", 0},
                           {"/version", -1},
                           {"/version", "1"},
                           {"/version", 9223372036854775807U},
                           {"/expires", nullptr},
                           {"/expires", "soon"},
                           {"/consistent_snapshot", 1},
                           {"/keys", nullptr},
                           {"/keys", {1}},
                           {"/keys/k", {{"keytype", "ed25519"}}},
                           {"/keys/k", {{"keytype", "x"}, {"scheme", "x"}}},
                           {"/keys/k", 1},
                           {"/roles", nullptr},
                           {"/roles/timestamp", nullptr},
                           {"/roles/root/threshold", 0},
                           {"/roles/root/keyids", nullptr},
                           {"/roles/root/keyids", {"k", "k"}},
                           {"/roles/root/keyids", {1}},
                           {"/roles/root/keyids", Json::array_t(257, "k")}};
  expect_refused(good_root(), changes,
                 [](const std::string& text) { return parse_root(text, Limits()).has_value(); });
}

TEST(Metadata, TargetsThatAreNotOfTheirFormAreRefused) {
  const Changes changes = {{"/targets", nullptr},
                           {"/targets/f", 1},
                           {"/targets/f/length", nullptr},
                           {"/targets/f/length", -1},
                           {"/targets/f/hashes", nullptr},
                           {"/targets/f/hashes", Json::object()},
                           {"/targets/f/hashes", {{"md5", "00"}}},
                           {"/targets/f/hashes", {{"sha256", "0"}}},
                           {"/targets/f/hashes", {{"sha256", "xx"}}},
                           {"/targets/f/hashes", {{"sha256", 1}}},
                           {"/delegations", 1},
                           {"/delegations/keys", nullptr},
                           {"/delegations/roles", nullptr},
                           {"/delegations/roles", 1},
                           {"/delegations/roles/0", 1},
                           {"/delegations/roles/0/name", "root"},
                           {"/delegations/roles/0/name", "timestamp"},
                           {"/delegations/roles/0/name", "snapshot"},
                           {"/delegations/roles/0/name", "targets"},
                           {"/delegations/roles/0/name", nullptr},
                           {"/delegations/roles/0/name", ""},
                           {"/delegations/roles/0/terminating", nullptr},
                           {"/delegations/roles/0/terminating", 1},
                           {"/delegations/roles/0/threshold", nullptr},
                           {"/delegations/roles/0/paths", nullptr},
                           {"/delegations/roles/0/paths", 1},
                           {"/delegations/roles/0/path_hash_prefixes", {"0"}},
                           {"/delegations/succinct_roles", 1},
                           {"/delegations/roles/1", good_targets()["delegations"]["roles"][0]}};
  expect_refused(good_targets(), changes, [](const std::string& text) {
    return parse_targets(text, "targets", Limits()).has_value();
  });
}

TEST(Metadata, KeepsEveryHashAndWhatIsCustom) {
  Json part = good_targets();
  part["targets"]["f"]["hashes"] = {{"md5", "AB"}, {"sha256", "00"}, {"sha512", "01"}};
  part["targets"]["f"]["custom"] = {{"a", 1}};
  const Result<Document<Targets>> document = parse_targets(wrapped(part), "targets", Limits());
  ASSERT_TRUE(document);
  const TargetFile& file = document->part.targets.at("f");
  EXPECT_EQ(file.hashes, (std::map<std::string, std::string>{
                             {"md5", "ab"}, {"sha256", "00"}, {"sha512", "01"}}));
  EXPECT_EQ(file.custom, (Json{{"a", 1}}));
}

TEST(Metadata, SuccinctRolesThatAreNotOfTheirFormAreRefused) {
  Json good = good_targets();
  good["delegations"].erase("roles");
  good["delegations"]["succinct_roles"] = {
      {"keyids", {"k"}}, {"threshold", 1}, {"bit_length", 8}, {"name_prefix", "bin"}};
  const Changes changes = {{"/delegations/succinct_roles", 1},
                           {"/delegations/succinct_roles/bit_length", nullptr},
                           {"/delegations/succinct_roles/bit_length", 33},
                           {"/delegations/succinct_roles/bit_length", 0},
                           {"/delegations/succinct_roles/name_prefix", nullptr},
                           {"/delegations/succinct_roles/keyids", nullptr}};
  expect_refused(good, changes, [](const std::string& text) {
    return parse_targets(text, "targets", Limits()).has_value();
  });
}

TEST(Metadata, TimestampAndSnapshotThatAreNotOfTheirFormAreRefused) {
  Json good = {{"_type", "timestamp"},
               {"spec_version", "1.0.31"},
               {"version", 1},
               {"expires", "2026-11-21T08:15:00Z"},
               {"meta", {{"snapshot.json", {{"version", 1}, {"length", 1}}}}}};
  const Changes changes = {{"/meta", nullptr},
                           {"/meta", 1},
                           {"/meta/snapshot.json", 1},
                           {"/meta/snapshot.json/version", nullptr},
                           {"/meta/snapshot.json/version", 0},
                           {"/meta/snapshot.json/length", "1"},
                           {"/meta/snapshot.json/hashes", 1},
                           {"/meta/snapshot.json/hashes", Json::object()}};
  expect_refused(good, changes, [](const std::string& text) {
    return parse_timestamp(text, Limits()).has_value();
  });
  good["meta"].erase("snapshot.json");
  EXPECT_FALSE(parse_timestamp(wrapped(good), Limits()));
  good["meta"] = {{"snapshot.json", {{"version", 1}}}};
  good["_type"] = "snapshot";
  expect_refused(good, changes, [](const std::string& text) {
    return parse_snapshot(text, Limits()).has_value();
  });
}

TEST(Metadata, DocumentsWithoutProperSignaturesAreRefused) {
  const Json part = good_root();
  const Json entry = {{"keyid", "k"}, {"sig", "00"}};
  const Json lists[] = {
      Json(1), {entry, entry}, {{{"keyid", "k"}}}, {{{"sig", "00"}}}, Json::array_t(257, entry)};
  for (const Json& list : lists) {
    const std::string text = Json{{"signed", part}, {"signatures", list}}.dump();
    EXPECT_FALSE(parse_root(text, Limits())) << list;
  }
  EXPECT_FALSE(parse_root(Json{{"signed", part}}.dump(), Limits()));
  EXPECT_FALSE(parse_root(R"({"signed":1,"signatures":[]})", Limits()));
  EXPECT_FALSE(parse_root("[]", Limits()));
}

}  // namespace
}  // namespace ferry::tuf
