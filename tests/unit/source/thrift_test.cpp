#include "agent/source/thrift.hpp"

#include <gtest/gtest.h>

namespace ferry::source {
namespace {

using config::Period;

Time at(int year, unsigned month, unsigned day, int hour = 0) {
  const std::chrono::sys_days midnight =
      std::chrono::year(year) / std::chrono::month(month) / std::chrono::day(day);
  return midnight + std::chrono::hours(hour);
}

TEST(BudgetPeriods, BeginAndEndWhereCalendarsDo) {
  const auto expect = [](Period period, Time now, Time begin, Time end) {
    const PeriodSpan span = span_of(period, now);
    EXPECT_EQ(to_rfc3339(span.begin), to_rfc3339(begin));
    EXPECT_EQ(to_rfc3339(span.end), to_rfc3339(end));
  };
  expect(Period::day, at(2026, 2, 28, 23), at(2026, 2, 28), at(2026, 3, 1));
  expect(Period::week, at(2026, 11, 29, 23), at(2026, 11, 23), at(2026, 11, 30));
  expect(Period::week, at(2026, 11, 30), at(2026, 11, 30), at(2026, 12, 7));
  expect(Period::month, at(2026, 12, 31, 23), at(2026, 12, 1), at(2027, 1, 1));
  expect(Period::month, at(2028, 2, 29), at(2028, 2, 1), at(2028, 3, 1));
  expect(Period::month, at(1970, 1, 1), at(1970, 1, 1), at(1970, 2, 1));
}

constexpr std::string_view heading =
    "Iface\tDestination\tGateway \tFlags\tRefCnt\tUse\tMetric\tMask\t\tMTU\tWindow\tIRTT\n";

TEST(DefaultInterfaces, AreThoseOfTheBestDefaultRoute) {
  const std::string routes = std::string(heading) +
                             "wwan0\t00000000\t0100000A\t0003\t0\t0\t700\t00000000\t0\t0\t0\n"
                             "eth0\t00000000\t0101A8C0\t0003\t0\t0\t100\t00000000\t0\t0\t0\n"
                             "eth0\t0001A8C0\t00000000\t0001\t0\t0\t0\t00FFFFFF\t0\t0\t0\n";
  EXPECT_EQ(default_interface(routes, ""), "eth0");
}

TEST(DefaultInterfaces, AreNotThoseOfRoutesThatAreDownOrLeadNowhere) {
  const std::string down = std::string(heading) +
                           "eth0\t00000000\t0101A8C0\t0002\t0\t0\t100\t00000000\t0\t0\t0\n"
                           "eth1\t00000000\t0101A8C0\t0201\t0\t0\t100\t00000000\t0\t0\t0\n"
                           "eth2\t00000000\t0101A8C0\t0003\t0\t0\t100\t000000FF\t0\t0\t0\n";
  EXPECT_EQ(default_interface(down, ""), "");
  EXPECT_EQ(default_interface("", ""), "");
  EXPECT_EQ(default_interface("one two\n\n   \n", "00000000 00\n"), "");
}

TEST(DefaultInterfaces, AreThoseOfIpv6WhereThereIsNothingElse) {
  const std::string none(32, '0');
  const std::string routes = none + " 00 " + none + " 00 fe800000000000000000000000000001 " +
                             "00000400 00000003 00000000 00000003    wwan0\n" + none + " 00 " +
                             none + " 00 " + none +
                             " ffffffff 00000001 00000000 00200200       lo\n";
  EXPECT_EQ(default_interface(heading, routes), "wwan0");
}

}  // namespace
}  // namespace ferry::source
