#include "transports/smp/upload_state.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

namespace ferry::smp {
namespace {

constexpr std::uint64_t size_limit = 0xFFFFFFFFU;  // bytes; devices count in 32 bits
constexpr std::size_t given_up_limit = 32;
constexpr int nonsense_limit = 8;

}  // namespace

Upload::Implementation::Implementation(const ClientOptions& options, Learned& learned,
                                       UploadRequest request, Done<UploadResult> done)
    : options_(options),
      learned_(learned),
      request_(std::move(request)),
      done_(std::move(done)),
      round_trip_(options) {}

void Upload::Implementation::end(Reply<UploadResult> result) {
  if (result_) return;
  result_ = std::move(result);
  if (pace_) pace_->tell(learned_);
  side_.reset();
  sent_.clear();
}

void Upload::Implementation::fail(Outcome outcome, std::string message,
                                  std::optional<DeviceError> error) {
  end(tl::unexpected<Fault>(Fault{outcome, std::move(message), error}));
}

void Upload::Implementation::begin(TimePoint now) {
  begun_ = true;
  progress_at_ = now;
  if (request_.size == 0) return fail(Outcome::invalid_image, "the image is empty");
  if (request_.size > size_limit) return fail(Outcome::too_big, "the image is beyond 4 GiB");
  if (request_.probe_offset && *request_.probe_offset < request_.size) {
    acknowledged_ = next_ = *request_.probe_offset;
  }
  // Each time: the device may run another image than when it was asked last, or its bootloader.
  ask_parameters();
}

void Upload::Implementation::ask_parameters() {
  const auto read = [this](const Json& body) -> Reply<Parameters> {
    return parameters_in(body, options_);
  };
  const auto done = [this](Reply<Parameters> parameters) {
    if (!parameters) return fail(parameters.error().outcome, parameters.error().message);
    learned_.parameters = *parameters;
    pace_.emplace(options_, *parameters, learned_);
  };
  side_ =
      std::make_unique<Question<Parameters>>(options_, Op::read, group::os, command::os_parameters,
                                             formats::CborWriter().map(0).take(), read, done);
}

// The device expects the beginning again after everything was sent: it may have finished, its last
// answer having been lost, or it may have restarted. Its state tells.
void Upload::Implementation::ask_state() {
  state_asked_ = true;
  const auto done = [this](Reply<std::vector<ImageSlot>> slots) {
    if (!slots) return;
    const bool there = std::any_of(slots->begin(), slots->end(), [&](const ImageSlot& slot) {
      return slot.hash == request_.image_hash;
    });
    if (!there) return;
    UploadResult result;
    result.counts = counts_;
    result.had_it = true;
    end(result);
  };
  side_ = std::make_unique<Question<std::vector<ImageSlot>>>(
      options_, Op::read, group::image, command::image_state, formats::CborWriter().map(0).take(),
      image_slots_in, done);
}

void Upload::Implementation::leave_side() {
  if (!side_ || !side_->ended()) return;
  const std::unique_ptr<Exchange> ended = std::move(side_);
  ended->complete();
}

std::optional<Wanted> Upload::Implementation::next(TimePoint now) {
  if (!begun_) begin(now);
  if (ended()) return std::nullopt;
  if (side_) return side_->next(now);
  if (not_before_ && now < *not_before_) return std::nullopt;
  not_before_.reset();
  const std::size_t window = one_only_ ? 1 : pace_->window();
  if (sent_.size() >= window || next_ >= request_.size) return std::nullopt;
  return make_packet(now);
}

void Upload::Implementation::written(std::uint64_t tag, TimePoint now) {
  if (tag == 0) {
    if (side_) side_->written(tag, now);
    return;
  }
  for (std::deque<Sent>* list : {&sent_, &given_up_}) {
    for (Sent& sent : *list) {
      if (sent.tag == tag) sent.written = now;
    }
  }
}

bool Upload::Implementation::worth_writing(std::uint64_t tag) const {
  if (tag == 0) return side_ != nullptr;
  return std::any_of(sent_.begin(), sent_.end(), [&](const Sent& sent) { return sent.tag == tag; });
}

void Upload::Implementation::answered(std::uint64_t tag, const Json& body, TimePoint now) {
  if (ended()) return;
  if (tag == 0) {
    if (side_) side_->answered(tag, body, now);
    return leave_side();
  }
  const auto of_tag = [&](const Sent& sent) { return sent.tag == tag; };
  const auto late = std::find_if(given_up_.begin(), given_up_.end(), of_tag);
  const auto found = std::find_if(sent_.begin(), sent_.end(), of_tag);
  if (found == sent_.end() && late == given_up_.end()) return;
  const bool given_up = found == sent_.end();
  measure(given_up ? *late : *found, given_up, now);

  const std::optional<DeviceError> error = error_in(body);
  const auto offset = body.find("off");
  const bool sensible = offset != body.end() && offset->is_number_unsigned() &&
                        offset->get<std::uint64_t>() <= request_.size;
  if (given_up) {
    given_up_.erase(late);
    if (!error && sensible) reported_late(offset->get<std::uint64_t>(), now);
    return;
  }
  if (error) return refused(*error, now);
  if (!sensible) {
    if (++nonsense_ > nonsense_limit) {
      fail(Outcome::protocol, "the device answers with offsets that make no sense");
    }
    return;  // as good as lost
  }
  reported(found, offset->get<std::uint64_t>(), body, now);
}

bool Upload::Implementation::out_of_time(TimePoint now) const {
  return now - progress_at_ >= options_.give_up;
}

void Upload::Implementation::refused(const DeviceError& error, TimePoint now) {
  const Request asked = request_.upgrade ? Request::upload_upgrade : Request::upload;
  const Outcome outcome = outcome_of(error, asked);
  ++refusals_;
  if (!is_transient(error) || (out_of_time(now) && refusals_ >= options_.attempts)) {
    return fail(outcome, words(error), error);
  }
  if (outcome == Outcome::no_memory) pace_->no_memory();
  give_up_all();
  next_ = acknowledged_;
  one_only_ = true;
  not_before_ = now + options_.busy_pause;
}

Milliseconds Upload::Implementation::timeout_of(const Sent& sent) const {
  return sent.first ? options_.first_timeout : round_trip_.timeout();
}

std::optional<TimePoint> Upload::Implementation::deadline() const {
  if (ended()) return std::nullopt;
  if (side_) return side_->deadline();
  if (not_before_) return not_before_;
  if (sent_.empty() || !sent_.front().written) return std::nullopt;
  return *sent_.front().written + timeout_of(sent_.front());
}

void Upload::Implementation::on_time(TimePoint now) {
  if (ended()) return;
  if (side_) {
    side_->on_time(now);
    return leave_side();
  }
  if (not_before_ && now >= *not_before_) not_before_.reset();
  const std::optional<TimePoint> due = deadline();
  if (due && !not_before_ && now >= *due) silence(now);
}

void Upload::Implementation::silence(TimePoint now) {
  ++silences_;
  ++counts_.losses;
  if (out_of_time(now) && silences_ >= 2 * options_.attempts) {
    return fail(Outcome::no_answer,
                fmt::format("no answer at offset {} of {}", acknowledged_, request_.size));
  }
  pace_->silence(sent_.size(), silences_);
  round_trip_.silence();
  // Nothing is known of what is on its way. One packet finds out; sending all again would waste
  // what did arrive.
  give_up_all();
  next_ = acknowledged_;
  one_only_ = true;
}

void Upload::Implementation::give_up_all() {
  for (Sent& sent : sent_) given_up_.push_back(sent);
  sent_.clear();
  while (given_up_.size() > given_up_limit) given_up_.pop_front();
}

}  // namespace ferry::smp
