// The desk: answers what transport hosts ask, from the catalog in memory, and keeps book of devices
// and deliveries. Lives on the agent's loop; whatever touches the disk goes to the worker and comes
// back.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "agent/catalog/offer.hpp"
#include "agent/catalog/view.hpp"
#include "agent/delivery/pull.hpp"
#include "agent/delivery/push.hpp"
#include "agent/delivery/rollout.hpp"
#include "agent/host_requests.hpp"
#include "agent/mirror.hpp"
#include "agent/worker.hpp"
#include "base/clock.hpp"
#include "config/settings.hpp"
#include "storage/store.hpp"

namespace ferry::agent {

// What the desk tells the agent; called on the loop.
struct DeskEvents {
  std::function<void(const storage::Device&)> device_changed;
  std::function<void(const storage::Delivery&)> delivery_changed;
  std::function<void(const storage::Delivery&)> delivery_moved;  // some of its bytes arrived
  std::function<void()> events_stored;                           // the outbox has something new
  std::function<void()> releases_changed;                        // how one of them spreads
  // Something that kept devices waiting is over then: hosts should ask again. Called often.
  std::function<void(Duration)> wake_in;
  std::function<void(const std::string& transport, std::uint64_t delivery)> cancel_step;
  std::function<void(const std::string& pack, const std::string& why)> pack_corrupt;
};

// What an operator wants of one delivery.
enum class Order { pause, resume, retry, cancel, force, install };

class Desk final : public HostRequests {
 public:
  Desk(Worker& worker, storage::Store& store, const Clock& clock,
       const std::vector<config::ProductSettings>& products, DeskEvents events);

  // What each transport may pass on of which sources; nothing until it is called.
  void set_mirrors(Mirror::Sources sources) { mirror_.set_sources(std::move(sources)); }
  // Reads devices and open deliveries from the store. Blocks; called once before anything else.
  Status load();
  void set_view(std::shared_ptr<const catalog::View> view);
  // Marks what was transferred or tried long ago, and widens rollouts; called now and then.
  void expire();
  // Writes the devices that changed since the last call: a device that shows itself a thousand
  // times a second, each time with another version, costs one row.
  void flush();

  const std::map<std::string, storage::Device>& devices() const { return devices_; }
  // Null when it is not known.
  const storage::Device* device(const std::string& product, const std::string& id) const;
  const delivery::Book& deliveries() const { return book_; }
  // What a device that is told showed of itself last; null when it has not since the start. Valid
  // until the next call.
  const formats::link::DeviceClaim* claim(const storage::Device& device) const;
  // The version that is for the device now, "" unknown: its own when there is nothing for it, or
  // its next release is stopped.
  std::string due_version(const storage::Device& device) const;
  // What a device would get if it showed itself now, whether it was ever seen or not.
  struct Due {
    std::string version;                              // "" nothing: it has all, or was given up
    std::string hold;                                 // why not now, for people; "" it would get it
    const formats::ReleaseArtifact* image = nullptr;  // null: it has none; valid while the view is
    std::string image_version;
  };
  Due due(const std::string& product, const std::string& device);
  // Sets ("" clears) the version that a device shall get. ErrorCode::not_found: no such device or
  // no such release; ErrorCode::denied: below the device's version without `downgrade`. `product`
  // may be "".
  Result<storage::Device> assign(const std::string& device, const std::string& product,
                                 const std::string& version, bool downgrade);
  // A device's job (the word of the cloud) says what it shall get, whether or not the device was
  // seen or the release is in the view yet; not `wanted`: it says so no more. ErrorCode::denied:
  // the device runs a version above it, and its product allows no downgrade.
  Status expect(const storage::Job& job, bool wanted);
  // The delivery as it is afterwards. ErrorCode::not_found: none of that number is remembered;
  // ErrorCode::denied: its state does not allow that.
  Result<storage::Delivery> order(std::uint64_t delivery, Order order);
  // Lets a release that was stopped go on. ErrorCode::not_found: it is not stopped.
  Status lift(const std::string& product, const std::string& version);
  // Why nothing happens with a delivery now, for people; "" when something does, or it has ended.
  std::string reason(const storage::Delivery& delivery);
  // How a release spreads: "stopped: 3 failures", "first 10 devices: 4 are done", or "".
  std::string rollout(const std::string& product, const std::string& version) const;
  bool stopped(const std::string& product, const std::string& version) const {
    return rollouts_.stopped(product, version);
  }

  void seen(const std::string& transport, const formats::link::Seen& message) override;
  void offer(const std::string& transport, const formats::link::AskOffer& ask,
             OfferAnswer answer) override;
  void find(const std::string& transport, const formats::link::AskArtifact& ask,
            ArtifactAnswer answer) override;
  void progress(const std::string& transport, const formats::link::Progress& message) override;
  void outcome(const std::string& transport, const formats::link::Outcome& message,
               OutcomeAnswer answer) override;
  void next(const std::string& transport, const formats::link::AskStep& ask,
            StepAnswer answer) override;
  void mirror(const std::string& transport, const formats::link::AskMirror& ask,
              MirrorAnswer answer) override {
    mirror_.ask(transport, ask.path, view_, std::move(answer));
  }
  void gone(const std::string& transport) override;
  void corrupt(const std::string& transport, const formats::link::Corrupt& message) override;

