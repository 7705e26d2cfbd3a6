#include "transports/smp/upload.hpp"

#include <utility>

#include "transports/smp/upload_state.hpp"

namespace ferry::smp {

Upload::Upload(const ClientOptions& options, Learned& learned, UploadRequest request,
               Done<UploadResult> done)
    : implementation_(std::make_unique<Implementation>(options, learned, std::move(request),
                                                       std::move(done))) {}

Upload::~Upload() = default;

std::optional<Wanted> Upload::next(TimePoint now) {
  return implementation_->next(now);
}

void Upload::written(std::uint64_t tag, TimePoint now) {
  implementation_->written(tag, now);
}

bool Upload::worth_writing(std::uint64_t tag) const {
  return implementation_->worth_writing(tag);
}

void Upload::answered(std::uint64_t tag, const Json& body, TimePoint now) {
  implementation_->answered(tag, body, now);
}

std::optional<TimePoint> Upload::deadline() const {
  return implementation_->deadline();
}

void Upload::on_time(TimePoint now) {
  implementation_->on_time(now);
}

void Upload::abort(Fault fault) {
  implementation_->end(tl::unexpected<Fault>(std::move(fault)));
}

bool Upload::ended() const {
  return implementation_->ended();
}

void Upload::complete() {
  implementation_->complete();
}

}  // namespace ferry::smp
