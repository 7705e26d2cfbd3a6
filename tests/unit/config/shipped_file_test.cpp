// config/ferry.ini and the table of keys say the same: every key is there with its explanation and
// its default, nothing else is, and what is shipped works as it stands.
#include <gmock/gmock.h>

#include <algorithm>
#include <regex>
#include <set>
#include <sstream>

#include "base/file.hpp"
#include "config/interpret.hpp"
#include "config/schema.hpp"
#include "formats/dialect_names.hpp"

namespace ferry::config {
namespace {

// One key of the file: set, or shown with its default ("#key = value"; "##" inside an example
// section).
struct ShownKey {
  std::string section;  // as KeyDescription names it
  std::string name;     // of the section, behind the dot
  std::string key;
  std::string value;
  std::string comment;  // the lines above it, joined
  bool is_default = false;
  int line = 0;
};

std::string shipped() {
  auto text = read_file(FERRY_SHIPPED_INI, 1U << 20U);
  EXPECT_TRUE(text) << text.error().message;
  return text ? *text : std::string();
}

class Reader {
 public:
  std::vector<ShownKey> read(const std::string& text) {
    std::istringstream lines(text);
    for (std::string line; std::getline(lines, line);) {
      ++line_;
      read_line(line);
    }
    return keys_;
  }

 private:
  void read_line(const std::string& line) {
    static const std::regex header(R"((#?)\[(\w+)(\.(\w+))?\])");
    static const std::regex entry(R"((#*)([A-Za-z0-9_-]+) = ?(.*)|(#*)([A-Za-z0-9_-]+) =)");
    std::smatch match;
    if (std::regex_match(line, match, header)) {
      is_example_ = match[1].length() == 1;
      section_ = match[2];
      name_ = match[4];
      plugin_.clear();
    } else if (std::regex_match(line, match, entry)) {
      const bool has_value = match[2].matched;
      add(match[has_value ? 1 : 4].str().size(), match[has_value ? 2 : 5], match[3]);
      return;
    } else if (line.starts_with("# ")) {
      comment_ += (comment_.empty() ? "" : " ") + line.substr(2);
      return;
    } else {
      EXPECT_TRUE(line.empty() || line == "#") << "line " << line_ << ": " << line;
    }
    comment_.clear();
  }

  void add(std::size_t marks, const std::string& key, const std::string& value) {
    const std::size_t set = is_example_ ? 1 : 0;
    EXPECT_TRUE(marks == set || marks == set + 1) << "line " << line_;
    if (key == "plugin") plugin_ = value;
    const bool of_plugin = section_ == "transport" && key != "plugin";
    keys_.push_back({of_plugin ? "transport:" + plugin_ : section_, name_, key, value, comment_,
                     marks > set, line_});
    comment_.clear();
  }

