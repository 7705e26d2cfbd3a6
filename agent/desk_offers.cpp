// What a device should get, and where its bytes are: the desk's answers to hosts.
#include <algorithm>

#include "agent/desk.hpp"
#include "base/log.hpp"
#include "formats/padding.hpp"
#include "transports/transport.h"

namespace ferry::agent {
namespace {

using formats::link::ArtifactReply;
using formats::link::OfferReply;
using formats::link::ServableArtifact;

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

// One offer under way: made on the loop, completed on the worker, answered on the loop.
struct Desk::OfferJob {
  OfferReply reply;
  std::vector<std::pair<std::uint64_t, OfferAnswer>> askers;  // id of each question, and its answer
  std::string version;                                        // the device's, as it said
  std::vector<std::string> want;
  std::shared_ptr<const catalog::View> view;  // keeps what `pieces` were made from
  std::vector<delivery::Piece> pieces;
  storage::Delivery delivery;
  bool kept = false;    // the device is one that is kept, so its delivery is
  bool begins = false;  // the device has begun nothing of this release, and gets the offer
};

// The question as if the device had told its version, where its last word on that still holds.
formats::link::AskOffer Desk::with_last_version(const formats::link::AskOffer& ask) const {
  formats::link::AskOffer known = ask;
  const auto* device = this->device(ask.device.product, ask.device.id);
  if (ask.device.version_lasts && ask.device.version.empty() && device != nullptr) {
    known.device.version = device->version;
  }
  return known;
}

void Desk::offer(const std::string& transport, const formats::link::AskOffer& asked,
                 OfferAnswer answer) {
  const formats::link::AskOffer ask = with_last_version(asked);
  OfferReply reply;
  reply.id = ask.id;
  const Key key = key_of(ask.device.product, ask.device.id);
  if (const auto same = asked_.find(key); same != asked_.end()) {
    OfferJob& job = *same->second;
    if (job.version == ask.device.version && job.want == ask.want) {
      job.askers.emplace_back(ask.id, std::move(answer));
      return;
    }
    reply.result = FERRY_UNAVAILABLE;
    return answer(std::move(reply));
  }
  const storage::Device* known = touch(transport, asked.device);
  if (known != nullptr) observe(asked.device);
  storage::Device device = known != nullptr ? *known : storage::Device{};
  device.id = ask.device.id;
  device.product = ask.device.product;
  const auto planned = plan(device, ask.device.version);
  if (!planned) {
    reply.result = FERRY_NOT_FOUND;
    return answer(std::move(reply));
  }
  auto job = make_job(transport, device, ask, *planned);
  job->kept = known != nullptr;
  if (const auto hold = pull_hold(device, planned->version)) {
    if (hold->passes_in) wake_in(*hold->passes_in);
    job->reply.offer.reset();
    job->reply.result = FERRY_NOT_FOUND;
    // Its row shows that it waits, and for what; where it has one, nothing is left to do.
    const bool shown = book_.newest_of(device.product, device.id, planned->version) != nullptr;
    if (shown || !job->kept) return answer(std::move(job->reply));
    job->delivery.state = storage::DeliveryState::waiting;
  }
  const bool new_here =
      job->delivery.id == 0 || job->delivery.state == storage::DeliveryState::waiting;
  job->begins = job->kept && job->reply.offer && new_here;
  job->askers.emplace_back(ask.id, std::move(answer));
  asked_.emplace(key, job);
  worker_.run([this, job] { prepare(*job); }, [this, key] { finish(key); });
}

std::size_t Desk::being_offered(const std::string& product_name, const std::string& version) const {
  return static_cast<std::size_t>(
      std::count_if(asked_.begin(), asked_.end(), [&](const auto& asked) {
        const OfferJob& job = *asked.second;
        return job.begins && job.delivery.product == product_name &&
               job.delivery.version == version;
      }));
}

storage::Delivery Desk::new_delivery(const std::string& transport, const storage::Device& device,
                                     const std::string& from_version, const std::string& version,
                                     const std::vector<delivery::Piece>& pieces) const {
  storage::Delivery fresh;
  fresh.device = device.id;
  fresh.product = device.product;
  fresh.from_version = from_version;
  fresh.version = version;
  fresh.transport = transport;
  fresh.started = fresh.updated = clock_.now();
  for (const auto& piece : pieces) fresh.bytes_total += piece.size;
  return fresh;
}

std::shared_ptr<Desk::OfferJob> Desk::make_job(const std::string& transport,
                                               const storage::Device& device,
                                               const formats::link::AskOffer& ask,
                                               const catalog::Offer& planned) {
  auto job = std::make_shared<OfferJob>();
  job->version = ask.device.version;
  job->want = ask.want;
  job->view = view_;
  job->pieces = pieces_of(planned);
  job->reply.id = ask.id;
  job->reply.result = FERRY_OK;
  job->reply.offer = link_offer(device, ask.device.version, planned);
  const auto* open = book_.open_delivery(device.product, device.id, planned.version);
  job->delivery = open != nullptr ? *open
                                  : new_delivery(transport, device, ask.device.version,
                                                 planned.version, job->pieces);
  return job;
}

formats::link::Offer Desk::link_offer(const storage::Device& device,
                                      const std::string& from_version,
                                      const catalog::Offer& planned) const {
  formats::link::Offer offer;
  offer.product = device.product;
  offer.version = planned.version;
  offer.from_version = from_version;
  for (const catalog::Pick& pick : planned.picks) {
    offer.artifacts.push_back(
        servable(*pick.artifact, pick.version, *view_->artifact(pick.artifact->sha256)));
  }
  offer.base_known = planned.base_known;
  for (const auto* file : planned.base) offer.base_files.push_back({file->dst_path, file->sha256});
  return offer;
}

// On the worker. A digest that an artifact does not have is left out.
Status Desk::add_digests(formats::link::Offer& offer, const std::vector<std::string>& want) const {
  for (auto& artifact : offer.artifacts) {
    for (const std::string& wanted : want) {
      const std::string kind = formats::digest_kind(wanted, artifact.size);
      const auto value = store_.releases().digest(artifact.sha256, kind);
      if (!value) {
        log::error("catalog", "{} of {} {}: {}", kind, artifact.name, artifact.version,
                   value.error().message);
        return fail(value.error());
      }
      if (!value->empty()) artifact.digests[wanted] = *value;
    }
  }
  return {};
}

// On the worker: the delivery's row and the digests that the dialect asked for.
void Desk::prepare(OfferJob& job) const {
  if (job.reply.offer && !add_digests(*job.reply.offer, job.want)) {
    job.reply.offer.reset();
    job.reply.result = FERRY_UNAVAILABLE;
    return;
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

void Desk::finish(const Key& key) {
  const std::shared_ptr<OfferJob> job = asked_.extract(key).mapped();
  if (job->delivery.id != 0) {
    keep(pull_.adopt(job->delivery, job->pieces, moment()));
    if (job->reply.offer) {
      job->reply.offer->delivery = job->delivery.id;
      delivery::Entry* entry =
          book_.find(job->delivery.product, job->delivery.device, job->delivery.id);
      if (entry != nullptr && entry->delivery.state == storage::DeliveryState::waiting) {
        entry->delivery.mode = storage::DeliveryMode::pull;
        if (auto given = book_.apply(*entry, delivery::Trigger::offer, moment())) {
          keep({std::move(*given)});
        }
      }
    }
  }
  for (auto& [id, answer] : job->askers) {
    OfferReply reply = job->reply;
    reply.id = id;
    answer(std::move(reply));
  }
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

}  // namespace ferry::agent
