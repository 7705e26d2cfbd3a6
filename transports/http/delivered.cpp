#include "transports/http/delivered.hpp"

namespace ferry::http {

void Delivered::begin(std::uint64_t header, const dialects::Body& body) {
  if (body.length == 0) return;
  if (count_ == most_answers) {
    std::move(entries_.begin() + 1, entries_.end(), entries_.begin());
    --count_;
  }
  entries_[count_++] = {body.handle, body.offset, body.length, written_ + header, 0};
}

std::uint64_t Delivered::fresh(const Entry& entry, std::uint64_t acknowledged, bool ended) {
  if (acknowledged <= entry.start) return 0;
  const std::uint64_t done = std::min(acknowledged - entry.start, entry.length);
  const std::uint64_t bytes = done - entry.reported;
  if (!ended && (done == entry.length || bytes < step)) return 0;
  return bytes;
}

void Delivered::drop_reported() {
  const auto end =
      std::remove_if(entries_.begin(), entries_.begin() + static_cast<std::ptrdiff_t>(count_),
                     [](const Entry& entry) { return entry.reported == entry.length; });
  count_ = static_cast<std::size_t>(end - entries_.begin());
}

}  // namespace ferry::http
