#include "tests/unit/smp/line.hpp"

#include <algorithm>

namespace ferry::smp::test {
namespace {

std::vector<std::string> lines_of(const std::string& packet) {
  const std::string all = encode_console(as_bytes(packet));
  std::vector<std::string> lines;
  for (std::size_t at = 0; at < all.size();) {
    const std::size_t end = all.find('\n', at) + 1;
    lines.push_back(all.substr(at, end - at));
    at = end;
  }
  return lines;
}

}  // namespace

Line::Line(LineSettings settings, Client& client, DeviceModel& device)
    : settings_(settings),
      client_(client),
      device_(device),
      random_(settings.seed),
      device_side_({}, [this](Bytes packet) { device_got(packet); }),
      client_side_({}, [this](Bytes packet) { client_.received(packet, now_); }) {}

std::chrono::nanoseconds Line::time_of(std::size_t bytes) const {
  return std::chrono::nanoseconds(
      static_cast<std::int64_t>(1e9 * static_cast<double>(bytes) / settings_.bytes_per_second));
}

std::string Line::spoil(std::string line) {
  std::uniform_real_distribution<double> chance(0, 1);
  if (settings_.lose_line > 0 && chance(random_) < settings_.lose_line) return {};
  if (settings_.flip <= 0) return line;
  for (char& byte : line) {
    if (chance(random_) < settings_.flip) {
      byte = static_cast<char>(byte ^ static_cast<char>(1 + random_() % 255));
    }
  }
  return line;
}

bool Line::run(std::chrono::seconds most, const std::function<bool()>& until) {
  const TimePoint end = now_ + most;
  pump();
  while (!client_.idle() && !(until && until())) {
    if (events_.empty() || events_.top().at > end) return false;
    const Event event = events_.top();
    events_.pop();
    now_ = std::max(now_, event.at);
    if (event.plug != plug_) continue;
    event.act();
    pump();
  }
  return true;
}

void Line::unplug() {
  ++plug_;
  lines_.clear();
  writing_ = working_ = false;
  waiting_.clear();
  device_side_.reset();
  client_side_.reset();
  answers_free_ = now_;
}

void Line::pump() {
  if (!writing_) {
    if (const std::optional<std::string> packet = client_.next_output(now_)) {
      writing_ = true;
      lines_ = lines_of(*packet);
      std::reverse(lines_.begin(), lines_.end());
      write_line();
    }
  }
  arm();
}

void Line::write_line() {
  if (!lines_.empty() && !client_.worth_writing()) {
    ++abandoned;
    lines_.clear();
  }
  if (lines_.empty()) {
    writing_ = false;
    client_.written(now_);
    return;
  }
  const std::string line = lines_.back();
  lines_.pop_back();
  bytes_sent += line.size();
  after(now_ + time_of(line.size()), [this, line] {
    device_side_.feed(as_bytes(spoil(line)));
    write_line();
  });
}

void Line::arm() {
  const std::optional<TimePoint> due = client_.deadline();
  if (!due) return;
  after(std::max(now_, *due), [this, due] {
    if (client_.deadline() == due) client_.on_time(now_);
  });
}

void Line::device_got(Bytes packet) {
  if (waiting_.size() + (working_ ? 1 : 0) >= device_.settings().buffer_count) {
    ++overruns;
    return;
  }
  waiting_.emplace_back(as_text(packet));
  if (!working_) device_works();
}

void Line::device_works() {
  working_ = !waiting_.empty();
  if (!working_) return;
  const std::string packet = waiting_.front();
  waiting_.pop_front();
  auto takes = settings_.work;
  if (++worked_ % settings_.pause_every == 0) takes += settings_.pause;
  after(now_ + takes, [this, packet] {
    if (const std::optional<std::string> answer = device_.answer(as_bytes(packet))) {
      device_says(*answer);
    }
    device_works();
  });
}

void Line::device_says(const std::string& answer) {
  std::vector<std::string> lines = lines_of(answer);
  if (settings_.console_text) lines.insert(lines.begin(), "[00:00:01] <inf> app: busy with\r\n");
  for (const std::string& line : lines) {
    answers_free_ = std::max(answers_free_, now_) + time_of(line.size());
    after(answers_free_, [this, line] { client_side_.feed(as_bytes(spoil(line))); });
  }
}

}  // namespace ferry::smp::test
