// The supervisor with real host processes, good ones and bad ones.
#include "agent/supervisor.hpp"

#include <fcntl.h>
#include <gtest/gtest.h>

#include <boost/asio/io_context.hpp>
#include <boost/asio/post.hpp>
#include <csignal>
#include <cstdlib>

#include "tests/contract/harness.hpp"

namespace ferry::contract {
namespace {

using agent::TransportStatus;
using namespace std::chrono_literals;

// Answers what hosts ask, as far as the test says.
class Desk final : public agent::HostRequests {
 public:
  void seen(const std::string&, const messages::Seen& message) override {
    ++seen_count;
    last_version = message.device.version;
  }
  void offer(const std::string&, const messages::AskOffer& ask, OfferAnswer answer) override {
    if (silent) return;
    messages::OfferReply reply{0, FERRY_NOT_FOUND, {}};
    if (offered && ask.device.version != offered->version) reply = {0, FERRY_OK, offered};
    answer(reply);
  }
  void find(const std::string&, const messages::AskArtifact&, ArtifactAnswer answer) override {
    answer(messages::ArtifactReply{0, FERRY_NOT_FOUND, {}});
  }
  void progress(const std::string&, const messages::Progress&) override {}
  void outcome(const std::string&, const messages::Outcome&, OutcomeAnswer answer) override {
    answer(messages::OutcomeReply{0, FERRY_OK});
  }
  void next(const std::string&, const messages::AskStep&, StepAnswer answer) override {
    answer(messages::StepReply{0, FERRY_NOT_FOUND, {}, 0, {}});
  }
  void mirror(const std::string&, const messages::AskMirror&, MirrorAnswer answer) override {
    answer(messages::MirrorReply{0, FERRY_NOT_FOUND}, {});
  }
  void gone(const std::string&) override {}
  void corrupt(const std::string& transport, const messages::Corrupt& message) override {
    corrupt_packs.push_back(transport + " " + message.pack);
  }

  std::optional<messages::Offer> offered;
  bool silent = false;
  int seen_count = 0;
  std::string last_version;
  std::vector<std::string> corrupt_packs;
};

class SupervisorTest : public testing::Test {
 protected:
  SupervisorTest() {
    options_.host_program = host_program();
    options_.plugin_folder = test_plugin_folder();
    options_.packs_folder = packs_.folder();
    options_.ping_interval = 50ms;
    options_.answer_deadline = 1000ms;
    options_.first_backoff = 20ms;
    options_.last_backoff = 80ms;
  }

  void add(const std::string& name, const std::string& plugin,
           const std::map<std::string, std::string>& values) {
    config::TransportSettings transport;
    transport.name = name;
    transport.plugin = plugin;
    transport.values = values;
    transports_.push_back(transport);
  }
  void add_misbehaving(const std::string& how) { add("bad", "misbehave", {{"how", how}}); }
  // One that does its work, to see that the others' trouble does not touch it.
  void add_good() { add("good", "misbehave", {}); }

  void start() {
    supervisor_ = std::make_unique<agent::Supervisor>(
        loop_, options_, transports_, std::vector<config::ProductSettings>(), desk_);
    supervisor_->on_change([this] { ++changes_; });
    supervisor_->start();
  }

  // Runs the agent's loop until `condition` holds.
  bool run_until(const std::function<bool()>& condition) {
    return eventually([&] {
      loop_.restart();
      loop_.run_for(5ms);
      return condition();
    });
  }
  void run_for(std::chrono::milliseconds time) {
    const auto until = std::chrono::steady_clock::now() + time;
    run_until([&] { return std::chrono::steady_clock::now() >= until; });
  }

