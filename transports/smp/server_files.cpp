// The file-system group: download, status, hash.
#include <algorithm>
#include <array>
#include <utility>

#include "transports/smp/server_state.hpp"

namespace ferry::smp {
namespace {

using formats::CborWriter;

constexpr std::array<std::uint32_t, 256> make_crc32_table() {
  std::array<std::uint32_t, 256> table{};
  for (std::uint32_t i = 0; i < 256; ++i) {
    std::uint32_t value = i;
    for (int bit = 0; bit < 8; ++bit) {
      value = (value & 1U) != 0 ? (value >> 1U ^ 0xEDB88320U) : value >> 1U;
    }
    table[i] = value;
  }
  return table;
}
constexpr std::array<std::uint32_t, 256> crc32_table = make_crc32_table();

// The number at `key`; nothing when it is missing; `good` becomes false when it is no number.
std::optional<std::uint64_t> number_at(const Json& body, const char* key, bool& good) {
  const auto found = body.find(key);
  if (found == body.end()) return std::nullopt;
  if (!found->is_number_unsigned()) {
    good = false;
    return std::nullopt;
  }
  return found->get<std::uint64_t>();
}

std::string text_at(const Json& body, const char* key) {
  const auto found = body.find(key);
  return found != body.end() && found->is_string() ? found->get<std::string>() : std::string();
}

}  // namespace

std::optional<FileHash> FileHash::of_type(std::string_view type) {
  FileHash hash;
  if (type == "sha256") {
    hash.sha256_.emplace(Algorithm::sha256);
  } else if (type != "crc32") {
    return std::nullopt;
  }
  return hash;
}

void FileHash::update(Bytes content) {
  if (sha256_) return sha256_->update(content);
  for (const std::byte byte : content) {
    crc32_ = crc32_ >> 8U ^ crc32_table[(crc32_ ^ std::to_integer<std::uint32_t>(byte)) & 0xFFU];
  }
}

void FileHash::write(CborWriter& out) const {
  if (sha256_) {
    out.bytes(sha256_->sha256().bytes);
  } else {
    out.number(crc32_ ^ 0xFFFFFFFFU);
  }
}

bool Server::Implementation::is_waiting(Bytes request) const {
  const std::string_view text = as_text(request);
  return std::any_of(opening_.begin(), opening_.end(),
                     [&](const Asked& asked) { return asked.request == text; }) ||
         std::any_of(jobs_.begin(), jobs_.end(),
                     [&](const Job& job) { return job.asked.request == text; });
}

void Server::Implementation::dispatch_files(const Packet& packet, Bytes request) {
  const Header& header = packet.header;
  Asked asked;
  switch (header.command) {
    case command::file_transfer:
      asked.kind = Kind::download;
      break;
    case command::file_status:
      asked.kind = Kind::status;
      break;
    case command::file_hash:
      asked.kind = Kind::hash;
      break;
    default:
      return refuse(header, request, Code::not_supported);
  }
  if (header.op != Op::read) {
    const bool upload = header.command == command::file_transfer;
    return refuse(header, request, upload ? Code::access_denied : Code::not_supported);
  }
  bool good = true;
  const std::optional<std::uint64_t> offset = number_at(packet.body, "off", good);
  asked.length = number_at(packet.body, "len", good);
  asked.header = header;
  asked.request = std::string(as_text(request));
  asked.name = text_at(packet.body, "name");
  asked.offset = offset.value_or(0);
  asked.type = text_at(packet.body, "type");
  if (asked.type.empty()) asked.type = "crc32";  // as servers on devices do
  if (!good || (asked.kind == Kind::download && !offset)) {
    return refuse(header, request, Code::invalid);
  }
  if (asked.name.empty() || asked.name.size() > options_.name_limit) {
    return refuse_file(asked, FileCode::invalid_name);
  }
  open_for(std::move(asked));
}

// Finds the content that is meant, at once or through Files.
void Server::Implementation::open_for(Asked asked) {
  const bool as_it_was =
      asked.kind == Kind::hash || (asked.kind == Kind::download && asked.offset > 0);
  if (as_it_was) {
    if (const NameTable::Entry* entry = names_.find(asked.name)) {
      if (asked.kind == Kind::hash) return start_hash(std::move(asked), *entry);
      return serve(asked, *entry);
    }
  }
  if (opening_.size() + jobs_.size() >= options_.pending_limit) {
    return refuse(asked.header, as_bytes(asked.request), Code::busy);
  }
  asked.id = next_id_++;
  const std::uint64_t id = asked.id;
  const std::string name = asked.name;
  opening_.push_back(std::move(asked));
  files_.open(name, [weak = weak_from_this(), id](Result<Files::Opened> content) {
    if (const auto self = weak.lock()) self->opened(id, std::move(content));
  });
}

void Server::Implementation::opened(std::uint64_t id, Result<Files::Opened> content) {
  const auto found = std::find_if(opening_.begin(), opening_.end(),
                                  [&](const Asked& asked) { return asked.id == id; });
  if (found == opening_.end()) {  // called twice
    if (content) files_.close(content->handle);
    return;
  }
  Asked asked = std::move(*found);
  opening_.erase(found);
  if (!content) return open_failed(asked, content.error());
  if (asked.kind == Kind::status) return tell_status(asked, *content);
  const NameTable::Entry* entry = asked.kind == Kind::download && asked.offset > 0
                                      ? names_.bind_same(asked.name, std::move(*content))
                                      : names_.bind(asked.name, std::move(*content));
  if (entry == nullptr) return refuse_file(asked, FileCode::offset_not_valid);
  if (asked.kind == Kind::hash) return start_hash(std::move(asked), *entry);
  serve(asked, *entry);
}

void Server::Implementation::open_failed(const Asked& asked, const Error& error) {
  const Bytes request = as_bytes(asked.request);
  switch (error.code) {
    case ErrorCode::not_found:
      return refuse_file(asked, FileCode::not_found);
    case ErrorCode::invalid:
      return refuse_file(asked, FileCode::invalid_name);
    case ErrorCode::denied:
      return refuse(asked.header, request, Code::access_denied);
    case ErrorCode::unavailable:
    case ErrorCode::timed_out:
      return refuse(asked.header, request, Code::busy);
    default:
      return refuse_file(asked, FileCode::unknown);
  }
}

void Server::Implementation::tell_status(const Asked& asked, const Files::Opened& content) {
  const std::uint64_t size = content.size;
  files_.close(content.handle);
  answer(asked.header, as_bytes(asked.request),
         CborWriter().map(1).text("len").number(size).take());
}

std::size_t Server::Implementation::room_for_data(const Asked& asked, std::uint64_t size) const {
  const std::size_t whole = options_.answer_limit;
  std::size_t fixed = header_size + CborWriter::head_size(3) + 4 +
                      CborWriter::head_size(asked.offset) + 5 + CborWriter::head_size(whole);
  if (asked.offset == 0) fixed += 4 + CborWriter::head_size(size);
  return whole > fixed ? whole - fixed : 1;
}

void Server::Implementation::serve(const Asked& asked, const NameTable::Entry& entry) {
  const Files::Opened content = entry.content;
  if (asked.offset > content.size) return refuse_file(asked, FileCode::offset_beyond_end);
  const std::uint64_t left = content.size - asked.offset;
  std::string data(
      static_cast<std::size_t>(std::min<std::uint64_t>(left, room_for_data(asked, content.size))),
      '\0');
  if (!data.empty()) {
    const Status read =
        files_.read(content.handle, asked.offset, std::as_writable_bytes(std::span(data)));
    if (!read) return refuse_file(asked, FileCode::read_failed);
  }
  CborWriter out;
  out.map(asked.offset == 0 ? 3 : 2);
  if (asked.offset == 0) out.text("len").number(content.size);
  out.text("off").number(asked.offset);
  out.text("data").bytes(as_bytes(data));
  answer(asked.header, as_bytes(asked.request), out.take());
  if (options_.served) options_.served(asked.name, content.handle, asked.offset, data.size());
}

void Server::Implementation::start_hash(Asked asked, const NameTable::Entry& entry) {
  const Files::Opened content = entry.content;
  std::optional<FileHash> hash = FileHash::of_type(asked.type);
  if (!hash) return refuse_file(asked, FileCode::hash_type_unknown);
  if (asked.offset > content.size) return refuse_file(asked, FileCode::offset_beyond_end);
  const std::uint64_t left = content.size - asked.offset;
  const std::uint64_t length = std::min(asked.length.value_or(left), left);
  if (hash->is_sha256() && content.sha256 && length == content.size) {
    CborWriter out;
    out.map(3).text("len").number(length).text("type").text(asked.type);
    out.text("output").bytes(content.sha256->bytes);
    return answer(asked.header, as_bytes(asked.request), out.take());
  }
  if (opening_.size() + jobs_.size() >= options_.pending_limit) {
    return refuse(asked.header, as_bytes(asked.request), Code::busy);
  }
  const std::uint64_t begin = asked.offset;
  jobs_.push_back({std::move(asked), content.handle, begin, begin + length, std::move(*hash)});
}

void Server::Implementation::step() {
  if (jobs_.empty()) return;
  Job& job = jobs_.front();
  const auto drop = [&](FileCode code) {
    const Job dropped = std::move(jobs_.front());
    jobs_.pop_front();
    refuse_file(dropped.asked, code);
  };
  // The content may have been closed meanwhile, for others or because its name was asked afresh.
  const NameTable::Entry* entry = names_.find(job.asked.name);
  if (entry == nullptr || entry->content.handle != job.handle) return drop(FileCode::unknown);
  std::string piece(static_cast<std::size_t>(std::min<std::uint64_t>(
                        job.end - job.at, std::max<std::size_t>(1, options_.hash_slice))),
                    '\0');
  if (!piece.empty()) {
    if (!files_.read(job.handle, job.at, std::as_writable_bytes(std::span(piece)))) {
      return drop(FileCode::read_failed);
    }
    job.hash.update(as_bytes(piece));
    job.at += piece.size();
  }
  if (job.at < job.end) return;
  const Job done = std::move(jobs_.front());
  jobs_.pop_front();
  tell_hash(done);
}

void Server::Implementation::tell_hash(const Job& job) {
  const Asked& asked = job.asked;
  CborWriter out;
  out.map(asked.offset == 0 ? 3 : 4).text("len").number(job.end - asked.offset);
  if (asked.offset != 0) out.text("off").number(asked.offset);
  out.text("type").text(asked.type).text("output");
  job.hash.write(out);
  answer(asked.header, as_bytes(asked.request), out.take());
}

}  // namespace ferry::smp
