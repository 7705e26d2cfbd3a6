#include "tests/airtime/air_link.hpp"

#include <algorithm>

namespace ferry::airtime {
namespace {

constexpr Microseconds frame_space{150};
constexpr std::size_t att_header = 3;
constexpr std::size_t l2cap_header = 4;
constexpr std::size_t integrity = 4;  // bytes of a packet's check when it is encrypted

std::size_t index(Side side) {
  return static_cast<std::size_t>(side);
}

}  // namespace

Microseconds packet_time(const Radio& radio, std::size_t payload) {
  // Access address, header, CRC; and a preamble of one byte at 1 Mbit/s, of two at 2 Mbit/s.
  std::size_t bytes = 4 + 2 + payload + 3;
  if (radio.encrypted && payload > 0) bytes += integrity;
  const std::size_t time = radio.phy == Phy::le_1m ? (bytes + 1) * 8 : (bytes + 2) * 4;
  return Microseconds(time);
}

void AirLink::send(Side from, std::size_t bytes, Microseconds ready) {
  std::deque<Piece>& queue = queues_[index(from)];
  if (!queue.empty()) ready = std::max(ready, queue.back().ready);
  while (bytes > 0) {
    const std::size_t value = std::min(bytes, radio_.mtu - att_header);
    bytes -= value;
    for (std::size_t left = value + att_header + l2cap_header; left > 0;) {
      const std::size_t payload = std::min(left, radio_.data_length);
      left -= payload;
      queue.push_back({payload, ready, left == 0 && bytes == 0});
    }
  }
}

std::size_t AirLink::payload_of(Side side, Microseconds at) const {
  const std::deque<Piece>& queue = queues_[index(side)];
  return queue.empty() || queue.front().ready > at ? 0 : queue.front().payload;
}

std::optional<Microseconds> AirLink::next() const {
  if (idle()) return std::nullopt;
  const bool room = radio_.pairs == 0 || pairs_ < radio_.pairs;
  if (pairs_ > 0 && room && more_) {
    const Microseconds longest = packet_time(radio_, payload_of(Side::central, now_)) +
                                 packet_time(radio_, payload_of(Side::peripheral, now_)) +
                                 2 * frame_space;
    if (now_ + longest <= event_ + radio_.interval) return now_;
  }
  // The first event that finds something to carry by its start.
  Microseconds ready = Microseconds::max();
  for (const std::deque<Piece>& queue : queues_) {
    if (!queue.empty()) ready = std::min(ready, queue.front().ready);
  }
  const auto behind = std::max(now_, ready) - event_;
  const auto events = (behind + radio_.interval - Microseconds(1)) / radio_.interval;
  return event_ + std::max<std::int64_t>(events, pairs_ > 0 ? 1 : 0) * radio_.interval;
}

Microseconds AirLink::say(Side side, Microseconds at, std::vector<Arrival>& arrivals) {
  const std::size_t payload = payload_of(side, at);
  const Microseconds end = at + packet_time(radio_, payload);
  if (payload > 0) {
    std::deque<Piece>& queue = queues_[index(side)];
    if (queue.front().last) arrivals.push_back({side, arrived_[index(side)]++, end});
    queue.pop_front();
    more_ = more_ || has_data(side, at);
  }
  return end + frame_space;
}

std::vector<Arrival> AirLink::exchange() {
  std::vector<Arrival> arrivals;
  const std::optional<Microseconds> start = next();
  if (!start) return arrivals;
  if (*start >= event_ + radio_.interval || (pairs_ == 0 && *start > event_)) {
    event_ = *start;
    pairs_ = 0;
  }
  ++pairs_;
  more_ = false;
  now_ = say(Side::central, *start, arrivals);
  now_ = say(Side::peripheral, now_, arrivals);
  return arrivals;
}

double capacity(const Radio& radio) {
  constexpr std::size_t packets = 2000;
  AirLink link(radio);
  const std::size_t value = radio.mtu - att_header;
  for (std::size_t i = 0; i < packets; ++i) link.send(Side::central, value, Microseconds(0));
  while (!link.idle()) link.exchange();
  // The last event is only partly used: to its end.
  const auto events = (link.now() + radio.interval - Microseconds(1)) / radio.interval;
  const auto seconds = std::chrono::duration<double>(events * radio.interval).count();
  return static_cast<double>(packets * value) / seconds;
}

std::optional<Microseconds> air_time(const Radio& radio, std::span<const Sent> trace) {
  AirLink link(radio);
  std::vector<std::optional<Microseconds>> arrived(trace.size());
  std::array<std::vector<std::size_t>, 2> order;  // places in the trace, by side
  for (std::size_t i = 0; i < trace.size(); ++i) order[index(trace[i].from)].push_back(i);
  std::array<std::size_t, 2> given{};
  const auto give = [&] {
    for (const Side side : {Side::central, Side::peripheral}) {
      std::size_t& next = given[index(side)];
      for (; next < order[index(side)].size(); ++next) {
        const Sent& sent = trace[order[index(side)][next]];
        if (sent.after && *sent.after >= trace.size()) break;
        if (sent.after && !arrived[*sent.after]) break;
        const Microseconds from = sent.after ? *arrived[*sent.after] : Microseconds(0);
        link.send(side, sent.bytes, from + sent.pause);
      }
    }
  };
  Microseconds end{0};
  for (give(); !link.idle(); give()) {
    for (const Arrival& arrival : link.exchange()) {
      arrived[order[index(arrival.from)][arrival.number]] = arrival.at;
      end = std::max(end, arrival.at);
    }
  }
  if (given[0] + given[1] < trace.size()) return std::nullopt;
  return end;
}

}  // namespace ferry::airtime
