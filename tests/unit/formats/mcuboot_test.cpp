#include "formats/mcuboot.hpp"

#include <gtest/gtest.h>

namespace ferry::formats {
namespace {

void append(std::string& out, std::uint64_t value, std::size_t size) {
  for (std::size_t i = 0; i < size; ++i) out += static_cast<char>(value >> (8U * i) & 0xFFU);
}

std::string from_hex(std::string_view digits) {
  std::string raw;
  for (std::size_t i = 0; i + 1 < digits.size(); i += 2) {
    raw += static_cast<char>(std::stoi(std::string(digits.substr(i, 2)), nullptr, 16));
  }
  return raw;
}

// An image as imgtool lays it out.
struct Maker {
  std::uint64_t header_size = 32;
  std::string body = std::string(150000, 'b');
  std::uint32_t flags = 0;
  std::string protected_entries;
  Algorithm algorithm = Algorithm::sha256;
  std::uint16_t hash_type = 0x10;
  std::string before_hash;  // other TLVs
  std::string after_hash;
  bool with_hash = true;

  static std::string tlv(std::uint16_t type, std::string_view value) {
    std::string out;
    append(out, type, 2);
    append(out, value.size(), 2);
    return out + std::string(value);
  }

  std::string hashed() const {
    std::string out;
    append(out, 0x96f3b83d, 4);
    append(out, 0x08000000, 4);
    append(out, header_size, 2);
    append(out, protected_entries.empty() ? 0 : protected_entries.size() + 4, 2);
    append(out, body.size(), 4);
    append(out, flags, 4);
    append(out, 1, 1);
    append(out, 2, 1);
    append(out, 300, 2);
    append(out, 70000, 4);
    append(out, 0, 4);
    out.resize(header_size, '\0');
    out += body;
    if (!protected_entries.empty()) {
      append(out, 0x6908, 2);
      append(out, protected_entries.size() + 4, 2);
      out += protected_entries;
    }
    return out;
  }

