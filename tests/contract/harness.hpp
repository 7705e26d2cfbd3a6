// What the contract tests share: real packs, and the agent's end of a real ferry-transport process.
#pragma once

#include <chrono>
#include <filesystem>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "agent/host_process.hpp"
#include "base/link.hpp"
#include "formats/link_messages.hpp"
#include "storage/pack.hpp"
#include "transports/transport.h"

namespace ferry::contract {

namespace messages = formats::link;

// What takes longer on a busy machine is a failure. A device that says nothing is given up by SMP
// after half a minute (smp::ClientOptions).
inline constexpr std::chrono::seconds patience{180};

// Polls until `condition` holds; false when patience is over.
bool eventually(const std::function<bool()>& condition);

class TemporaryFolder {
 public:
  TemporaryFolder();
  ~TemporaryFolder();
  TemporaryFolder(const TemporaryFolder&) = delete;
  TemporaryFolder& operator=(const TemporaryFolder&) = delete;
  const std::filesystem::path& path() const { return path_; }

 private:
  std::filesystem::path path_;
};

// Programs and folders under test; FERRY_PLUGINS in the environment overrides where plugins lie.
std::filesystem::path host_program();
std::filesystem::path plugin_folder();
std::filesystem::path test_plugin_folder();

// `size` bytes that repeat nowhere nearby.
std::string firmware(std::size_t size, unsigned seed = 1);

// Sealed packs as the agent makes them.
class Packs {
 public:
  Packs();
  messages::ServableArtifact add(const std::string& pack, const std::string& content);
  // Changes a byte inside the content's part that begins at `offset`.
  void flip(const messages::ServableArtifact& artifact, const std::string& content,
            std::size_t offset);
  std::filesystem::path file(const std::string& pack) const { return folder() / pack; }
  std::filesystem::path folder() const { return store_.path() / "packs"; }
  std::filesystem::path store() const { return store_.path(); }

 private:
  TemporaryFolder store_;
};

// Plays the agent for one host process.
class AgentEnd {
 public:
  AgentEnd(const std::filesystem::path& plugins, const std::string& plugin,
           const std::filesystem::path& packs);
  ~AgentEnd();  // kills the host
  AgentEnd(const AgentEnd&) = delete;
  AgentEnd& operator=(const AgentEnd&) = delete;

  void send(const messages::FromAgent& message, std::vector<Descriptor> descriptors = {});
  void send_raw(std::string text, std::vector<Descriptor> descriptors = {});
  void close() { link_.reset(); }
  pid_t pid() const { return process_.pid; }
  bool running();
  // What waitpid says of the host's end; nothing when it runs on.
  std::optional<int> wait_exit();

  // The next message of this type, from those that came already or are still to come; earlier ones
  // of other types stay.
  template <typename Message>
  std::optional<Message> expect() {
    std::optional<Message> found;
    eventually([&] {
      receive();
      return (found = take<Message>()).has_value();
    });
    return found;
  }
  // The same, of what has come until now.
  template <typename Message>
  std::optional<Message> take() {
    for (auto message = received_.begin(); message != received_.end(); ++message) {
      if (!std::holds_alternative<Message>(*message)) continue;
      Message found = std::get<Message>(std::move(*message));
      received_.erase(message);
      return found;
    }
    return std::nullopt;
  }
  // Receives what is there; a message that breaks the rules fails the test.
  void receive();
  // Pings and waits for the pong: everything sent before has been handled by the plugin's loop.
  bool answers_ping();

 private:
  agent::HostProcess process_;
  std::optional<link::Link> link_;
  std::vector<messages::FromHost> received_;
  std::optional<int> exit_;
};

}  // namespace ferry::contract
