// What a transport owes the agent whose devices are told: proved through the real host process.
#include <gtest/gtest.h>

#include "tests/contract/smp_slots.hpp"
#include "tests/contract/told_devices.hpp"

namespace ferry::contract {
namespace {

using messages::OutcomeKind;
using messages::StepKind;

constexpr std::size_t image_size = 1'000'003;
constexpr std::uint64_t delivery = 77;

class Push : public testing::TestWithParam<ToldCase> {
 protected:
  Push() : content_(firmware(image_size)), artifact_(packs_.add("one.pack", content_)) {
    artifact_.digests["mcuboot"] = image_name(content_);
  }

  void start() {
    agent_ = std::make_unique<AgentEnd>(plugin_folder(), GetParam().plugin, packs_.folder());
    agent_->send(messages::Settings{
        "link", "debug", GetParam().settings, {{{"name", "meter"}, {"dialect", "plain"}}}});
    ASSERT_TRUE(agent_->expect<messages::Hello>());
    const auto state = agent_->expect<messages::LinkState>();
    ASSERT_TRUE(state);
    ASSERT_EQ(state->state, "listening") << state->detail;
    listening_ = state->detail;
    device_ = GetParam().device(content_);
    device_->plug(*agent_, listening_);
  }

  // The plugin's next question what to do.
  messages::AskStep asked() {
    const auto question = agent_->expect<messages::AskStep>();
    EXPECT_TRUE(question);
    return question.value_or(messages::AskStep());
  }
  void answer(std::uint64_t id, StepKind step) {
    messages::Offer offer;
    offer.delivery = delivery;
    offer.product = "meter";
    offer.version = artifact_.version;
    offer.artifacts = {artifact_};
    agent_->send(messages::StepReply{id, FERRY_OK, step, 0, offer});
  }
  void answer_nothing(std::uint64_t id) {
    agent_->send(messages::StepReply{id, FERRY_NOT_FOUND, StepKind::transfer, 0, {}});
  }
  // How the step ended; the agent has it on disk then.
  OutcomeKind outcome() {
    const auto told = agent_->expect<messages::Outcome>();
    EXPECT_TRUE(told);
    if (!told) return OutcomeKind::failed;
    EXPECT_EQ(told->delivery, delivery);
    detail_ = told->detail;
    agent_->send(messages::OutcomeReply{told->id, FERRY_OK});
    return told->kind;
  }
  // Waits until the device has acknowledged something of the artifact, but not all.
  void meet_half_way() {
    const auto progress = agent_->expect<messages::Progress>();
    ASSERT_TRUE(progress);
    EXPECT_EQ(progress->sha256, artifact_.sha256);
    ASSERT_LT(progress->offset + progress->length, content_.size());
  }

