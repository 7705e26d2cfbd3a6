#include "transports/ble/refusals.hpp"

namespace ferry::ble {
namespace {

constexpr std::size_t most_refusals = 256;  // as many as a roster has devices

}  // namespace

void Refusals::add(const Address& address, const plugin::Device& device, const std::string& why) {
  if (refused_.size() >= most_refusals) return;
  const Refusal& refusal = refused_.insert_or_assign(address, Refusal{device, why}).first->second;
  end_delivery(address, refusal);
}

void Refusals::changed() {
  for (const auto& [address, refusal] : refused_) end_delivery(address, refusal);
}

void Refusals::end_delivery(const Address& address, const Refusal& refusal) {
  host_.next(refusal.device, {}, [this, address, refusal](int result, const plugin::Step* step) {
    if (result != FERRY_OK) return;
    host_.outcome(refusal.device, step->offer.delivery, FERRY_REFUSED_UNPAIRED, refusal.why);
    lift(address);
  });
}

}  // namespace ferry::ble
