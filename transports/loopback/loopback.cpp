// loopback: the smallest transport. Its one device lives inside the plugin, so it needs no link at
// all.
#include <openssl/evp.h>

#include <algorithm>
#include <atomic>
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

// The plugin's loop: tasks from other threads, run one after the other on the plugin's thread.
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
  void run() {
    std::unique_lock lock(mutex_);
    while (!stopped_) {
      woken_.wait(lock, [this] { return stopped_ || !tasks_.empty(); });
      if (stopped_) return;
      const std::function<void()> task = std::move(tasks_.front());
      tasks_.pop_front();
      lock.unlock();
      task();
      lock.lock();
    }
  }
  bool stopped() const { return stopped_; }

 private:
  std::mutex mutex_;
  std::condition_variable woken_;
  std::deque<std::function<void()>> tasks_;
  std::atomic<bool> stopped_ = false;
};

// What the device does with the bytes: it keeps none, but wants to know that they are right.
class Digest {
 public:
  Digest() : context_(EVP_MD_CTX_new()) { EVP_DigestInit_ex(context_, EVP_sha256(), nullptr); }
  ~Digest() { EVP_MD_CTX_free(context_); }
  Digest(const Digest&) = delete;
  Digest& operator=(const Digest&) = delete;

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
    loop_.run();
    return 0;
  }
  void stop() override { loop_.stop(); }
  void post(std::function<void()> task) override { loop_.post(std::move(task)); }
  void changed() override { ask(); }

 private:
  void ask() {
    again_ = asking_;  // what was asked before the catalog changed may be answered with the old
    if (asking_) return;
    asking_ = true;
    host_.device_seen(device_);
    host_.offer(device_, {}, [this](int result, const Offer* offer) {
      asking_ = false;
      if (again_) return ask();
      if (result == FERRY_OK) update(*offer);
    });
  }

  void update(const Offer& offer) {
    for (const Artifact& artifact : offer.artifacts) {
      const std::string problem = download(artifact);
      if (problem.empty()) continue;
      host_.log(FERRY_ERROR, artifact.name + ": " + problem);
      host_.outcome(device_, offer.delivery, FERRY_FAILED, artifact.name + ": " + problem);
      return;
    }
    const std::string version = offer.version;
    host_.outcome(device_, offer.delivery, FERRY_TRANSFERRED, "", [this, version](int) {
      device_.version = version;  // the device has restarted, and asks again
      ask();
    });
  }

  // Empty when all went well, else what did not.
  std::string download(const Artifact& artifact) {
    Digest digest;
    std::vector<unsigned char> piece;
    for (std::uint64_t offset = 0; offset < artifact.length; offset += piece.size()) {
      if (loop_.stopped()) return "stopped half way";
      piece.resize(std::min<std::uint64_t>(65536, artifact.length - offset));
      const int result = host_.read(artifact.handle, offset, piece.data(), piece.size());
      if (result != FERRY_OK) return "cannot be read (" + std::to_string(result) + ")";
      digest.update(piece);
      host_.progress(device_, artifact.handle, offset, piece.size());
    }
    return digest.hex() == artifact.sha256 ? "" : "does not have the SHA-256 that was announced";
  }

  Host host_;
  Device device_;
  Loop loop_;
  bool asking_ = false;
  bool again_ = false;
};

}  // namespace

FERRY_TRANSPORT(Loopback)
