// puppet: a transport whose devices are played by a test, over one TCP connection at a time and
// lines of words. "-" stands for an empty word. For tests alone.
//
//   ask ID PRODUCT VERSION IMAGE STAGED unknown|confirmed|on_trial BATTERY
//       → step ID transfer|activate|confirm DELIVERY VERSION LENGTH ACKNOWLEDGED IMAGE
//         or nothing ID RESULT
//   read ID OFFSET LENGTH          of the step's first artifact → bytes ID HEX
//   progress ID OFFSET LENGTH
//   outcome ID NUMBER DETAIL       → done ID RESULT
//
// By itself it says "changed", and "cancel DELIVERY".
#include <arpa/inet.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include <atomic>
#include <deque>
#include <mutex>
#include <sstream>
#include <stdexcept>
#include <vector>

#include "transport.hpp"

using ferry::plugin::Device;
using ferry::plugin::Host;
using ferry::plugin::Step;

namespace {

const char* const kinds[] = {"", "transfer", "activate", "confirm"};

class Puppet : public ferry::plugin::Transport {
 public:
  explicit Puppet(Host host) : host_(host), wakeup_(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)) {
    if (wakeup_ < 0) throw std::runtime_error("no eventfd");
  }

  int run() override {
    if (!listen()) return 1;
    while (!stopped_) {
      pollfd watched[] = {{wakeup_, POLLIN, 0}, {listener_, POLLIN, 0}, {client_, POLLIN, 0}};
      if (::poll(watched, client_ < 0 ? 2 : 3, -1) < 0) continue;
      if (watched[0].revents != 0) run_tasks();
      if (watched[1].revents != 0)
        accept();
      else if (client_ >= 0 && watched[2].revents != 0)
        receive();
    }
    return 0;
  }
  void stop() override {
    stopped_ = true;
    wake();
  }
  void post(std::function<void()> task) override {
    {
      const std::lock_guard lock(mutex_);
      tasks_.push_back(std::move(task));
    }
    wake();
  }
  void changed() override { say("changed"); }
  void cancel(std::uint64_t delivery) override { say("cancel " + std::to_string(delivery)); }

 private:
  void wake() const {
    const std::uint64_t one = 1;
    [[maybe_unused]] const ssize_t written = ::write(wakeup_, &one, sizeof one);
  }

  void run_tasks() {
    std::uint64_t count = 0;
    [[maybe_unused]] const ssize_t got = ::read(wakeup_, &count, sizeof count);
    std::deque<std::function<void()>> tasks;
    {
      const std::lock_guard lock(mutex_);
      tasks.swap(tasks_);
    }
    for (const auto& task : tasks) task();
  }

  bool listen() {
    listener_ = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t size = sizeof address;
    auto* generic = reinterpret_cast<sockaddr*>(&address);
    if (listener_ < 0 || ::bind(listener_, generic, size) < 0 || ::listen(listener_, 4) < 0 ||
        ::getsockname(listener_, generic, &size) < 0) {
      return false;
    }
    host_.state("listening", "127.0.0.1:" + std::to_string(ntohs(address.sin_port)));
    return true;
  }

  void accept() {
    if (client_ >= 0) ::close(client_);
    client_ = ::accept4(listener_, nullptr, nullptr, SOCK_CLOEXEC);
    input_.clear();
  }

  void receive() {
    char piece[4096];
    const ssize_t got = ::recv(client_, piece, sizeof piece, 0);
    if (got <= 0) {
      ::close(client_);
      client_ = -1;
      return;
    }
    input_.append(piece, static_cast<std::size_t>(got));
    for (std::size_t end = input_.find('\n'); end != std::string::npos; end = input_.find('\n')) {
      const std::string line = input_.substr(0, end);
      input_.erase(0, end + 1);
      obey(line);
    }
  }

  void say(const std::string& line) const {
    if (client_ < 0) return;
    const std::string text = line + "\n";
    [[maybe_unused]] const ssize_t sent = ::send(client_, text.data(), text.size(), MSG_NOSIGNAL);
  }

  void obey(const std::string& line) {
    std::istringstream words(line);
    std::string verb;
    std::string id;
    words >> verb >> id;
    if (verb == "ask") return ask(id, words);
    if (verb == "outcome") return outcome(id, words);
    std::uint64_t offset = 0;
    std::uint64_t length = 0;
    words >> offset >> length;
    const auto& known = known_[id];
    const std::uint64_t handle =
        known.step.offer.artifacts.empty() ? 0 : known.step.offer.artifacts.front().handle;
    if (verb == "progress") return host_.progress(known.device, handle, offset, length);
    if (verb == "read") read(id, handle, offset, static_cast<std::size_t>(length));
  }

  void ask(const std::string& id, std::istringstream& words) {
    const auto word = [&] {
      std::string text;
      words >> text;
      return text == "-" ? std::string() : text;
    };
    Device device;
    device.id = id;
    device.product = word();
    device.version = word();
    device.image = word();
    device.staged = word();
    const std::string state = word();
    device.image_state = state == "confirmed"  ? FERRY_IMAGE_CONFIRMED
                         : state == "on_trial" ? FERRY_IMAGE_ON_TRIAL
                                               : FERRY_IMAGE_UNKNOWN;
    words >> device.battery;
    device.address = "a string";
    known_[id].device = device;
    host_.next(device, {"mcuboot"}, [this, id](int result, const Step* step) {
      if (step == nullptr) return say("nothing " + id + " " + std::to_string(result));
      known_[id].step = *step;
      std::ostringstream line;
      line << "step " << id << " " << kinds[step->step] << " " << step->offer.delivery << " "
           << step->offer.version << " ";
      if (step->offer.artifacts.empty()) {
        line << "0 0 -";
      } else {
        const auto& artifact = step->offer.artifacts.front();
        const auto image = artifact.digests.find("mcuboot");
        line << artifact.length << " " << step->acknowledged << " "
             << (image == artifact.digests.end() ? "-" : image->second);
      }
      say(line.str());
    });
  }

  void read(const std::string& id, std::uint64_t handle, std::uint64_t offset, std::size_t length) {
    std::vector<unsigned char> content(length);
    const int result = host_.read(handle, offset, content.data(), length);
    std::string hex;
    for (const unsigned char byte : content) {
      hex += "0123456789abcdef"[byte >> 4U];
      hex += "0123456789abcdef"[byte & 15U];
    }
    say("bytes " + id + " " + (result == FERRY_OK ? hex : "-"));
  }

  void outcome(const std::string& id, std::istringstream& words) {
    int kind = 0;
    std::string detail;
    words >> kind;
    std::getline(words >> std::ws, detail);
    const auto& known = known_[id];
    host_.outcome(known.device, known.step.offer.delivery, kind, detail,
                  [this, id](int result) { say("done " + id + " " + std::to_string(result)); });
  }

  struct Known {
    Device device;
    Step step;
  };

  Host host_;
  int wakeup_;
  int listener_ = -1;
  int client_ = -1;
  std::string input_;
  std::map<std::string, Known> known_;
  std::mutex mutex_;
  std::deque<std::function<void()>> tasks_;
  std::atomic<bool> stopped_ = false;
};

}  // namespace

FERRY_TRANSPORT(Puppet)