  Packs packs_;
  std::string content_;
  messages::ServableArtifact artifact_;
  std::unique_ptr<AgentEnd> agent_;
  std::unique_ptr<Told> device_;  // goes first: its line hangs up
  std::string listening_;
  std::string detail_;
};

TEST_P(Push, ADeviceIsShownBeforeAnybodyAsksWhatToDoWithIt) {
  start();
  const auto question = asked();
  const auto seen = agent_->take<messages::Seen>();
  ASSERT_TRUE(seen);
  EXPECT_EQ(question.device.product, "meter");
  EXPECT_EQ(question.device.id, device_->id());
  EXPECT_EQ(seen->device.id, question.device.id);
  EXPECT_EQ(question.device.image, device_->running());
  if (GetParam().tells_images) {
    EXPECT_EQ(question.want, std::vector<std::string>{"mcuboot"});
    EXPECT_EQ(question.device.version, "1.0.1");
    EXPECT_EQ(question.device.image_state, formats::link::ImageState::confirmed);
  }
}

TEST_P(Push, ATransferBringsEveryByteAndOneOutcome) {
  start();
  answer(asked().id, StepKind::transfer);
  EXPECT_EQ(outcome(), OutcomeKind::transferred);
  std::uint64_t reached = 0;
  while (const auto progress = agent_->take<messages::Progress>()) {
    reached = std::max(reached, progress->offset + progress->length);
  }
  EXPECT_EQ(reached, content_.size());
  EXPECT_TRUE(eventually([this] { return device_->stored() == content_; }));
  EXPECT_FALSE(agent_->take<messages::Outcome>());
}

TEST_P(Push, AfterEachOutcomeItAsksAgainWithWhatTheDeviceIsThen) {
  start();
  answer(asked().id, StepKind::transfer);
  ASSERT_EQ(outcome(), OutcomeKind::transferred);
  const auto question = asked();
  EXPECT_EQ(question.device.staged, device_->staged());
  if (GetParam().tells_images) {
    EXPECT_EQ(question.device.staged, artifact_.digests["mcuboot"]);
  }
}

TEST_P(Push, TheWholeWayToAConfirmedImage) {
  start();
  answer(asked().id, StepKind::transfer);
  ASSERT_EQ(outcome(), OutcomeKind::transferred);
  answer(asked().id, StepKind::activate);
  ASSERT_EQ(outcome(), OutcomeKind::activated) << detail_;
  const auto back = asked();
  if (GetParam().tells_images) {
    EXPECT_EQ(back.device.image, artifact_.digests["mcuboot"]);
    EXPECT_EQ(back.device.version, "1.0.2");
    EXPECT_EQ(back.device.image_state, formats::link::ImageState::on_trial);
    EXPECT_FALSE(device_->is_confirmed());
  }
  answer(back.id, StepKind::confirm);
  ASSERT_EQ(outcome(), OutcomeKind::confirmed) << detail_;
  const auto kept = asked();
  if (GetParam().tells_images) {
    EXPECT_TRUE(device_->is_confirmed());
    EXPECT_EQ(kept.device.image_state, formats::link::ImageState::confirmed);
  }
}

TEST_P(Push, AResetThatNobodyHeardIsSentAgain) {
  start();
  answer(asked().id, StepKind::transfer);
  ASSERT_EQ(outcome(), OutcomeKind::transferred);
  device_->ignore_resets(1);
  answer(asked().id, StepKind::activate);
  ASSERT_EQ(outcome(), OutcomeKind::activated) << detail_;
  const auto back = asked();
  if (GetParam().tells_images) {
    EXPECT_EQ(back.device.image, artifact_.digests["mcuboot"]);
  }
}

TEST_P(Push, NothingToDoIsAskedAgainWhenSomethingChanged) {
  start();
  answer_nothing(asked().id);
  agent_->send(messages::Changed{});
  answer(asked().id, StepKind::transfer);
  EXPECT_EQ(outcome(), OutcomeKind::transferred);
}

TEST_P(Push, AnUnavailableAgentIsAskedAgainLater) {
  start();
  agent_->send(
      messages::StepReply{asked().id, FERRY_UNAVAILABLE, StepKind::transfer, 0, std::nullopt});
  answer(asked().id, StepKind::transfer);
  EXPECT_EQ(outcome(), OutcomeKind::transferred);
}

TEST_P(Push, ACancelledTransferEndsSoon) {
  start();
  answer(asked().id, StepKind::transfer);
  meet_half_way();
  agent_->send(messages::Cancel{delivery});
  EXPECT_EQ(outcome(), OutcomeKind::lost);
  EXPECT_LT(device_->stored().size(), content_.size());
  answer_nothing(asked().id);
  EXPECT_TRUE(agent_->answers_ping());
}

TEST_P(Push, OthersAreNotCancelled) {
  start();
  answer(asked().id, StepKind::transfer);
  meet_half_way();
  agent_->send(messages::Cancel{delivery + 1});
  EXPECT_EQ(outcome(), OutcomeKind::transferred);
}

TEST_P(Push, ADeviceThatGoesAwayIsLostAndServedWhenItIsBack) {
  start();
  answer(asked().id, StepKind::transfer);
  meet_half_way();
  device_->unplug();
  EXPECT_EQ(outcome(), OutcomeKind::lost);
  if (GetParam().has_port) {
    const auto closed = agent_->expect<messages::PortClosed>();
    ASSERT_TRUE(closed);
    EXPECT_EQ(closed->name, device_->id());
    while (agent_->take<messages::LinkState>()) {
    }
  }
  device_->plug(*agent_, listening_);
  answer(asked().id, StepKind::transfer);
  EXPECT_EQ(outcome(), OutcomeKind::transferred);
  EXPECT_TRUE(eventually([this] { return device_->stored() == content_; }));
}

TEST_P(Push, ACorruptPackIsAFailureAndNeverSentWhole) {
  packs_.flip(artifact_, content_, 700'000);
  start();
  answer(asked().id, StepKind::transfer);
  EXPECT_EQ(outcome(), OutcomeKind::failed);
  EXPECT_TRUE(agent_->expect<messages::Corrupt>());
  EXPECT_LT(device_->stored().size(), content_.size());
  EXPECT_TRUE(agent_->answers_ping());
}

TEST_P(Push, ItStopsInTimeInMidTransfer) {
  start();
  answer(asked().id, StepKind::transfer);
  meet_half_way();
  agent_->send(messages::Stop{});
  EXPECT_EQ(agent_->wait_exit(), 0);
}

INSTANTIATE_TEST_SUITE_P(, Push, testing::ValuesIn(told_cases()),
                         [](const auto& told) { return told.param.name; });

}  // namespace
}  // namespace ferry::contract
