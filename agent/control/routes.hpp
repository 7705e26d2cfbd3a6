// Which request means what: from method, target and body to an answer, without any socket.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "agent/control/control.hpp"

namespace ferry::control {

struct Answer {
  unsigned status = 200;
  Json body;
  std::string allow;                     // the methods that exist here, for 405
  bool watch = false;                    // the connection becomes a stream of events
  std::optional<std::string> page = {};  // instead of `body`
  std::string_view page_type = {};
};

// `target` as it stands in the request line. Never fails: what cannot be served is an answer as
// well.
Answer answer(std::string_view method, std::string_view target, std::string_view body,
              ControlRequests& requests);
// What is answered on the address that serves nothing but GET /metrics.
Answer metrics_page(std::string_view method, std::string_view target, ControlRequests& requests);
// {"error":{"code","message"}} with the HTTP status that fits.
Answer refuse(const Error& error);
Answer refuse(unsigned status, std::string_view code, std::string message);

}  // namespace ferry::control
