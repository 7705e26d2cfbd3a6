// Commands as they come over MQTT (docs/monitoring.md): one JSON object, or a DSSE envelope around
// one. Pure; whatever is not exactly as described is refused.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "base/result.hpp"

namespace ferry::formats {

enum class Verb {
  sync,
  pause,
  resume,
  retry,
  cancel,
  force,
  install,
  assign,
  evict,
  pin,
  unpin,
};
std::string_view to_string(Verb verb);

// What a signature is good for.
struct CommandBounds {
  std::string target;          // the gateway's name
  std::uint64_t sequence = 0;  // above all of this key that the gateway obeyed before
  std::uint64_t expires = 0;   // seconds since 1970
};

// What is not set is "" or 0. A command names things that the gateway knows: nothing in it is a
// path, an address or a program.
struct Command {
  using Bounds = CommandBounds;

  std::string id;  // the sender's, for the reply: 1 to 64 visible ASCII characters
  Verb verb = Verb::sync;
  std::string source;
  std::uint64_t delivery = 0;
  std::string device;
  std::string product;
  std::string version;
  bool downgrade = false;
  std::optional<Bounds> bounds;
};

inline constexpr std::size_t command_size_limit = 4096;
inline constexpr std::string_view command_payload_type = "application/vnd.ferry.command+json";

// Fails with a key that the verb does not know, one that it lacks, and any value out of bounds.
Result<Command> parse_command(std::string_view text);
std::string write_command(const Command& command);
// The id of a command that is otherwise not understood, for its reply; "" when it has none.
std::string command_id(std::string_view text);

}  // namespace ferry::formats
