#include "transports/ble/settings.hpp"

#include <algorithm>

#include "base/hex.hpp"
#include "transports/ble/smp_service.hpp"
#include "transports/pull/profiles.hpp"
#include "transports/read_settings.hpp"

namespace ferry::ble {
namespace {

using plugin::Choices;
using plugin::read_choice;
using plugin::read_number;
using plugin::read_time;
using plugin::wrong_setting;

constexpr Choices<Dialect, 2> dialects_by_name = {{{"smp", Dialect::smp}, {"pull", Dialect::pull}}};
constexpr Choices<Backend, 2> backends = {{{"kernel", Backend::kernel}, {"bluez", Backend::bluez}}};
constexpr Choices<bool, 2> id_places = {{{"address", false}, {"info", true}}};
constexpr std::string_view any_service = "any";
constexpr std::string_view adapter_prefix = "hci";
constexpr std::size_t passkey_digits = 6;

// Calls `take` for each word; the first that it does not like is said to be no `what`.
template <typename Take>
Status read_words(const plugin::Host& host, const char* key, const char* what, Take take) {
  constexpr std::string_view separators = " \t,";
  const std::string text = host.setting(key).value_or("");
  std::string_view rest = text;
  for (;;) {
    rest.remove_prefix(std::min(rest.find_first_not_of(separators), rest.size()));
    if (rest.empty()) return {};
    const std::string_view word = rest.substr(0, rest.find_first_of(separators));
    if (!take(word)) return wrong_setting(key, word, what);
    rest.remove_prefix(word.size());
  }
}

Status read_adapters(const plugin::Host& host, Settings& settings) {
  return read_words(host, "adapters", "an adapter, such as hci0", [&](std::string_view word) {
    AdapterNumber number = 0;
    if (!word.starts_with(adapter_prefix)) return false;
    if (!plugin::parse_number(word.substr(adapter_prefix.size()), number)) return false;
    settings.adapters.insert(number);
    return true;
  });
}

Status read_services(const plugin::Host& host, Filter& filter) {
  if (host.setting("service").value_or("") == any_service) return {};
  Status read =
      read_words(host, "service", "a UUID, four hex digits, or any", [&](std::string_view word) {
        const auto service = parse_uuid(word);
        if (service) filter.services.push_back(*service);
        return service.has_value();
      });
  if (read && filter.services.empty()) filter.services.push_back(smp_target().service);
  return read;
}

Status read_addresses(const plugin::Host& host, Filter& filter) {
  return read_words(host, "addresses", "an address, such as C0:11:22:33:44:55",
                    [&](std::string_view word) {
                      const auto address = parse_address(word);
                      if (address) filter.addresses.push_back(address->bytes);
                      return address.has_value();
                    });
}

Status read_manufacturer(const plugin::Host& host, Filter& filter) {
  const std::string company = host.setting("company").value_or("");
  const std::string data = host.setting("manufacturer_data").value_or("");
  if (const auto bytes = from_hex(company); bytes && bytes->size() == 2) {
    filter.company = static_cast<std::uint16_t>(static_cast<std::uint8_t>((*bytes)[0]) << 8U |
                                                static_cast<std::uint8_t>((*bytes)[1]));
  } else if (!company.empty()) {
    return wrong_setting("company", company, "a company's number of four hex digits");
  }
  const auto begins = from_hex(data);
  if (!begins) return wrong_setting("manufacturer_data", data, "an even number of hex digits");
  if (!begins->empty() && !filter.company) {
    return fail(ErrorCode::invalid, "company: whose manufacturer_data?");
  }
  filter.manufacturer_data = *begins;
  return {};
}

Status read_signal(const plugin::Host& host, Filter& filter) {
  const std::string text = host.setting("signal").value_or("");
  if (text.empty()) return {};
  int signal = 0;
  if (!plugin::parse_number(text, signal) || signal >= 0 || signal < -127) {
    return wrong_setting("signal", text, "a signal in dBm from -127 to -1");
  }
  filter.least_signal = signal;
  return {};
}

bool demands_pairing(const plugin::Host& host, const std::string& product) {
  return host.product_setting(product, "pairing").value_or("") == "passkey";
}

// What is wrong with the passkey is said without it.
Status read_passkey(const plugin::Host& host, Settings& settings) {
  if (!demands_pairing(host, settings.product)) return {};
  if (settings.backend != Backend::bluez || settings.dialect != Dialect::smp) {
    return fail(ErrorCode::invalid,
                "pairing: only devices of dialect smp are paired, and only by backend = bluez");
  }
  const std::string passkey = host.setting("passkey").value_or("");
  const bool digits =
      std::all_of(passkey.begin(), passkey.end(), [](char c) { return c >= '0' && c <= '9'; });
  if (passkey.size() != passkey_digits || !digits) {
    return fail(ErrorCode::invalid,
                "passkey_file: its first line must be readable, and the passkey's six digits");
  }
  settings.passkey = passkey;
  return {};
}

}  // namespace

Result<Settings> read_settings(const plugin::Host& host) {
  Settings settings;
  settings.product = host.setting("product").value_or("");
  settings.filter.name = host.setting("name").value_or("");
  settings.push.probe_timeout = std::chrono::seconds(5);
  Status fine = read_choice(host, "dialect", dialects_by_name, settings.dialect);
  if (fine && settings.dialect == Dialect::smp && settings.product.empty()) {
    fine = fail(ErrorCode::invalid, "product: which one are the devices on this link?");
  }
  if (fine) fine = read_choice(host, "backend", backends, settings.backend);
  if (fine) fine = read_passkey(host, settings);
  if (fine) fine = read_adapters(host, settings);
  if (fine) fine = read_services(host, settings.filter);
  if (fine) fine = read_addresses(host, settings.filter);
  if (fine) fine = read_manufacturer(host, settings.filter);
  if (fine) fine = read_signal(host, settings.filter);
  if (fine) fine = read_choice(host, "device_id", id_places, settings.push.id_by_info);
  if (fine) fine = read_number(host, "connections", "a number", settings.connections);
  if (fine) fine = read_time(host, "visit_interval", settings.visit_interval);
  if (fine) fine = read_time(host, "probe_timeout", settings.push.probe_timeout);
  if (!fine) return fail(fine.error());
  if (settings.dialect == Dialect::pull) {
    auto profiles = pull::read_profiles(host, settings.product);
    if (!profiles) return fail(profiles.error());
    // Links are not paired here, so there is nothing for devices that have to be.
    std::erase_if(*profiles, [&](const dialects::Profile& profile) {
      return demands_pairing(host, profile.name);
    });
    settings.profiles = std::move(*profiles);
    return settings;
  }
  settings.push.refuse_downgrade =
      host.product_setting(settings.product, "allow_downgrade").value_or("no") != "yes";
  return settings;
}

}  // namespace ferry::ble
