// An SMP server with two slots, as MCUboot has them. From any thread.
#pragma once

#include <atomic>
#include <mutex>
#include <optional>
#include <string>

#include "base/digest.hpp"
#include "transports/smp/packet.hpp"

namespace ferry::contract {

class SmpSlots {
 public:
  explicit SmpSlots(std::size_t expected_size) : expected_(expected_size) {}

  // The answer to a packet; nothing to what is none, and to resets that are ignored.
  std::optional<std::string> answer(Bytes packet);

  std::string stored();
  std::string staged();   // hex, or ""
  std::string running();  // hex
  bool is_confirmed();
  void ignore_resets(int count) { ignored_ = count; }

 private:
  bool is_whole() const { return image_.size() == expected_; }
  std::string active() const;
  smp::Json about_system(const smp::Packet& request);
  smp::Json about_images(const smp::Packet& request);
  smp::Json upload(const smp::Json& body);

  std::mutex mutex_;
  const std::size_t expected_;
  std::string image_;
  std::string sha_;
  bool pending_ = false;
  bool swapped_ = false;
  bool confirmed_ = true;
  std::atomic<int> ignored_ = 0;
};

// How it names an image: its SHA-256, hex.
std::string image_name(const std::string& content);

}  // namespace ferry::contract
