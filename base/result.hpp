// Result<T>: a value or an Error. No function of Ferry reports failure by exception; libraries that
// throw are called inside the room that uses them and their exceptions turned into errors there.
#pragma once

#include <string>
#include <string_view>
#include <tl/expected.hpp>
#include <utility>

namespace ferry {

enum class ErrorCode {
  invalid,      // input that breaks its format or contract
  not_found,    // what was asked for does not exist
  denied,       // permission, signature or jail says no
  exists,       // it is there already
  io,           // the operating system failed; retrying later may help
  disk_full,    // no room left, by quota or by the file system
  read_only,    // the medium cannot be written now
  corrupt,      // bytes differ from their digest
  too_new,      // written by a later version of Ferry
  too_large,    // beyond a stated bound
  timed_out,    // a deadline passed
  unavailable,  // the other side is not there now; retrying later may help
  changed,      // the upstream object changed in between; start afresh
  cancelled,    // asked to stop
};

std::string_view to_string(ErrorCode code);

// What failed, readable by a person: "what: where: what to do". Each layer adds its context once.
struct Error {
  ErrorCode code = ErrorCode::io;
  std::string message;
};

using Failure = tl::unexpected<Error>;

// A failure to return from a function of any Result type.
Failure fail(ErrorCode code, std::string message);
// Hands an error on with a context in front: "context: message".
Failure fail(Error error, std::string_view context);
Failure fail(Error error);
// The failure that errno describes: "what: No space left on device", with the matching code.
Failure fail_errno(int error_number, std::string_view what);

template <typename T>
class [[nodiscard]] Result : public tl::expected<T, Error> {
 public:
  using tl::expected<T, Error>::expected;
};

using Status = Result<void>;

}  // namespace ferry
