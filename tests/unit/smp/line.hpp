// A serial line in virtual time between a client and a device model, with console framing: paced as
// a UART (10 bits a byte), losing lines and flipping bytes from a seed. The device has its packet
// buffers and takes its time.
#pragma once

#include <cstdint>
#include <functional>
#include <queue>
#include <random>
#include <string>
#include <vector>

#include "tests/unit/smp/device_model.hpp"
#include "transports/smp/client.hpp"
#include "transports/smp/console.hpp"

namespace ferry::smp::test {

struct LineSettings {
  double bytes_per_second = 11520;       // 115200 baud
  std::chrono::microseconds work{4000};  // of the device for each packet
  std::chrono::microseconds pause{0};    // in addition, each `pause_every` packets: a flash page
  int pause_every = 12;
  double flip = 0;       // probability for each byte
  double lose_line = 0;  // probability for each line
  unsigned seed = 1;
  bool console_text = false;  // before each answer, and between its lines
};

class Line {
 public:
  Line(LineSettings settings, Client& client, DeviceModel& device);

  // To the end of all operations, or until `until` says so after an event. False when nothing
  // happens any more, or after `most` of virtual time.
  bool run(std::chrono::seconds most = std::chrono::hours(2),
           const std::function<bool()>& until = {});

  // What was on the way, either way, is gone; the device keeps its RAM.
  void unplug();
  TimePoint now() const { return now_; }

  std::uint64_t bytes_sent = 0;  // by the client
  int overruns = 0;              // packets that the device had no buffer for
  int abandoned = 0;             // packets that the client broke off

 private:
  struct Event {
    TimePoint at;
    std::uint64_t number;
    std::uint64_t plug;
    std::function<void()> act;
    bool operator<(const Event& other) const {
      return std::tie(other.at, other.number) < std::tie(at, number);
    }
  };

  void after(TimePoint at, std::function<void()> act) {
    events_.push({at, next_number_++, plug_, std::move(act)});
  }
  std::chrono::nanoseconds time_of(std::size_t bytes) const;
  std::string spoil(std::string line);
  void pump();
  void write_line();
  void arm();
  void device_got(Bytes packet);
  void device_works();
  void device_says(const std::string& answer);

  LineSettings settings_;
  Client& client_;
  DeviceModel& device_;
  std::mt19937 random_;
  TimePoint now_{};
  std::priority_queue<Event> events_;
  std::uint64_t next_number_ = 0;
  std::uint64_t plug_ = 0;
  std::vector<std::string> lines_;  // of the packet being written, the next one last
  bool writing_ = false;
  std::deque<std::string> waiting_;  // packets in the device's buffers
  bool working_ = false;
  int worked_ = 0;
  TimePoint answers_free_{};
  ConsoleDecoder device_side_;
  ConsoleDecoder client_side_;
};

}  // namespace ferry::smp::test
