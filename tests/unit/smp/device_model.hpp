// A device in memory that answers SMP as devices in the field do, with their quirks as switches.
// Written apart from the server under transports/smp, so that both ends do not share mistakes.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "transports/smp/packet.hpp"

namespace ferry::smp::test {

struct DeviceSettings {
  std::uint64_t buffer_size = 384;
  std::uint64_t buffer_count = 4;
  bool parameters = true;         // false: "not supported"
  bool indefinite = false;        // answers in CBOR maps without a length
  bool version_2_errors = false;  // "err" with group, numbers of the group
  std::size_t slot_size = 1U << 20U;
  std::size_t granule = 1;  // takes only whole multiples of so many bytes, but for the end
  bool recovery = false;    // offset 0 always begins afresh
  bool says_match = false;
  bool erase_says_too_long = false;
  int busy = 0;                    // so many image requests are refused as busy
  int no_memory = 0;               // so many upload packets are refused for want of memory
  std::size_t memory = 0;          // larger packets are always refused so; 0: none is
  std::optional<unsigned> refuse;  // every first upload packet, with this code
  unsigned v2_refuse = 0;          // likewise, of the image group
};

// One slot to upload to.
class DeviceModel {
 public:
  explicit DeviceModel(DeviceSettings settings = {}) : settings_(settings) {}

  // The answer to a packet; nothing to what is no request.
  std::optional<std::string> answer(Bytes packet);

  // Upload state lives in RAM, the slot does not.
  void reboot() {
    uploading_ = false;
    ++reboots;
  }

  DeviceSettings& settings() { return settings_; }
  const std::string& slot() const { return slot_; }
  std::size_t reached() const { return uploading_ ? slot_.size() : 0; }
  bool uploading() const { return uploading_; }
  void begin_with(std::string content, std::string sha, std::size_t length) {
    slot_ = std::move(content);
    sha_ = std::move(sha);
    length_ = length;
    uploading_ = true;
  }

  std::vector<Packet> requests;  // all that came
  int reboots = 0;
  int twice = 0;           // upload packets with data that the device had
  int begun = 0;           // uploads from offset 0
  std::string image_hash;  // of the image in the slot, once it is complete
  std::string tested;      // hash that was to be tested
  bool confirmed = false;
  bool was_reset = false;
  std::size_t largest_packet = 0;

 private:
  std::string map_of(const Packet& request);
  std::string upload(const Packet& request);
  std::string state(const Packet& request);
  std::string error(const Packet& request, unsigned code) const;
  std::string offset_is(std::size_t offset, std::optional<bool> match = {}) const;

  DeviceSettings settings_;
  bool uploading_ = false;
  std::string slot_;
  std::string sha_;
  std::size_t length_ = 0;
};

// `size` bytes that a compressor would make nothing of.
std::string noise(std::size_t size, unsigned seed = 1);

}  // namespace ferry::smp::test
