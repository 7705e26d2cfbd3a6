#include "transports/smp/codes.hpp"

#include <fmt/format.h>

#include <array>
#include <span>

namespace ferry::smp {
namespace {

constexpr std::array<std::string_view, 14> protocol_words = {"ok",
                                                             "unknown error",
                                                             "no memory",
                                                             "invalid value",
                                                             "timeout",
                                                             "no entry",
                                                             "bad state",
                                                             "response too long",
                                                             "not supported",
                                                             "corrupt",
                                                             "busy",
                                                             "access denied",
                                                             "protocol version too old",
                                                             "protocol version too new"};

constexpr std::array<std::string_view, 34> image_words = {
    "ok",
    "unknown error",
    "flash configuration cannot be read",
    "no image in the slot",
    "image has no TLVs",
    "invalid TLV",
    "image has several hashes",
    "TLV of an invalid size",
    "hash not found",
    "no free slot",
    "flash cannot be opened",
    "flash cannot be read",
    "flash cannot be written",
    "flash cannot be erased",
    "no such slot",
    "no memory",
    "flash is in use already",
    "flash is not in use",
    "no flash device",
    "invalid page offset",
    "offset is missing",
    "length is missing",
    "image header too short",
    "wrong magic in the image header",
    "no image with this hash",
    "image is for another flash address",
    "version of the running image cannot be read",
    "running version is not older",
    "an image is pending already",
    "invalid vector table in the image",
    "image too large",
    "more data than announced",
    "confirmation denied",
    "the running image cannot be tried"};

constexpr std::array<std::string_view, 14> file_words = {"ok",
                                                         "unknown error",
                                                         "invalid file name",
                                                         "file not found",
                                                         "is a directory",
                                                         "file cannot be opened",
                                                         "file cannot be positioned",
                                                         "file cannot be read",
                                                         "file cannot be cut",
                                                         "file cannot be deleted",
                                                         "file cannot be written",
                                                         "offset not valid",
                                                         "offset beyond the file's end",
                                                         "hash type not known"};

std::span<const std::string_view> words_of(const DeviceError& error) {
  if (!error.group || *error.group == group::os) return protocol_words;
  if (*error.group == group::image) return image_words;
  if (*error.group == group::files) return file_words;
  return {};
}

bool is(const DeviceError& error, Code code) {
  return error.code == static_cast<std::uint64_t>(code);
}

// Codes of the image group in version 2 (Zephyr: enum img_mgmt_err_code_t).
Outcome outcome_of_image(std::uint64_t code) {
  switch (code) {
    case 15:
      return Outcome::no_memory;
    case 22:  // header too short
    case 23:  // magic
    case 24:  // hash
    case 25:  // flash address
    case 29:  // vector table
    case 4:   // no TLVs
    case 5:
    case 6:
    case 7:
    case 8:
      return Outcome::invalid_image;
    case 27:
      return Outcome::downgrade;
    case 28:
      return Outcome::pending;
    case 30:
    case 31:
    case 9:  // no free slot: seen where the slot is too small
      return Outcome::too_big;
    case 16:
      return Outcome::busy;
    case 32:
    case 33:
      return Outcome::denied;
    default:
      return Outcome::other;
  }
}

Outcome outcome_of_protocol(const DeviceError& error, Request request) {
  if (error.code > static_cast<std::uint64_t>(Code::too_new)) return Outcome::other;
  const bool upload = request != Request::other;
  switch (static_cast<Code>(error.code)) {
    case Code::unknown:
      return upload ? Outcome::too_big : Outcome::other;
    case Code::no_memory:
      return Outcome::no_memory;
    case Code::invalid:
      return Outcome::invalid_image;
    case Code::timeout:
    case Code::busy:
      return Outcome::busy;
    case Code::no_entry:
      return upload ? Outcome::pending : Outcome::other;
    case Code::bad_state:
      if (request == Request::upload_upgrade) return Outcome::downgrade;
      return upload ? Outcome::pending : Outcome::other;
    case Code::not_supported:
    case Code::too_old:
    case Code::too_new:
      return Outcome::not_supported;
    case Code::corrupt:
      return Outcome::corrupt;
    case Code::access_denied:
      return Outcome::denied;
    case Code::ok:
    case Code::too_long:
      return Outcome::other;
  }
  return Outcome::other;
}

}  // namespace

std::string_view to_string(Outcome outcome) {
  switch (outcome) {
    case Outcome::invalid_image:
      return "invalid image";
    case Outcome::too_big:
      return "too big";
    case Outcome::downgrade:
      return "downgrade";
    case Outcome::pending:
      return "pending";
    case Outcome::busy:
      return "busy";
    case Outcome::no_memory:
      return "no memory";
    case Outcome::not_supported:
      return "not supported";
    case Outcome::denied:
      return "denied";
    case Outcome::corrupt:
      return "corrupt";
    case Outcome::no_answer:
      return "no answer";
    case Outcome::cancelled:
      return "cancelled";
    case Outcome::source_failed:
      return "source failed";
    case Outcome::protocol:
      return "protocol";
    case Outcome::other:
      return "other";
  }
  return "other";
}

std::string words(const DeviceError& error) {
  const std::span<const std::string_view> known = words_of(error);
  if (error.code < known.size()) return std::string(known[error.code]);
  if (error.group) return fmt::format("error {} of group {}", error.code, *error.group);
  return fmt::format("error {}", error.code);
}

bool is_transient(const DeviceError& error) {
  if (error.group && *error.group != group::os) {
    return *error.group == group::image && (error.code == 15 || error.code == 16);
  }
  return is(error, Code::busy) || is(error, Code::no_memory) || is(error, Code::timeout);
}

Outcome outcome_of(const DeviceError& error, Request request) {
  if (error.group == group::image) return outcome_of_image(error.code);
  if (error.group && *error.group != group::os) return Outcome::other;
  return outcome_of_protocol(error, request);
}

}  // namespace ferry::smp
