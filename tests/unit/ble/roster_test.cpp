// Which device is visited next, by which adapter, and how often.
#include "transports/ble/roster.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <set>

namespace ferry::ble {
namespace {

using std::chrono::minutes;
using std::chrono::seconds;
using testing::ElementsAre;

constexpr Duration no_linger{0};

Address device(unsigned number) {
  Address address;
  address.bytes[0] = static_cast<std::uint8_t>(number);
  address.bytes[1] = static_cast<std::uint8_t>(number >> 8U);
  return address;
}

class RosterTest : public testing::Test {
 protected:
  void use(RosterOptions options, const std::vector<AdapterNumber>& adapters = {0}) {
    roster = std::make_unique<Roster>(options);
    roster->set_adapters(adapters);
  }
  void see(unsigned number, AdapterNumber adapter = 0, int signal = -60) {
    roster->seen(adapter, device(number), signal, now);
  }
  // The number of the device that is visited now; -1 none.
  int next() {
    last = roster->next(now);
    return last ? last->address.bytes[0] : -1;
  }
  void end(unsigned number, VisitEnd how, Duration linger = no_linger) {
    roster->ended(device(number), how, linger, now);
  }
  void visit(unsigned number, VisitEnd how) {
    see(number);
    ASSERT_EQ(next(), static_cast<int>(number));
    end(number, how);
  }

