// loopback: the smallest transport. Its one device lives inside the plugin, so it needs no link at
// all. docs/write-a-transport.md explains it step by step.
#include <openssl/evp.h>

#include <algorithm>
#include <chrono>
#include <condition_variable>
#include <deque>
#include <mutex>
#include <stdexcept>

#include "transport.hpp"

using ferry::plugin::Artifact;
using ferry::plugin::Device;
using ferry::plugin::Host;
using ferry::plugin::Offer;

namespace {

class Loop {
 public:
  void post(std::function<void()> task) {
    const std::lock_guard lock(mutex_);
    tasks_.push_back(std::move(task));
    woken_.notify_one();
  }
  void stop() {
    const std::lock_guard lock(mutex_);
    stopped_ = true;
    woken_.notify_one();
  }
  // Runs tasks until stop(), and `idle` when none has come for a while.
  void run(const std::function<void()>& idle) {
    std::unique_lock lock(mutex_);
    while (!stopped_) {
      std::function<void()> task = idle;
      const auto something = [this] { return stopped_ || !tasks_.empty(); };
      if (woken_.wait_for(lock, std::chrono::seconds(5), something)) {
        if (stopped_) return;
        task = std::move(tasks_.front());
        tasks_.pop_front();
      }
      lock.unlock();
      task();
      lock.lock();
    }
  }

 private:
  std::mutex mutex_;
  std::condition_variable woken_;
  std::deque<std::function<void()>> tasks_;
  bool stopped_ = false;
};

class Digest {
 public:
  Digest() : context_(EVP_MD_CTX_new()) { reset(); }
  ~Digest() { EVP_MD_CTX_free(context_); }
  Digest(const Digest&) = delete;
  Digest& operator=(const Digest&) = delete;

  void reset() { EVP_DigestInit_ex(context_, EVP_sha256(), nullptr); }
  void update(const std::vector<unsigned char>& bytes) {
    EVP_DigestUpdate(context_, bytes.data(), bytes.size());
  }
  std::string hex() {
    unsigned char value[EVP_MAX_MD_SIZE];
    unsigned length = 0;
    EVP_DigestFinal_ex(context_, value, &length);
    std::string text;
    for (unsigned i = 0; i < length; ++i) {
      text += "0123456789abcdef"[value[i] >> 4];
      text += "0123456789abcdef"[value[i] & 15];
    }
    return text;
  }

 private:
  EVP_MD_CTX* context_;
};

class Loopback : public ferry::plugin::Transport {
 public:
  explicit Loopback(Host host) : host_(host) {
    device_.id = host_.setting("device").value_or("loopback-1");
    device_.product = host_.setting("product").value_or("");
    device_.version = host_.setting("version").value_or("");
    device_.address = "inside";
    if (device_.product.empty()) throw std::runtime_error("product: which one is the device?");
  }

  int run() override {
    host_.state("listening", "inside");
    ask();
    loop_.run([this] {
      if (ask_later_) ask();
    });
    return 0;
  }
  void stop() override { loop_.stop(); }
  void post(std::function<void()> task) override { loop_.post(std::move(task)); }
  void changed() override { ask(); }

 private:
  void ask() {
    again_ = busy_;
    if (busy_) return;
    busy_ = true;
    host_.device_seen(device_);
    host_.offer(device_, {}, [this](int result, const Offer* offer) {
      ask_later_ = result == FERRY_UNAVAILABLE;
      if (result != FERRY_OK) return rest();
      offer_ = *offer;
      artifact_ = 0;
      begin_artifact();
      step();
    });
  }

  void rest() {
    busy_ = false;
    if (again_) ask();
  }

  void begin_artifact() {
    offset_ = 0;
    digest_.reset();
  }

  void step() {
    if (artifact_ == offer_.artifacts.size()) return finish("");
    const Artifact& artifact = offer_.artifacts[artifact_];
    std::vector<unsigned char> piece(std::min<std::uint64_t>(65536, artifact.length - offset_));
    const int result = host_.read(artifact.handle, offset_, piece.data(), piece.size());
    if (result != FERRY_OK) return finish(artifact.name + ": cannot be read");
    digest_.update(piece);
    host_.progress(device_, artifact.handle, offset_, piece.size());
    offset_ += piece.size();
    if (offset_ == artifact.length) {
      if (digest_.hex() != artifact.sha256) return finish(artifact.name + ": not as announced");
      ++artifact_;
      begin_artifact();
    }
    loop_.post([this] { step(); });
  }

  void finish(const std::string& problem) {
    const bool good = problem.empty();
    if (!good) host_.log(FERRY_ERROR, problem);
    const int outcome = good ? FERRY_TRANSFERRED : FERRY_FAILED;
    host_.outcome(device_, offer_.delivery, outcome, problem, [this, good](int) {
      if (good) device_.version = offer_.version;
      again_ = again_ || good;
      rest();
    });
  }

  Host host_;
  Device device_;
  Loop loop_;
  bool busy_ = false;
  bool again_ = false;
  bool ask_later_ = false;
  Offer offer_;
  std::size_t artifact_ = 0;  // index of the one being downloaded
  std::uint64_t offset_ = 0;
  Digest digest_;
};

}  // namespace

FERRY_TRANSPORT(Loopback)
