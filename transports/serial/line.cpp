#include "transports/serial/line.hpp"

#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>

namespace ferry::serial {
namespace {

using std::chrono::steady_clock;

constexpr int most_reads = 8;  // of one turn, then others have theirs
// A driver that forgets to tell that there is room is asked again.
constexpr Milliseconds look_again{20};
constexpr Milliseconds shortest_wait{1};
// Real clocks differ: a line that is somewhat faster than it should be must not run dry.
constexpr int pace_percent = 103;

}  // namespace

Line::Line(loop::Loop& loop, const LineSettings& settings, Milliseconds ahead, LineUser& user)
    : loop_(loop),
      watch_(loop, *this),
      timer_(loop, [this] { on_time(); }),
      user_(&user),
      byte_time_(settings.byte_time()),
      ahead_(ahead) {}

bool Line::open(int descriptor) {
  if (!watch_.open(descriptor)) return false;
  self_ = shared_from_this();
  watch_.wait_readable();
  return true;
}

void Line::close() {
  user_ = nullptr;
  timer_.clear();
  watch_.close();
}

void Line::released() {
  // Not destroyed from within the call of its own watch.
  loop_.post([self = std::move(self_)] {});
}

void Line::hang_up(std::string_view why) {
  if (user_ != nullptr) std::exchange(user_, nullptr)->hung_up(why);
}

void Line::readable() {
  std::array<std::byte, 4096> piece;
  for (int i = 0; i < most_reads && is_open(); ++i) {
    const ssize_t count = ::read(watch_.descriptor(), piece.data(), piece.size());
    if (count > 0) {
      user_->received(Bytes(piece.data(), static_cast<std::size_t>(count)));
      continue;
    }
    if (count < 0 && errno == EINTR) continue;
    if (count < 0 && (errno == EAGAIN || errno == EWOULDBLOCK)) break;
    return hang_up(count == 0 ? "the line hung up" : std::strerror(errno));
  }
  if (is_open()) watch_.wait_readable();
}

void Line::writable() {
  on_time();
}

void Line::on_time() {
  if (!is_open()) return;
  flush();
  if (!is_open() || !waiting_ || !has_room()) return;
  waiting_ = false;
  user_->room();
}

std::chrono::nanoseconds Line::backlog(TimePoint now) const {
  const auto by_pace = free_at_ > now ? free_at_ - now : std::chrono::nanoseconds(0);
  const auto count = static_cast<std::int64_t>(unsent(watch_.descriptor()));
  return std::max<std::chrono::nanoseconds>(by_pace, count * byte_time_);
}

bool Line::has_room() {
  if (!is_open()) return false;
  if (held_.empty()) {
    const auto now = steady_clock::now();
    const auto over = backlog(now) - ahead_;
    if (over <= std::chrono::nanoseconds(0)) return true;
    timer_.set(now + std::max<std::chrono::nanoseconds>(over, shortest_wait));
  }
  waiting_ = true;
  return false;
}

void Line::write(std::string_view bytes) {
  if (!is_open()) return;
  held_ += bytes;
  flush();
}

void Line::flush() {
  while (!held_.empty() && is_open()) {
    const ssize_t count = ::write(watch_.descriptor(), held_.data(), held_.size());
    if (count < 0 && errno == EINTR) continue;
    if (count < 0 && errno != EAGAIN && errno != EWOULDBLOCK) return hang_up(std::strerror(errno));
    if (count <= 0) {
      watch_.wait_writable();
      return timer_.set(steady_clock::now() + look_again);
    }
    held_.erase(0, static_cast<std::size_t>(count));
    written_ += static_cast<std::uint64_t>(count);
    free_at_ = std::max(free_at_, steady_clock::now()) + count * byte_time_ * 100 / pace_percent;
  }
}

std::uint64_t Line::left(TimePoint now) {
  if (!is_open()) return 0;
  const auto by_pace = free_at_ > now ? (free_at_ - now) / byte_time_ : 0;
  const auto held =
      std::max<std::uint64_t>(unsent(watch_.descriptor()), static_cast<std::uint64_t>(by_pace));
  return written_ - std::min(held, written_);
}

void Line::discard() {
  held_.clear();
  if (is_open()) discard_output(watch_.descriptor());
}

}  // namespace ferry::serial
