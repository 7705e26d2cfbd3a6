// Where metadata and artifacts come from, so that the rules need not know of HTTP.
#pragma once

#include <cstdint>
#include <functional>
#include <string>

#include "base/digest.hpp"
#include "base/result.hpp"

namespace ferry::tuf {

// Takes a part of the body; an error ends the transfer with that error.
using TakeBody = std::function<Status(Bytes)>;

class Fetcher {
 public:
  virtual ~Fetcher() = default;
  // Blocks until all of `url` was given to `take`. ErrorCode::not_found when there is no such file,
  // too_large as soon as there is more than `limit` bytes.
  virtual Status fetch(const std::string& url, std::uint64_t limit, const TakeBody& take) = 0;
};

}  // namespace ferry::tuf
