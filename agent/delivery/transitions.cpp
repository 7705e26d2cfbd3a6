#include "agent/delivery/transitions.hpp"

#include <algorithm>
#include <array>

namespace ferry::delivery {
namespace {

using S = DeliveryState;
using T = Trigger;

struct Row {
  S from;
  T trigger;
  S to;
  std::string_view event = {};
};

constexpr auto table = std::to_array<Row>({
    // The transfer.
    {S::waiting, T::offer, S::transferring},
    {S::waiting, T::begin, S::scheduled},
    {S::waiting, T::arrive, S::transferring},
    {S::scheduled, T::arrive, S::transferring},
    {S::waiting, T::complete, S::transferred, "delivered"},
    {S::scheduled, T::complete, S::transferred, "delivered"},
    {S::transferring, T::complete, S::transferred, "delivered"},
    {S::scheduled, T::lose, S::waiting},
    {S::transferring, T::lose, S::waiting},
    {S::scheduled, T::fail_once, S::waiting},
    {S::transferring, T::fail_once, S::waiting},
    // The start of what was brought. Where that fails, the device is looked at anew: it may have
    // lost what it had.
    {S::transferred, T::missing, S::waiting},
    {S::transferred, T::fail_once, S::waiting},
    {S::transferred, T::lose, S::transferred},
    {S::transferred, T::activate, S::activated},
    {S::waiting, T::activate, S::activated},
    {S::scheduled, T::activate, S::activated},
    {S::transferring, T::activate, S::activated},
    // The trial.
    {S::activated, T::confirm, S::confirming},
    {S::confirming, T::confirm, S::confirming},
    {S::confirming, T::lose, S::activated},
    {S::confirming, T::fail_once, S::activated},
    {S::transferred, T::go_back, S::rolled_back, "rolled_back"},
    {S::activated, T::go_back, S::rolled_back, "rolled_back"},
    {S::confirming, T::go_back, S::rolled_back, "rolled_back"},
    {S::unknown, T::go_back, S::rolled_back, "rolled_back"},
    {S::unknown, T::activate, S::activated},
    // The device runs it: whatever was believed of it before.
    {S::waiting, T::run, S::installed, "installed"},
    {S::scheduled, T::run, S::installed, "installed"},
    {S::transferring, T::run, S::installed, "installed"},
    {S::transferred, T::run, S::installed, "installed"},
    {S::activated, T::run, S::installed, "installed"},
    {S::confirming, T::run, S::installed, "installed"},
    {S::unknown, T::run, S::installed, "installed"},
    {S::rolled_back, T::run, S::installed, "installed"},
    // Other ends.
    {S::waiting, T::give_up, S::failed, "failed"},
    {S::scheduled, T::give_up, S::failed, "failed"},
    {S::transferring, T::give_up, S::failed, "failed"},
    {S::transferred, T::give_up, S::failed, "failed"},
    {S::activated, T::give_up, S::failed, "failed"},
    {S::confirming, T::give_up, S::failed, "failed"},
    {S::transferring, T::expire, S::unknown, "unknown"},
    {S::transferred, T::expire, S::unknown, "unknown"},
    {S::activated, T::expire, S::unknown, "unknown"},
    {S::confirming, T::expire, S::unknown, "unknown"},
    {S::transferring, T::follow, S::unknown, "unknown"},
    {S::transferred, T::follow, S::unknown, "unknown"},
    {S::activated, T::follow, S::unknown, "unknown"},
    {S::confirming, T::follow, S::unknown, "unknown"},
    {S::waiting, T::cancel, S::cancelled, "cancelled"},
    {S::scheduled, T::cancel, S::cancelled, "cancelled"},
    {S::transferring, T::cancel, S::cancelled, "cancelled"},
    {S::transferred, T::cancel, S::cancelled, "cancelled"},
    {S::activated, T::cancel, S::cancelled, "cancelled"},
    {S::confirming, T::cancel, S::cancelled, "cancelled"},
    // Another try.
    {S::failed, T::again, S::waiting},
    {S::rolled_back, T::again, S::waiting},
    {S::cancelled, T::again, S::waiting},
    {S::unknown, T::again, S::waiting},
    {S::waiting, T::again, S::waiting},
});

constexpr auto names = std::to_array<std::string_view>(
    {"offer", "begin", "arrive", "complete", "missing", "activate", "confirm", "run", "go_back",
     "lose", "fail_once", "give_up", "expire", "follow", "cancel", "again"});
static_assert(names.size() == triggers);

}  // namespace

std::string_view to_string(Trigger trigger) {
  return names.at(static_cast<std::size_t>(trigger));
}

std::optional<Transition> transition(DeliveryState from, Trigger trigger) {
  const auto found = std::find_if(table.begin(), table.end(), [&](const Row& row) {
    return row.from == from && row.trigger == trigger;
  });
  if (found == table.end()) return std::nullopt;
  return Transition{found->to, found->event};
}

bool ended(DeliveryState state) {
  switch (state) {
    case S::installed:
    case S::failed:
    case S::rolled_back:
    case S::cancelled:
    case S::unknown:
      return true;
    default:
      return false;
  }
}

}  // namespace ferry::delivery