  TransportStatus status(const std::string& name) {
    for (const TransportStatus& status : supervisor_->status()) {
      if (status.name == name) return status;
    }
    ADD_FAILURE() << "no transport " << name;
    return {};
  }
  bool is(const std::string& name, const std::string& state) { return status(name).state == state; }
  // The reason in "restarting", whenever it is seen.
  bool restarts_because(const std::string& reason) {
    return run_until([&] {
      const TransportStatus bad = status("bad");
      return bad.restarts > 0 && bad.state == "restarting" &&
             bad.detail.find(reason) != bad.detail.npos;
    });
  }
  bool stops() {
    bool stopped = false;
    supervisor_->stop([&] { stopped = true; });
    return run_until([&] { return stopped; });
  }

  Packs packs_;
  Desk desk_;
  boost::asio::io_context loop_;
  agent::SupervisorOptions options_;
  std::vector<config::TransportSettings> transports_;
  std::unique_ptr<agent::Supervisor> supervisor_;
  int changes_ = 0;
};

TEST_F(SupervisorTest, ADeviceIsUpdatedThroughIt) {
  const auto artifact = packs_.add("one.pack", firmware(3'000'000));
  messages::Offer offer;
  offer.delivery = 1;
  offer.product = "meter";
  offer.version = "1.0.2";
  offer.artifacts = {artifact};
  desk_.offered = offer;
  options_.plugin_folder = plugin_folder();
  add("loop", "loopback", {{"product", "meter"}, {"version", "1.0.1"}});
  start();
  EXPECT_TRUE(run_until([&] { return desk_.last_version == "1.0.2"; }));
  EXPECT_EQ(status("loop").state, "listening");
  EXPECT_EQ(status("loop").restarts, 0U);
  EXPECT_GE(changes_, 1);
  EXPECT_TRUE(stops());
  EXPECT_EQ(status("loop").state, "stopped");
}

TEST_F(SupervisorTest, ACrashIsFollowedByANewStart) {
  add_misbehaving("crash");
  add_good();
  start();
  EXPECT_TRUE(restarts_because("killed by signal 9"));
  EXPECT_TRUE(run_until([&] { return status("bad").restarts >= 3; }));
  EXPECT_TRUE(run_until([&] { return is("good", "listening"); }));
  EXPECT_EQ(status("good").restarts, 0U);
}

TEST_F(SupervisorTest, AnExitIsFollowedByANewStart) {
  add_misbehaving("exit");
  start();
  EXPECT_TRUE(restarts_because("exit status 7"));
}

TEST_F(SupervisorTest, APluginThatReturnsByItselfIsStartedAgain) {
  add_misbehaving("return");
  start();
  EXPECT_TRUE(restarts_because("exit status 1"));
}

TEST_F(SupervisorTest, AHangIsEndedAtTheDeadline) {
  add_misbehaving("hang");
  add_good();
  start();
  EXPECT_TRUE(restarts_because("did not answer for 1000 ms"));
  EXPECT_EQ(status("good").restarts, 0U);
}

TEST_F(SupervisorTest, AHangInTheEntryIsEndedAtTheDeadline) {
  add_misbehaving("hang in the entry");
  start();
  EXPECT_TRUE(restarts_because("did not answer"));
}

TEST_F(SupervisorTest, AStoppedProcessDelaysNobodyAndIsEnded) {
  add_misbehaving("nothing");
  add_good();
  start();
  ASSERT_TRUE(run_until([&] { return is("bad", "listening") && is("good", "listening"); }));
  ::kill(status("bad").pid, SIGSTOP);
  const auto begin = std::chrono::steady_clock::now();
  for (int i = 0; i < 500; ++i) {
    supervisor_->catalog_changed();
    supervisor_->withdraw("a.pack");
  }
  EXPECT_LT(std::chrono::steady_clock::now() - begin, 10s) << "the agent waited for a host";
  EXPECT_TRUE(restarts_because("did not answer"));
  EXPECT_TRUE(run_until([&] { return is("bad", "listening"); }));
  EXPECT_EQ(status("good").restarts, 0U);
}

TEST_F(SupervisorTest, AHostThatDoesNotReadIsEndedBeforeItsQueueGrows) {
  options_.answer_deadline = 1h;
  add_misbehaving("nothing");
  start();
  ASSERT_TRUE(run_until([&] { return is("bad", "listening"); }));
  ::kill(status("bad").pid, SIGSTOP);
  for (int i = 0; i < 5000; ++i) supervisor_->withdraw("a.pack");
  EXPECT_TRUE(restarts_because("does not read"));
}

TEST_F(SupervisorTest, AChangeIsToldAgainToAHostThatWasSlow) {
  options_.plugin_folder = plugin_folder();
  options_.answer_deadline = 1h;
  add("bad", "loopback", {{"product", "meter"}, {"version", "1.0.1"}});
  start();
  ASSERT_TRUE(run_until([&] { return desk_.seen_count > 0; }));
  ::kill(status("bad").pid, SIGSTOP);
  for (int i = 0; i < 5000; ++i) supervisor_->catalog_changed();
  const int before = desk_.seen_count;
  ::kill(status("bad").pid, SIGCONT);
  EXPECT_TRUE(run_until([&] { return desk_.seen_count > before; }));
  EXPECT_EQ(status("bad").restarts, 0U);
}

// The agent's loop turns on, and the other transport is served, whatever one of them sends.
TEST_F(SupervisorTest, AFloodOfMessagesDelaysNobody) {
  add_misbehaving("flood with messages");
  add_good();
  start();
  ASSERT_TRUE(run_until([&] { return is("good", "listening") && desk_.seen_count > 0; }));
  const int before = desk_.seen_count;
  const auto begin = std::chrono::steady_clock::now();
  run_for(1s);
  const auto took = std::chrono::steady_clock::now() - begin;
  EXPECT_LT(took, 10s);
  const auto tenths = took / 100ms + 2;
  EXPECT_LE(desk_.seen_count - before, 1064 * tenths) << "more than a host may send";
  EXPECT_EQ(status("good").restarts, 0U);
}

TEST_F(SupervisorTest, AFloodOfQuestionsDelaysNobody) {
  desk_.silent = true;
  add_misbehaving("flood with questions");
  add_good();
  start();
  ASSERT_TRUE(run_until([&] { return is("good", "listening"); }));
  run_for(500ms);
  EXPECT_EQ(status("good").restarts, 0U);
}

TEST_F(SupervisorTest, GarbageOnTheLinkIsTheEndOfAHost) {
  add_misbehaving("write garbage");
  start();
  EXPECT_TRUE(restarts_because("message from the transport host"));
}

TEST_F(SupervisorTest, AStopThatIsIgnoredEndsInAKill) {
  add_misbehaving("never stop");
  add_good();
  start();
  ASSERT_TRUE(run_until([&] { return is("bad", "listening") && is("good", "listening"); }));
  const auto begin = std::chrono::steady_clock::now();
  EXPECT_TRUE(stops());
  EXPECT_LT(std::chrono::steady_clock::now() - begin, 20s);
  EXPECT_EQ(status("bad").state, "stopped");
  EXPECT_EQ(status("bad").pid, 0);
}

TEST_F(SupervisorTest, AStopIsQuickWhenEverybodyAgrees) {
  add_good();
  start();
  ASSERT_TRUE(run_until([&] { return is("good", "listening"); }));
  const auto begin = std::chrono::steady_clock::now();
  EXPECT_TRUE(stops());
  EXPECT_LT(std::chrono::steady_clock::now() - begin, 2s);
}

TEST_F(SupervisorTest, AStopDuringAPauseStartsNothingAnyMore) {
  options_.first_backoff = 1h;
  options_.last_backoff = 1h;
  add_misbehaving("crash");
  start();
  ASSERT_TRUE(restarts_because("killed"));
  EXPECT_TRUE(stops());
}

TEST_F(SupervisorTest, AFailureIsToldAsThePluginSaysIt) {
  add_misbehaving("fail to listen");
  start();
  EXPECT_TRUE(run_until([&] { return is("bad", "failed"); }));
  EXPECT_EQ(status("bad").detail, "127.0.0.1:80: address already in use");
}

TEST_F(SupervisorTest, RefusedSettingsAreAFailure) {
  add_misbehaving("refuse settings");
  start();
  EXPECT_TRUE(run_until([&] { return is("bad", "failed"); }));
}

TEST_F(SupervisorTest, APluginThatIsNotThereIsAFailure) {
  add("bad", "nowhere", {});
  start();
  EXPECT_TRUE(run_until([&] { return is("bad", "failed"); }));
  EXPECT_NE(status("bad").detail.find("nowhere.so"), std::string::npos) << status("bad").detail;
}

TEST_F(SupervisorTest, APluginIsANameAndNoPath) {
  add("bad", "../plugins/misbehave", {});
  start();
  EXPECT_TRUE(run_until([&] { return is("bad", "failed"); }));
  EXPECT_NE(status("bad").detail.find("a name is made of"), std::string::npos);
}

TEST_F(SupervisorTest, AHostProgramThatIsNotThereIsAFailure) {
  options_.host_program = "/nonexistent/ferry-transport";
  add_good();
  start();
  EXPECT_TRUE(run_until([&] { return is("good", "failed"); }));
  EXPECT_NE(status("good").detail.find("/nonexistent/ferry-transport"), std::string::npos);
}

TEST_F(SupervisorTest, AHostInheritsNeitherFilesNorEnvironment) {
  // A careless library's descriptor: without close-on-exec.
  const Descriptor secret(::open(packs_.store().c_str(), O_RDONLY | O_DIRECTORY));
  ::setenv("FERRY_TEST_SECRET", "42", 1);
  add_good();
  start();
  ASSERT_TRUE(run_until([&] { return is("good", "listening"); }));
  const std::filesystem::path process = "/proc/" + std::to_string(status("good").pid);
  int descriptors = 0;
  for (const auto& entry : std::filesystem::directory_iterator(process / "fd")) {
    ++descriptors;
    const std::string target = std::filesystem::read_symlink(entry.path());
    EXPECT_EQ(target.find(packs_.store().string()), std::string::npos) << target;
  }
  EXPECT_LE(descriptors, 5) << "more than the standard streams, the link and one to wake by";
  const auto environment = read_file(process / "environ", 1U << 20U);
  ASSERT_TRUE(environment);
  EXPECT_EQ(environment->find("FERRY_TEST_SECRET"), std::string::npos);
  const auto command = read_file(process / "cmdline", 1U << 20U);
  ASSERT_TRUE(command);
  ::unsetenv("FERRY_TEST_SECRET");
}

TEST_F(SupervisorTest, NoHostOutlivesIt) {
  add_good();
  start();
  ASSERT_TRUE(run_until([&] { return is("good", "listening"); }));
  const pid_t pid = status("good").pid;
  supervisor_.reset();
  EXPECT_EQ(::kill(pid, 0), -1);
}

// A medium that fails under mmap kills the host alone, and the agent hears which pack it was.
TEST_F(SupervisorTest, ATruncatedPackKillsOnlyItsHostAndIsNamed) {
  messages::Offer offer;
  offer.delivery = 1;
  offer.product = "meter";
  offer.version = "1.0.2";
  offer.artifacts = {packs_.add("failing.pack", firmware(3'000'000))};
  desk_.offered = offer;
  add("bad", "stepwise", {});
  add_good();
  options_.first_backoff = 1h;
  options_.last_backoff = 1h;
  start();
  ASSERT_TRUE(run_until([&] { return is("bad", "read") && is("good", "listening"); }));
  const auto pack = packs_.file("failing.pack");
  std::filesystem::permissions(pack, std::filesystem::perms::owner_write,
                               std::filesystem::perm_options::add);
  std::filesystem::resize_file(pack, 600'000);
  supervisor_->catalog_changed();
  EXPECT_TRUE(restarts_because("killed by signal 7"));
  EXPECT_EQ(desk_.corrupt_packs, std::vector<std::string>{"bad failing.pack"});
  EXPECT_EQ(status("good").restarts, 0U);
}

}  // namespace
}  // namespace ferry::contract
