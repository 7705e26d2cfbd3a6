// The requests that are one question and one answer: bodies, and what the answers say.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "transports/smp/operation.hpp"

namespace ferry::smp {

// One slot of a device as its image state tells it.
struct ImageSlot {
  std::uint64_t image = 0;
  std::uint64_t slot = 0;
  std::string version;
  std::string hash;  // the image's TLV hash, raw bytes; "" none
  bool bootable = false;
  bool pending = false;    // boots next
  bool confirmed = false;  // stays
  bool active = false;     // runs
  bool permanent = false;  // boots next, and stays

  bool operator==(const ImageSlot&) const = default;
};

inline constexpr std::size_t image_slot_limit = 32;  // in one answer

Reply<std::vector<ImageSlot>> image_slots_in(const Json& body);
// As a server tells them: {"images": […], "splitStatus": 0}; false is left out.
std::string image_state_body(const std::vector<ImageSlot>& slots);

// One request, sent again after silence or a transient error.
class Exchange : public Operation {
 public:
  Exchange(const ClientOptions& options, Op op, std::uint16_t group, std::uint8_t command,
           std::string body);

  std::optional<Wanted> next(TimePoint now) override;
  void written(std::uint64_t tag, TimePoint now) override;
  bool worth_writing(std::uint64_t tag) const override;
  void answered(std::uint64_t tag, const Json& body, TimePoint now) override;
  std::optional<TimePoint> deadline() const override;
  void on_time(TimePoint now) override;
  void abort(Fault fault) override;
  bool ended() const override { return ended_; }

  void set_timeout(Milliseconds timeout) { timeout_ = timeout; }
  void set_attempts(int attempts) { attempts_ = attempts; }

 protected:
  // The answer's body, an error among them; sets the result.
  virtual void conclude(const Json& body) = 0;
  virtual void refuse(Fault fault) = 0;

 private:
  Wanted wanted_;
  Milliseconds timeout_;
  Milliseconds busy_pause_;
  int attempts_;
  int sent_ = 0;
  bool waiting_ = false;  // written or being written, and not answered
  bool ended_ = false;
  std::optional<TimePoint> due_;         // of the answer
  std::optional<TimePoint> not_before_;  // of the next attempt
};

// An Exchange whose answer is read by a function.
template <typename T>
class Question final : public Exchange {
 public:
  using Read = std::function<Reply<T>(const Json& body)>;

  Question(const ClientOptions& options, Op op, std::uint16_t group, std::uint8_t command,
           std::string body, Read read, Done<T> done)
      : Exchange(options, op, group, command, std::move(body)),
        read_(std::move(read)),
        done_(std::move(done)) {}

  void complete() override { done_(std::move(result_)); }

 private:
  void conclude(const Json& body) override { result_ = read_(body); }
  void refuse(Fault fault) override { result_ = tl::unexpected<Fault>(std::move(fault)); }

  Read read_;
  Done<T> done_;
  Reply<T> result_ = tl::unexpected<Fault>(Fault{});
};

// The fault in an answer's body, or nothing.
std::optional<Fault> fault_in(const Json& body, Request request);

// {"buf_size","buf_count"}; a device that refuses the question gets what the options assume.
Reply<Parameters> parameters_in(const Json& body, const ClientOptions& options);
std::string state_write_body(const std::optional<std::string>& hash, bool confirm);

}  // namespace ferry::smp