  std::string make() const {
    std::string out = hashed();
    Digester digester(algorithm);
    digester.update(as_bytes(out));
    std::string entries = before_hash;
    if (with_hash) entries += tlv(hash_type, from_hex(digester.hex()));
    entries += after_hash;
    append(out, 0x6907, 2);
    append(out, entries.size() + 4, 2);
    return out + entries;
  }
};

Result<McubootImage> inspect(const std::string& content) {
  const ReadContent read = [&](std::uint64_t offset, std::span<std::byte> out) -> Status {
    // Whatever is asked lies within the content.
    EXPECT_LE(offset, content.size());
    EXPECT_LE(out.size(), content.size() - offset);
    EXPECT_LE(out.size(), 65536U);
    const Bytes from = as_bytes(content).subspan(static_cast<std::size_t>(offset), out.size());
    std::copy(from.begin(), from.end(), out.begin());
    return {};
  };
  return inspect_mcuboot(read, content.size());
}

ErrorCode code_of(const std::string& content) {
  const auto result = inspect(content);
  EXPECT_FALSE(result);
  return result ? ErrorCode::exists : result.error().code;
}

TEST(Mcuboot, ReadsVersionSizesAndHash) {
  Maker maker;
  maker.header_size = 512;
  maker.before_hash = Maker::tlv(0x01, std::string(32, 'k'));
  maker.after_hash = Maker::tlv(0x22, std::string(72, 's'));
  const std::string content = maker.make();
  const auto image = inspect(content + std::string(1000, '\xFF'));
  ASSERT_TRUE(image) << image.error().message;
  EXPECT_EQ(image->version.text(), "1.2.300+70000");
  EXPECT_EQ(image->header_size, 512U);
  EXPECT_EQ(image->body_size, 150000U);
  EXPECT_EQ(image->total_size, content.size());
  EXPECT_EQ(image->load_address, 0x08000000U);
  EXPECT_EQ(to_hex(as_bytes(image->hash)), Sha256::of(as_bytes(maker.hashed())).hex());
  EXPECT_EQ(image->check, McubootCheck::matches);
  EXPECT_FALSE(image->encrypted);
}

TEST(Mcuboot, VersionsWithoutABuildNumberHaveNone) {
  EXPECT_EQ((McubootVersion{1, 2, 3, 0}).text(), "1.2.3");
  EXPECT_LT((McubootVersion{1, 2, 3, 9}), (McubootVersion{1, 2, 4, 0}));
}

TEST(Mcuboot, ProtectedTlvsAreHashedToo) {
  Maker maker;
  maker.protected_entries = Maker::tlv(0x50, "counter");
  std::string content = maker.make();
  ASSERT_TRUE(inspect(content));
  content[32 + 150000 + 4 + 4] ^= 1;
  EXPECT_EQ(code_of(content), ErrorCode::corrupt);
}

TEST(Mcuboot, KnowsTheLongerHashes) {
  Maker maker;
  maker.algorithm = Algorithm::sha384;
  maker.hash_type = 0x11;
  EXPECT_EQ(inspect(maker.make()).value().hash.size(), 48U);
  maker.algorithm = Algorithm::sha512;
  maker.hash_type = 0x12;
  const auto image = inspect(maker.make());
  EXPECT_EQ(image->hash.size(), 64U);
  EXPECT_EQ(image->hash_type, McubootHash::sha512);
}

TEST(Mcuboot, ABodyThatDoesNotFitItsHashIsCorrupt) {
  const std::string content = Maker().make();
  for (const std::size_t at : {5UL, 24UL, 32UL, 70000UL, 150031UL}) {
    std::string other = content;
    other[at] ^= 4;
    EXPECT_EQ(code_of(other), ErrorCode::corrupt) << at;
  }
}

TEST(Mcuboot, EncryptedImagesCannotBeChecked) {
  for (const std::uint32_t flag : {0x04U, 0x08U}) {
    Maker maker;
    maker.flags = flag;
    std::string content = maker.make();
    content[40] ^= 1;
    const auto image = inspect(content);
    ASSERT_TRUE(image);
    EXPECT_TRUE(image->encrypted);
    EXPECT_EQ(image->check, McubootCheck::cannot_be_checked);
    EXPECT_EQ(image->hash.size(), 32U);
  }
}

TEST(Mcuboot, EveryPrefixIsRefused) {
  Maker maker;
  maker.body = std::string(64, 'b');
  maker.protected_entries = Maker::tlv(0x50, "x");
  const std::string content = maker.make();
  ASSERT_TRUE(inspect(content));
  for (std::size_t size = 0; size < content.size(); ++size) {
    EXPECT_EQ(code_of(content.substr(0, size)), ErrorCode::invalid) << size;
  }
}

TEST(Mcuboot, WhatBreaksTheFormatIsRefused) {
  Maker maker;
  maker.body = std::string(64, 'b');
  maker.with_hash = false;
  EXPECT_EQ(code_of(maker.make()), ErrorCode::invalid);  // no hash
  maker.after_hash = Maker::tlv(0x10, std::string(31, 'h'));
  EXPECT_EQ(code_of(maker.make()), ErrorCode::invalid);  // of the wrong length
  maker.with_hash = true;
  maker.after_hash = Maker::tlv(0x10, std::string(32, 'h'));
  EXPECT_EQ(code_of(maker.make()), ErrorCode::invalid);  // two
  maker.after_hash = std::string("\x01\x00\xFF\xFF", 4);
  EXPECT_EQ(code_of(maker.make()), ErrorCode::invalid);  // a TLV beyond the end
  maker.after_hash = "x";
  EXPECT_EQ(code_of(maker.make()), ErrorCode::invalid);  // half a TLV
  maker.after_hash.clear();

  const std::string good = maker.make();
  const auto with = [&](std::size_t at, std::string_view bytes) {
    return std::string(good).replace(at, bytes.size(), bytes);
  };
  EXPECT_EQ(code_of(with(0, "zzzz")), ErrorCode::invalid);
  EXPECT_EQ(code_of(with(8, std::string_view("\x1F\x00", 2))), ErrorCode::invalid);
  EXPECT_EQ(code_of(with(8, "\xFF\xFF")), ErrorCode::invalid);
  EXPECT_EQ(code_of(with(10, "\x08")), ErrorCode::invalid);
  maker.protected_entries = Maker::tlv(0x50, "counter") + Maker::tlv(0x51, "x");
  std::string two_sizes = maker.make();
  two_sizes[10] = static_cast<char>(two_sizes[10] - 1);
  EXPECT_EQ(code_of(two_sizes), ErrorCode::invalid);
  EXPECT_EQ(code_of(with(12, "\xFF\xFF\xFF\xFF")), ErrorCode::invalid);
  EXPECT_EQ(code_of(with(12, std::string_view("\0\0\0\0", 4))), ErrorCode::invalid);
}

TEST(Mcuboot, WhatTheReaderFailsWithIsHandedOn) {
  const ReadContent read = [](std::uint64_t, std::span<std::byte>) -> Status {
    return fail(ErrorCode::io, "no");
  };
  EXPECT_EQ(inspect_mcuboot(read, 1000).error().code, ErrorCode::io);
  EXPECT_FALSE(is_mcuboot(as_bytes("abc")));
  EXPECT_TRUE(is_mcuboot(as_bytes("\x3d\xb8\xf3\x96")));
}

}  // namespace
}  // namespace ferry::formats
