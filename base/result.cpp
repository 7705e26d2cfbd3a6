#include "base/result.hpp"

#include <cerrno>
#include <system_error>

namespace ferry {

std::string_view to_string(ErrorCode code) {
  switch (code) {
    case ErrorCode::invalid:
      return "invalid";
    case ErrorCode::not_found:
      return "not found";
    case ErrorCode::denied:
      return "denied";
    case ErrorCode::exists:
      return "exists";
    case ErrorCode::io:
      return "input/output";
    case ErrorCode::disk_full:
      return "disk full";
    case ErrorCode::read_only:
      return "read-only";
    case ErrorCode::corrupt:
      return "corrupt";
    case ErrorCode::too_new:
      return "too new";
    case ErrorCode::too_large:
      return "too large";
    case ErrorCode::timed_out:
      return "timed out";
    case ErrorCode::unavailable:
      return "unavailable";
    case ErrorCode::changed:
      return "changed";
    case ErrorCode::cancelled:
      return "cancelled";
  }
  return "unknown";
}

Failure fail(ErrorCode code, std::string message) {
  return Failure(Error{code, std::move(message)});
}

Failure fail(Error error, std::string_view context) {
  error.message.insert(0, ": ").insert(0, context);
  return Failure(std::move(error));
}

Failure fail(Error error) {
  return Failure(std::move(error));
}

namespace {
ErrorCode code_of(int error_number) {
  switch (error_number) {
    case ENOENT:
      return ErrorCode::not_found;
    case EACCES:
    case EPERM:
      return ErrorCode::denied;
    case EEXIST:
      return ErrorCode::exists;
    case ENOSPC:
    case EDQUOT:
      return ErrorCode::disk_full;
    case EROFS:
      return ErrorCode::read_only;
    case ETIMEDOUT:
      return ErrorCode::timed_out;
    case EMSGSIZE:
    case EFBIG:
      return ErrorCode::too_large;
    case EAGAIN:
    case EPIPE:
    case ECONNRESET:
    case ECONNREFUSED:
      return ErrorCode::unavailable;
    default:
      return ErrorCode::io;
  }
}
}  // namespace

Failure fail_errno(int error_number, std::string_view what) {
  return fail(code_of(error_number),
              std::string(what) + ": " + std::generic_category().message(error_number));
}

}  // namespace ferry
