// What the workload promises and the check holds it to. The workload writes a line for each
// promise, after it was made; and a line for each intention that takes something away, before it is
// carried out.
//
//   appended ROUND BYTES          append() took BYTES of the round's image so far
//   partial ROUND BYTES           an open pack said that it holds BYTES
//   release ROUND SHA256 SHA256   admitted: an image and a small file
//   evicting ROUND / evicted ROUND
//   delivery ID STATE             stored, with an event whose detail is "delivery ID STATE"
//   device N                      device "pump-1" runs version N
//   event N                       in the outbox, with the detail "N"
//   acknowledging N / acknowledged N
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "base/clock.hpp"
#include "storage/store.hpp"

namespace ferry::power {

inline constexpr std::uint64_t quota = 40U << 20U;

// The image of a round: its size, and bytes that look random.
std::vector<std::byte> image_of(std::uint64_t round);
std::vector<std::byte> file_of(std::uint64_t round);
std::string pack_of(std::uint64_t round);
storage::HeldRelease release_of(std::uint64_t round);

// Works on a store in `folder` until `seconds` are over, writing marks to the file `marks`.
int work(const std::string& folder, const std::string& marks, int seconds);
// Opens what a power cut left in `folder` and proves that each line of the file `marks` holds.
int check(const std::string& folder, const std::string& marks);

}  // namespace ferry::power
