// Devices that are told what to do: who they are by their image, the step that follows, and which
// transport has it in hand.
#include "agent/desk.hpp"
#include "base/log.hpp"
#include "transports/transport.h"

namespace ferry::agent {
namespace {

using delivery::Entry;
using formats::link::DeviceClaim;
using formats::link::StepKind;
using formats::link::StepReply;
using storage::DeliveryMode;
using storage::DeliveryState;

// A transport that has a step in hand for so long without a word is not waited for when the device
// shows itself elsewhere.
constexpr Duration longest_silence = std::chrono::minutes(10);
// A device on which the same release is installed again and again does not keep it.
constexpr std::size_t most_installations = 3;

}  // namespace

// One question under way. It goes to the worker for what only the store has, and comes back.
struct Desk::StepJob {
  std::string transport;
  formats::link::AskStep ask;
  StepAnswer answer;
  DeviceClaim claim;  // with the version that its image says
  std::map<Sha256, std::string> images;
  std::shared_ptr<const catalog::View> view;  // keeps what `offer` was made from
  storage::Delivery row;
  std::vector<delivery::Piece> pieces;
  StepReply reply;
  Status done;
  bool images_learned = false;
  bool row_inserted = false;

  Key key() const { return key_of(ask.device.product, ask.device.id); }
  void refuse(int result) {
    StepReply refusal;
    refusal.id = ask.id;
    refusal.result = result;
    answer(std::move(refusal));
  }
};

std::vector<Sha256> Desk::unnamed_images(const std::string& product) const {
  std::vector<Sha256> unknown;
  for (const auto* held : view_->releases_of(product)) {
    const auto* firmware = held->release.find(formats::Role::firmware);
    if (firmware == nullptr || images_.contains(firmware->sha256)) continue;
    if (view_->artifact(firmware->sha256) != nullptr) unknown.push_back(firmware->sha256);
  }
  return unknown;
}

// The version that a device's image says it runs, whatever number it tells itself.
DeviceClaim Desk::identified(const DeviceClaim& claim) const {
  DeviceClaim known = claim;
  if (claim.image.empty()) return known;
  const auto& releases = view_->releases_of(claim.product);
  for (auto held = releases.rbegin(); held != releases.rend(); ++held) {
    const auto* firmware = (*held)->release.find(formats::Role::firmware);
    if (firmware == nullptr) continue;
    const auto image = images_.find(firmware->sha256);
    if (image == images_.end() || image->second != claim.image) continue;
    known.version = (*held)->release.version;
    break;
  }
  return known;
}

std::string Desk::image_of(const catalog::Offer& planned) const {
  for (const catalog::Pick& pick : planned.picks) {
    const auto image = images_.find(pick.artifact->sha256);
    if (image != images_.end() && !image->second.empty()) return image->second;
  }
  return "";
}

const DeviceClaim* Desk::claim(const storage::Device& device) const {
  const auto known = claims_.find(key_of(device.product, device.id));
  return known == claims_.end() ? nullptr : &known->second;
}

// What a device shows of itself counts only while no transport is at it: in mid-step it may show
// anything.
void Desk::observe(const DeviceClaim& claim) {
  const auto* settings = product(claim.product);
  const Key key = key_of(claim.product, claim.id);
  if (settings == nullptr || leases_.contains(key)) return;
  if (const auto known = claims_.find(key); known != claims_.end()) known->second = claim;
  keep(push_.seen(*settings, claim, moment()));
}

void Desk::end_lease(const Key& key) {
  leases_.erase(key);
  if (!std::exchange(slot_wanted_, false)) return;
  wake_in(Duration(0));
}

void Desk::next(const std::string& transport, const formats::link::AskStep& ask,
                StepAnswer answer) {
  auto job = std::make_shared<StepJob>();
  job->transport = transport;
  job->ask = ask;
  job->answer = std::move(answer);
  const Key key = job->key();
  if (asked_steps_.contains(key)) return job->refuse(FERRY_UNAVAILABLE);
  if (const auto lease = leases_.find(key); lease != leases_.end()) {
    const bool elsewhere = lease->second.transport != transport;
    if (elsewhere && clock_.steady() - lease->second.touched < longest_silence) {
      slot_wanted_ = true;  // this transport asks again when that one has ended
      return job->refuse(FERRY_NOT_FOUND);
    }
    end_lease(key);
  }
  asked_steps_.emplace(key, job);
  advance(job);
}

// From the question to the step, as far as it goes without the store.
void Desk::advance(const std::shared_ptr<StepJob>& job) {
  const Key key = job->key();
  const auto nothing = [&] {
    asked_steps_.erase(key);
    job->refuse(FERRY_NOT_FOUND);
  };
  if (!job->images_learned) {
    job->images_learned = true;
    auto unknown = unnamed_images(job->ask.device.product);
    if (!job->ask.device.image.empty() && !unknown.empty()) return learn_images(job, unknown);
  }
  job->claim = identified(job->ask.device);
  const storage::Device* device = touch(job->transport, job->claim);
  const auto* settings = product(job->claim.product);
  if (device == nullptr || settings == nullptr) return nothing();
  claims_.insert_or_assign(key, job->claim);
  observe(job->claim);

  Entry* entry = under_trial(*device);
  std::optional<catalog::Offer> planned;
  if (entry != nullptr) {
    planned = plan_again(*device, entry->delivery);
  } else {
    planned = plan(*device, job->claim.version);
    if (!planned) return nothing();
    entry = book_.newest_of(device->product, device->id, planned->version);
    if (entry == nullptr || may_follow(*entry, job->claim)) {
      return job->row_inserted ? nothing() : insert_row(job, *planned);
    }
  }
  if (delivery::ended(entry->delivery.state)) return nothing();
  storage::Delivery& row = entry->delivery;
  if (row.mode == DeliveryMode::pull) {
    row.mode = DeliveryMode::push;
    if (auto change = book_.apply(*entry, delivery::Trigger::lose, moment())) keep({*change});
  }
  if (row.image.empty() && planned && !job->claim.image.empty()) row.image = image_of(*planned);
  const auto step = push_.step(*settings, *entry, job->claim);
  if (!step) {
    // Until then it may just not have restarted yet.
    const bool fresh = clock_.steady() - entry->since < delivery::restart_time;
    if (row.state == DeliveryState::activated && fresh) wake_in(delivery::restart_time);
    return nothing();
  }
  if (const auto hold = push_hold(*entry, *step, job->claim, job->transport)) {
    if (hold->passes_in) wake_in(*hold->passes_in);
    slot_wanted_ = true;
    const bool in_hand = row.state == DeliveryState::scheduled ||
                         row.state == DeliveryState::transferring ||
                         row.state == DeliveryState::confirming;
    if (in_hand) {
      if (auto change = book_.apply(*entry, delivery::Trigger::lose, moment())) keep({*change});
    }
    return nothing();
  }
  hand_out(job, *entry, *step, planned.value_or(catalog::Offer{row.version, {}, false, {}}));
}

// A delivery that the device is trying out: nothing else is begun before that has ended.
Entry* Desk::under_trial(const storage::Device& device) {
  for (Entry& entry : book_.of(device.product, device.id)) {
    const auto state = entry.delivery.state;
    const bool tried = state == DeliveryState::activated || state == DeliveryState::confirming;
    if (tried && entry.delivery.mode == DeliveryMode::push) return &entry;
  }
  return nullptr;
}

// Whether a delivery of the same release may follow one that has ended: a device that was
// installed and shows itself with something else again, but not for ever; never one that tells
// nothing, since nobody could say whether it has it.
bool Desk::may_follow(const Entry& entry, const DeviceClaim& claim) {
  const storage::Delivery& row = entry.delivery;
  if (!delivery::ended(row.state) || row.state == DeliveryState::cancelled) return false;
  if (row.mode == DeliveryMode::pull) return !claim.version.empty() || !claim.image.empty();
  if (row.state != DeliveryState::installed) return false;
  if (claim.version.empty() && claim.image.empty()) return false;
  std::size_t times = 0;
  for (const Entry& other : book_.of(row.product, row.device)) {
    const bool same = other.delivery.version == row.version;
    times += same && other.delivery.state == DeliveryState::installed ? 1 : 0;
  }
  return times < most_installations;
}

// The offer of a delivery whose release is not the next for the device any more, as far as it is
// still held.
std::optional<catalog::Offer> Desk::plan_again(const storage::Device& device,
                                               const storage::Delivery& delivery) const {
  storage::Device as_before = device;
  as_before.assigned_version = delivery.version;
  as_before.downgrade = true;
  return plan(as_before, delivery.from_version);
}

void Desk::learn_images(const std::shared_ptr<StepJob>& job, std::vector<Sha256> unknown) {
  worker_.run(
      [this, job, unknown = std::move(unknown)] {
        for (const Sha256& sha256 : unknown) {
          const auto image = store_.releases().digest(sha256, "mcuboot");
          if (image) {
            job->images[sha256] = *image;
          } else {
            log::error("catalog", "image name of artifact {}: {}", sha256.hex(),
                       image.error().message);
          }
        }
      },
      [this, job] {
        images_.merge(job->images);
        advance(job);
      });
}

void Desk::insert_row(const std::shared_ptr<StepJob>& job, const catalog::Offer& planned) {
  const storage::Device& device = devices_.at(job->key());
  job->pieces = pieces_of(planned);
  job->row = new_delivery(job->transport, device, job->claim.version, planned.version, job->pieces);
  job->row.mode = DeliveryMode::push;
  job->row.state = DeliveryState::waiting;
  if (!job->claim.image.empty()) job->row.image = image_of(planned);
  job->row_inserted = true;
  worker_.run(
      [this, job] {
        const auto id = store_.fleet().put(job->row, {});
        if (id) {
          job->row.id = *id;
        } else {
          job->done = fail(id.error());
        }
      },
      [this, job] {
        if (!job->done) {
          // Nothing is pushed that could not be remembered: it would be pushed again and again.
          log::error("deliveries", "{} {} for {} could not be kept: {}", job->row.product,
                     job->row.version, job->row.device, job->done.error().message);
          asked_steps_.erase(job->key());
          return job->refuse(FERRY_UNAVAILABLE);
        }
        keep(pull_.adopt(job->row, job->pieces, moment()));
        if (events_.delivery_changed) events_.delivery_changed(job->row);
        advance(job);
      });
}

void Desk::hand_out(const std::shared_ptr<StepJob>& job, Entry& entry, StepKind step,
                    const catalog::Offer& planned) {
  const Key key = job->key();
  entry.delivery.transport = job->transport;
  leases_[key] =
      Lease{job->transport, job->claim.product, entry.delivery.id, step, clock_.steady()};
  // At once, so that the next question finds this place taken.
  if (auto change = push_.begin(entry, step, moment())) keep({std::move(*change)});
  job->pieces = pieces_of(planned);
  job->row = entry.delivery;
  job->view = view_;
  job->reply.id = job->ask.id;
  job->reply.result = FERRY_OK;
  job->reply.step = step;
  job->reply.offer = link_offer(devices_.at(key), entry.delivery.from_version, planned);
  job->reply.offer->delivery = entry.delivery.id;
  worker_.run([this, job] { job->done = add_digests(*job->reply.offer, job->ask.want); },
              [this, job] { conclude(job); });
}

void Desk::conclude(const std::shared_ptr<StepJob>& job) {
  const Key key = job->key();
  asked_steps_.erase(key);
  const auto lease = leases_.find(key);
  const bool ours = lease != leases_.end() && lease->second.delivery == job->row.id &&
                    lease->second.transport == job->transport;
  Entry* entry = book_.find(job->row.product, job->row.device, job->row.id);
  const bool wanted = entry != nullptr && !delivery::ended(entry->delivery.state) &&
                      !entry->delivery.paused && ours;
  if (!wanted || !job->done) {
    if (ours) end_lease(key);
    if (ours && entry != nullptr) {
      if (auto change = push_.lose(*entry, moment())) keep({std::move(*change)});
    }
    return job->refuse(job->done ? FERRY_NOT_FOUND : FERRY_UNAVAILABLE);
  }
  keep(pull_.adopt(entry->delivery, job->pieces, moment()));
  const auto& artifacts = job->reply.offer->artifacts;
  if (!artifacts.empty()) {
    const auto piece = entry->pieces.find(artifacts.front().sha256);
    if (piece != entry->pieces.end()) job->reply.acknowledged = piece->second.acknowledged;
  }
  job->answer(std::move(job->reply));
}

void Desk::gone(const std::string& transport) {
  std::vector<delivery::Change> changes;
  for (auto lease = leases_.begin(); lease != leases_.end();) {
    if (lease->second.transport != transport) {
      ++lease;
      continue;
    }
    if (Entry* entry = book_.find(lease->second.delivery)) {
      if (auto change = push_.lose(*entry, moment())) changes.push_back(std::move(*change));
    }
    lease = leases_.erase(lease);
  }
  keep(std::move(changes));
  if (std::exchange(slot_wanted_, false)) wake_in(Duration(0));
}

}  // namespace ferry::agent
