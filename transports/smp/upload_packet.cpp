// What an upload sends: as much data as the packet holds, to the byte.
#include <algorithm>
#include <utility>

#include "transports/smp/upload_state.hpp"

namespace ferry::smp {
namespace {

using formats::CborWriter;

// The first packet must hold the image's header, which the device looks at before it erases
// anything. More of it would be sent in vain to a device that goes on elsewhere.
constexpr std::size_t first_data = 32;
constexpr std::size_t least_granule = 4;  // flash is written in words
constexpr std::size_t text_head = 1;      // of keys, which are all short

std::size_t key_size(std::string_view key) {
  return text_head + key.size();
}

}  // namespace

std::size_t Upload::Implementation::data_size(std::uint64_t offset, bool first) const {
  const std::uint64_t left = request_.size - offset;
  if (first) {
    return static_cast<std::size_t>(
        std::min<std::uint64_t>(left, std::max(first_data, learned_.granule)));
  }
  const std::size_t packet = pace_->packet();
  const std::size_t fixed = header_size + CborWriter::head_size(2) + key_size("off") +
                            CborWriter::head_size(offset) + key_size("data") +
                            CborWriter::head_size(packet);
  std::size_t size = packet > fixed ? packet - fixed : 1;
  if (left <= size) return static_cast<std::size_t>(left);
  // A device that writes in larger units would cut the rest off, and what follows with it.
  const std::size_t granule = std::max(least_granule, learned_.granule);
  return size >= granule ? size / granule * granule : size;
}

std::string Upload::Implementation::body_of(std::uint64_t offset, std::string_view data,
                                            bool first) const {
  CborWriter out;
  std::size_t pairs = first ? 4 : 2;
  if (first && request_.image) ++pairs;
  if (first && request_.upgrade) ++pairs;
  out.map(pairs);
  if (first) out.text("len").number(request_.size);
  out.text("off").number(offset);
  if (first) out.text("sha").bytes(request_.sha256.bytes);
  out.text("data").bytes(as_bytes(data));
  if (first && request_.image) out.text("image").number(*request_.image);
  if (first && request_.upgrade) out.text("upgrade").boolean(true);
  return out.take();
}

std::optional<Wanted> Upload::Implementation::make_packet(TimePoint /*now*/) {
  Sent sent;
  sent.tag = next_tag_++;
  sent.begin = next_;
  sent.first = next_ == 0;
  std::string data(data_size(next_, sent.first), '\0');
  sent.end = next_ + data.size();
  if (!request_.read(next_, std::as_writable_bytes(std::span(data)))) {
    fail(Outcome::source_failed, "the image cannot be read here");
    return std::nullopt;
  }
  ++counts_.packets;
  counts_.payload_bytes += data.size();
  if (sent.begin < highest_) ++counts_.repeated;
  highest_ = std::max(highest_, sent.end);
  next_ = sent.end;

  Wanted wanted;
  wanted.op = Op::write;
  wanted.group = group::image;
  wanted.command = command::image_upload;
  wanted.body = body_of(sent.begin, data, sent.first);
  wanted.tag = sent.tag;
  sent_.push_back(sent);
  return wanted;
}

}  // namespace ferry::smp
