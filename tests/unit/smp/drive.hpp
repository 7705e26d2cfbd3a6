// A client and a device model hand in hand: every packet arrives at once, time stands still unless
// somebody waits. What gets lost is the test's to say.
#pragma once

#include <functional>
#include <optional>
#include <string>

#include "tests/unit/smp/device_model.hpp"
#include "transports/smp/client.hpp"

namespace ferry::smp::test {

class Drive {
 public:
  Drive(Client& client, DeviceModel& device) : client_(client), device_(device) {}

  // Of the n-th packet (from 1): whether it, or its answer, gets lost.
  std::function<bool(int)> lose_packet;
  std::function<bool(int)> lose_answer;
  std::function<void(int)> before;  // the n-th packet arrives

  // One packet at a time, to the end of all operations; false when they do not end.
  bool run(int most_packets = 20000) {
    while (!client_.idle()) {
      if (std::optional<std::string> packet = client_.next_output(now)) {
        if (++packets > most_packets) return false;
        client_.written(now);
        carry(*packet);
      } else if (const std::optional<TimePoint> due = client_.deadline()) {
        now = std::max(now, *due);
        client_.on_time(now);
      } else {
        return client_.idle();  // false: nobody would ever wake it
      }
    }
    return true;
  }

  void carry(const std::string& packet) {
    const int number = packets;
    if (before) before(number);
    if (lose_packet && lose_packet(number)) return;
    const std::optional<std::string> answer = device_.answer(as_bytes(packet));
    if (!answer || (lose_answer && lose_answer(number))) return;
    now += Milliseconds(10);
    client_.received(as_bytes(*answer), now);
  }

  TimePoint now{};
  int packets = 0;

 private:
  Client& client_;
  DeviceModel& device_;
};

// A request for an upload of `content`, which must outlive it.
inline UploadRequest request_for(const std::string& content) {
  UploadRequest request;
  request.size = content.size();
  request.sha256 = Sha256::of(as_bytes(content));
  request.image_hash = request.sha256.hex();  // what the model tells of a complete image
  request.read = [&content](std::uint64_t offset, std::span<std::byte> out) {
    const Bytes from = as_bytes(content).subspan(static_cast<std::size_t>(offset), out.size());
    std::copy(from.begin(), from.end(), out.begin());
    return true;
  };
  return request;
}

}  // namespace ferry::smp::test
