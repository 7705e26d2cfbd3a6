#include "ctl/progress_display.hpp"

#include <gtest/gtest.h>

#include <cstdlib>
#include <memory>

namespace ferry::ctl {
namespace {

using namespace std::chrono_literals;

const RateEstimator::Moment begin{std::chrono::hours(1)};

// Everything written to a stream in memory.
struct Output {
  char* text = nullptr;
  std::size_t size = 0;
  std::FILE* stream = ::open_memstream(&text, &size);
  ~Output() {
    std::fclose(stream);
    std::free(text);
  }
  std::string taken() {
    std::fflush(stream);
    std::string all(text + from, size - from);
    from = size;
    return all;
  }
  std::size_t from = 0;
};

EventLine transfer(const char* subject, std::uint64_t done) {
  EventLine line;
  line.subject = subject;
  line.text = "x";
  line.transfer = true;
  line.bytes_done = done;
  line.bytes_total = 100000;
  return line;
}

EventLine news(const char* subject, const char* text) {
  EventLine line;
  line.subject = subject;
  line.text = text;
  return line;
}

TEST(ProgressDisplay, PlainLinesComeAtFirstAndThenRarely) {
  Output out;
  ProgressDisplay display(out.stream, 0);
  display.moved(transfer("a", 1000), "T ", begin);
  EXPECT_EQ(out.taken(), "T a  x  1000 B of 97.7 KiB, 1%\n");
  display.moved(transfer("a", 2000), "T ", begin + 5s);
  EXPECT_EQ(out.taken(), "");
  display.moved(transfer("a", 11000), "T ", begin + 10s);
  EXPECT_EQ(out.taken(), "T a  x  10.7 KiB of 97.7 KiB, 11%, 1000 B/s, 1 min 29 s left\n");
  display.happened(news("a", "done"), "T ");
  EXPECT_EQ(out.taken(), "T a  done\n");
}

TEST(ProgressDisplay, OnATerminalNewsScrollAboveTheTransfers) {
  Output out;
  ProgressDisplay display(out.stream, 40);
  display.moved(transfer("a", 1000), "", begin);
  EXPECT_EQ(out.taken(), "a  x  1000 B of 97.7 KiB, 1%\n");
  display.moved(transfer("b", 2000), "", begin);
  EXPECT_EQ(out.taken(),
            "\x1b[1A\x1b[Ja  x  1000 B of 97.7 KiB, 1%\nb  x  2.0 KiB of 97.7 KiB, 2%\n");
  display.happened(news("c", "seen"), "");
  EXPECT_EQ(out.taken(),
            "\x1b[2A\x1b[Jc  seen\na  x  1000 B of 97.7 KiB, 1%\nb  x  2.0 KiB of 97.7 KiB, 2%\n");
  display.happened(news("a", "done"), "");
  EXPECT_EQ(out.taken(), "\x1b[2A\x1b[Ja  done\nb  x  2.0 KiB of 97.7 KiB, 2%\n");
}

TEST(ProgressDisplay, NoTransferLineIsWiderThanTheTerminal) {
  Output out;
  ProgressDisplay display(out.stream, 10);
  display.moved(transfer("ü", 1000), "", begin);
  EXPECT_EQ(out.taken(), "ü  x  1000\n");
}

TEST(ProgressDisplay, AStallShowsInTheRate) {
  Output out;
  ProgressDisplay display(out.stream, 80);
  display.moved(transfer("a", 0), "", begin);
  display.moved(transfer("a", 1000), "", begin + 1s);
  EXPECT_NE(out.taken().find("1000 B/s, 1 min 39 s left"), std::string::npos);
  for (int second = 2; second < 20; ++second) display.refresh(begin + second * 1s);
  const std::string shown = out.taken();
  EXPECT_TRUE(shown.ends_with("\x1b[Ja  x  1000 B of 97.7 KiB, 1%, 0 B/s\n")) << shown;
}

}  // namespace
}  // namespace ferry::ctl