  std::vector<ShownKey> keys_;
  std::string section_, name_, plugin_, comment_;
  bool is_example_ = false;
  int line_ = 0;
};

// The file after a person took away what keeps the examples, and the defaults when `defaults`, from
// being read.
std::string uncommented(bool defaults) {
  static const std::regex header(R"(#\[.*)");
  static const std::regex entry(R"((#+)([a-z_]+) =.*)");
  std::istringstream lines(shipped());
  std::string text;
  bool is_example = false;
  for (std::string line; std::getline(lines, line);) {
    std::smatch match;
    if (line.starts_with('[')) is_example = false;
    if (std::regex_match(line, header)) {
      is_example = true;
      line.erase(0, 1);
    } else if (std::regex_match(line, match, entry)) {
      const auto marks = static_cast<std::size_t>(match[1].length());
      if (defaults || marks == (is_example ? 1 : 0)) line.erase(0, marks);
    }
    text += line + "\n";
  }
  return text;
}

Problems shipped_problems(const std::string& text) {
  return interpret({{"ferry.ini", text}}, "gateway").problems;
}

TEST(ShippedFile, ExplainsEveryKeyOfTheTable) {
  std::set<std::pair<std::string, std::string>> shown;
  for (const auto& key : Reader().read(shipped())) shown.emplace(key.section, key.key);
  for (const auto& key : describe_keys()) {
    EXPECT_TRUE(shown.contains({key.section, key.key})) << key.section << " " << key.key;
  }
}

TEST(ShippedFile, HasOnlyKeysOfTheTableWithTheirExplanationsAndDefaults) {
  const auto table = describe_keys();
  const auto shown = Reader().read(shipped());
  ASSERT_GE(shown.size(), table.size());
  for (const auto& key : shown) {
    const auto known = std::find_if(table.begin(), table.end(), [&](const KeyDescription& row) {
      return row.section == key.section && row.key == key.key;
    });
    ASSERT_NE(known, table.end()) << "line " << key.line << ": " << key.section << " " << key.key;
    std::string standard = known->standard;
    if (standard == "/NAME") standard = "/" + key.name;
    if (key.is_default) {
      EXPECT_EQ(key.value, standard) << "line " << key.line << ": " << key.key;
    }
    // The first line of an example stands below the words on the example as a whole.
    if (key.comment.empty()) continue;
    EXPECT_THAT(key.comment, testing::EndsWith(known->explanation)) << "line " << key.line;
  }
}

TEST(ShippedFile, EveryKeyHasItsExplanationAboveItSomewhere) {
  const auto shown = Reader().read(shipped());
  for (const auto& row : describe_keys()) {
    const bool explained = std::any_of(shown.begin(), shown.end(), [&](const ShownKey& key) {
      return key.section == row.section && key.key == row.key && !key.comment.empty();
    });
    EXPECT_TRUE(explained) << row.section << " " << row.key;
  }
}

TEST(ShippedFile, NamesEveryDialect) {
  std::string comments;
  for (const auto& key : Reader().read(shipped())) {
    if (key.key == "dialect" && key.section == "product") comments += key.comment;
  }
  EXPECT_THAT(comments, testing::HasSubstr(std::string(formats::dialect_names)));
}

TEST(ShippedFile, IsAValidMinimalConfiguration) {
  const auto loaded = interpret({{"ferry.ini", shipped()}}, "gateway");
  EXPECT_THAT(loaded.problems, testing::IsEmpty());
  ASSERT_TRUE(loaded.settings);
  ASSERT_EQ(loaded.settings->sources.size(), 1U);
  EXPECT_EQ(loaded.settings->sources[0].path, "/srv/ferry");
  ASSERT_EQ(loaded.settings->transports.size(), 1U);
  EXPECT_EQ(loaded.settings->transports[0].values.at("listen"), "0.0.0.0:8000");
  EXPECT_EQ(loaded.settings->transports[0].values.at("product"), "default");
  ASSERT_EQ(loaded.settings->products.size(), 1U);
  EXPECT_FALSE(loaded.settings->monitor.enabled);
}

TEST(ShippedFile, ItsExamplesWorkOnceUncommented) {
  EXPECT_THAT(shipped_problems(uncommented(false)), testing::IsEmpty());
}

TEST(ShippedFile, ItsDefaultsAreValidOnceUncommented) {
  EXPECT_THAT(shipped_problems(uncommented(true)), testing::IsEmpty());
}

TEST(ShippedFile, DefaultsOfTheTableAreThoseOfTheStructs) {
  const auto loaded = interpret({{"ferry.ini",
                                  "[product.p]\n[source.s]\ntype = https\nurl = https://h/\n"
                                  "public_key = /k\n"}},
                                "gateway");
  ASSERT_TRUE(loaded.settings);
  const auto& read = *loaded.settings;
  EXPECT_EQ(read.gateway.log_level, GatewaySettings().log_level);
  EXPECT_EQ(read.gateway.control_socket, GatewaySettings().control_socket);
  EXPECT_EQ(read.storage.path, StorageSettings().path);
  EXPECT_EQ(read.storage.quota, StorageSettings().quota);
  EXPECT_EQ(read.storage.scrub_interval, StorageSettings().scrub_interval);
  EXPECT_EQ(read.sources[0].interval, SourceSettings().interval);
  EXPECT_EQ(read.sources[0].channel, SourceSettings().channel);
  EXPECT_EQ(read.sources[0].trust, SourceSettings().trust);
  EXPECT_EQ(read.sources[0].stall_timeout, SourceSettings().stall_timeout);
  auto product = product_values(ProductSettings());
  product["name"] = "p";
  product["match_path"] = "/p";
  EXPECT_EQ(product_values(read.products[0]), product);
  EXPECT_EQ(read.products[0].report_within, ProductSettings().report_within);
  EXPECT_EQ(read.products[0].versions, ProductSettings().versions);
  EXPECT_EQ(read.products[0].window, ProductSettings().window);
  EXPECT_EQ(read.products[0].minimum_battery, ProductSettings().minimum_battery);
  EXPECT_EQ(read.products[0].minimum_signal, ProductSettings().minimum_signal);
  EXPECT_EQ(read.products[0].at_once, ProductSettings().at_once);
  EXPECT_EQ(read.products[0].attempts, ProductSettings().attempts);
  EXPECT_EQ(read.products[0].retry_delay, ProductSettings().retry_delay);
  EXPECT_EQ(read.products[0].install, ProductSettings().install);
  EXPECT_EQ(read.products[0].confirm, ProductSettings().confirm);
  EXPECT_EQ(read.products[0].confirm_within, ProductSettings().confirm_within);
  EXPECT_EQ(read.products[0].rollout_first, ProductSettings().rollout_first);
  EXPECT_EQ(read.products[0].rollout_percent, ProductSettings().rollout_percent);
  EXPECT_EQ(read.products[0].rollout_wait, ProductSettings().rollout_wait);
  EXPECT_EQ(read.products[0].stop_after, ProductSettings().stop_after);
  EXPECT_EQ(read.products[0].pairing, ProductSettings().pairing);
  EXPECT_EQ(read.products[0].allow_downgrade, ProductSettings().allow_downgrade);
  EXPECT_EQ(read.monitor.tls, MonitorSettings().tls);
  EXPECT_EQ(read.monitor.prefix, MonitorSettings().prefix);
  EXPECT_EQ(read.monitor.state_interval, MonitorSettings().state_interval);
  EXPECT_EQ(read.monitor.outbox_limit, MonitorSettings().outbox_limit);
}

}  // namespace
}  // namespace ferry::config
