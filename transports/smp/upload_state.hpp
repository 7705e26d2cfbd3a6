// The inside of an upload: what is on its way, and what each answer means. Internal to this room.
#pragma once

#include <deque>
#include <memory>
#include <optional>
#include <string>

#include "transports/smp/pace.hpp"
#include "transports/smp/requests.hpp"
#include "transports/smp/upload.hpp"

namespace ferry::smp {

class Upload::Implementation {
 public:
  Implementation(const ClientOptions& options, Learned& learned, UploadRequest request,
                 Done<UploadResult> done);

  std::optional<Wanted> next(TimePoint now);
  void written(std::uint64_t tag, TimePoint now);
  bool worth_writing(std::uint64_t tag) const;
  void answered(std::uint64_t tag, const Json& body, TimePoint now);
  std::optional<TimePoint> deadline() const;
  void on_time(TimePoint now);
  void end(Reply<UploadResult> result);
  bool ended() const { return result_.has_value(); }
  void complete() { done_(std::move(*result_)); }

 private:
  // A packet on its way.
  struct Sent {
    std::uint64_t tag = 0;
    std::uint64_t begin = 0;  // of its data
    std::uint64_t end = 0;
    bool first = false;                     // carries length and digest
    std::optional<TimePoint> written = {};  // nothing: still being written
  };
  using Position = std::deque<Sent>::iterator;

  // upload_state.cpp: the exchange as a whole
  void begin(TimePoint now);
  void ask_parameters();
  void ask_state();
  void leave_side();
  void fail(Outcome outcome, std::string message, std::optional<DeviceError> error = {});
  bool out_of_time(TimePoint now) const;
  void refused(const DeviceError& error, TimePoint now);
  void silence(TimePoint now);
  Milliseconds timeout_of(const Sent& sent) const;
  // upload_packet.cpp: what goes out
  std::optional<Wanted> make_packet(TimePoint now);
  std::size_t data_size(std::uint64_t offset, bool first) const;
  std::string body_of(std::uint64_t offset, std::string_view data, bool first) const;
  // upload_answer.cpp: what an offset means
  void measure(const Sent& sent, bool given_up, TimePoint now);
  void reported(const Position& sent, std::uint64_t offset, const Json& body, TimePoint now);
  void reported_late(std::uint64_t offset, TimePoint now);
  void advance(std::uint64_t offset, TimePoint now);
  void cut_short(const Sent& sent, std::uint64_t offset);
  void expected_other(const Sent& sent, std::uint64_t offset, TimePoint now);
  void lost_place(std::uint64_t offset);
  void give_up_all();
  void finish(const Json& body);

  const ClientOptions& options_;
  Learned& learned_;
  UploadRequest request_;
  Done<UploadResult> done_;
  std::optional<Reply<UploadResult>> result_;

  std::optional<Pace> pace_;
  RoundTrip round_trip_;
  std::unique_ptr<Exchange> side_;  // a question beside the upload; runs alone
  bool begun_ = false;

  std::uint64_t acknowledged_ = 0;  // the offset that the device reported last
  std::uint64_t next_ = 0;          // the offset to send next
  std::uint64_t highest_ = 0;       // everything below has been sent at least once
  std::uint64_t next_tag_ = 1;      // 0 is the side question's
  std::deque<Sent> sent_;           // in the order in which the device will answer
  std::deque<Sent> given_up_;       // the newest of those whose answers do not count any more
  bool one_only_ = true;            // no second packet until the one on its way is answered

  TimePoint progress_at_;                // when the device last came further
  std::optional<TimePoint> not_before_;  // nothing is sent until then
  int silences_ = 0;                     // since the device last came further, likewise:
  int refusals_ = 0;
  int standstills_ = 0;       // answers that took nothing of what was expected
  int places_lost_ = 0;       // in the whole upload
  int nonsense_ = 0;          // likewise
  bool state_asked_ = false;  // about an image that may be complete
  UploadCounts counts_;
};

}  // namespace ferry::smp
