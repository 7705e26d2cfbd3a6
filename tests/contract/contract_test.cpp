// What every transport owes the agent, proved on each through the real host process.
#include <gtest/gtest.h>
#include <sys/wait.h>

#include "tests/contract/transports.hpp"

namespace ferry::contract {
namespace {

class Contract : public testing::TestWithParam<TransportCase> {
 protected:
  Contract()
      : content_(firmware(GetParam().image_size)), artifact_(packs_.add("one.pack", content_)) {}

  // Starts the plugin and waits until it listens.
  void start(const std::map<std::string, std::string>& more = {}) {
    agent_.reset();
    visitor_ = GetParam().visitor();
    agent_ = std::make_unique<AgentEnd>(plugin_folder(), GetParam().plugin, packs_.folder());
    messages::Settings settings{"link", "debug", GetParam().settings, {GetParam().product}};
    settings.values.insert(more.begin(), more.end());
    settings.values.merge(visitor_->settings());
    agent_->send(settings);
    const auto hello = agent_->expect<messages::Hello>();
    ASSERT_TRUE(hello);
    EXPECT_EQ(hello->abi, 1);
    EXPECT_EQ(hello->plugin, GetParam().plugin);
    const auto state = agent_->expect<messages::LinkState>();
    ASSERT_TRUE(state);
    ASSERT_EQ(state->state, "listening") << state->detail;
    listening_ = state->detail;
  }

  // A device comes by; the question that reaches the agent.
  std::optional<messages::AskOffer> asked(bool changed = false) {
    visitor_->come_by(*agent_, listening_, changed);
    return agent_->expect<messages::AskOffer>();
  }

  void answer(std::uint64_t id, int result) { agent_->send(messages::OfferReply{id, result, {}}); }

  messages::Offer offer() const {
    messages::Offer offer;
    offer.delivery = 77;
    offer.product = "meter";
    offer.version = artifact_.version;
    offer.from_version = "1.0.1";
    offer.artifacts = {artifact_};
    return offer;
  }

  void serve(std::uint64_t id) { agent_->send(messages::OfferReply{id, FERRY_OK, offer()}); }

  // Takes what came of a delivery: some transports know its outcome, others only what was
  // acknowledged.
  void take_news() {
    agent_->receive();
    while (const auto progress = agent_->take<messages::Progress>()) {
      EXPECT_EQ(progress->sha256, artifact_.sha256);
      ++progress_count_;
      reached_ = std::max(reached_, progress->offset + progress->length);
    }
    while (const auto outcome = agent_->take<messages::Outcome>()) {
      EXPECT_EQ(outcome->delivery, 77U);
      if (outcome->kind == messages::OutcomeKind::transferred) transferred_ = true;
      agent_->send(messages::OutcomeReply{outcome->id, FERRY_OK});
    }
  }
  bool delivered() {
    return eventually([this] {
      take_news();
      // An outcome that is not answered holds the device up.
      return reached_ == content_.size() && (transferred_ || !GetParam().tells_outcome);
    });
  }
  bool nothing_delivered() {
    visitor_->leave();
    take_news();
    return reached_ < content_.size() && !transferred_ &&
           visitor_->received().value_or("") != content_;
  }

  void expect_alive() {
    EXPECT_TRUE(agent_->running());
    EXPECT_TRUE(agent_->answers_ping());
  }

