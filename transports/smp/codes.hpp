// What the numbers of SMP errors mean, and what comes of them. Pure, any thread.
#pragma once

#include <string>
#include <string_view>
#include <tl/expected.hpp>

#include "transports/smp/packet.hpp"

namespace ferry::smp {

// Codes of the protocol itself (Zephyr: enum mcumgr_err_t).
enum class Code : std::uint8_t {
  ok = 0,
  unknown = 1,
  no_memory = 2,
  invalid = 3,
  timeout = 4,
  no_entry = 5,
  bad_state = 6,
  too_long = 7,
  not_supported = 8,
  corrupt = 9,
  busy = 10,
  access_denied = 11,
  too_old = 12,
  too_new = 13,
};

// Codes of the file-system group, which a version 2 answer may carry (enum fs_mgmt_err_code_t).
enum class FileCode : std::uint8_t {
  unknown = 1,
  invalid_name = 2,
  not_found = 3,
  read_failed = 7,
  offset_not_valid = 11,
  offset_beyond_end = 12,
  hash_type_unknown = 13,
};

// How a request ended when it did not end well.
enum class Outcome {
  invalid_image,  // the device refuses the image as such
  too_big,        // the image does not fit the device
  downgrade,      // the device runs this version or a later one, and was asked to refuse such
  pending,        // another image waits there to be tried
  busy,           // the device was occupied for longer than the client tries
  no_memory,      // likewise, for want of buffers
  not_supported,  // the device does not know this request
  denied,
  corrupt,        // what arrived there is not what was sent
  no_answer,      // silence until the client gave up
  cancelled,      // the caller asked for it
  source_failed,  // the image's bytes could not be read here
  protocol,       // an answer that makes no sense
  other,
};

std::string_view to_string(Outcome outcome);

// What was asked: the same number means different things there.
enum class Request {
  upload,
  upload_upgrade,  // an upload with `upgrade`, which makes the device refuse older versions
  other,
};

// "no memory" for 2; "current version is newer" for 27 of the image group; "error 77 of group 9".
std::string words(const DeviceError& error);
// Whether the same request may succeed a little later: busy, no memory, timeout.
bool is_transient(const DeviceError& error);
Outcome outcome_of(const DeviceError& error, Request request);

struct Fault {
  Outcome outcome = Outcome::other;
  std::string message;               // for people
  std::optional<DeviceError> error;  // what the device said, when it said something
};

// What a request brought, or why it brought nothing.
template <typename T>
class [[nodiscard]] Reply : public tl::expected<T, Fault> {
 public:
  using tl::expected<T, Fault>::expected;
};

}  // namespace ferry::smp
