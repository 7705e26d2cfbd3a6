// CBOR from devices: what passes the guard is a value that can be written as text and as CBOR, and
// comes back the same.
#include "formats/cbor.hpp"

#include <cstdint>
#include <cstdlib>

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace ferry::formats;
  const auto* bytes = reinterpret_cast<const std::byte*>(data);
  const ferry::Result<Json> value = parse_cbor({bytes, size}, "input");
  if (!value) {
    if (value.error().message.empty()) std::abort();
    return 0;
  }
  const std::string text = to_text(*value);
  const std::vector<std::uint8_t> written = Json::to_cbor(*value);
  const auto* first = reinterpret_cast<const std::byte*>(written.data());
  // Written with definite lengths it takes no more depth, but floats may grow.
  CborLimits limits;
  limits.bytes = written.size();
  const ferry::Result<Json> again = parse_cbor({first, written.size()}, "again", limits);
  if (!again || to_text(*again) != text) std::abort();
  return 0;
}
