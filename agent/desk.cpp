#include "agent/desk.hpp"

#include <algorithm>

#include "agent/catalog/version.hpp"
#include "base/log.hpp"
#include "formats/padding.hpp"
#include "transports/transport.h"

namespace ferry::agent {
namespace {

using formats::link::ArtifactReply;
using formats::link::DeviceClaim;
using formats::link::OfferReply;
using formats::link::OutcomeReply;
using formats::link::ServableArtifact;

// Anybody on the air can claim to be a new device. Beyond this many, new ones are served but not
// kept.
constexpr std::size_t most_devices = 10000;
// "Last seen" alone is not worth a flash write more often than this.
constexpr Duration device_rewrite = std::chrono::minutes(10);
// Deliveries that are read back at start.
constexpr std::size_t deliveries_read = 20000;

std::string key_of(const std::string& product, const std::string& id) {
  return product + "/" + id;
}

ServableArtifact servable(const formats::ReleaseArtifact& artifact, const std::string& version,
                          const storage::StoredArtifact& stored) {
  ServableArtifact answer;
  answer.role = artifact.role;
  answer.version = version;
  answer.name = artifact.name;
  answer.dst_path = artifact.dst_path;
  answer.size = stored.size;
  answer.sha256 = stored.sha256;
  answer.chunk_root = stored.chunk_root;
  answer.pack = stored.pack;
  return answer;
}

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
      view_(std::make_shared<catalog::View>(std::vector<storage::HeldRelease>{},
                                            std::vector<storage::StoredArtifact>{},
                                            std::map<std::string, config::VersionOrder>{})),
      tracker_({}) {
  for (const auto& settings : products) products_.emplace(settings.name, settings);
}

Status Desk::load() {
  auto devices = store_.fleet().devices();
  if (!devices) return fail(devices.error());
  for (auto& device : *devices) {
    const std::string key = key_of(device.product, device.id);
    device_kept_[key] = device.last_seen;
    devices_.emplace(key, std::move(device));
  }
  auto deliveries = store_.fleet().deliveries(deliveries_read);
  if (!deliveries) return fail(deliveries.error());
  tracker_ = delivery::PullTracker(*deliveries);
  return {};
}

const config::ProductSettings* Desk::product(const std::string& name) const {
  const auto found = products_.find(name);
  return found == products_.end() ? nullptr : &found->second;
}

storage::Device* Desk::touch(const std::string& transport, const DeviceClaim& claim) {
  if (product(claim.product) == nullptr) return nullptr;
  const std::string key = key_of(claim.product, claim.id);
  const bool known = devices_.contains(key);
  if (!known && devices_.size() >= most_devices) {
    log::warning("devices", "{} of {} is served but not kept: there are {} devices already",
                 claim.id, claim.product, most_devices);
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
  if (changed || now - device_kept_[key] >= device_rewrite) {
    device_kept_[key] = now;
    const storage::Device copy = device;
    worker_.run(
        [this, copy] {
          if (const Status kept = store_.fleet().put(copy); !kept) {
            log::error("devices", "{} could not be kept: {}", copy.id, kept.error().message);
          }
        },
        {});
    if (events_.device_changed) events_.device_changed(device);
  }
  keep(tracker_.seen(claim, now));
  return &device;
}

void Desk::keep(std::vector<delivery::Change> changes, std::function<void(Status)> then) {
  if (changes.empty()) {
    if (then) then({});
    return;
  }
  for (const auto& change : changes) {
    if (!change.events.empty()) {
      log::info("deliveries", "{} {} for {}: {}{}{}", change.delivery.product,
                change.delivery.version, change.delivery.device, to_string(change.delivery.state),
                change.delivery.detail.empty() ? "" : ": ", change.delivery.detail);
    }
    const auto device = devices_.find(key_of(change.delivery.product, change.delivery.device));
    if (device != devices_.end() && events_.device_changed) events_.device_changed(device->second);
  }
  auto done = std::make_shared<Status>();
  worker_.run(
      [this, changes = std::move(changes), done] {
        for (const auto& change : changes) {
          const auto kept = store_.fleet().put(change.delivery, change.events);
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
  for (const auto& [name, settings] : products_) limits[name] = settings.report_within;
  keep(tracker_.expire(limits, clock_.now()));
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
  if (order && *order < 0 && !downgrade) {
    return fail(ErrorCode::denied, device.id + " runs " + device.version + ", which is above " +
                                       version + "; say --downgrade to mean it");
  }
  device.assigned_version = version;
  device.downgrade = downgrade && !version.empty();
  if (const Status kept = store_.fleet().put(device); !kept) return fail(kept.error());
  log::info("devices", "{} of {} is assigned {}", device.id, device.product,
            version.empty() ? "the newest release" : version);
  if (events_.device_changed) events_.device_changed(device);
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

void Desk::seen(const std::string& transport, const formats::link::Seen& message) {
  touch(transport, message.device);
}

// One offer under way: made on the loop, completed on the worker, answered on the loop.
struct Desk::OfferJob {
  OfferReply reply;
  OfferAnswer answer;
  std::vector<std::string> want;
  std::shared_ptr<const catalog::View> view;  // keeps what `pieces` were made from
  std::vector<delivery::Piece> pieces;
  storage::Delivery delivery;
  bool kept = false;  // the device is one that is kept, so its delivery is
};

void Desk::offer(const std::string& transport, const formats::link::AskOffer& ask,
                 OfferAnswer answer) {
  OfferReply reply;
  reply.id = ask.id;
  reply.result = FERRY_NOT_FOUND;
  storage::Device claimed;
  const storage::Device* known = touch(transport, ask.device);
  if (known != nullptr) claimed = *known;
  claimed.product = ask.device.product;
  const auto planned = plan(claimed, ask.device.version);
  if (!planned) return answer(std::move(reply));

  auto job = std::make_shared<OfferJob>();
  job->kept = known != nullptr;
  job->answer = std::move(answer);
  job->want = ask.want;
  job->view = view_;
  job->pieces = pieces_of(*planned);
  formats::link::Offer offer;
  offer.product = ask.device.product;
  offer.version = planned->version;
  offer.from_version = ask.device.version;
  for (const catalog::Pick& pick : planned->picks) {
    offer.artifacts.push_back(
        servable(*pick.artifact, pick.version, *view_->artifact(pick.artifact->sha256)));
  }
  offer.base_known = planned->base_known;
  for (const auto* file : planned->base) offer.base_files.push_back({file->dst_path, file->sha256});
  reply.offer = std::move(offer);
  reply.result = FERRY_OK;
  job->reply = std::move(reply);

  if (const auto* open =
          tracker_.open_delivery(ask.device.product, ask.device.id, planned->version)) {
    job->delivery = *open;
  } else {
    storage::Delivery& fresh = job->delivery;
    fresh.device = ask.device.id;
    fresh.product = ask.device.product;
    fresh.from_version = ask.device.version;
    fresh.version = planned->version;
    fresh.transport = transport;
    fresh.started = fresh.updated = clock_.now();
    for (const auto& piece : job->pieces) fresh.bytes_total += piece.size;
  }
  worker_.run([this, job] { prepare(*job); }, [this, job] { finish(*job); });
}

// On the worker: the delivery's row and the digests that the dialect asked for.
void Desk::prepare(OfferJob& job) const {
  for (auto& artifact : job.reply.offer->artifacts) {
    for (const std::string& want : job.want) {
      const std::string kind = formats::digest_kind(want, artifact.size);
      const auto value = store_.releases().digest(artifact.sha256, kind);
      if (!value) {
        log::error("catalog", "{} of {} {}: {}", kind, artifact.name, artifact.version,
                   value.error().message);
        job.reply.offer.reset();
        job.reply.result = FERRY_UNAVAILABLE;
        return;
      }
      artifact.digests[want] = *value;
    }
  }
  if (job.delivery.id != 0 || !job.kept) return;
  const auto id = store_.fleet().put(job.delivery, {});
  // A store that cannot be written serves on; only the book-keeping waits.
  if (id) {
    job.delivery.id = *id;
  } else {
    log::error("deliveries", "{} {} for {} could not be kept: {}", job.delivery.product,
               job.delivery.version, job.delivery.device, id.error().message);
  }
}

void Desk::finish(OfferJob& job) {
  if (job.delivery.id != 0) {
    tracker_.adopt(job.delivery, job.pieces);
    if (job.reply.offer) job.reply.offer->delivery = job.delivery.id;
  }
  job.answer(std::move(job.reply));
}

void Desk::find(const std::string& /*transport*/, const formats::link::AskArtifact& ask,
                ArtifactAnswer answer) {
  ArtifactReply reply;
  reply.id = ask.id;
  reply.result = FERRY_NOT_FOUND;
  if (const auto* held = view_->find(ask.product, ask.version)) {
    for (const auto& artifact : held->release.artifacts) {
      if (artifact.name != ask.name) continue;
      reply.artifact = servable(artifact, ask.version, *view_->artifact(artifact.sha256));
      reply.result = FERRY_OK;
      break;
    }
  }
  answer(std::move(reply));
}

// A device goes on with a transfer whose offer nobody here remembers (the agent was started again),
// or it took a release by its URL alone: the delivery is found again from what it fetched.
void Desk::adopt_for(const std::string& transport, const formats::link::Progress& message) {
  const auto known = devices_.find(key_of(message.device.product, message.device.id));
  if (known == devices_.end()) return;
  const storage::Device& device = known->second;
  const auto planned = plan(device, device.version);
  if (!planned) return;
  const auto pieces = pieces_of(*planned);
  const bool fits = std::any_of(pieces.begin(), pieces.end(),
                                [&](const auto& piece) { return piece.sha256 == message.sha256; });
  if (!fits) return;
  if (const auto* open = tracker_.open_delivery(device.product, device.id, planned->version)) {
    tracker_.adopt(*open, pieces);
    return;
  }
  storage::Delivery fresh;
  fresh.device = device.id;
  fresh.product = device.product;
  fresh.from_version = device.version;
  fresh.version = planned->version;
  fresh.transport = transport;
  fresh.started = fresh.updated = clock_.now();
  auto kept = std::make_shared<storage::Delivery>(fresh);
  worker_.run(
      [this, kept] {
        if (const auto id = store_.fleet().put(*kept, {})) kept->id = *id;
      },
      [this, kept, pieces, message] {
        if (kept->id == 0) return;
        tracker_.adopt(*kept, pieces);
        if (auto change = tracker_.progress(message, clock_.now())) keep({std::move(*change)});
      });
}

void Desk::progress(const std::string& transport, const formats::link::Progress& message) {
  touch(transport, message.device);
  if (!tracker_.expects(message.device, message.sha256)) adopt_for(transport, message);
  if (auto change = tracker_.progress(message, clock_.now())) keep({std::move(*change)});
}

void Desk::outcome(const std::string& transport, const formats::link::Outcome& message,
                   OutcomeAnswer answer) {
  touch(transport, message.device);
  std::vector<delivery::Change> changes;
  if (auto change = tracker_.outcome(message, clock_.now())) changes.push_back(std::move(*change));
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
