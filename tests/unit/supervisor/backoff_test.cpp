#include "agent/backoff.hpp"

#include <gtest/gtest.h>

namespace ferry::agent {
namespace {

using namespace std::chrono_literals;

TEST(Backoff, DoublesUpToTheLast) {
  Backoff backoff(100ms, 1s);
  EXPECT_EQ(backoff.next(), 100ms);
  EXPECT_EQ(backoff.next(), 200ms);
  EXPECT_EQ(backoff.next(), 400ms);
  EXPECT_EQ(backoff.next(), 800ms);
  EXPECT_EQ(backoff.next(), 1s);
  EXPECT_EQ(backoff.next(), 1s);
}

TEST(Backoff, BeginsAnewAfterAHealthyMinute) {
  Backoff backoff(100ms, 30s);
  backoff.next();
  backoff.next();
  backoff.ran_for(59s);
  EXPECT_EQ(backoff.next(), 400ms);
  backoff.ran_for(60s);
  EXPECT_EQ(backoff.next(), 100ms);
}

}  // namespace
}  // namespace ferry::agent
