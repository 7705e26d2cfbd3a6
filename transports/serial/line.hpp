// One open serial line: what comes in is handed on at once; what goes out is given to the kernel as
// the line takes it, so that little lies in buffers where nobody can take it back or say where it
// is.
#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "base/digest.hpp"
#include "transports/loop/loop.hpp"
#include "transports/serial/tty.hpp"

namespace ferry::serial {

using TimePoint = std::chrono::steady_clock::time_point;
using Milliseconds = std::chrono::milliseconds;

class LineUser {
 public:
  virtual void received(Bytes bytes) = 0;
  // There is room again after has_room() was false.
  virtual void room() = 0;
  // Nothing comes or goes any more; close() it.
  virtual void hung_up(std::string_view why) = 0;

 protected:
  ~LineUser() = default;
};

// On the loop's thread. Kept alive by its loop until close() has come through.
class Line final : private loop::Waiter, public std::enable_shared_from_this<Line> {
 public:
  // `ahead`: how long what the kernel holds may take to leave. `user` must live until close().
  Line(loop::Loop& loop, const LineSettings& settings, Milliseconds ahead, LineUser& user);

  // Takes over a non-blocking, configured descriptor. Once. False, and it is closed, when the
  // system has no room for it.
  bool open(int descriptor);
  // The user is told nothing any more.
  void close();
  bool is_open() const { return user_ != nullptr && watch_.descriptor() >= 0; }

  // True: write() what comes next; false: room() will come.
  bool has_room();
  // Takes all of it. Callers that write pieces beyond some hundred bytes, or without has_room(),
  // hold up what they may want to write instead.
  void write(std::string_view bytes);
  // Everything has been given to the kernel.
  bool is_given() const { return held_.empty(); }
  // Bytes given to the kernel since the start.
  std::uint64_t written() const { return written_; }
  // How much of what was written since the start has left the line, as far as can be told: by the
  // driver's count, and never faster than the line is.
  std::uint64_t left(TimePoint now);
  // Throws away what has not left.
  void discard();

 private:
  void readable() override;
  void writable() override;
  void released() override;
  void flush();
  void on_time();
  void hang_up(std::string_view why);
  std::chrono::nanoseconds backlog(TimePoint now) const;

  loop::Loop& loop_;
  loop::Watch watch_;
  loop::Timer timer_;
  LineUser* user_;
  const std::chrono::nanoseconds byte_time_;
  const Milliseconds ahead_;
  std::string held_;           // what the kernel did not take
  std::uint64_t written_ = 0;  // bytes given to the kernel
  TimePoint free_at_{};        // when all of them have left at the line's pace
  bool waiting_ = false;       // room() was promised
  std::shared_ptr<Line> self_;
};

}  // namespace ferry::serial
