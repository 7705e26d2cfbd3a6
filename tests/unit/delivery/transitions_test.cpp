#include "agent/delivery/transitions.hpp"

#include <gtest/gtest.h>

#include <map>
#include <set>

namespace ferry::delivery {
namespace {

using S = DeliveryState;
using T = Trigger;

S state(std::size_t index) {
  return static_cast<S>(index);
}

// From which states a trigger leads to which; all other pairs are refused.
const std::map<T, std::map<S, S>> expected = {
    {T::offer, {{S::waiting, S::transferring}}},
    {T::begin, {{S::waiting, S::scheduled}}},
    {T::arrive, {{S::waiting, S::transferring}, {S::scheduled, S::transferring}}},
    {T::complete,
     {{S::waiting, S::transferred},
      {S::scheduled, S::transferred},
      {S::transferring, S::transferred}}},
    {T::missing, {{S::transferred, S::waiting}}},
    {T::activate,
     {{S::waiting, S::activated},
      {S::scheduled, S::activated},
      {S::transferring, S::activated},
      {S::transferred, S::activated},
      {S::unknown, S::activated}}},
    {T::confirm, {{S::activated, S::confirming}, {S::confirming, S::confirming}}},
    {T::run,
     {{S::waiting, S::installed},
      {S::scheduled, S::installed},
      {S::transferring, S::installed},
      {S::transferred, S::installed},
      {S::activated, S::installed},
      {S::confirming, S::installed},
      {S::unknown, S::installed},
      {S::rolled_back, S::installed}}},
    {T::go_back,
     {{S::transferred, S::rolled_back},
      {S::activated, S::rolled_back},
      {S::confirming, S::rolled_back},
      {S::unknown, S::rolled_back}}},
    {T::lose,
     {{S::scheduled, S::waiting},
      {S::transferring, S::waiting},
      {S::transferred, S::transferred},
      {S::confirming, S::activated}}},
    {T::fail_once,
     {{S::scheduled, S::waiting},
      {S::transferring, S::waiting},
      {S::transferred, S::waiting},
      {S::confirming, S::activated}}},
    {T::give_up,
     {{S::waiting, S::failed},
      {S::scheduled, S::failed},
      {S::transferring, S::failed},
      {S::transferred, S::failed},
      {S::activated, S::failed},
      {S::confirming, S::failed}}},
    {T::expire,
     {{S::transferring, S::unknown},
      {S::transferred, S::unknown},
      {S::activated, S::unknown},
      {S::confirming, S::unknown}}},
    {T::follow,
     {{S::transferring, S::unknown},
      {S::transferred, S::unknown},
      {S::activated, S::unknown},
      {S::confirming, S::unknown}}},
    {T::cancel,
     {{S::waiting, S::cancelled},
      {S::scheduled, S::cancelled},
      {S::transferring, S::cancelled},
      {S::transferred, S::cancelled},
      {S::activated, S::cancelled},
      {S::confirming, S::cancelled}}},
    {T::again,
     {{S::waiting, S::waiting},
      {S::failed, S::waiting},
      {S::rolled_back, S::waiting},
      {S::cancelled, S::waiting},
      {S::unknown, S::waiting}}}};

TEST(Transitions, EveryPairIsInTheTableOrRefused) {
  ASSERT_EQ(expected.size(), triggers);
  for (const auto& [trigger, ways] : expected) {
    for (std::size_t i = 0; i < storage::delivery_states; ++i) {
      const auto next = transition(state(i), trigger);
      const auto way = ways.find(state(i));
      ASSERT_EQ(next.has_value(), way != ways.end())
          << to_string(state(i)) << " × " << to_string(trigger);
      if (next) {
        EXPECT_EQ(next->to, way->second) << to_string(state(i)) << " × " << to_string(trigger);
      }
    }
  }
}

TEST(Transitions, EveryEndIsToldByAnEventOfItsName) {
  for (const auto& [trigger, ways] : expected) {
    for (const auto& [from, to] : ways) {
      const auto event = transition(from, trigger)->event;
      if (ended(to)) {
        EXPECT_EQ(event, to_string(to)) << to_string(from) << " × " << to_string(trigger);
      } else if (to == S::transferred && trigger == T::complete) {
        EXPECT_EQ(event, "delivered");
      } else {
        EXPECT_EQ(event, "") << to_string(from) << " × " << to_string(trigger);
      }
    }
  }
}

TEST(Transitions, EveryOpenDeliveryCanBeCancelledAndEveryEndCanBeReached) {
  std::set<S> reached;
  for (const auto& [trigger, ways] : expected) {
    for (const auto& [from, to] : ways) reached.insert(to);
  }
  for (std::size_t i = 0; i < storage::delivery_states; ++i) {
    EXPECT_TRUE(reached.contains(state(i))) << to_string(state(i));
    if (!ended(state(i))) {
      EXPECT_TRUE(transition(state(i), T::cancel));
    }
  }
}

TEST(Transitions, WhatIsInstalledStaysSo) {
  for (std::size_t i = 0; i < triggers; ++i) {
    EXPECT_FALSE(transition(S::installed, static_cast<T>(i)));
  }
}

}  // namespace
}  // namespace ferry::delivery
