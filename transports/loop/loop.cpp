#include "transports/loop/loop.hpp"

#include <unistd.h>

#include <boost/asio/io_context.hpp>
#include <boost/asio/posix/stream_descriptor.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/steady_timer.hpp>

namespace ferry::loop {

namespace asio = boost::asio;
using Code = boost::system::error_code;

struct Loop::State {
  asio::io_context context{1};
  asio::steady_timer timer{context};
  std::function<void()> tick;
};

Loop::Loop() : state_(std::make_unique<State>()) {}
Loop::~Loop() = default;

void Loop::run() {
  const auto work = asio::make_work_guard(state_->context);
  state_->context.run();
}

void Loop::stop() {
  state_->context.stop();
}

void Loop::post(std::function<void()> task) {
  asio::post(state_->context, std::move(task));
}

void Loop::on_tick(std::function<void()> task) {
  state_->tick = std::move(task);
}

void Loop::tick_in(Duration delay) {
  state_->timer.expires_after(delay);
  state_->timer.async_wait([this](Code error) {
    if (!error) state_->tick();
  });
}

struct Watch::State {
  explicit State(asio::io_context& context) : socket(context) {}
  asio::posix::stream_descriptor socket;
};

Watch::Watch(Loop& loop, Waiter& waiter)
    : state_(std::make_unique<State>(loop.state().context)), waiter_(waiter) {}
Watch::~Watch() = default;

bool Watch::open(int descriptor) {
  Code error;
  state_->socket.assign(descriptor, error);
  if (error) {
    ::close(descriptor);
    return false;
  }
  descriptor_ = descriptor;
  return true;
}

void Watch::close() {
  if (descriptor_ < 0) return;
  Code error;
  state_->socket.close(error);
  descriptor_ = -1;
  settle();
}

void Watch::settle() {
  if (!reading_ && !writing_) waiter_.released();
}

template <typename Event>
void Watch::wait(int kind, bool& waiting, Event event) {
  if (waiting) return;
  waiting = true;
  state_->socket.async_wait(static_cast<asio::posix::descriptor_base::wait_type>(kind),
                            [this, &waiting, event](Code) {
                              waiting = false;
                              if (descriptor_ < 0) return settle();
                              (waiter_.*event)();
                            });
}

void Watch::wait_readable() {
  wait(asio::posix::descriptor_base::wait_read, reading_, &Waiter::readable);
}

void Watch::wait_writable() {
  wait(asio::posix::descriptor_base::wait_write, writing_, &Waiter::writable);
}

struct Timer::State {
  State(asio::io_context& context, std::function<void()> work)
      : timer(context), task(std::move(work)) {}
  asio::steady_timer timer;
  std::function<void()> task;
  std::uint64_t setting = 0;  // a wait that ended before it was replaced is not its successor
};

Timer::Timer(Loop& loop, std::function<void()> task)
    : state_(std::make_shared<State>(loop.state().context, std::move(task))) {}

Timer::~Timer() {
  clear();
}

void Timer::set(std::chrono::steady_clock::time_point time) {
  state_->timer.expires_at(time);
  state_->timer.async_wait([weak = std::weak_ptr(state_), setting = ++state_->setting](Code error) {
    const auto state = weak.lock();
    if (!error && state && state->setting == setting) state->task();
  });
}

void Timer::clear() {
  ++state_->setting;
  state_->timer.cancel();
}

}  // namespace ferry::loop
