// Sending an image (image group, command 1): the device's offset is the truth.
//
// It begins with a small packet at offset 0 that carries length and SHA-256. A device that has part
// of the same image answers with the offset it has reached, and is sent the rest. After that first
// answer, packets are pipelined within the window. A lost packet shows in the answer to the one
// after it, which names the offset that the device expects; silence is met by one packet at the
// last offset known, and nothing more until it is answered. An answer of 0 means that the device
// lost its place (it rebooted), and the first packet's fields are sent again.
//
// The last packet's answer may be lost too, and a device that has finished takes any further packet
// for the beginning of a new image. So when `image_hash` is known the device is first asked whether
// it has the image.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>

#include "transports/smp/operation.hpp"

namespace ferry::smp {

struct UploadRequest {
  std::uint64_t size = 0;  // bytes, 1 … 4 GiB - 1
  Sha256 sha256;           // of the whole file
  // Fills `out` with the file's bytes from `offset` on; false ends the upload as source_failed.
  // Called from within next_output(); must be quick.
  std::function<bool(std::uint64_t offset, std::span<std::byte> out)> read;
  std::optional<std::uint32_t> image;  // which of the device's images; nothing for the first
  bool upgrade = false;                // have the device refuse what is not newer
  std::string image_hash;              // the image's TLV hash, raw; "" not known
  // MCUboot's serial recovery erases at offset 0 whatever it has. An upload to it that was broken
  // off is continued by asking with the offset that was reached then.
  std::optional<std::uint64_t> probe_offset;
  // Called with each offset that the device reports.
  std::function<void(std::uint64_t offset)> progress;
};

struct UploadCounts {
  std::uint64_t packets = 0;        // given out, the first ones and repeated ones included
  std::uint64_t repeated = 0;       // with data that had been sent before
  std::uint64_t losses = 0;         // events: a gap, a silence, a place lost
  std::uint64_t resumed_from = 0;   // the offset in the device's first answer beyond what was sent
  std::uint64_t payload_bytes = 0;  // of all packets
};

struct UploadResult {
  UploadCounts counts;
  std::optional<bool> match;  // what the device says of its SHA-256, where it says it; never false
  bool had_it = false;        // known from its state: the last answer was lost
};

class Upload final : public Operation {
 public:
  // `learned` is read now, updated on the way and must outlive the upload.
  Upload(const ClientOptions& options, Learned& learned, UploadRequest request,
         Done<UploadResult> done);
  ~Upload() override;

  std::optional<Wanted> next(TimePoint now) override;
  void written(std::uint64_t tag, TimePoint now) override;
  bool worth_writing(std::uint64_t tag) const override;
  void answered(std::uint64_t tag, const Json& body, TimePoint now) override;
  std::optional<TimePoint> deadline() const override;
  void on_time(TimePoint now) override;
  void abort(Fault fault) override;
  bool ended() const override;
  void complete() override;

 private:
  class Implementation;
  std::unique_ptr<Implementation> implementation_;
};

}  // namespace ferry::smp
