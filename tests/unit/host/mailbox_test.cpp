#include "transports/host/mailbox.hpp"

#include <gtest/gtest.h>
#include <poll.h>

namespace ferry::host {
namespace {

using formats::link::AskArtifact;
using formats::link::Pong;

class MailboxTest : public testing::Test {
 protected:
  bool woken() const {
    pollfd readable{mailbox_->wake_descriptor(), POLLIN, 0};
    return ::poll(&readable, 1, 0) == 1;
  }
  const std::unique_ptr<Mailbox> mailbox_ = std::move(*Mailbox::make());
};

TEST_F(MailboxTest, AMessageWakesTheHost) {
  EXPECT_FALSE(woken());
  EXPECT_TRUE(mailbox_->tell(Pong{}));
  EXPECT_TRUE(woken());
  mailbox_->take_wake();
  EXPECT_FALSE(woken());
  EXPECT_TRUE(mailbox_->take_message());
  EXPECT_FALSE(mailbox_->take_message());
}

TEST_F(MailboxTest, AnAgentThatDoesNotReadCostsBoundedMemory) {
  std::size_t kept = 0;
  while (mailbox_->tell(Pong{})) ASSERT_LT(++kept, 1'000'000U);
  EXPECT_EQ(kept, Mailbox::most_messages);
}

TEST_F(MailboxTest, AQuestionIsAnsweredOnce) {
  int user = 0;
  mailbox_->ask(AskArtifact{0, "meter", "1.0.2", "a"}, AskedArtifact{nullptr, &user});
  const auto asked = mailbox_->take_question(1);
  ASSERT_TRUE(asked);
  EXPECT_EQ(std::get<AskedArtifact>(*asked).user, &user);
  EXPECT_FALSE(mailbox_->take_question(1));
}

TEST_F(MailboxTest, AQuestionTooManyIsRefusedAsUnavailable) {
  std::size_t asked = 0;
  std::vector<Refusal> refused;
  while (refused.empty()) {
    mailbox_->ask(AskArtifact{0, "meter", "1.0.2", "a"}, AskedArtifact{nullptr, nullptr});
    refused = mailbox_->take_refusals();
    ASSERT_LE(++asked, Mailbox::most_questions + 1);
  }
  EXPECT_EQ(refused[0].result, FERRY_UNAVAILABLE);
}

}  // namespace
}  // namespace ferry::host