 private:
  struct OfferJob;
  struct StepJob;
  // A step that a transport has in hand.
  struct Lease {
    std::string transport;
    std::string product;
    std::uint64_t delivery = 0;
    formats::link::StepKind step = formats::link::StepKind::transfer;
    delivery::Steady touched{};  // when something was heard of it
  };
  using Key = std::string;  // "product/id"
  static Key key_of(const std::string& product, const std::string& id) {
    return product + "/" + id;
  }

  // Notes who showed itself; null when the table is full or the product unknown.
  storage::Device* touch(const std::string& transport, const formats::link::DeviceClaim& claim);
  delivery::Moment moment() const { return {clock_.now(), clock_.steady()}; }
  const config::ProductSettings* product(const std::string& name) const;
  formats::link::AskOffer with_last_version(const formats::link::AskOffer& ask) const;
  std::optional<catalog::Offer> plan(const storage::Device& device,
                                     const std::string& version) const;
  void keep(std::vector<delivery::Change> changes, std::function<void(Status)> then = {});
  std::shared_ptr<OfferJob> make_job(const std::string& transport, const storage::Device& device,
                                     const formats::link::AskOffer& ask,
                                     const catalog::Offer& planned);
  storage::Delivery new_delivery(const std::string& transport, const storage::Device& device,
                                 const std::string& from_version, const std::string& version,
                                 const std::vector<delivery::Piece>& pieces) const;
  formats::link::Offer link_offer(const storage::Device& device, const std::string& from_version,
                                  const catalog::Offer& planned) const;
  Status add_digests(formats::link::Offer& offer, const std::vector<std::string>& want) const;
  std::optional<delivery::Hold> pull_hold(const storage::Device& device,
                                          const std::string& version);
  // Devices whose first offer of this release is with the worker.
  std::size_t being_offered(const std::string& product, const std::string& version) const;
  void prepare(OfferJob& job) const;
  void finish(const Key& key);
  bool adopt_for(const std::string& transport, const formats::link::Progress& message);
  void take(const formats::link::Progress& message);

  // Devices that are told: desk_steps.cpp.
  formats::link::DeviceClaim identified(const formats::link::DeviceClaim& claim) const;
  std::vector<Sha256> unnamed_images(const std::string& product) const;
  std::string image_of(const catalog::Offer& planned) const;
  void observe(const formats::link::DeviceClaim& claim);
  void advance(const std::shared_ptr<StepJob>& job);
  void learn_images(const std::shared_ptr<StepJob>& job, std::vector<Sha256> unknown);
  void insert_row(const std::shared_ptr<StepJob>& job, const catalog::Offer& planned);
  void hand_out(const std::shared_ptr<StepJob>& job, delivery::Entry& entry,
                formats::link::StepKind step, const catalog::Offer& planned);
  void conclude(const std::shared_ptr<StepJob>& job);
  void end_lease(const Key& key);
  std::optional<catalog::Offer> plan_again(const storage::Device& device,
                                           const storage::Delivery& delivery) const;
  delivery::Entry* under_trial(const storage::Device& device);
  bool may_follow(const delivery::Entry& entry, const formats::link::DeviceClaim& claim);

  // What stands in the way: desk_orders.cpp.
  std::optional<delivery::Hold> push_hold(const delivery::Entry& entry,
                                          formats::link::StepKind step,
                                          const formats::link::DeviceClaim& claim,
                                          const std::string& transport) const;
  std::optional<delivery::Hold> rollout_hold(const config::ProductSettings& settings,
                                             const storage::Device& device,
                                             const std::string& version,
                                             const delivery::Entry* entry) const;
  std::size_t devices_of(const std::string& product_name) const;
  void wake_in(Duration duration) const;
  std::optional<delivery::RolloutChange> note_end(const storage::Delivery& delivery);
  std::optional<delivery::RolloutChange> settled(const std::string& product,
                                                 const std::string& version);
  void settle(const std::string& product, const std::string& version);
  void keep_rollout(const delivery::RolloutChange& change);

  Worker& worker_;
  storage::Store& store_;
  const Clock& clock_;
  std::map<std::string, config::ProductSettings> products_;
  DeskEvents events_;
  Mirror mirror_;
  std::shared_ptr<const catalog::View> view_;
  std::map<Key, storage::Device> devices_;
  std::map<Key, Time> last_seen_kept_;
  std::set<Key> unwritten_;  // devices whose row is older than what is known
  bool writing_ = false;     // a flush is with the worker
  bool full_ = false;        // it was said that no further device is kept
  // At most one question of a device is with the worker; the same asked again waits for its answer.
  std::map<Key, std::shared_ptr<OfferJob>> asked_;
  // Progress that waits for the row of its delivery.
  std::map<Key, std::vector<formats::link::Progress>> adopting_;
  delivery::Book book_;
  delivery::PullTracker pull_;
  delivery::PushTracker push_;
  delivery::Rollouts rollouts_;
  std::map<Key, Lease> leases_;
  std::map<Key, std::shared_ptr<StepJob>> asked_steps_;  // with the worker
  // How devices that are told showed themselves last.
  std::map<Key, formats::link::DeviceClaim> claims_;
  std::map<Sha256, std::string> images_;  // how devices name these artifacts; "" they do not
  bool slot_wanted_ = false;              // a step waits for another to end
};

// What a device has to fetch for an offer: what it holds already is left out.
std::vector<delivery::Piece> pieces_of(const catalog::Offer& offer);

}  // namespace ferry::agent
