// stepwise: reads the first 4 KiB of what it is offered, and the rest when the catalog changes. For
// tests of what happens to a pack in between.
#include <condition_variable>
#include <deque>
#include <mutex>

#include "transport.hpp"

using ferry::plugin::Artifact;
using ferry::plugin::Device;
using ferry::plugin::Host;
using ferry::plugin::Offer;

namespace {

constexpr std::size_t step = 4096;

class Stepwise : public ferry::plugin::Transport {
 public:
  explicit Stepwise(Host host) : host_(host) {}

  int run() override {
    host_.state("listening", "inside");
    host_.offer(device_, {}, [this](int result, const Offer* offer) {
      if (result != FERRY_OK) return;
      artifact_ = offer->artifacts.front();
      read(0, step);
    });
    std::unique_lock lock(mutex_);
    while (!stopped_) {
      woken_.wait(lock, [this] { return stopped_ || !tasks_.empty(); });
      while (!tasks_.empty()) {
        const auto task = std::move(tasks_.front());
        tasks_.pop_front();
        lock.unlock();
        task();
        lock.lock();
      }
    }
    return 0;
  }
  void stop() override {
    const std::lock_guard lock(mutex_);
    stopped_ = true;
    woken_.notify_one();
  }
  void post(std::function<void()> task) override {
    const std::lock_guard lock(mutex_);
    tasks_.push_back(std::move(task));
    woken_.notify_one();
  }
  void changed() override {
    for (std::uint64_t offset = step; offset + step <= artifact_.length; offset += step) {
      if (!read(offset, step)) return;
    }
    host_.state("read", "everything");
  }

 private:
  bool read(std::uint64_t offset, std::size_t length) {
    std::string bytes(length, 0);
    const int result = host_.read(artifact_.handle, offset, bytes.data(), length);
    host_.state(result == FERRY_OK ? "read" : "refused", std::to_string(result));
    return result == FERRY_OK;
  }

  Host host_;
  const Device device_{"meter-1", "meter", "1.0.1", "inside", false};
  Artifact artifact_;
  std::mutex mutex_;
  std::condition_variable woken_;
  std::deque<std::function<void()>> tasks_;
  bool stopped_ = false;
};

}  // namespace

FERRY_TRANSPORT(Stepwise)
