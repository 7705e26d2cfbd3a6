// Commands of the broker, done through the same operations as requests of the control socket.
#pragma once

#include "agent/control/control.hpp"
#include "formats/command.hpp"

namespace ferry::control {

// On the agent's loop. What the control socket would answer.
Result<Json> perform(const formats::Command& command, ControlRequests& requests);

// {"id","command","ok":true,"result"} or {"id","command","ok":false,"error":{"code","message"}};
// `command` is "" when it was not understood.
Json reply_to(const std::string& id, std::string_view command, const Result<Json>& done);

}  // namespace ferry::control
