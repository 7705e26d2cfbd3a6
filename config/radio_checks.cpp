#include "config/radio_checks.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace ferry::config {

void check_pairing(const MergedSection& section, const Settings& settings, Findings& findings) {
  const auto product = section.value("product");
  const bool demanded = std::any_of(
      settings.products.begin(), settings.products.end(), [&](const ProductSettings& known) {
        return known.name == product && known.pairing == Pairing::passkey;
      });
  const bool has_passkey = !section.value("passkey_file").empty();
  if (!demanded) {
    if (has_passkey) {
      findings.add(section, "passkey_file", "needs a product with pairing = passkey as well");
    }
    return;
  }
  const auto refuse = [&](std::string_view key, std::string_view why) {
    findings.add(section, key,
                 fmt::format("[product.{}] demands pairing = passkey: {}", product, why));
  };
  if (section.value("dialect") == "pull") {
    refuse("dialect", "devices that ask are not paired; only those of dialect smp are");
  }
  if (section.value("backend") != "bluez") {
    refuse("backend", "only bluetoothd pairs; set backend = bluez, and run it");
  }
  if (!has_passkey) refuse("passkey_file", "name the file that the passkey stands in");
}

}  // namespace ferry::config
