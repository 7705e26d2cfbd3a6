// What a pairing with a passkey was worth, judged by what was seen of it. Pure, any thread.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

namespace ferry::ble {

// The long term key that a pairing left, as the kernel's management socket names it (BlueZ's
// doc/mgmt-api.txt, "New Long Term Key Event"). *_p256: by LE Secure Connections.
enum class KeyKind : std::uint8_t {
  unauthenticated = 0,
  authenticated = 1,
  unauthenticated_p256 = 2,
  authenticated_p256 = 3,
  debug_p256 = 4,
};

// What was seen of one pairing.
struct PairingFacts {
  bool asked = false;          // bluetoothd wanted the passkey
  std::optional<KeyKind> key;  // none was seen
  std::string error;           // as D-Bus calls it; "" bluetoothd says that it is paired
  std::string error_text;      // for people
};

enum class PairingEnd {
  paired,   // with the passkey, by LE Secure Connections
  refused,  // the device does otherwise, or has another passkey
  failed,   // it did not come to that; another attempt may
};

struct PairingVerdict {
  PairingEnd end = PairingEnd::failed;
  std::string why;  // "" paired
};

PairingVerdict judge(const PairingFacts& facts);

}  // namespace ferry::ble
