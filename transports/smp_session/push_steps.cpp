// What a device is brought to: transfer, activation, confirmation.
#include <fmt/format.h>

#include <algorithm>

#include "base/hex.hpp"
#include "transports/smp_session/push.hpp"

namespace ferry::smp_session {
namespace {

using std::chrono::steady_clock;

constexpr std::chrono::minutes longest_restart{2};  // swapping two slots may take as long
// How long a device may answer as before after a reset: one that said yes, and one that may not
// have heard it.
constexpr Milliseconds lingering{10000};
constexpr Milliseconds lingering_unheard{2000};
constexpr Milliseconds reset_pause{250};

int outcome_of(smp::Outcome outcome) {
  switch (outcome) {
    case smp::Outcome::invalid_image:
      return FERRY_REFUSED_IMAGE;
    case smp::Outcome::too_big:
      return FERRY_REFUSED_SIZE;
    case smp::Outcome::downgrade:
      return FERRY_REFUSED_DOWNGRADE;
    case smp::Outcome::pending:
    case smp::Outcome::busy:
    case smp::Outcome::no_memory:
      return FERRY_BUSY;
    case smp::Outcome::no_answer:
    case smp::Outcome::cancelled:
      return FERRY_LOST;
    default:
      return FERRY_FAILED;
  }
}

// What the numbers of a device mean here, where they mean more than their words.
std::string_view meaning(smp::Outcome outcome) {
  switch (outcome) {
    case smp::Outcome::invalid_image:
      return "the device takes it for no image of its own: ";
    case smp::Outcome::too_big:
      return "the device has no room for an image of this size: ";
    case smp::Outcome::downgrade:
      return "the device takes no version that is not higher than its own: ";
    case smp::Outcome::pending:
      return "another image waits there to be tried, or runs on trial: ";
    default:
      return "";
  }
}

}  // namespace

const smp::ImageSlot* Push::active() const {
  const auto found = std::find_if(slots_.begin(), slots_.end(), [](const smp::ImageSlot& slot) {
    return slot.image == 0 && slot.active;
  });
  return found == slots_.end() ? nullptr : &*found;
}

const smp::ImageSlot* Push::waiting(const std::string& hash) const {
  const auto found = std::find_if(slots_.begin(), slots_.end(), [&](const smp::ImageSlot& slot) {
    return !slot.active && !hash.empty() && slot.hash == hash;
  });
  return found == slots_.end() ? nullptr : &*found;
}

const smp::ImageSlot* Push::pending() const {
  const auto found = std::find_if(slots_.begin(), slots_.end(), [](const smp::ImageSlot& slot) {
    return slot.image == 0 && !slot.active && (slot.pending || slot.permanent);
  });
  return found == slots_.end() ? nullptr : &*found;
}

bool Push::runs(const std::string& hash) const {
  return active() != nullptr && !hash.empty() && active()->hash == hash;
}

void Push::begin_step() {
  cancelled_ = false;
  erased_ = false;
  resets_ = 0;
  reached_ = 0;
  hash_.clear();
  const auto& artifacts = step_->offer.artifacts;
  const auto found =
      std::find_if(artifacts.begin(), artifacts.end(),
                   [](const plugin::Artifact& artifact) { return artifact.role == "firmware"; });
  if (found == artifacts.end()) return finish(FERRY_FAILED, "the release has no firmware image");
  artifact_ = &*found;
  const auto digest = artifact_->digests.find("mcuboot");
  if (digest == artifact_->digests.end()) {
    return finish(FERRY_REFUSED_IMAGE,
                  artifact_->name + ": is no MCUboot image, which is what SMP devices take");
  }
  hash_ = from_hex(digest->second).value_or("");
  if (step_->step == FERRY_TRANSFER) return begin_transfer();
  if (step_->step == FERRY_ACTIVATE) return begin_activation();
  begin_confirmation();
}

void Push::begin_transfer() {
  if (runs(hash_) || waiting(hash_) != nullptr) {
    progress(artifact_->length);
    return finish(FERRY_TRANSFERRED, "");
  }
  if (pending() != nullptr) return erase_then_upload();
  upload();
}

// Another image waits to be tried; devices take no upload over it.
void Push::erase_then_upload() {
  erased_ = true;
  const smp::ImageSlot* other = pending();
  std::optional<std::uint32_t> slot;
  if (other != nullptr) slot = static_cast<std::uint32_t>(other->slot);
  client_.erase(slot, [this](const smp::Reply<void>& erased) {
    // What cannot be erased may still be written over: the upload will tell.
    if (!erased && outcome_of(erased.error().outcome) == FERRY_LOST) {
      return fail(erased.error(), "erasing the image that waits there");
    }
    upload();
  });
}

void Push::upload() {
  smp::UploadRequest request;
  request.size = artifact_->length;
  request.sha256 = Sha256::from_hex(artifact_->sha256).value_or(Sha256());
  request.image_hash = hash_;
  request.upgrade = settings_.refuse_downgrade;
  if (in_recovery() && step_->acknowledged > 0 && step_->acknowledged < artifact_->length) {
    request.probe_offset = step_->acknowledged;
  }
  request.read = [this](std::uint64_t offset, std::span<std::byte> out) {
    return service_.host.read(artifact_->handle, offset, out.data(), out.size()) == FERRY_OK;
  };
  request.progress = [this](std::uint64_t offset) { progress(offset); };
  client_.upload(std::move(request),
                 [this](const smp::Reply<smp::UploadResult>& result) { uploaded(result); });
}

void Push::progress(std::uint64_t offset) {
  if (offset > reached_) {
    service_.host.progress(device_, artifact_->handle, reached_, offset - reached_);
  }
  reached_ = offset;
}

void Push::uploaded(const smp::Reply<smp::UploadResult>& result) {
  if (result) {
    const smp::UploadCounts& counts = result->counts;
    log(FERRY_DEBUG,
        fmt::format("{} packets, {} of them again, {} losses, from offset {}", counts.packets,
                    counts.repeated, counts.losses, counts.resumed_from));
    return verify();
  }
  const Fault& fault = result.error();
  if (fault.outcome == smp::Outcome::pending && !erased_) return erase_then_upload();
  if (fault.outcome == smp::Outcome::corrupt) return discard_broken(fault.message);
  if (fault.outcome == smp::Outcome::source_failed) {
    return finish(FERRY_FAILED, artifact_->name + ": cannot be read here");
  }
  fail(fault, "the upload");
}

// A device takes a broken body without a word: what it has counts.
void Push::verify() {
  client_.image_state([this](const smp::Reply<Slots>& slots) {
    if (!slots) return fail(slots.error(), "reading the image state after the upload");
    take(*slots);
    const bool tells_hashes = std::any_of(slots_.begin(), slots_.end(),
                                          [](const auto& slot) { return !slot.hash.empty(); });
    if (runs(hash_) || waiting(hash_) != nullptr || (in_recovery() && !tells_hashes)) {
      progress(artifact_->length);
      return finish(FERRY_TRANSFERRED, "");
    }
    discard_broken("what the device has is not the image that was sent");
  });
}

void Push::discard_broken(const std::string& why) {
  client_.erase(std::nullopt, [this, why](const smp::Reply<void>& erased) {
    finish(FERRY_FAILED, erased ? why : why + "; and it could not be erased");
  });
}

void Push::begin_activation() {
  if (runs(hash_)) return finish(FERRY_ACTIVATED, "");
  if (in_recovery()) return reset();
  const smp::ImageSlot* staged = waiting(hash_);
  if (staged == nullptr) return finish(FERRY_FAILED, "the device does not have the image any more");
  if (staged->pending) return reset();
  client_.test(hash_, [this](const smp::Reply<Slots>& slots) {
    if (slots) return reset();
    read_state_then(&Push::judge_test, slots.error());
  });
}

void Push::judge_test(const Fault& before) {
  if (waiting(hash_) != nullptr && waiting(hash_)->pending) return reset();
  fail(before, "marking the image for a trial");
}

void Push::reset() {
  ++resets_;
  client_.reset([this](const smp::Reply<void>& answered) {
    const bool silent = !answered && outcome_of(answered.error().outcome) == FERRY_LOST;
    if (!answered && !silent) return fail(answered.error(), "the reset");
    returning_ = steady_clock::now() + longest_restart;
    lingers_until_ = steady_clock::now() + (silent ? lingering_unheard : lingering);
    // Without an answer nobody knows whether it heard: its state will tell.
    if (silent) return rest(reset_pause);
    finish(FERRY_ACTIVATED, "");
  });
}

void Push::begin_confirmation() {
  if (!runs(hash_)) {
    return finish(FERRY_ROLLED_BACK, "the device does not run the image any more");
  }
  if (active()->confirmed) return finish(FERRY_CONFIRMED, "");
  client_.confirm(std::nullopt, [this](const smp::Reply<Slots>& slots) {
    const Fault ignored{smp::Outcome::other, "the device said yes, and does not keep it", {}};
    read_state_then(&Push::judge_confirmation, slots ? ignored : slots.error());
  });
}

void Push::judge_confirmation(const Fault& before) {
  if (runs(hash_) && active()->confirmed) return finish(FERRY_CONFIRMED, "");
  if (!runs(hash_)) return finish(FERRY_ROLLED_BACK, "it went back to the old image");
  fail(before, "confirming the image");
}

void Push::read_state_then(void (Push::*judge)(const Fault&), Fault before) {
  client_.image_state([this, judge, before = std::move(before)](const smp::Reply<Slots>& slots) {
    if (!slots) return fail(slots.error(), "reading the image state");
    take(*slots);
    (this->*judge)(before);
  });
}

void Push::fail(const Fault& fault, std::string_view what) {
  finish(outcome_of(fault.outcome),
         fmt::format("{}: {}{}", what, meaning(fault.outcome), fault.message));
}

void Push::finish(int outcome, const std::string& detail) {
  phase_ = Phase::telling;
  due_.reset();
  const std::uint64_t delivery = step_->offer.delivery;
  artifact_ = nullptr;
  step_.reset();
  wanted_ = true;
  if (!detail.empty()) log(FERRY_INFO, detail);
  const auto told = [this](int) {
    if (returning_) {
      rest(reset_pause);
    } else {
      look();
    }
    stirred();
  };
  service_.host.outcome(device_, delivery, outcome, detail, guarded(told));
}

}  // namespace ferry::smp_session
