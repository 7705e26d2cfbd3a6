#include "agent/desk.hpp"

#include <algorithm>
#include <iterator>
#include <utility>

#include "agent/catalog/version.hpp"
#include "base/log.hpp"
#include "transports/transport.h"

namespace ferry::agent {
namespace {

using formats::link::DeviceClaim;
using formats::link::OutcomeReply;

// Anybody on the air can claim to be a new device. Beyond this many, new ones are served but not
// kept.
constexpr std::size_t most_devices = 10000;
// Reports of one device that wait for its delivery's row; what is beyond is told again by later
// ones.
constexpr std::size_t most_waiting = 256;
// "Last seen" alone is not worth a flash write more often than this.
constexpr Duration device_rewrite = std::chrono::minutes(10);
// Deliveries that are read back at start.
constexpr std::size_t deliveries_read = 20000;

}  // namespace

std::vector<delivery::Piece> pieces_of(const catalog::Offer& offer) {
  std::vector<delivery::Piece> pieces;
  for (const catalog::Pick& pick : offer.picks) {
    const bool held = std::any_of(offer.base.begin(), offer.base.end(), [&](const auto* file) {
      return pick.artifact->role == formats::Role::file &&
             file->dst_path == pick.artifact->dst_path && file->sha256 == pick.artifact->sha256;
    });
    if (!held) pieces.push_back({pick.artifact->sha256, pick.artifact->size});
  }
  return pieces;
}

Desk::Desk(Worker& worker, storage::Store& store, const Clock& clock,
           const std::vector<config::ProductSettings>& products, DeskEvents events)
    : worker_(worker),
      store_(store),
      clock_(clock),
      events_(std::move(events)),
      mirror_(worker, store),
      view_(std::make_shared<catalog::View>(std::vector<storage::HeldRelease>{},
                                            std::vector<storage::StoredArtifact>{},
                                            std::map<std::string, config::VersionOrder>{})),
      book_({}),
      pull_(book_),
      push_(book_),
      rollouts_({}) {
  for (const auto& settings : products) products_.emplace(settings.name, settings);
}

Status Desk::load() {
  auto devices = store_.fleet().devices();
  if (!devices) return fail(devices.error());
  for (auto& device : *devices) {
    const std::string key = key_of(device.product, device.id);
    last_seen_kept_[key] = device.last_seen;
    devices_.emplace(key, std::move(device));
  }
  auto deliveries = store_.fleet().deliveries(deliveries_read);
  if (!deliveries) return fail(deliveries.error());
  book_ = delivery::Book(std::move(*deliveries), moment());
  auto rollouts = store_.rollouts().all();
  if (!rollouts) return fail(rollouts.error());
  rollouts_ = delivery::Rollouts(*rollouts, moment());
  return {};
}

void Desk::set_view(std::shared_ptr<const catalog::View> view) {
  view_ = std::move(view);
  std::erase_if(images_,
                [&](const auto& known) { return view_->artifact(known.first) == nullptr; });
}

const config::ProductSettings* Desk::product(const std::string& name) const {
  const auto found = products_.find(name);
  return found == products_.end() ? nullptr : &found->second;
}

storage::Device* Desk::touch(const std::string& transport, const DeviceClaim& claim) {
  if (product(claim.product) == nullptr) return nullptr;
  const Key key = key_of(claim.product, claim.id);
  const bool known = devices_.contains(key);
  if (!known && devices_.size() >= most_devices) {
    if (!full_) {
      log::warning("devices", "there are {} devices: further ones are served but not kept",
                   most_devices);
    }
    full_ = true;
    return nullptr;
  }
  const Time now = clock_.now();
  storage::Device& device = devices_[key];
  const std::string version = claim.version.empty() ? device.version : claim.version;
  const bool changed = !known || device.version != version || device.transport != transport ||
                       device.proven != claim.proven;
  device.id = claim.id;
  device.product = claim.product;
  device.version = version;
  device.transport = transport;
  device.address = claim.address;
  device.proven = claim.proven;
  device.last_seen = now;
  if (!known) {
    log::info("devices", "{} of {} seen for the first time on {} at {}, version {}", device.id,
              device.product, transport, device.address, version.empty() ? "unknown" : version);
  }
  if (changed || now - last_seen_kept_[key] >= device_rewrite) {
    last_seen_kept_[key] = now;
    unwritten_.insert(key);
    if (events_.device_changed) events_.device_changed(device);
  }
  keep(pull_.seen(claim, moment()));
  return &device;
}

void Desk::flush() {
  if (writing_ || unwritten_.empty()) return;
  writing_ = true;
  std::vector<storage::Device> rows;
  for (const Key& key : std::exchange(unwritten_, {})) rows.push_back(devices_.at(key));
  auto failed = std::make_shared<std::vector<Key>>();
  worker_.run(
      [this, rows = std::move(rows), failed] {
        // A yard full of devices is one flush of the medium, and others do not wait for thousands.
        if (store_.fleet().put(rows)) return;
        for (const auto& row : rows) {
          const Status kept = store_.fleet().put(row);
          if (kept) continue;
          if (failed->empty()) log::error("devices", "not kept: {}", kept.error().message);
          failed->push_back(key_of(row.product, row.id));
        }
      },
      [this, failed] {
        writing_ = false;
        unwritten_.insert(failed->begin(), failed->end());
      });
}

void Desk::keep(std::vector<delivery::Change> changes, std::function<void(Status)> then) {
  if (changes.empty()) {
    if (then) then({});
    return;
  }
  std::vector<std::optional<storage::Rollout>> rollouts;
  for (auto& change : changes) {
    if (!change.events.empty()) {
      log::info("deliveries", "{} {} for {}: {}{}{}", change.delivery.product,
                change.delivery.version, change.delivery.device, to_string(change.delivery.state),
                change.delivery.detail.empty() ? "" : ": ", change.delivery.detail);
    }
    if (events_.delivery_changed) events_.delivery_changed(change.delivery);
    const auto device = devices_.find(key_of(change.delivery.product, change.delivery.device));
    if (device != devices_.end() && events_.device_changed) events_.device_changed(device->second);
    rollouts.emplace_back();
    if (!delivery::ended(change.delivery.state)) continue;
    if (auto spread = note_end(change.delivery)) {
      rollouts.back() = std::move(spread->rollout);
      std::move(spread->events.begin(), spread->events.end(), std::back_inserter(change.events));
    }
  }
  auto done = std::make_shared<Status>();
  worker_.run(
      [this, changes = std::move(changes), rollouts = std::move(rollouts), done] {
        for (std::size_t i = 0; i < changes.size(); ++i) {
          const auto kept = store_.fleet().put(changes[i].delivery, changes[i].events, rollouts[i]);
          if (!kept) *done = fail(kept.error());
        }
      },
      [this, done, then = std::move(then)] {
        if (!*done) log::error("deliveries", "could not be kept: {}", done->error().message);
        if (events_.events_stored) events_.events_stored();
        if (then) then(*done);
      });
}

void Desk::expire() {
  std::map<std::string, Duration> limits;
  std::map<std::string, Duration> trials;
  for (const auto& [name, settings] : products_) {
    limits[name] = settings.report_within;
    trials[name] = settings.confirm_within;
  }
  keep(pull_.expire(limits, moment()));
  keep(push_.expire(trials, moment()));
  for (const auto& [product, version] : rollouts_.unsettled()) settle(product, version);
}

Result<storage::Device> Desk::assign(const std::string& id, const std::string& product_name,
                                     const std::string& version, bool downgrade) {
  const auto found = std::find_if(devices_.begin(), devices_.end(), [&](const auto& entry) {
    return entry.second.id == id && (product_name.empty() || entry.second.product == product_name);
  });
  if (found == devices_.end()) {
    return fail(ErrorCode::not_found, "device " + id + " is not known; see ferryctl devices");
  }
  storage::Device& device = found->second;
  if (!version.empty() && view_->find(device.product, version) == nullptr) {
    return fail(ErrorCode::not_found, "no complete release " + version + " of " + device.product +
                                          " is here; see ferryctl releases");
  }
  const auto* settings = product(device.product);
  const auto order = settings == nullptr || version.empty() || device.version.empty()
                         ? std::nullopt
                         : catalog::compare(settings->versions, version, device.version);
  if (order && std::is_lt(*order) && !downgrade) {
    return fail(ErrorCode::denied, device.id + " runs " + device.version + ", which is above " +
                                       version + "; say --downgrade to mean it");
  }
  storage::Device wanted = device;
  wanted.assigned_version = version;
  wanted.downgrade = downgrade && !version.empty();
  if (const Status kept = store_.fleet().put(wanted); !kept) return fail(kept.error());
  device = wanted;
  unwritten_.insert(found->first);  // an older row may be on its way to the disk
  log::info("devices", "{} of {} is assigned {}", device.id, device.product,
            version.empty() ? "the newest release" : version);
  if (events_.device_changed) events_.device_changed(device);
  wake_in(Duration(0));
  return device;
}

std::optional<catalog::Offer> Desk::plan(const storage::Device& device,
                                         const std::string& version) const {
  const auto* settings = product(device.product);
  if (settings == nullptr) return std::nullopt;
  catalog::DeviceFacts facts;
  facts.product = device.product;
  facts.version = version;
  facts.channel = device.channel;
  facts.assigned_version = device.assigned_version;
  facts.downgrade = device.downgrade;
  return catalog::plan_offer(*view_, catalog::policy_of(*settings), facts);
}

const storage::Device* Desk::device(const std::string& product, const std::string& id) const {
  const auto known = devices_.find(key_of(product, id));
  return known == devices_.end() ? nullptr : &known->second;
}

std::string Desk::due_version(const storage::Device& device) const {
  const auto planned = plan(device, device.version);
  const bool due = planned && !stopped(device.product, planned->version);
  return due ? planned->version : device.version;
}

void Desk::seen(const std::string& transport, const formats::link::Seen& message) {
  const DeviceClaim claim = identified(message.device);
  if (touch(transport, claim) != nullptr) observe(claim);
}

// A device goes on with a transfer whose offer nobody here remembers (the agent was started again),
// or it took a release by its URL alone: the delivery is found again from what it fetches. True
// when the progress waits for its row.
bool Desk::adopt_for(const std::string& transport, const formats::link::Progress& message) {
  const Key key = key_of(message.device.product, message.device.id);
  if (const auto waiting = adopting_.find(key); waiting != adopting_.end()) {
    if (waiting->second.size() < most_waiting) waiting->second.push_back(message);
    return true;
  }
  const auto known = devices_.find(key);
  if (known == devices_.end() || asked_.contains(key)) return false;
  const storage::Device& device = known->second;
  const auto planned = plan(device, device.version);
  if (!planned) return false;
  const auto pieces = pieces_of(*planned);
  const bool fits = std::any_of(pieces.begin(), pieces.end(),
                                [&](const auto& piece) { return piece.sha256 == message.sha256; });
  if (!fits) return false;
  if (const auto* open = book_.open_delivery(device.product, device.id, planned->version)) {
    keep(pull_.adopt(storage::Delivery(*open), pieces, moment()));
    return false;
  }
  adopting_[key].push_back(message);
  auto row = std::make_shared<storage::Delivery>(
      new_delivery(transport, device, device.version, planned->version, pieces));
  worker_.run(
      [this, row] {
        if (const auto id = store_.fleet().put(*row, {})) row->id = *id;
      },
      [this, key, row, pieces] {
        const auto waited = adopting_.extract(key);
        if (row->id == 0) return;
        keep(pull_.adopt(*row, pieces, moment()));
        for (const auto& progress : waited.mapped()) take(progress);
      });
  return true;
}

void Desk::progress(const std::string& transport, const formats::link::Progress& message) {
  touch(transport, identified(message.device));
  if (!pull_.expects(message.device, message.sha256) && adopt_for(transport, message)) return;
  take(message);
}

void Desk::take(const formats::link::Progress& message) {
  delivery::Entry* entry = delivery::expecting(book_, message.device, message.sha256);
  if (entry == nullptr) return;
  const bool pushed = entry->delivery.mode == storage::DeliveryMode::push;
  auto change =
      pushed ? push_.progress(*entry, message, moment()) : pull_.progress(message, moment());
  const auto lease = leases_.find(key_of(message.device.product, message.device.id));
  if (lease != leases_.end()) lease->second.touched = clock_.steady();
  if (change) {
    keep({std::move(*change)});
  } else if (events_.delivery_moved) {
    events_.delivery_moved(entry->delivery);
  }
}

void Desk::outcome(const std::string& transport, const formats::link::Outcome& message,
                   OutcomeAnswer answer) {
  touch(transport, identified(message.device));
  const Key key = key_of(message.device.product, message.device.id);
  const auto lease = leases_.find(key);
  if (lease != leases_.end() && lease->second.delivery == message.delivery) end_lease(key);
  delivery::Entry* entry = book_.find(message.device.product, message.device.id, message.delivery);
  const auto* settings = product(message.device.product);
  std::vector<delivery::Change> changes;
  if (entry != nullptr && settings != nullptr) {
    const bool pushed = entry->delivery.mode == storage::DeliveryMode::push;
    auto change = pushed ? push_.outcome(*settings, *entry, message, moment())
                         : pull_.outcome(message, moment());
    if (change) changes.push_back(std::move(*change));
    const auto pause = entry->retry_at - clock_.steady();
    if (pause > pause.zero()) wake_in(std::chrono::ceil<Duration>(pause));
  }
  // Answered when it is on the disk: what was acknowledged is never lost.
  keep(std::move(changes), [id = message.id, answer = std::move(answer)](const Status& kept) {
    OutcomeReply reply;
    reply.id = id;
    reply.result = kept ? FERRY_OK : FERRY_UNAVAILABLE;
    answer(reply);
  });
}

void Desk::corrupt(const std::string& transport, const formats::link::Corrupt& message) {
  log::error("storage", "pack {}: {} (found by transport {})", message.pack, message.detail,
             transport);
  if (events_.pack_corrupt) events_.pack_corrupt(message.pack, message.detail);
}

}  // namespace ferry::agent
