#include "ctl/progress_display.hpp"

#include <fmt/format.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <cstdlib>

#include "ctl/format.hpp"

namespace ferry::ctl {
namespace {

constexpr std::chrono::seconds plain_interval{10};

// At most `width` code points, so that no line wraps and is erased only in part.
std::string cut(const std::string& text, unsigned width) {
  std::size_t points = 0;
  for (std::size_t at = 0; at < text.size(); ++at) {
    if ((static_cast<unsigned char>(text[at]) & 0xc0U) == 0x80U) continue;
    if (points++ == width) return text.substr(0, at);
  }
  return text;
}

}  // namespace

std::string transfer_text(const EventLine& line, const RateEstimator& rate) {
  std::string text =
      fmt::format("{}  {}  {} of {}, {}", line.subject, line.text, human_size(line.bytes_done),
                  human_size(line.bytes_total), percent(line.bytes_done, line.bytes_total));
  if (const auto speed = rate.rate()) text += ", " + human_rate(*speed);
  const auto left = rate.time_left(line.bytes_total);
  if (left) text += ", " + human_duration(*left) + " left";
  return text;
}

void ProgressDisplay::happened(const EventLine& line, const std::string& stamp) {
  transfers_.erase(line.subject);
  erase();
  fmt::print(out_, "{}{}  {}\n", stamp, line.subject, line.text);
  draw();
}

void ProgressDisplay::moved(const EventLine& line, const std::string& stamp, Moment now) {
  const bool begun = !transfers_.contains(line.subject);
  Transfer& transfer = transfers_[line.subject];
  // Another artifact of the same source: its rate says nothing of this one's bytes left.
  if (transfer.line.text != line.text) transfer.rate = RateEstimator();
  transfer.line = line;
  transfer.rate.add(now, line.bytes_done);
  if (width_ > 0) {
    erase();
    draw();
  } else if (begun || now - transfer.shown >= plain_interval) {
    transfer.shown = now;
    fmt::print(out_, "{}{}\n", stamp, transfer_text(line, transfer.rate));
    std::fflush(out_);
  }
}

void ProgressDisplay::refresh(Moment now) {
  for (auto& [subject, transfer] : transfers_) transfer.rate.add(now, transfer.line.bytes_done);
  if (transfers_.empty()) return;
  erase();
  draw();
}

void ProgressDisplay::erase() {
  if (drawn_ == 0) return;
  fmt::print(out_, "\x1b[{}A\x1b[J", drawn_);
  drawn_ = 0;
  std::fflush(out_);
}

void ProgressDisplay::draw() {
  if (width_ > 0) {
    for (const auto& [subject, transfer] : transfers_) {
      fmt::print(out_, "{}\n", cut(transfer_text(transfer.line, transfer.rate), width_));
    }
    drawn_ = transfers_.size();
  }
  std::fflush(out_);
}

unsigned terminal_width(std::FILE* out) {
  if (::isatty(::fileno(out)) == 0) return 0;
  const char* kind = std::getenv("TERM");
  if (kind == nullptr || std::string_view(kind) == "dumb") return 0;
  winsize size{};
  const bool known = ::ioctl(::fileno(out), TIOCGWINSZ, &size) == 0 && size.ws_col > 0;
  return known ? size.ws_col : 80;
}

}  // namespace ferry::ctl
