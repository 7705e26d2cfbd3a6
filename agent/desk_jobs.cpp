// What the cloud's jobs say that a device shall get.
#include "agent/catalog/version.hpp"
#include "agent/desk.hpp"
#include "base/log.hpp"

namespace ferry::agent {
namespace {

// Ended in a way that a new word of somebody's is needed for another try.
bool was_given_up(const storage::Delivery& delivery) {
  return delivery.state == storage::DeliveryState::failed ||
         delivery.state == storage::DeliveryState::rolled_back ||
         delivery.state == storage::DeliveryState::cancelled;
}

}  // namespace

Status Desk::expect(const storage::Job& job, bool wanted) {
  const auto* settings = product(job.product);
  if (settings == nullptr) return fail(ErrorCode::not_found, "no product " + job.product);
  const Key key = key_of(job.product, job.device);
  const auto known = devices_.find(key);
  storage::Device device = known == devices_.end() ? storage::Device{} : known->second;
  device.product = job.product;
  device.id = job.device;
  const bool assigned = known != devices_.end() && device.assigned_version == job.version;
  if (wanted == assigned) return {};
  const auto order = device.version.empty()
                         ? std::nullopt
                         : catalog::compare(settings->versions, job.version, device.version);
  if (wanted && order && std::is_lt(*order) && !settings->allow_downgrade) {
    return fail(ErrorCode::denied, device.id + " runs " + device.version + ", which is above " +
                                       job.version + ", and its product has no allow_downgrade");
  }
  device.assigned_version = wanted ? job.version : "";
  device.downgrade = false;
  if (Status kept = store_.fleet().put(device); !kept) return kept;
  devices_[key] = device;
  unwritten_.insert(key);  // an older row may be on its way to the disk
  log::info("devices", "{} of {} is assigned {} by job {}", device.id, device.product,
            wanted ? job.version : "the newest release, no more " + job.version, job.job);
  if (events_.device_changed) events_.device_changed(device);
  const auto* entry = book_.newest_of(job.product, job.device, job.version);
  if (wanted && entry != nullptr && was_given_up(entry->delivery)) {
    (void)this->order(entry->delivery.id, Order::retry);
  }
  wake_in(Duration(0));
  return {};
}

}  // namespace ferry::agent
