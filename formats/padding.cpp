#include "formats/padding.hpp"

#include <fmt/format.h>

namespace ferry::formats {
namespace {

constexpr std::string_view skip_last_digest = "sha256/skip-last";
constexpr std::string_view whole_blocks_digest = "sha256/whole-blocks";

// Flash is written in words of four bytes, so a shorter tail could not be written.
constexpr std::uint64_t flash_word = 4;
constexpr std::uint64_t digest_size = 32;

}  // namespace

BlockCheck block_check_from(std::string_view name) {
  return name == "whole-blocks" ? BlockCheck::whole_blocks : BlockCheck::skip_last;
}

std::string_view wanted_digest(BlockCheck check) {
  return check == BlockCheck::whole_blocks ? whole_blocks_digest : skip_last_digest;
}

Padding padding_for(std::uint64_t size, BlockCheck check) {
  Padding padding;
  const std::uint64_t rest = size % block_size;
  if (check == BlockCheck::whole_blocks) {
    padding.appended = rest == 0 ? 0 : block_size - rest;
    padding.left_out = size == 0 ? 0 : block_size;
  } else if (rest == 0) {
    // A short last block makes the client hash everything.
    padding.appended = flash_word;
  }
  return padding;
}

std::string digest_kind(std::string_view wanted, std::uint64_t size) {
  if (wanted == appended_digest) return size > digest_size ? "sha256-32" : "sha256";
  if (wanted != skip_last_digest && wanted != whole_blocks_digest) return std::string(wanted);
  const BlockCheck check =
      wanted == whole_blocks_digest ? BlockCheck::whole_blocks : BlockCheck::skip_last;
  const Padding padding = padding_for(size, check);
  std::string kind = "sha256";
  if (padding.appended > 0) kind += fmt::format("+{}", padding.appended);
  if (padding.left_out > 0) kind += fmt::format("-{}", padding.left_out);
  return kind;
}

}  // namespace ferry::formats
