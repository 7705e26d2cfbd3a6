// Which commands of the broker are believed. Pure.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "base/clock.hpp"
#include "base/signature.hpp"
#include "formats/command.hpp"

namespace ferry::control {

// Without a key every command that is understood is let through. With one, only what it signed,
// for this gateway, once, before it expires; nothing unsigned.
class CommandGate {
 public:
  // `last_sequence`: of the key, the highest obeyed before.
  CommandGate(std::string gateway, std::optional<PublicKey> key, std::uint64_t last_sequence)
      : gateway_(std::move(gateway)), key_(key), last_sequence_(last_sequence) {}

  struct Judged {
    std::string id;  // as far as it is known: nothing unsigned is quoted where a key is set
    Result<formats::Command> command;
    // To be kept before the command is obeyed; 0 for an unsigned one.
    std::uint64_t sequence = 0;
  };
  // One sequence number passes once, whatever becomes of its command.
  Judged judge(std::string_view payload, Time now);

 private:
  Status check_bounds(const formats::Command& command, Time now) const;

  std::string gateway_;
  std::optional<PublicKey> key_;
  std::uint64_t last_sequence_;
};

}  // namespace ferry::control
