// Archives that devices unpack: ustar as POSIX has it (IEEE Std 1003.1, pax, section "ustar
// Interchange Format"), of plain files and folders alone. Checked when a release is taken in, so
// that no device ever unpacks one that would write outside its folder. Pure: the content comes
// through a callback, in pieces. Any thread.
#pragma once

#include <cstdint>

#include "formats/mcuboot.hpp"

namespace ferry::formats {

struct UstarArchive {
  std::uint64_t files = 0;
  std::uint64_t folders = 0;
  std::uint64_t bytes = 0;  // of all files
};

// Reads the headers of the `size` bytes behind `read`, and what follows the end. GNU tar's own
// magic is taken as well, its extensions (long names, sparse files) and pax headers are not.
// ErrorCode::invalid names the entry: a path that is absolute or has '..' in it, a link, a device,
// anything that is no plain file or folder, a wrong checksum, a file beyond the archive's end, no
// end (two blocks of zeros), anything but zeros after it, or more than 65,536 entries.
Result<UstarArchive> inspect_ustar(const ReadContent& read, std::uint64_t size);

}  // namespace ferry::formats
