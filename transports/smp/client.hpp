// An SMP client: asks one device, pushes images to it. No I/O and no clock: packets go in and out
// as bytes without framing, times are the caller's steady clock. So serial, BLE and UDP share it.
//
// Use: start an operation; then, whenever something happened,
//   while (auto packet = client.next_output(now)) { write it out; client.written(now'); }
//   each packet from the device:    client.received(packet, now);
//   at client.deadline():           client.on_time(now);
// and look at next_output() and deadline() again after each of these calls.
//
// The pipe never runs dry when next_output() is asked as soon as the packet before is written: with
// a window of two or more the next one goes out while the answer is on its way. What lies in the
// kernel's buffers counts as on its way, so keep little there: report written() when (nearly) all
// has left. A serial line writes line by line and asks worth_writing() in between.
//
// Operations run one after another, in the order in which they were started. Each ends with exactly
// one call of its callback, from within received(), on_time(), cancel() or next_output(); it may
// start further operations, but not destroy the client. Destroying the client calls no callbacks.
//
// Single-threaded; memory is bounded by window, packet size and queued operations.
#pragma once

#include <array>
#include <cstdint>
#include <deque>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "transports/smp/operation.hpp"
#include "transports/smp/requests.hpp"
#include "transports/smp/upload.hpp"

namespace ferry::smp {

class Client {
 public:
  static constexpr std::size_t queue_limit = 16;  // operations; more end as busy at once

  explicit Client(ClientOptions options = {});
  ~Client();
  Client(const Client&) = delete;
  Client& operator=(const Client&) = delete;

  // OS group. echo() is the cheapest way to see whether somebody is there.
  void echo(const std::string& text, Done<std::string> done);
  // What the device can take; each upload asks by itself. Of a device that does not know the
  // request, what the options assume, with `told` false.
  void parameters(Done<Parameters> done);
  // `format` as in `uname`: "s", "a", …; "" for the device's default.
  void os_info(const std::string& format, Done<std::string> done);
  // The bootloader's name ("MCUboot").
  void bootloader(Done<std::string> done);
  // Ends well when the device says it will; whether it comes back is seen later. Sent once only: a
  // second reset would make a device throw out the image that it is just trying. So after silence
  // read the state, and reset again only when the image is still pending.
  void reset(Done<void> done);

  // Image group. `hash` is the image's TLV hash, raw bytes.
  void image_state(Done<std::vector<ImageSlot>> done);
  // Tries the image at the next boot. Sent again after silence, so an error may mean that the first
  // request had worked: read the state.
  void test(const std::string& hash, Done<std::vector<ImageSlot>> done);
  // Keeps the image: the running one without a hash.
  void confirm(const std::optional<std::string>& hash, Done<std::vector<ImageSlot>> done);
  // Slow: the device answers when it is done. Some say "message too long" then, although it worked.
  void erase(std::optional<std::uint32_t> slot, Done<void> done);
  // Sends an image, or what the device lacks of it. See upload.hpp.
  void upload(UploadRequest request, Done<UploadResult> done);

  // Ends all operations with `outcome`: the link is gone, the caller stops. An upload that is
  // started again later, by this client or another, goes on where the device stands.
  void cancel(Outcome outcome = Outcome::cancelled, std::string_view why = "cancelled");

  // The next packet to write, header included; nothing when there is none now, or when the packet
  // before has not been reported as written.
  std::optional<std::string> next_output(TimePoint now);
  // The packet from next_output() has left.
  void written(TimePoint now);
  // Whether what next_output() gave last is still wanted. False when an answer that came meanwhile
  // says that the device would drop it: break off (a console line's next start mark ends it), call
  // written(), and go on with next_output().
  bool worth_writing() const;
  // A packet from the device. Anything but an answer to what was asked is ignored.
  void received(Bytes packet, TimePoint now);
  // When on_time() must be called at the latest; nothing while nobody waits.
  std::optional<TimePoint> deadline() const;
  void on_time(TimePoint now);

  bool idle() const { return operations_.empty(); }

  // What was learned about the device, for the next client of the same device (ClientOptions).
  const Learned& learned() const { return learned_; }

 private:
  struct Asked {  // by sequence number
    bool open = false;
    Header header;
    std::uint64_t tag = 0;
  };

  void start(std::unique_ptr<Operation> operation);
  void settle();

  ClientOptions options_;
  Learned learned_;
  std::deque<std::unique_ptr<Operation>> operations_;  // the first one runs
  std::array<Asked, 256> asked_;
  std::uint8_t next_sequence_;
  struct Writing {  // the packet that is being written
    std::uint64_t tag = 0;
    bool stale = false;  // of an operation that has ended
  };
  std::optional<Writing> writing_;
};

}  // namespace ferry::smp
