#include "config/policy_values.hpp"

#include <gmock/gmock.h>

#include "config/interpret.hpp"

namespace ferry::config {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

TEST(PolicyValues, AllowancesAreSizesForEachPeriod) {
  EXPECT_EQ(values::Allowance::parse("500M/month"), (Budget{500U << 20U, Period::month}));
  EXPECT_EQ(values::Allowance::parse("1/week"), (Budget{1, Period::week}));
  EXPECT_EQ(values::Allowance::parse("2G/day"), (Budget{2ULL << 30U, Period::day}));
  for (const char* text :
       {"", "500M", "500M/", "/month", "0/day", "500M/year", "500M/month ", "-1/day"}) {
    EXPECT_FALSE(values::Allowance::parse(text)) << text;
  }
}

TEST(PolicyValues, LoopbackIsWhereOnlyThisMachineConnectsTo) {
  for (const char* text : {"127.0.0.1:9464", "127.255.0.1:0", "[::1]:9464"}) {
    EXPECT_EQ(values::Loopback::parse(text), text);
  }
  for (const char* text : {"", "0.0.0.0:1", "[::]:1", "192.0.2.1:1", "localhost:1", "127.0.0.1",
                           "127.1:1", "127.0.0.1.example.com:1", "[::1]", "[::1%lo]:1", "::1:1",
                           "[::ffff:127.0.0.1]:1", "[127.0.0.1]:1", "127.0.0.1:65536"}) {
    EXPECT_FALSE(values::Loopback::parse(text)) << text;
  }
}

TEST(PolicyValues, WindowsAreTimesOfTheDay) {
  EXPECT_THAT(*values::Windows::parse("22:00-06:00"), ElementsAre(DayWindow{1320, 360}));
  EXPECT_THAT(*values::Windows::parse("00:00-24:00"), ElementsAre(DayWindow{0, 1440}));
  EXPECT_THAT(*values::Windows::parse("01:30-02:00, 12:00-13:00"),
              ElementsAre(DayWindow{90, 120}, DayWindow{720, 780}));
  for (const char* text :
       {"", "22-06", "22:00", "22:00-22:00", "24:00-01:00", "24:01-02:00", "1:00-2:00",
        "22:60-23:00", "22:00-06:00,", ",", "-", "22:00--6:00", "a2:00-06:00", "+1:00-06:00"}) {
    EXPECT_FALSE(values::Windows::parse(text)) << text;
  }
  std::string many = "00:00-00:01";
  for (int i = 0; i < 8; ++i) many += ",00:00-00:01";
  EXPECT_FALSE(values::Windows::parse(many));
}

TEST(PolicyValues, NumbersKeepWithinTheirBounds) {
  EXPECT_EQ(values::Percent::parse("0"), 0U);
  EXPECT_EQ(values::Percent::parse("100"), 100U);
  EXPECT_FALSE(values::Percent::parse("101"));
  EXPECT_FALSE(values::Share::parse("0"));
  EXPECT_EQ(values::Signal::parse("-80"), -80);
  EXPECT_EQ(values::Signal::parse("0"), 0);
  for (const char* text : {"80", "-0", "-151", "-", "--8", "- 8"}) {
    EXPECT_FALSE(values::Signal::parse(text)) << text;
  }
  EXPECT_EQ(values::Limit::parse("0"), 0U);
  EXPECT_FALSE(values::Attempts::parse("0"));
  EXPECT_FALSE(values::Attempts::parse("1001"));
}

TEST(PolicyValues, WordsAreThoseOfTheManual) {
  EXPECT_EQ(values::Install::parse("on-command"), InstallWhen::on_command);
  EXPECT_EQ(values::Install::parse("at-once"), InstallWhen::at_once);
  EXPECT_FALSE(values::Install::parse("later"));
  EXPECT_EQ(values::Confirm::parse("device"), ConfirmedBy::device);
  EXPECT_EQ(values::Confirm::parse("gateway"), ConfirmedBy::gateway);
  EXPECT_FALSE(values::Confirm::parse("nobody"));
}

TEST(PolicyValues, ARolloutIsByNumberOrByShare) {
  const auto problems = [](const std::string& keys) {
    return interpret({{"ferry.ini", "[product.p]\n" + keys}}, "gateway").problems;
  };
  EXPECT_THAT(problems("rollout_first = 3\nrollout_percent = 10\n"),
              ElementsAre(HasSubstr("rollout_percent: contradicts rollout_first")));
  EXPECT_THAT(problems("rollout_first = 3\n"), ElementsAre());
  EXPECT_THAT(problems("rollout_percent = 10\nwindow = 22:00-06:00\n"), ElementsAre());
}

}  // namespace
}  // namespace ferry::config
