// The chunks of an open pack that no commit has reached yet, in a plain file beside it. Nothing
// waits for the medium here: the file outlives the process that is killed, not the power that is
// cut. It is emptied by each commit, mostly before the kernel has written any of it. Internal to
// storage/.
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <string>

#include "base/digest.hpp"
#include "base/file.hpp"
#include "base/result.hpp"

namespace ferry::storage {

struct TailRecord {
  Sha256 artifact;
  std::uint64_t size = 0;  // of the artifact
  std::string validator;
  std::uint64_t index = 0;  // of the chunk
  Sha256 sha256;            // of the content
  Bytes content;            // valid during the call that gives it
};

// Not thread-safe. Movable.
class TailLog {
 public:
  static constexpr std::size_t max_validator = 1024;

  explicit TailLog(std::filesystem::path file) : file_(std::move(file)) {}

  Status append(const TailRecord& record);
  // Gives the records in order, up to the first that is not whole.
  Status replay(const std::function<Status(const TailRecord&)>& take) const;
  void clear();
  Status remove();

 private:
  void cut_to(std::uint64_t length);

  std::filesystem::path file_;
  Descriptor handle_;  // opened by the first append()
  std::uint64_t length_ = 0;
};

}  // namespace ferry::storage
