#include "transports/ble/pairing.hpp"

namespace ferry::ble {
namespace {

constexpr const char* authentication_failed = "org.bluez.Error.AuthenticationFailed";

PairingVerdict refused(std::string why) {
  return {PairingEnd::refused, std::move(why)};
}

}  // namespace

PairingVerdict judge(const PairingFacts& facts) {
  if (!facts.error.empty()) {
    if (facts.asked && facts.error == authentication_failed) {
      return refused("it does not take the passkey");
    }
    return {PairingEnd::failed, "pairing: " + facts.error_text};
  }
  if (!facts.asked) return refused("it pairs without asking for the passkey (\"just works\")");
  if (!facts.key) {
    return {PairingEnd::failed,
            "pairing: the kernel tells of no key; ferryd needs CAP_NET_ADMIN to see it"};
  }
  switch (*facts.key) {
    case KeyKind::authenticated_p256:
      return {PairingEnd::paired, ""};
    case KeyKind::authenticated:
      return refused("it pairs without LE Secure Connections");
    default:
      return refused("its key is not authenticated by the passkey");
  }
}

}  // namespace ferry::ble
