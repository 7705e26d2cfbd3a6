// What ferryctl does about the broker: tests the agent's connection to it, signs commands for it.
#include <fmt/format.h>

#include <chrono>
#include <cstdio>
#include <thread>

#include "base/signature.hpp"
#include "ctl/commands.hpp"
#include "ctl/fields.hpp"
#include "ctl/format.hpp"
#include "formats/command.hpp"
#include "formats/release.hpp"

namespace ferry::ctl {
namespace {

// Longer than the agent waits for a broker's first word.
constexpr auto test_limit = std::chrono::seconds(45);
constexpr auto look_interval = std::chrono::milliseconds(200);

std::string commands_line(const std::string& commands) {
  if (commands == "listening") return "heard";
  if (commands == "off") return "not wanted (commands = no)";
  if (commands == "refused") {
    return "REFUSED: the broker does not let this gateway subscribe to its topic 'command'";
  }
  return "no word from the broker yet";
}

Exit show_test(const Options& options, const Json& monitor, bool ended) {
  const bool connected = text_of(monitor, "state") == "connected";
  const bool refused = text_of(monitor, "commands") == "refused";
  const bool good = ended && connected && !refused;
  if (options.json) {
    fmt::print("{}\n", formats::to_text(monitor));
    return good ? Exit::ok : Exit::failure;
  }
  std::string reached =
      fmt::format("yes, it answers within {} ms", number_of(monitor, "answer_ms"));
  if (!connected) reached = "NO: " + text_of(monitor, "error");
  if (!ended) {
    reached =
        fmt::format("NO ANSWER within {} s {}", test_limit.count(), text_of(monitor, "error"));
  }
  fmt::print("broker    {}\nreached   {}\ncommands  {}\nwaiting   {} events\n",
             printable(text_of(monitor, "broker")), printable(reached),
             connected ? commands_line(text_of(monitor, "commands")) : "not heard",
             number_of(monitor, "waiting"));
  return good ? Exit::ok : Exit::failure;
}

}  // namespace

Exit test_monitor(const Options& options) {
  Client client(options.socket);
  const auto begun = client.post("/v1/monitor/test", Json::object());
  if (!begun) return report(begun.error());
  const std::uint64_t run = number_of(begun->json, "run");
  const auto deadline = std::chrono::steady_clock::now() + test_limit;
  for (;;) {
    const auto status = client.get("/v1/status");
    if (!status) return report(status.error());
    const Json& monitor = member(status->json, "monitor");
    const bool ended = number_of(monitor, "tests") >= run;
    if (ended || std::chrono::steady_clock::now() > deadline) {
      return show_test(options, monitor, ended);
    }
    std::this_thread::sleep_for(look_interval);
  }
}

Exit sign_command(const Options& /*options*/, const SignOptions& what) {
  auto command = formats::parse_command(what.command);
  if (!command) return report({Exit::usage, command.error().message});
  const auto key = PrivateKey::load(what.key);
  if (!key) return report({Exit::failure, key.error().message});
  const auto now = static_cast<std::uint64_t>(to_unix_ms(SystemClock().now()));
  auto& bounds = command->bounds.emplace();
  bounds.target = what.gateway;
  bounds.sequence = what.sequence == 0 ? now : what.sequence;
  bounds.expires = now / 1000 + what.valid;
  formats::Envelope envelope;
  envelope.payload_type = formats::command_payload_type;
  envelope.payload = formats::write_command(*command);
  const std::string covered = formats::signed_bytes(envelope);
  const auto signature = key->sign(as_bytes(covered));
  if (!signature) return report({Exit::failure, signature.error().message});
  const auto own = key->public_key();
  envelope.signatures.push_back({own ? own->key_id() : "", *signature});
  fmt::print("{}\n", formats::write_envelope(envelope));
  return Exit::ok;
}

}  // namespace ferry::ctl
