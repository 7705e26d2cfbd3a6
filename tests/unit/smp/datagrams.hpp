// A datagram link in virtual time between a client and a device model: each packet takes its time
// and gets lost by chance, from a seed. The device works at one packet after another.
#pragma once

#include <algorithm>
#include <map>
#include <random>
#include <string>

#include "tests/unit/smp/device_model.hpp"
#include "transports/smp/client.hpp"

namespace ferry::smp::test {

struct DatagramSettings {
  double lose = 0;              // probability for each packet, either way
  Milliseconds way{20};         // there; and back
  Milliseconds jitter{0};       // at most, in addition: packets may overtake each other
  Milliseconds work{3};         // of the device for each packet
  double twice = 0;             // probability that a packet arrives twice
  std::size_t largest = 65507;  // bytes; longer ones never arrive
  unsigned seed = 1;
};

class Datagrams {
 public:
  Datagrams(DatagramSettings settings, Client& client, DeviceModel& device)
      : settings_(settings), client_(client), device_(device), random_(settings.seed) {}

  // To the end of all operations; false when they do not end.
  bool run(int most_events = 400000) {
    while (!client_.idle() && most_events-- > 0) {
      while (const auto packet = client_.next_output(now_)) {
        client_.written(now_);
        ++sent;
        send(*packet, true);
      }
      const auto due = client_.deadline();
      if (on_its_way_.empty() && !due) return client_.idle();
      if (on_its_way_.empty() || (due && *due <= on_its_way_.begin()->first)) {
        now_ = std::max(now_, *due);
        client_.on_time(now_);
        continue;
      }
      const auto first = on_its_way_.begin();
      now_ = std::max(now_, first->first);
      const Flight flight = std::move(first->second);
      on_its_way_.erase(first);
      arrive(flight);
    }
    return client_.idle();
  }

  int sent = 0;      // by the client
  int answered = 0;  // by the device
  TimePoint now() const { return now_; }

 private:
  struct Flight {
    std::string packet;
    bool to_device = false;
  };

  bool chance(double probability) {
    return std::uniform_real_distribution<double>(0, 1)(random_) < probability;
  }
  void send(const std::string& packet, bool to_device, Milliseconds after = Milliseconds(0)) {
    if (chance(settings_.lose) || packet.size() > settings_.largest) return;
    const int copies = chance(settings_.twice) ? 2 : 1;
    for (int i = 0; i < copies; ++i) {
      const auto jitter = settings_.jitter.count() == 0
                              ? Milliseconds(0)
                              : Milliseconds(random_() % settings_.jitter.count());
      on_its_way_.emplace(now_ + after + settings_.way + jitter, Flight{packet, to_device});
    }
  }
  void arrive(const Flight& flight) {
    if (!flight.to_device) return client_.received(as_bytes(flight.packet), now_);
    const auto answer = device_.answer(as_bytes(flight.packet));
    if (!answer) return;
    ++answered;
    free_at_ = std::max(free_at_, now_) + settings_.work;
    send(*answer, false, std::chrono::ceil<Milliseconds>(free_at_ - now_));
  }

  DatagramSettings settings_;
  Client& client_;
  DeviceModel& device_;
  std::mt19937 random_;
  TimePoint now_{};
  TimePoint free_at_{};
  std::multimap<TimePoint, Flight> on_its_way_;
};

}  // namespace ferry::smp::test
