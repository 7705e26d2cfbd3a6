#include "transports/udp/yaota.hpp"

#include <array>
#include <utility>

namespace ferry::udp {
namespace {

using std::chrono::duration_cast;

// A device forgets a session after ten seconds of silence; then it takes a beginning again.
constexpr YaotaSender::Milliseconds patience{15000};
constexpr YaotaSender::Milliseconds least_wait{100};
constexpr YaotaSender::Milliseconds most_wait{2000};
constexpr YaotaSender::Milliseconds end_pause{100};  // between packets that nobody acknowledges

}  // namespace

YaotaSender::YaotaSender(YaotaFile file, Milliseconds first_wait, TimePoint now)
    : file_(std::move(file)),
      timer_(first_wait, least_wait, most_wait),
      sent_at_(now),
      since_(now) {
  load();
}

// The packet at position_. False: it is the end, of the file or of this.
bool YaotaSender::load() {
  std::array<std::byte, 2> raw{};
  if (position_ + raw.size() > file_.size || !file_.read(position_, raw)) {
    end(YaotaEnd::unreadable);
    return false;
  }
  const std::size_t size =
      std::to_integer<std::size_t>(raw[0]) | std::to_integer<std::size_t>(raw[1]) << 8U;
  if (size == 0) {
    acknowledged_ = file_.size;
    end(YaotaEnd::done);
    return false;
  }
  packet_.resize(size);
  const bool fits = size <= formats::yaota_packet_limit && size <= file_.size - position_ - 2;
  if (!fits || !file_.read(position_ + 2, std::as_writable_bytes(std::span(packet_)))) {
    end(YaotaEnd::unreadable);
    return false;
  }
  const auto head = formats::parse_yaota_head(as_bytes(packet_));
  if (!head) {
    end(YaotaEnd::unreadable);
    return false;
  }
  head_ = *head;
  to_be_sent_ = true;
  times_sent_ = 0;
  return true;
}

std::optional<std::string> YaotaSender::next_output(TimePoint now) {
  if (ended_ || !to_be_sent_) return std::nullopt;
  to_be_sent_ = false;
  ++counts_.packets;
  if (++times_sent_ > 1) ++counts_.repeated;
  sent_at_ = now;
  return packet_;
}

void YaotaSender::advance() {
  position_ += 2 + packet_.size();
  acknowledged_ = position_;
  load();
}

void YaotaSender::received(Bytes datagram, TimePoint now) {
  const auto told = formats::parse_yaota_head(datagram);
  if (ended_ || !told || times_sent_ == 0 || head_.length == 0) return;
  if (told->sequence != head_.sequence || told->length != head_.length ||
      told->offset != head_.offset) {
    return;  // of a packet that was sent twice, or of nothing that was sent
  }
  if (times_sent_ == 1) timer_.measured(duration_cast<Milliseconds>(now - sent_at_));
  begun_ = true;
  since_ = now;
  advance();
}

std::optional<YaotaSender::TimePoint> YaotaSender::deadline() const {
  if (ended_ || to_be_sent_) return std::nullopt;
  return sent_at_ + (head_.length == 0 ? end_pause : timer_.wait());
}

void YaotaSender::on_time(TimePoint now) {
  const auto due = deadline();
  if (!due || now < *due) return;
  if (head_.length == 0) return advance();
  if (now - since_ >= patience) return end(begun_ ? YaotaEnd::no_answer : YaotaEnd::no_device);
  timer_.expired();
  to_be_sent_ = true;
}

}  // namespace ferry::udp