  Packs packs_;
  std::string content_;
  messages::ServableArtifact artifact_;
  std::string listening_;
  std::unique_ptr<Visitor> visitor_;
  std::unique_ptr<AgentEnd> agent_;  // goes first, so that no device waits for its host
  std::uint64_t reached_ = 0;        // of the artifact, acknowledged
  int progress_count_ = 0;
  bool transferred_ = false;
};

TEST_P(Contract, ADeviceGetsEveryByteAndTheAgentHearsOfIt) {
  start();
  const auto question = asked();
  ASSERT_TRUE(question);
  EXPECT_EQ(question->device.product, "meter");
  serve(question->id);
  EXPECT_TRUE(delivered());
  visitor_->leave();
  EXPECT_EQ(visitor_->received().value_or(content_), content_);
}

TEST_P(Contract, ProgressIsToldNoMoreOftenThanItShould) {
  start();
  const auto begin = std::chrono::steady_clock::now();
  const auto question = asked();
  ASSERT_TRUE(question);
  serve(question->id);
  ASSERT_TRUE(delivered());
  const auto seconds =
      std::chrono::ceil<std::chrono::seconds>(std::chrono::steady_clock::now() - begin);
  EXPECT_LE(progress_count_, 2 + seconds.count());
}

TEST_P(Contract, ASlowAgentDoesNotStopThePlugin) {
  start();
  const auto question = asked();
  ASSERT_TRUE(question);
  for (int i = 0; i < 3; ++i) EXPECT_TRUE(agent_->answers_ping());
  serve(question->id);
  EXPECT_TRUE(delivered());
}

TEST_P(Contract, NothingToOfferIsNoFailure) {
  start();
  const auto question = asked();
  ASSERT_TRUE(question);
  answer(question->id, FERRY_NOT_FOUND);
  expect_alive();
  EXPECT_TRUE(nothing_delivered());
}

TEST_P(Contract, AnUnavailableAgentIsAskedAgainLater) {
  start();
  const auto question = asked();
  ASSERT_TRUE(question);
  answer(question->id, FERRY_UNAVAILABLE);
  expect_alive();
  const auto again = asked();
  ASSERT_TRUE(again);
  serve(again->id);
  EXPECT_TRUE(delivered());
}

TEST_P(Contract, AnAnswerToNoQuestionIsIgnored) {
  start();
  serve(123456);
  agent_->send(messages::ArtifactReply{123457, FERRY_OK, artifact_});
  agent_->send(messages::OutcomeReply{123458, FERRY_OK});
  expect_alive();
}

TEST_P(Contract, ACorruptPackIsToldAndNeverServedWhole) {
  packs_.flip(artifact_, content_, content_.size() * 7 / 10);
  start();
  const auto question = asked();
  ASSERT_TRUE(question);
  serve(question->id);
  const auto corrupt = agent_->expect<messages::Corrupt>();
  ASSERT_TRUE(corrupt);
  EXPECT_EQ(corrupt->pack, artifact_.pack);
  expect_alive();
  EXPECT_TRUE(nothing_delivered());
}

TEST_P(Contract, AWithdrawnPackIsNotReadAnyMore) {
  start();
  const auto question = asked();
  ASSERT_TRUE(question);
  serve(question->id);
  ASSERT_TRUE(delivered());
  reached_ = 0;
  transferred_ = false;
  // Offered again although withdrawn, as an agent does that lost the race: a new handle, and no
  // file.
  std::filesystem::remove(packs_.file(artifact_.pack));
  agent_->send(messages::Withdrawn{artifact_.pack});
  const auto again = asked();
  ASSERT_TRUE(again);
  serve(again->id);
  expect_alive();
  EXPECT_TRUE(nothing_delivered());
}

TEST_P(Contract, AChangedCatalogIsHeeded) {
  start();
  const auto question = asked();
  ASSERT_TRUE(question);
  answer(question->id, FERRY_NOT_FOUND);
  agent_->send(messages::Changed{});
  expect_alive();
  const auto again = asked(true);
  ASSERT_TRUE(again);
  serve(again->id);
  EXPECT_TRUE(delivered());
}

TEST_P(Contract, ItStopsInTimeWhenIdle) {
  start();
  agent_->send(messages::Stop{});
  const auto begin = std::chrono::steady_clock::now();
  EXPECT_EQ(agent_->wait_exit(), 0);
  EXPECT_LT(std::chrono::steady_clock::now() - begin, std::chrono::seconds(2));
}

TEST_P(Contract, ItStopsInTimeWithAQuestionOpen) {
  start();
  ASSERT_TRUE(asked());
  agent_->send(messages::Stop{});
  EXPECT_EQ(agent_->wait_exit(), 0);
}

TEST_P(Contract, TheAgentsEndIsItsEnd) {
  start();
  agent_->close();
  EXPECT_EQ(agent_->wait_exit(), 0);
}

TEST_P(Contract, TheAgentsEndIsItsEndEvenWhileItsPluginIsBusy) {
  start();
  const auto question = asked();
  ASSERT_TRUE(question);
  serve(question->id);
  agent_->close();
  EXPECT_EQ(agent_->wait_exit(), 0);
}

TEST_P(Contract, GarbageFromTheAgentEndsIt) {
  for (const char* garbage :
       {"{", "{\"type\":\"pong\"}", "{\"type\":\"withdrawn\",\"pack\":\"../x\"}"}) {
    start();
    agent_->send_raw(garbage);
    const auto exit = agent_->wait_exit();
    ASSERT_TRUE(exit) << garbage;
    EXPECT_TRUE(WIFEXITED(*exit) && WEXITSTATUS(*exit) == 1) << garbage;
  }
}

TEST_P(Contract, UnknownSettingsDoNotStopIt) {
  start({{"key_of_a_later_version", "value"}});
  expect_alive();
}

TEST_P(Contract, WithoutItsSettingsItDoesNothing) {
  AgentEnd agent(plugin_folder(), GetParam().plugin, packs_.folder());
  agent.send(messages::Ping{});
  const auto exit = agent.wait_exit();
  ASSERT_TRUE(exit);
  EXPECT_TRUE(WIFEXITED(*exit) && WEXITSTATUS(*exit) == 1);
}

INSTANTIATE_TEST_SUITE_P(, Contract, testing::ValuesIn(transports()),
                         [](const auto& transport) { return transport.param.name; });

}  // namespace
}  // namespace ferry::contract
