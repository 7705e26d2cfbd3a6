// Commands of the broker: judged, then done as requests of the control socket are.
#include "agent/control/perform.hpp"
#include "agent/state.hpp"
#include "base/log.hpp"

namespace ferry::agent {

Status Agent::State::open_gate() {
  const auto& settings = options.settings.monitor;
  std::optional<PublicKey> key;
  std::uint64_t last = 0;
  if (!settings.command_key.empty()) {
    auto loaded = PublicKey::load(settings.command_key);
    if (!loaded) return fail(loaded.error(), "[monitor] command_key");
    gate_key = loaded->base64();
    key = *loaded;
    const auto kept = store->operators().command_sequence(gate_key);
    if (!kept) return fail(kept.error());
    last = *kept;
  }
  gate = std::make_unique<control::CommandGate>(options.settings.gateway.name, key, last);
  return {};
}

void Agent::State::hear(const Result<std::string>& payload) {
  if (stopping) return;
  if (!payload) return monitor->reply(control::reply_to("", "", fail(payload.error())));
  auto judged = gate->judge(*payload, clock.now());
  if (!judged.command) {
    log::warning("monitor", "refused: {}", judged.command.error().message);
    return monitor->reply(control::reply_to(judged.id, "", fail(judged.command.error())));
  }
  const auto obey = [this, command = *judged.command](const Status& kept) {
    const auto verb = formats::to_string(command.verb);
    const Result<Json> done =
        kept ? control::perform(command, *this) : Result<Json>(fail(kept.error()));
    log::info("monitor", "command {} {}: {}", command.id, verb,
              done ? "done" : done.error().message);
    monitor->reply(control::reply_to(command.id, verb, done));
  };
  if (judged.sequence == 0) return obey({});
  // On the disk first: power that is cut now must not let the same command in again.
  auto kept = std::make_shared<Status>();
  worker.run(
      [this, kept, sequence = judged.sequence] {
        *kept = store->operators().keep_command_sequence(gate_key, sequence);
      },
      [this, kept, obey] {
        if (!stopping) obey(*kept);
      });
}

}  // namespace ferry::agent
