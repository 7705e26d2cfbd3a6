#include "agent/control/command_gate.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "base/local_time.hpp"
#include "formats/release.hpp"

namespace ferry::control {
namespace {

// An envelope's payload is base64, and a few signatures stand beside it.
constexpr std::size_t envelope_limit = 3 * formats::command_size_limit;

Failure denied(const std::string& why) {
  return fail(ErrorCode::denied, "command: " + why);
}

}  // namespace

Status CommandGate::check_bounds(const formats::Command& command, Time now) const {
  const auto& bounds = *command.bounds;
  if (bounds.target != gateway_) return denied("it is for another gateway");
  if (bounds.sequence <= last_sequence_) {
    return denied(fmt::format("sequence {} was used before: the next is above {}", bounds.sequence,
                              last_sequence_));
  }
  if (now < clock_was_set) return denied("the gateway's clock is not set: when does it expire?");
  if (static_cast<std::uint64_t>(to_unix_ms(now)) / 1000 >= bounds.expires) {
    return denied("it has expired");
  }
  return {};
}

CommandGate::Judged CommandGate::judge(std::string_view payload, Time now) {
  if (!key_) {
    auto command = formats::parse_command(payload);
    if (command && command->bounds) {
      command = denied("it has a target, sequence or expires, but this gateway has no command_key");
    }
    return {formats::command_id(payload), std::move(command), 0};
  }
  if (payload.size() > envelope_limit) {
    return {"", fail(ErrorCode::too_large, "command: its envelope is too large"), 0};
  }
  const auto envelope = formats::parse_envelope(payload);
  if (!envelope) {
    return {"", denied("only signed ones are heard here (ferryctl sign-command)"), 0};
  }
  const std::string covered = formats::signed_bytes(*envelope);
  const bool good =
      envelope->payload_type == formats::command_payload_type &&
      std::any_of(envelope->signatures.begin(), envelope->signatures.end(), [&](const auto& one) {
        return key_->verify(as_bytes(covered), as_bytes(one.signature));
      });
  if (!good) return {"", denied("its signature is not by command_key"), 0};
  auto command = formats::parse_command(envelope->payload);
  Judged judged{formats::command_id(envelope->payload), std::move(command), 0};
  if (!judged.command) return judged;
  if (!judged.command->bounds) {
    judged.command = denied("target, sequence and expires have to be signed with it");
  } else if (const Status bounds = check_bounds(*judged.command, now); !bounds) {
    judged.command = fail(bounds.error());
  } else {
    judged.sequence = last_sequence_ = judged.command->bounds->sequence;
  }
  return judged;
}

}  // namespace ferry::control