  TimePoint now{seconds(1000)};
  std::unique_ptr<Roster> roster = std::make_unique<Roster>(RosterOptions());
  std::optional<Visit> last;
};

TEST_F(RosterTest, NobodyIsVisitedUnseenOrWithoutAnAdapter) {
  EXPECT_EQ(next(), -1);
  see(1);
  EXPECT_EQ(next(), -1);
  roster->set_adapters({0});
  EXPECT_EQ(next(), 1);
  EXPECT_EQ(last->signal, -60);
  EXPECT_EQ(next(), -1);  // it is being visited
}

TEST_F(RosterTest, AnAdapterHasSoManyConnectionsAndNoMore) {
  RosterOptions options;
  options.connections = 2;
  use(options);
  for (unsigned number = 1; number <= 3; ++number) see(number);
  EXPECT_EQ(next(), 1);
  EXPECT_EQ(next(), 2);
  EXPECT_EQ(next(), -1);
  end(1, VisitEnd::satisfied);
  EXPECT_EQ(next(), 3);
}

TEST_F(RosterTest, AClosedLinkHoldsItsPlaceForAWhile) {
  use({});
  see(1);
  see(2);
  ASSERT_EQ(next(), 1);
  end(1, VisitEnd::satisfied, seconds(2));
  EXPECT_EQ(next(), -1);
  EXPECT_EQ(roster->due(now), now + seconds(2));
  now += seconds(2);
  EXPECT_EQ(next(), 2);
}

TEST_F(RosterTest, AClosedLinkHoldsItsDeviceForAsLong) {
  use({}, {0, 1});
  see(1);
  ASSERT_EQ(next(), 1);
  end(1, VisitEnd::satisfied, seconds(2));
  now += seconds(1);
  see(1, 1);
  roster->wake(now);
  EXPECT_EQ(next(), -1);
  now += seconds(1);
  EXPECT_EQ(next(), 1);
}

TEST_F(RosterTest, TheIdlerAdapterIsTakenAndOfTwoTheOneThatHearsBetter) {
  RosterOptions options;
  options.connections = 2;
  use(options, {0, 1});
  see(1, 0, -80);
  see(1, 1, -50);
  ASSERT_EQ(next(), 1);
  EXPECT_EQ(last->adapter, 1);
  see(2, 0, -80);
  see(2, 1, -50);
  ASSERT_EQ(next(), 2);
  EXPECT_EQ(last->adapter, 0);
  see(3, 1, -50);  // only this one hears it
  ASSERT_EQ(next(), 3);
  EXPECT_EQ(last->adapter, 1);
}

TEST_F(RosterTest, AnAdapterThatWentIsNotUsed) {
  use({}, {0, 1});
  see(1, 1);
  roster->set_adapters({0});
  EXPECT_EQ(next(), -1);
  see(1, 0);
  EXPECT_EQ(next(), 1);
}

TEST_F(RosterTest, AVisitWhoseAdapterWentEndsAllTheSame) {
  use({});
  see(1);
  ASSERT_EQ(next(), 1);
  roster->set_adapters({});
  end(1, VisitEnd::lost);
  roster->set_adapters({0});
  now += seconds(2);
  see(1);
  EXPECT_EQ(next(), 1);
}

TEST_F(RosterTest, ASatisfiedDeviceIsLeftForTheInterval) {
  RosterOptions options;
  options.visit_interval = minutes(5);
  use(options);
  visit(1, VisitEnd::satisfied);
  now += minutes(5) - seconds(1);
  see(1);
  EXPECT_EQ(next(), -1);
  now += seconds(1);
  EXPECT_EQ(next(), 1);
}

TEST_F(RosterTest, SomethingNewBringsAllBackButThoseThatFail) {
  use({});
  visit(1, VisitEnd::satisfied);
  visit(2, VisitEnd::failed);
  now += seconds(1);
  see(1);
  see(2);
  EXPECT_EQ(next(), -1);
  roster->wake(now);
  EXPECT_EQ(next(), 1);
  end(1, VisitEnd::satisfied);
  EXPECT_EQ(next(), -1);
}

TEST_F(RosterTest, ADeviceIsVisitedAgainOnlyWhenItWasSeenAgain) {
  use({});
  visit(1, VisitEnd::lost);
  now += seconds(60);
  EXPECT_EQ(next(), -1);
  see(1);
  EXPECT_EQ(next(), 1);
}

TEST_F(RosterTest, WhoWasResetComesFirstThenWhoWaitedForLongest) {
  use({});
  for (unsigned number = 1; number <= 3; ++number) {
    visit(number, number == 3 ? VisitEnd::returning : VisitEnd::lost);
    now += seconds(1);
  }
  now += seconds(5);
  see(4);  // never visited
  for (unsigned number = 1; number <= 3; ++number) see(number);
  std::vector<int> order;
  for (int i = 0; i < 4; ++i) {
    order.push_back(next());
    end(static_cast<unsigned>(order.back()), VisitEnd::satisfied);
  }
  EXPECT_THAT(order, ElementsAre(3, 4, 1, 2));
}

TEST_F(RosterTest, OneThatIsNotLetInIsLeftAloneWhateverIsNew) {
  RosterOptions options;
  options.visit_interval = minutes(15);
  use(options);
  visit(1, VisitEnd::refused);
  roster->wake(now);
  now += minutes(15) - seconds(1);
  see(1);
  EXPECT_EQ(next(), -1);
  now += seconds(1);
  EXPECT_EQ(next(), 1);
  end(1, VisitEnd::satisfied);
  roster->wake(now);
  see(1);
  now += seconds(1);
  see(1);
  EXPECT_EQ(next(), 1);
}

TEST_F(RosterTest, NoneStarvesThoughOthersAreLostAgainAndAgain) {
  use({});
  std::map<int, int> visits;
  for (int i = 0; i < 400; ++i) {
    now += seconds(2);
    for (unsigned number = 1; number <= 8; ++number) see(number);
    const int one = next();
    ASSERT_GT(one, 0);
    ++visits[one];
    end(static_cast<unsigned>(one), VisitEnd::lost);
  }
  for (const auto& [number, count] : visits) EXPECT_EQ(count, 50) << number;
  EXPECT_EQ(visits.size(), 8U);
}

TEST_F(RosterTest, FailuresPauseForLongerAndLongerUntilOneVisitWorks) {
  use({});
  const auto pause = [&] {
    const TimePoint begun = now;
    for (;;) {
      now += seconds(1);
      see(1);
      if (next() == 1) return std::chrono::duration_cast<seconds>(now - begun).count();
    }
  };
  see(1);
  ASSERT_EQ(next(), 1);
  std::vector<long> pauses;
  for (int i = 0; i < 9; ++i) {
    end(1, VisitEnd::failed);
    pauses.push_back(pause());
  }
  EXPECT_THAT(pauses, ElementsAre(5, 10, 20, 40, 80, 160, 320, 320, 320));
  end(1, VisitEnd::lost);
  EXPECT_EQ(pause(), 1);
  end(1, VisitEnd::failed);
  EXPECT_EQ(pause(), 5);
}

TEST_F(RosterTest, WhoWasNotSeenForLongIsForgotten) {
  use({});
  see(1);
  now += minutes(9);
  see(2);
  EXPECT_EQ(next(), 1);
  EXPECT_EQ(roster->size(), 2U);
  end(1, VisitEnd::satisfied);
  now += minutes(2);
  next();
  EXPECT_EQ(roster->size(), 1U);
}

TEST_F(RosterTest, AFloodOfStrangersDisplacesNobodyWhoIsHere) {
  RosterOptions options;
  options.most_devices = 4;
  use(options);
  for (unsigned number = 1; number <= 4; ++number) see(number);
  ASSERT_EQ(next(), 1);
  for (unsigned number = 10; number < 200; ++number) {
    EXPECT_FALSE(roster->seen(0, device(number), -40, now));
  }
  EXPECT_EQ(roster->size(), 4U);
  // But one that has gone makes room; the one that is visited never does.
  now += seconds(31);
  see(3);
  see(4);
  EXPECT_TRUE(roster->seen(0, device(10), -40, now));
  EXPECT_FALSE(roster->seen(0, device(11), -40, now));
  EXPECT_EQ(roster->size(), 4U);
}

}  // namespace
}  // namespace ferry::ble
