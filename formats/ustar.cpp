#include "formats/ustar.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "formats/release.hpp"

namespace ferry::formats {
namespace {

constexpr std::size_t block_size = 512;
constexpr std::uint64_t most_entries = 65'536;
constexpr std::size_t piece_size = 64U << 10U;

using Block = std::array<std::byte, block_size>;

struct Field {
  std::size_t offset;
  std::size_t length;
};
constexpr Field name_field{0, 100};
constexpr Field size_field{124, 12};
constexpr Field checksum_field{148, 8};
constexpr std::size_t type_offset = 156;
constexpr Field magic_field{257, 8};  // with the version after it
constexpr Field prefix_field{345, 155};
constexpr std::string_view posix_magic("ustar\00000", 8);
constexpr std::string_view gnu_magic("ustar  \0", 8);

std::string_view text_of(const Block& block, Field field) {
  return {reinterpret_cast<const char*>(block.data()) + field.offset, field.length};
}

// Up to the first NUL; a field may be full without one.
std::string_view name_in(const Block& block, Field field) {
  const std::string_view text = text_of(block, field);
  return text.substr(0, std::min(text.find('\0'), text.size()));
}

// Octal digits with blanks before and blanks or NULs after.
std::optional<std::uint64_t> number_in(const Block& block, Field field) {
  std::string_view text = text_of(block, field);
  while (!text.empty() && text.front() == ' ') text.remove_prefix(1);
  while (!text.empty() && (text.back() == ' ' || text.back() == '\0')) text.remove_suffix(1);
  if (text.empty()) return std::nullopt;
  std::uint64_t value = 0;
  for (const char c : text) {
    if (c < '0' || c > '7') return std::nullopt;
    value = value * 8 + static_cast<std::uint64_t>(c - '0');  // 12 digits: 36 bits
  }
  return value;
}

bool is_zero(Bytes bytes) {
  return std::all_of(bytes.begin(), bytes.end(), [](std::byte b) { return b == std::byte{0}; });
}

// The sum of all bytes, those of the checksum itself counted as blanks.
bool checksum_fits(const Block& block) {
  const auto stated = number_in(block, checksum_field);
  std::uint64_t sum = 0;
  for (std::size_t i = 0; i < block_size; ++i) {
    const bool own =
        i >= checksum_field.offset && i < checksum_field.offset + checksum_field.length;
    sum += own ? ' ' : std::to_integer<std::uint64_t>(block[i]);
  }
  return stated && *stated == sum;
}

class ArchiveInspection {
 public:
  ArchiveInspection(const ReadContent& read, std::uint64_t size) : read_(read), size_(size) {}

  Result<UstarArchive> run() {
    Block block{};
    for (;;) {
      if (Status got = next(block); !got) return fail(got.error());
      if (is_zero(block)) break;
      if (Status taken = take(block); !taken) return fail(taken.error());
    }
    if (Status got = next(block); !got) return fail(got.error());
    if (!is_zero(block)) return bad("does not end with two blocks of zeros");
    if (Status rest = require_zeros(); !rest) return fail(rest.error());
    return archive_;
  }

 private:
  static Failure bad(std::string_view why) {
    return fail(ErrorCode::invalid, fmt::format("archive: {}", why));
  }

  Status next(Block& block) {
    if (size_ - offset_ < block_size) return bad("breaks off before its end");
    if (Status got = read_(offset_, block); !got) return got;
    offset_ += block_size;
    return {};
  }

  Status take(const Block& header) {
    if (!checksum_fits(header)) {
      return bad(fmt::format("no header of a ustar entry at byte {}", offset_ - block_size));
    }
    const std::string_view magic = text_of(header, magic_field);
    if (magic != posix_magic && magic != gnu_magic) return bad("is not ustar");
    std::string path(magic == posix_magic ? name_in(header, prefix_field) : "");
    if (!path.empty()) path += '/';
    path += name_in(header, name_field);
    if (archive_.files + archive_.folders == most_entries) {
      return bad(fmt::format("has more than {} entries", most_entries));
    }
    const char type = static_cast<char>(header[type_offset]);
    const auto size = number_in(header, size_field);
    if (!size) return refused(path, "has a size that is no octal number");
    if (type == '5') return take_folder(path, *size);
    if (type != '0' && type != '\0') return refused(path, kind_of(type));
    return take_file(path, *size);
  }

  static std::string_view kind_of(char type) {
    switch (type) {
      case '1':
      case '2':
        return "is a link";
      case '3':
      case '4':
      case '6':
        return "is a device";
      default:
        return "is neither a plain file nor a folder";
    }
  }

  static Failure refused(std::string_view path, std::string_view why) {
    std::string shown(path.substr(0, 128));
    std::replace_if(
        shown.begin(), shown.end(), [](char c) { return c < 0x20 || c == 0x7F; }, '?');
    return bad(fmt::format("'{}' {}", shown, why));
  }

  // What `tar -C folder .` writes before each path says nothing.
  static std::string_view plain(std::string_view path) {
    while (path.starts_with("./")) path.remove_prefix(2);
    return path;
  }

  Status take_folder(std::string_view path, std::uint64_t size) {
    std::string_view clean = plain(path);
    if (clean.ends_with('/')) clean.remove_suffix(1);
    const bool top = clean.empty() || clean == ".";
    if (path.starts_with('/') || (!top && !is_relative_path(clean))) {
      return refused(path, "is not a clean path");
    }
    if (size != 0) return refused(path, "is a folder with content");
    ++archive_.folders;
    return {};
  }

  Status take_file(std::string_view path, std::uint64_t size) {
    if (!is_relative_path(plain(path))) return refused(path, "is not a clean path");
    const std::uint64_t blocks = (size + block_size - 1) / block_size * block_size;
    if (blocks > size_ - offset_) return refused(path, "reaches beyond the archive's end");
    offset_ += blocks;
    archive_.bytes += size;
    ++archive_.files;
    return {};
  }

  Status require_zeros() {
    std::vector<std::byte> piece(piece_size);
    while (offset_ < size_) {
      const std::size_t length = std::min<std::uint64_t>(piece_size, size_ - offset_);
      const std::span<std::byte> out(piece.data(), length);
      if (Status got = read_(offset_, out); !got) return got;
      if (!is_zero(out)) return bad("has something after its end");
      offset_ += length;
    }
    return {};
  }

  const ReadContent& read_;
  const std::uint64_t size_;
  std::uint64_t offset_ = 0;
  UstarArchive archive_;
};

}  // namespace

Result<UstarArchive> inspect_ustar(const ReadContent& read, std::uint64_t size) {
  return ArchiveInspection(read, size).run();
}

}  // namespace ferry::formats
