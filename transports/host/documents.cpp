#include "transports/host/documents.hpp"

#include <unistd.h>

#include <algorithm>
#include <cerrno>

namespace ferry::host {

std::uint64_t DocumentTable::add(Descriptor file, std::uint64_t size, const Sha256& sha256) {
  const std::lock_guard lock(mutex_);
  const auto same =
      std::find_if(documents_.begin(), documents_.end(),
                   [&](const Document& document) { return document.sha256 == sha256; });
  if (same != documents_.end()) return same->handle;
  documents_.push_back({next_++, size, sha256, std::make_shared<Descriptor>(std::move(file))});
  bytes_ += size;
  while (documents_.size() > most || (bytes_ > most_bytes && documents_.size() > 1)) {
    bytes_ -= documents_.front().size;
    documents_.pop_front();
  }
  return documents_.back().handle;
}

Status DocumentTable::read(std::uint64_t handle, std::uint64_t offset, std::span<std::byte> out) {
  std::shared_ptr<Descriptor> file;
  {
    const std::lock_guard lock(mutex_);
    const auto found =
        std::find_if(documents_.begin(), documents_.end(),
                     [&](const Document& document) { return document.handle == handle; });
    if (found == documents_.end()) {
      return fail(ErrorCode::not_found, "the document is no longer kept");
    }
    if (offset > found->size || out.size() > found->size - offset) {
      return fail(ErrorCode::invalid, "a read beyond the document's end");
    }
    file = found->file;
  }
  while (!out.empty()) {
    const ssize_t got = ::pread(file->get(), out.data(), out.size(), static_cast<off_t>(offset));
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return fail_errno(errno, "a document");
    if (got == 0) return fail(ErrorCode::io, "a document is shorter than the agent said");
    out = out.subspan(static_cast<std::size_t>(got));
    offset += static_cast<std::uint64_t>(got);
  }
  return {};
}

}  // namespace ferry::host
