// What the offset in an answer means for an upload.
#include <fmt/format.h>

#include <algorithm>
#include <iterator>
#include <utility>

#include "transports/smp/upload_state.hpp"

namespace ferry::smp {
namespace {

constexpr int places_lost_limit = 16;
constexpr std::size_t granule_limit = 512;

}  // namespace

void Upload::Implementation::measure(const Sent& sent, bool given_up, TimePoint now) {
  // The first one may have taken as long as it takes to erase a flash.
  if (!sent.written || sent.first) return;
  const auto time = std::chrono::duration_cast<Milliseconds>(now - *sent.written);
  round_trip_.measured(time);
  if (given_up && time > round_trip_.timeout()) round_trip_.late(time);
}

// An answer that was given up. It may tell that the device is further than was thought, but not
// that it is less far: since then more was sent.
void Upload::Implementation::reported_late(std::uint64_t offset, TimePoint now) {
  if (offset <= acknowledged_ || offset > highest_) return;
  advance(offset, now);
  next_ = std::max(next_, offset);
  if (offset == request_.size) finish(Json::object());
}

void Upload::Implementation::reported(const Position& sent, std::uint64_t offset, const Json& body,
                                      TimePoint now) {
  const Sent answered = *sent;
  if (offset < answered.end) {
    // The device drops what was sent behind this one, too.
    sent_.erase(sent_.begin(), std::next(sent));
    give_up_all();
    if (offset > answered.begin) {
      cut_short(answered, offset);
      advance(offset, now);
      next_ = offset;
      one_only_ = false;
      return;
    }
    return expected_other(answered, offset, now);
  }
  // Taken; and so was what went before, if its answer was lost.
  sent_.erase(sent_.begin(), std::next(sent));
  if (answered.first || counts_.packets == 1) {
    if (offset > answered.end) counts_.resumed_from = offset;
    if (!answered.first) counts_.resumed_from = answered.begin;
  }
  advance(offset, now);
  next_ = std::max(next_, offset);
  highest_ = std::max(highest_, offset);
  one_only_ = false;
  pace_->accepted();
  if (offset == request_.size) finish(body);
}

void Upload::Implementation::advance(std::uint64_t offset, TimePoint now) {
  if (offset > acknowledged_) {
    progress_at_ = now;
    silences_ = refusals_ = standstills_ = 0;
    state_asked_ = false;
  }
  acknowledged_ = offset;
  if (request_.progress) request_.progress(offset);
}

// The device took the beginning of a packet: whole units of its flash.
void Upload::Implementation::cut_short(const Sent& sent, std::uint64_t offset) {
  const std::uint64_t cut = sent.end - offset;
  std::size_t granule = std::max<std::size_t>(learned_.granule, 4);
  while (granule <= cut && granule < granule_limit) granule *= 2;
  learned_.granule = granule;
}

// The device took nothing of a packet and says what it expects.
void Upload::Implementation::expected_other(const Sent& sent, std::uint64_t offset, TimePoint now) {
  if (offset < acknowledged_) return lost_place(offset);
  if (offset == sent.begin) {
    // Exactly what it was given. Whatever ails it, it must not be asked without end.
    if (++standstills_ >= options_.attempts && out_of_time(now)) {
      return fail(Outcome::protocol,
                  fmt::format("the device does not go on from offset {}", offset));
    }
    if (sent.first) cut_short(sent, offset);  // less than one unit of its flash, perhaps
    not_before_ = now + options_.busy_pause;
    one_only_ = true;
  } else {
    ++counts_.losses;
    pace_->gap();
    one_only_ = false;
  }
  if (offset > acknowledged_) advance(offset, now);
  next_ = offset;
}

void Upload::Implementation::lost_place(std::uint64_t offset) {
  ++counts_.losses;
  if (++places_lost_ > places_lost_limit) {
    return fail(Outcome::protocol, "the device forgets again and again how far it was");
  }
  acknowledged_ = next_ = offset;
  one_only_ = true;
  if (request_.progress) request_.progress(offset);
  const bool all_sent = highest_ == request_.size;
  if (offset == 0 && all_sent && !state_asked_ && !request_.image_hash.empty()) ask_state();
}

void Upload::Implementation::finish(const Json& body) {
  UploadResult result;
  result.counts = counts_;
  const auto match = body.find("match");
  if (match != body.end() && match->is_boolean()) {
    result.match = match->get<bool>();
    if (!*result.match) {
      return fail(Outcome::corrupt, "what arrived does not match the image's digest");
    }
  }
  end(result);
}

}  // namespace ferry::smp
