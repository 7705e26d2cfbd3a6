// What devices that are not here would get: they are woken for it.
#include "agent/desk.hpp"

namespace ferry::agent {
namespace {

using storage::DeliveryState;

// The gateway waits for nothing but the device's own word, or an operator's.
bool is_through(const storage::Delivery& delivery) {
  switch (delivery.state) {
    case DeliveryState::transferred:
    case DeliveryState::activated:
    case DeliveryState::confirming:
    case DeliveryState::installed:
    case DeliveryState::failed:
    case DeliveryState::rolled_back:
    case DeliveryState::cancelled:
      return true;
    case DeliveryState::unknown:  // one that did not come back for the rest is
      return delivery.bytes_total > 0 && delivery.bytes_done >= delivery.bytes_total;
    default:
      return false;
  }
}

}  // namespace

Desk::Due Desk::due(const std::string& product_name, const std::string& id) {
  const storage::Device* known = device(product_name, id);
  storage::Device asked = known == nullptr ? storage::Device{} : *known;
  asked.product = product_name;
  asked.id = id;
  Due due;
  const auto planned = plan(asked, asked.version);
  if (!planned) return due;
  const auto* entry = book_.newest_of(product_name, id, planned->version);
  if (entry != nullptr && is_through(entry->delivery)) return due;
  due.version = planned->version;
  if (const auto hold = pull_hold(asked, planned->version)) due.hold = hold->why;
  for (const catalog::Pick& pick : planned->picks) {
    const auto role = pick.artifact->role;
    if (role != formats::Role::firmware && role != formats::Role::differential) continue;
    const auto* held = view_->find(product_name, pick.version);
    due.image = held == nullptr ? nullptr : held->release.find(formats::Role::firmware);
    due.image_version = pick.version;
  }
  return due;
}

}  // namespace ferry::agent
