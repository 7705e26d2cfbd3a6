// The desk over a real store, with clock and worker that the test owns, and devices that are told.
#pragma once

#include <gmock/gmock.h>

#include <algorithm>
#include <cstdlib>
#include <deque>
#include <map>
#include <memory>

#include "agent/desk.hpp"
#include "tests/unit/storage/store_bench.hpp"
#include "transports/transport.h"

namespace ferry::agent::testing {

using formats::link::DeviceClaim;
using formats::link::ImageState;
using formats::link::OutcomeKind;
using formats::link::StepKind;
using formats::link::StepReply;
using storage::Delivery;
using storage::DeliveryState;

// Two clocks, since the wall's may jump.
class EngineClock final : public Clock {
 public:
  Time now() const override { return wall; }
  std::chrono::steady_clock::time_point steady() const override { return steadily; }
  void pass(Duration time) {
    wall += time;
    steadily += time;
  }
  Time wall = std::chrono::sys_days(std::chrono::year(2026) / 5 / 17) + std::chrono::hours(12);
  std::chrono::steady_clock::time_point steadily{std::chrono::hours(50)};
};

// Keeps what it is given until drain().
class EngineWorker final : public Worker {
 public:
  void run(std::function<void()> work, std::function<void()> then) override {
    tasks.emplace_back(std::move(work), std::move(then));
  }
  void drain() {
    while (!tasks.empty()) {
      const auto [work, then] = std::move(tasks.front());
      tasks.pop_front();
      work();
      if (then) then();
    }
  }
  std::deque<std::pair<std::function<void()>, std::function<void()>>> tasks;
};

// As MCUboot has them: two slots, one of them running.
struct ToldDevice {
  std::string id = "p1";
  std::string version = "1.0";
  std::string image = "00";
  std::string staged = {};
  ImageState state = ImageState::confirmed;
  int battery = -1;

  DeviceClaim claim() const {
    DeviceClaim claim;
    claim.id = id;
    claim.product = "pump";
    claim.version = version;
    claim.address = "line";
    claim.image = image;
    claim.staged = staged;
    claim.image_state = state;
    claim.battery = battery;
    return claim;
  }
  // It restarts with what is in its other slot, or goes back.
  void swap() {
    std::swap(image, staged);
    state = state == ImageState::confirmed ? ImageState::on_trial : ImageState::confirmed;
  }
};

// An MCUboot image around these bytes, and the name that devices give it.
struct Image {
  std::vector<std::byte> content;
  std::string name;
};
Image make_image(unsigned seed);

class EngineTest : public storage::testing::StoreTest {
 protected:
  EngineTest();

  // A release of product "pump" with an image of its own.
  void release(const std::string& version);
  // Starts the agent's part anew over what the store has.
  void restart();
  void read_catalog();

  std::optional<StepReply> ask(const ToldDevice& device, const std::string& transport = "serial");
  int ask_result(const ToldDevice& device, const std::string& transport = "serial");
  bool offered(const ToldDevice& device);  // to one that asks
  void acknowledge(const ToldDevice& device, const StepReply& step, std::uint64_t bytes);
  void end(const ToldDevice& device, const StepReply& step, OutcomeKind kind,
           const std::string& transport = "serial");
  // Takes the device from any state to its end by doing what it is told; the state it ends in.
  DeliveryState bring(ToldDevice& device);
  // One step of that: false when there is none.
  bool obey(ToldDevice& device);

  std::vector<Delivery> rows();
  Delivery row(const std::string& device = "p1");  // the newest of that device
  std::string why(const std::string& device = "p1") { return desk->reason(row(device)); }
  Result<Delivery> order(Order order, const std::string& device = "p1");

  EngineClock time;
  EngineWorker worker;
  config::ProductSettings settings;
  std::unique_ptr<Desk> desk;
  std::map<std::string, std::string> names;  // version → how devices name its image
  std::vector<Duration> wakes;               // as they were asked for
  std::vector<std::uint64_t> cancelled;      // steps that transports shall end
};

}  // namespace ferry::agent::testing
