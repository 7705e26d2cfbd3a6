// When a delivery may take its next step, by its product's settings; and the reason in words when
// it may not. Pure.
#pragma once

#include <cstddef>
#include <optional>
#include <string>

#include "agent/delivery/book.hpp"
#include "config/settings.hpp"
#include "formats/link_messages.hpp"

namespace ferry::delivery {

using formats::link::DeviceClaim;
using formats::link::StepKind;

// Why a step has to wait, as people read it ("waits: window 22:00-06:00"), and when it may pass by
// itself; nothing when something else has to happen first.
struct Hold {
  std::string why;
  std::optional<Duration> passes_in;
};

// What surrounds the question.
struct Circumstances {
  Moment now;
  // Since midnight, in local time; nothing while nobody knows the time.
  std::optional<Duration> time_of_day;
  std::string transport;      // on which the step would be taken
  std::size_t under_way = 0;  // transfers to devices of this product there
};

// Nothing inside a window, or when there are none.
std::optional<Hold> window_hold(const config::ProductSettings& settings,
                                std::optional<Duration> time_of_day);

// What the policy has against this step now. Confirming waits for nothing but an operator's pause
// and the pause after a failure: the device would go back to its old image meanwhile.
std::optional<Hold> policy_hold(const config::ProductSettings& settings, const Entry& entry,
                                StepKind step, const DeviceClaim& device,
                                const Circumstances& around);

// The pause after that many attempts have failed.
Duration pause_after(const config::ProductSettings& settings, std::uint64_t attempts);

// "40s", "5min", "2h": rounded up to the unit.
std::string to_text(Duration duration);

}  // namespace ferry::delivery
