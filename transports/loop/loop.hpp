// A plugin's loop: readiness of descriptors, timers, and tasks from other threads, over Asio, which
// stays behind this header. Everything runs on the thread that calls run(), but post() and stop(),
// which may be called from any.
#pragma once

#include <chrono>
#include <functional>
#include <memory>

#include "base/clock.hpp"

namespace ferry::loop {

class Loop {
 public:
  Loop();
  ~Loop();
  Loop(const Loop&) = delete;
  Loop& operator=(const Loop&) = delete;

  void run();
  void stop();
  void post(std::function<void()> task);
  // What the ticks below call. Once, before run().
  void on_tick(std::function<void()> task);
  // Calls it once, `delay` from now; forgets an earlier tick that has not come yet.
  void tick_in(Duration delay);

  struct State;
  State& state() { return *state_; }

 private:
  std::unique_ptr<State> state_;
};

// Told when a watched descriptor can be read or written again. One with an error is both: the next
// call on it tells.
class Waiter {
 public:
  virtual void readable() = 0;
  virtual void writable() = 0;
  // After close(): nothing is under way any more, the Watch may be opened again, or destroyed.
  virtual void released() = 0;

 protected:
  ~Waiter() = default;
};

// One non-blocking descriptor: a socket or a line. Waits are told once each, and only one of a kind
// is under way at a time.
class Watch {
 public:
  Watch(Loop& loop, Waiter& waiter);
  ~Watch();
  Watch(const Watch&) = delete;
  Watch& operator=(const Watch&) = delete;

  bool open(int descriptor);  // takes it over; false, and it is closed, when the system has no room
                              // for it
  // Closes the descriptor; waits under way are not told. released() is called before or after this
  // returns.
  void close();
  int descriptor() const { return descriptor_; }

  void wait_readable();
  void wait_writable();

 private:
  struct State;
  template <typename Event>
  void wait(int kind, bool& waiting, Event event);
  void settle();

  std::unique_ptr<State> state_;
  Waiter& waiter_;
  int descriptor_ = -1;
  bool reading_ = false;
  bool writing_ = false;
};

// Calls `task` once at each time it is set to, on the loop.
class Timer {
 public:
  Timer(Loop& loop, std::function<void()> task);
  ~Timer();  // a call that has not come yet does not come
  Timer(const Timer&) = delete;
  Timer& operator=(const Timer&) = delete;

  // Forgets an earlier time that has not come yet.
  void set(std::chrono::steady_clock::time_point time);
  void clear();

 private:
  struct State;
  std::shared_ptr<State> state_;
};

}  // namespace ferry::loop
