// The agent's control API as ferryctl uses it, by libcurl over the unix socket.
#pragma once

#include <filesystem>
#include <functional>
#include <memory>
#include <string>

#include "base/result.hpp"
#include "ctl/exit_status.hpp"
#include "formats/json.hpp"

namespace ferry::ctl {

using formats::Json;

// One line for people and the status to end with.
struct Problem {
  Exit exit = Exit::failure;
  std::string message;
};

template <typename T>
using Answered = tl::expected<T, Problem>;

struct Reply {
  std::string text;  // exactly as the agent sent it
  Json json;
};

// Not thread-safe. Blocks; each request ends within half a minute.
class Client {
 public:
  explicit Client(std::filesystem::path socket);
  ~Client();
  Client(const Client&) = delete;
  Client& operator=(const Client&) = delete;

  Answered<Reply> get(const std::string& path);
  Answered<Reply> post(const std::string& path, const Json& body);

  struct Watching {
    std::function<void(const Reply&)> event;  // one line of the stream
    std::function<void()> tick;               // at least about once a second
  };
  // Gives events until the stream ends, which is always a problem: the agent ended, or dropped us.
  Problem watch(const Watching& watching);

  // "a/b c" → "a%2Fb%20c"
  static std::string encoded(const std::string& part);

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace ferry::ctl
