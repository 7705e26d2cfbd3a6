#include "tests/contract/harness.hpp"

#include <gtest/gtest.h>
#include <poll.h>
#include <sys/wait.h>

#include <csignal>
#include <cstdlib>
#include <fstream>
#include <random>
#include <thread>

namespace ferry::contract {

bool eventually(const std::function<bool()>& condition) {
  const auto deadline = std::chrono::steady_clock::now() + patience;
  while (!condition()) {
    if (std::chrono::steady_clock::now() > deadline) return false;
    std::this_thread::sleep_for(std::chrono::milliseconds(2));
  }
  return true;
}

TemporaryFolder::TemporaryFolder() {
  std::string name = (std::filesystem::temp_directory_path() / "ferry-contract-XXXXXX").string();
  if (::mkdtemp(name.data()) == nullptr) std::abort();
  path_ = name;
}

TemporaryFolder::~TemporaryFolder() {
  std::error_code ignored;
  std::filesystem::remove_all(path_, ignored);
}

std::filesystem::path host_program() {
  return FERRY_HOST_PROGRAM;
}
std::filesystem::path plugin_folder() {
  const char* other = std::getenv("FERRY_PLUGINS");
  return other != nullptr ? other : FERRY_PLUGIN_FOLDER;
}
std::filesystem::path test_plugin_folder() {
  return FERRY_TEST_PLUGIN_FOLDER;
}

std::string firmware(std::size_t size, unsigned seed) {
  std::mt19937 random(seed);
  std::string content(size, 0);
  for (char& byte : content) byte = static_cast<char>(random());
  return content;
}

Packs::Packs() {
  std::filesystem::create_directories(folder());
  std::filesystem::create_directories(store() / "incoming");
}

messages::ServableArtifact Packs::add(const std::string& pack, const std::string& content) {
  const Sha256 sha256 = Sha256::of(as_bytes(content));
  auto writer = storage::PackWriter::open(store() / "incoming" / pack);
  EXPECT_TRUE(writer) << writer.error().message;
  EXPECT_TRUE(writer->begin(sha256, content.size()));
  EXPECT_TRUE(writer->append(as_bytes(content)));
  EXPECT_TRUE(writer->finish());
  const auto sealed = writer->seal(folder());
  EXPECT_TRUE(sealed) << sealed.error().message;
  messages::ServableArtifact artifact;
  artifact.role = formats::Role::firmware;
  artifact.version = "1.0.2";
  artifact.name = "firmware_1.0.2.bin";
  artifact.size = content.size();
  artifact.sha256 = sealed->front().sha256;
  artifact.chunk_root = sealed->front().chunk_root;
  artifact.pack = sealed->front().pack;
  return artifact;
}

void Packs::flip(const messages::ServableArtifact& artifact, const std::string& content,
                 std::size_t offset) {
  const auto path = file(artifact.pack);
  std::filesystem::permissions(path, std::filesystem::perms::owner_write,
                               std::filesystem::perm_options::add);
  const auto whole = read_file(path, 1U << 30U);
  ASSERT_TRUE(whole);
  const std::size_t place = whole->find(content.substr(offset, 16));
  ASSERT_NE(place, std::string::npos);
  std::fstream stream(path, std::ios::in | std::ios::out | std::ios::binary);
  stream.seekp(static_cast<std::streamoff>(place));
  stream.put(static_cast<char>((*whole)[place] ^ 1));
}

AgentEnd::AgentEnd(const std::filesystem::path& plugins, const std::string& plugin,
                   const std::filesystem::path& packs) {
  const agent::HostProgram program{host_program(), plugins, packs};
  Result<agent::HostProcess> process = agent::start_host(program, plugin);
  EXPECT_TRUE(process) << process.error().message;
  if (!process) return;
  process_ = std::move(*process);
  link_.emplace(std::move(process_.link), link::Limits());
}

AgentEnd::~AgentEnd() {
  if (exit_ || process_.pid == 0) return;
  ::kill(process_.pid, SIGKILL);
  ::waitpid(process_.pid, nullptr, 0);
}

void AgentEnd::send(const messages::FromAgent& message, std::vector<Descriptor> descriptors) {
  send_raw(messages::write(message), std::move(descriptors));
}

void AgentEnd::send_raw(std::string text, std::vector<Descriptor> descriptors) {
  ASSERT_TRUE(link_);
  const Status sent = link_->send(std::move(text), std::move(descriptors));
  EXPECT_TRUE(sent) << sent.error().message;
}

bool AgentEnd::running() {
  if (!exit_) {
    int status = 0;
    if (::waitpid(process_.pid, &status, WNOHANG) == process_.pid) exit_ = status;
  }
  return !exit_;
}

std::optional<int> AgentEnd::wait_exit() {
  eventually([this] {
    receive();
    return !running();
  });
  receive();
  return exit_;
}

void AgentEnd::receive() {
  if (!link_) return;
  [[maybe_unused]] const Status sent = link_->flush();  // its failure is seen below
  for (;;) {
    auto received = link_->receive();
    if (!received) {
      EXPECT_EQ(received.error().code, ErrorCode::cancelled) << received.error().message;
      return link_.reset();
    }
    if (!*received) return;
    const auto message = messages::parse_from_host((*received)->text);
    ASSERT_TRUE(message) << message.error().message;
    received_.push_back(*message);
  }
}

bool AgentEnd::answers_ping() {
  while (take<messages::Pong>()) {
  }
  send(messages::Ping{});
  return expect<messages::Pong>().has_value();
}

}  // namespace ferry::contract
