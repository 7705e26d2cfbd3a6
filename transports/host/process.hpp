// What the process gives up before it meets anybody: inherited descriptors, capabilities, core
// dumps.
#pragma once

#include "base/result.hpp"

namespace ferry::host {

// Only standard streams and `kept` stay open.
Status close_inherited(int kept);
// Dies with the agent, dumps no core, cannot be traced by others, gains no privileges, and keeps of
// its capabilities only the one to listen on ports below 1024.
Status lower_privileges();
// The agent says when to stop; keys pressed in a terminal and a broken pipe do not. One memory
// arena for two and small stacks keep a host within a few megabytes.
void settle();

}  // namespace ferry::host
