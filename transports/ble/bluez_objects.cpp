#include "transports/ble/bluez_objects.hpp"

#include <algorithm>
#include <charconv>

namespace ferry::ble::bluez {
namespace {

constexpr std::string_view adapter_prefix = "/org/bluez/hci";

bool is_uuid(const std::string* text, const Uuid& uuid) {
  return text != nullptr && parse_uuid(*text) == uuid;
}

}  // namespace

std::optional<AdapterNumber> adapter_number(std::string_view path) {
  if (!path.starts_with(adapter_prefix)) return std::nullopt;
  path.remove_prefix(adapter_prefix.size());
  path = path.substr(0, path.find('/'));
  AdapterNumber number = 0;
  const auto parsed = std::from_chars(path.data(), path.data() + path.size(), number);
  if (parsed.ec != std::errc() || parsed.ptr != path.data() + path.size()) return std::nullopt;
  return number;
}

std::optional<Address> device_address(std::string_view path) {
  constexpr std::string_view prefix = "dev_";
  std::string name(path.substr(std::min(path.rfind('/'), path.size() - 1) + 1));
  if (!name.starts_with(prefix)) return std::nullopt;
  name.erase(0, prefix.size());
  std::replace(name.begin(), name.end(), '_', ':');
  return parse_address(name);
}

void Objects::put(const std::string& path, const std::string& interface, Properties properties) {
  Properties& known = objects_[path][interface];
  for (auto& [name, value] : properties) known.insert_or_assign(name, std::move(value));
}

void Objects::remove(const std::string& path, const std::string& interface) {
  const auto found = objects_.find(path);
  if (found == objects_.end()) return;
  found->second.erase(interface);
  if (found->second.empty()) objects_.erase(found);
}

const Properties* Objects::interface_of(const std::string& path,
                                        const std::string& interface) const {
  const auto object = objects_.find(path);
  if (object == objects_.end()) return nullptr;
  const auto found = object->second.find(interface);
  return found == object->second.end() ? nullptr : &found->second;
}

std::map<AdapterNumber, std::string> Objects::adapters() const {
  std::map<AdapterNumber, std::string> adapters;
  for (const auto& [path, interfaces] : objects_) {
    const auto number = adapter_number(path);
    if (number && interfaces.contains(adapter_interface)) adapters.emplace(*number, path);
  }
  return adapters;
}

std::string Objects::device(const std::string& adapter, const Address& address) const {
  const std::string wanted = to_string(address);
  for (auto at = objects_.lower_bound(adapter + "/");
       at != objects_.end() && at->first.starts_with(adapter + "/"); ++at) {
    const auto* text = find<std::string>(at->first, device_interface, "Address");
    if (text != nullptr && *text == wanted) return at->first;
  }
  return "";
}

std::optional<Advertisement> Objects::heard(const std::string& path) const {
  const auto* text = find<std::string>(path, device_interface, "Address");
  const auto* kind = find<std::string>(path, device_interface, "AddressType");
  const auto* signal = find<std::int64_t>(path, device_interface, "RSSI");
  const auto address = text == nullptr ? std::nullopt : parse_address(*text);
  if (!address || signal == nullptr) return std::nullopt;
  Advertisement heard;
  heard.address = *address;
  if (kind != nullptr && *kind == "random") heard.address.kind = AddressKind::random_address;
  heard.signal = static_cast<int>(*signal);
  if (const auto* name = find<std::string>(path, device_interface, "Name")) heard.name = *name;
  if (const auto* services = find<std::vector<std::string>>(path, device_interface, "UUIDs")) {
    for (const std::string& service : *services) {
      if (const auto uuid = parse_uuid(service)) heard.services.push_back(*uuid);
    }
  }
  const auto* data = find<CompanyData>(path, device_interface, "ManufacturerData");
  if (data != nullptr && !data->empty()) {
    heard.company = data->begin()->first;
    heard.manufacturer_data = data->begin()->second;
  }
  return heard;
}

std::string Objects::characteristic(const std::string& device, const Uuid& service,
                                    const Uuid& characteristic) const {
  for (auto at = objects_.lower_bound(device + "/");
       at != objects_.end() && at->first.starts_with(device + "/"); ++at) {
    const auto* parent = find<std::string>(at->first, characteristic_interface, "Service");
    if (parent == nullptr) continue;
    if (is_uuid(find<std::string>(at->first, characteristic_interface, "UUID"), characteristic) &&
        is_uuid(find<std::string>(*parent, service_interface, "UUID"), service)) {
      return at->first;
    }
  }
  return "";
}

}  // namespace ferry::ble::bluez
