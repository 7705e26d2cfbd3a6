#include "agent/control/perform.hpp"

#include "agent/control/routes.hpp"

namespace ferry::control {
namespace {

using formats::Command;
using formats::Verb;

Result<Json> order(const Command& command, DeliveryOrder wanted, ControlRequests& requests) {
  if (command.delivery != 0) return requests.order(command.delivery, wanted);
  const auto newest = requests.newest_delivery(command.device, command.product);
  if (!newest) return fail(newest.error());
  return requests.order(*newest, wanted);
}

Result<Json> assign(const Command& command, ControlRequests& requests) {
  Assignment assignment;
  assignment.device = command.device;
  assignment.product = command.product;
  assignment.version = command.version;
  assignment.downgrade = command.downgrade;
  return requests.assign(assignment);
}

Result<Json> order_release(const Command& command, ReleaseOrder wanted, ControlRequests& requests) {
  return requests.order_release(command.product, command.version, wanted);
}

}  // namespace

Result<Json> perform(const Command& command, ControlRequests& requests) {
  switch (command.verb) {
    case Verb::sync:
      return requests.sync(command.source);
    case Verb::pause:
      return order(command, DeliveryOrder::pause, requests);
    case Verb::resume:
      return order(command, DeliveryOrder::resume, requests);
    case Verb::retry:
      if (!command.version.empty()) return order_release(command, ReleaseOrder::retry, requests);
      return order(command, DeliveryOrder::retry, requests);
    case Verb::cancel:
      return order(command, DeliveryOrder::cancel, requests);
    case Verb::force:
      return order(command, DeliveryOrder::force, requests);
    case Verb::install:
      return order(command, DeliveryOrder::install, requests);
    case Verb::assign:
      return assign(command, requests);
    case Verb::evict:
      return order_release(command, ReleaseOrder::evict, requests);
    case Verb::pin:
      return order_release(command, ReleaseOrder::pin, requests);
    case Verb::unpin:
      return order_release(command, ReleaseOrder::unpin, requests);
  }
  return fail(ErrorCode::invalid, "command: no such verb");
}

Json reply_to(const std::string& id, std::string_view command, const Result<Json>& done) {
  Json reply = {{"id", id}, {"command", command}, {"ok", done.has_value()}};
  if (done) {
    reply["result"] = *done;
  } else {
    reply["error"] = refuse(done.error()).body["error"];
  }
  return reply;
}

}  // namespace ferry::control
