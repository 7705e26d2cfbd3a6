#include "storage/tail_log.hpp"

#include <fcntl.h>
#include <sys/uio.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstddef>
#include <cstring>
#include <optional>
#include <type_traits>
#include <vector>

#include "storage/pack.hpp"

namespace ferry::storage {
namespace {

// In the machine's byte order: the file never leaves it.
struct Header {
  std::array<char, 8> magic{'F', 'e', 'r', 'r', 'y', 'T', 'l', '1'};
  Sha256 digest;  // of the rest of the header and the validator; the content has its own
  std::uint32_t validator_length = 0;
  std::uint32_t content_length = 0;
  std::uint64_t size = 0;
  std::uint64_t index = 0;
  Sha256 artifact;
  Sha256 sha256;
};
static_assert(std::is_trivially_copyable_v<Header>);

Sha256 digest_of(const Header& header, Bytes validator) {
  Digester digester(Algorithm::sha256);
  digester.update(std::as_bytes(std::span(&header, 1)).subspan(offsetof(Header, validator_length)));
  digester.update(validator);
  return digester.sha256();
}

bool read_exactly(int fd, std::span<std::byte> out) {
  while (!out.empty()) {
    const ssize_t got = ::read(fd, out.data(), out.size());
    if (got < 0 && errno == EINTR) continue;
    if (got <= 0) return false;
    out = out.subspan(static_cast<std::size_t>(got));
  }
  return true;
}

// Reads the next record into `buffer`; nothing when it is not there whole.
std::optional<TailRecord> next_record(int fd, std::vector<std::byte>& buffer) {
  Header header;
  const Header expected;
  if (!read_exactly(fd, std::as_writable_bytes(std::span(&header, 1))) ||
      header.magic != expected.magic || header.validator_length > TailLog::max_validator ||
      header.content_length > chunk_size) {
    return std::nullopt;
  }
  buffer.resize(header.validator_length + header.content_length);
  if (!read_exactly(fd, buffer)) return std::nullopt;
  const Bytes validator = Bytes(buffer).first(header.validator_length);
  const Bytes content = Bytes(buffer).subspan(header.validator_length);
  if (digest_of(header, validator) != header.digest || Sha256::of(content) != header.sha256) {
    return std::nullopt;
  }
  TailRecord record;
  record.artifact = header.artifact;
  record.size = header.size;
  record.validator = std::string(as_text(validator));
  record.index = header.index;
  record.sha256 = header.sha256;
  record.content = content;
  return record;
}

}  // namespace

Status TailLog::append(const TailRecord& record) {
  if (!handle_) {
    handle_.reset(::open(file_.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_APPEND | O_CLOEXEC, 0640));
    if (!handle_) return fail_errno(errno, file_.string());
    length_ = 0;
  }
  const Bytes validator = as_bytes(record.validator);
  Header header;
  header.validator_length = static_cast<std::uint32_t>(validator.size());
  header.content_length = static_cast<std::uint32_t>(record.content.size());
  header.size = record.size;
  header.index = record.index;
  header.artifact = record.artifact;
  header.sha256 = record.sha256;
  header.digest = digest_of(header, validator);
  const auto part = [](const void* data, std::size_t size) {
    return iovec{const_cast<void*>(data), size};
  };
  const std::array<iovec, 3> parts = {part(&header, sizeof header),
                                      part(validator.data(), validator.size()),
                                      part(record.content.data(), record.content.size())};
  const std::size_t wanted = sizeof header + validator.size() + record.content.size();
  if (::writev(handle_.get(), parts.data(), parts.size()) != static_cast<ssize_t>(wanted)) {
    const Failure failed = fail_errno(errno, file_.string());
    cut_to(length_);
    return failed;
  }
  length_ += wanted;
  return {};
}

Status TailLog::replay(const std::function<Status(const TailRecord&)>& take) const {
  const Descriptor handle(::open(file_.c_str(), O_RDONLY | O_CLOEXEC));
  if (!handle && errno == ENOENT) return {};
  if (!handle) return fail_errno(errno, file_.string());
  std::vector<std::byte> buffer;
  while (const std::optional<TailRecord> record = next_record(handle.get(), buffer)) {
    Status taken = take(*record);
    if (!taken) return taken;
  }
  return {};
}

void TailLog::clear() {
  if (handle_ && length_ > 0) cut_to(0);
}

void TailLog::cut_to(std::uint64_t length) {
  length_ = length;
  // Closed after a failure, to begin with an empty file: what it held is committed or not, but
  // never wrong.
  if (::ftruncate(handle_.get(), static_cast<off_t>(length)) != 0) handle_.reset();
}

Status TailLog::remove() {
  handle_.reset();
  if (::unlink(file_.c_str()) != 0 && errno != ENOENT) return fail_errno(errno, file_.string());
  return {};
}

}  // namespace ferry::storage
