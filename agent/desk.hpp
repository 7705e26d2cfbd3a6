// The desk: answers what transport hosts ask, from the catalog in memory, and keeps book of devices
// and deliveries. Lives on the agent's loop; whatever touches the disk goes to the worker and comes
// back.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <string>

#include "agent/catalog/offer.hpp"
#include "agent/catalog/view.hpp"
#include "agent/delivery/pull.hpp"
#include "agent/host_requests.hpp"
#include "base/clock.hpp"
#include "config/settings.hpp"
#include "storage/store.hpp"

namespace ferry::agent {

// Runs `work` on the worker's thread, then `then` on the loop.
class Worker {
 public:
  virtual ~Worker() = default;
  virtual void run(std::function<void()> work, std::function<void()> then) = 0;
};

// What the desk tells the agent; called on the loop.
struct DeskEvents {
  std::function<void(const storage::Device&)> device_changed;
  std::function<void()> events_stored;  // the outbox has something new
  std::function<void(const std::string& pack, const std::string& why)> pack_corrupt;
};

class Desk final : public HostRequests {
 public:
  Desk(Worker& worker, storage::Store& store, const Clock& clock,
       const std::vector<config::ProductSettings>& products, DeskEvents events);

  // Reads devices and open deliveries from the store. Blocks; called once before anything else.
  Status load();
  void set_view(std::shared_ptr<const catalog::View> view) { view_ = std::move(view); }
  // Marks what was transferred long ago; called now and then.
  void expire();

  const std::map<std::string, storage::Device>& devices() const { return devices_; }
  const delivery::PullTracker& deliveries() const { return tracker_; }
  // Sets ("" clears) the version that a device shall get. ErrorCode::not_found: no such device or
  // no such release; ErrorCode::denied: below the device's version without `downgrade`. `product`
  // may be "".
  Result<storage::Device> assign(const std::string& device, const std::string& product,
                                 const std::string& version, bool downgrade);

  void seen(const std::string& transport, const formats::link::Seen& message) override;
  void offer(const std::string& transport, const formats::link::AskOffer& ask,
             OfferAnswer answer) override;
  void find(const std::string& transport, const formats::link::AskArtifact& ask,
            ArtifactAnswer answer) override;
  void progress(const std::string& transport, const formats::link::Progress& message) override;
  void outcome(const std::string& transport, const formats::link::Outcome& message,
               OutcomeAnswer answer) override;
  void corrupt(const std::string& transport, const formats::link::Corrupt& message) override;

 private:
  struct OfferJob;

  // Notes who showed itself; null when the table is full or the product unknown.
  storage::Device* touch(const std::string& transport, const formats::link::DeviceClaim& claim);
  const config::ProductSettings* product(const std::string& name) const;
  std::optional<catalog::Offer> plan(const storage::Device& device,
                                     const std::string& version) const;
  void keep(std::vector<delivery::Change> changes, std::function<void(Status)> then = {});
  void prepare(OfferJob& job) const;
  void finish(OfferJob& job);
  void adopt_for(const std::string& transport, const formats::link::Progress& message);

  Worker& worker_;
  storage::Store& store_;
  const Clock& clock_;
  std::map<std::string, config::ProductSettings> products_;
  DeskEvents events_;
  std::shared_ptr<const catalog::View> view_;
  std::map<std::string, storage::Device> devices_;  // by "product/id"
  std::map<std::string, Time> device_kept_;         // when its row was last written
  delivery::PullTracker tracker_;
};

// What a device has to fetch for an offer: what it holds already is left out.
std::vector<delivery::Piece> pieces_of(const catalog::Offer& offer);

}  // namespace ferry::agent
