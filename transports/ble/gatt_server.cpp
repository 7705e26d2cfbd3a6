#include "transports/ble/gatt_server.hpp"

#include <algorithm>

#include "transports/ble/numbers.hpp"

namespace ferry::ble {
namespace {

namespace property {
constexpr std::uint8_t read = 0x02;
constexpr std::uint8_t write_without_response = 0x04;
constexpr std::uint8_t notify = 0x10;
}  // namespace property

// Assigned numbers.
constexpr std::uint16_t primary_service = 0x2800;
constexpr std::uint16_t secondary_service = 0x2801;
constexpr std::uint16_t characteristic = 0x2803;
constexpr std::uint16_t configuration = 0x2902;
constexpr std::uint16_t generic_access = 0x1800;
constexpr std::uint16_t generic_attribute = 0x1801;
constexpr std::uint16_t device_name = 0x2A00;
constexpr std::uint16_t appearance = 0x2A01;

constexpr std::uint8_t subscribed_bit = 0x01;
constexpr std::size_t longest_entry = 255;  // its length has one byte

Uuid ferry_uuid(std::uint8_t number) {
  Uuid uuid = *parse_uuid("b7a50000-4f1c-4c7e-9b0a-3d6e5f8c2a10");
  uuid.bytes[12] = number;
  return uuid;
}

// In as many bytes as it needs on the wire.
std::string wire(const Uuid& uuid) {
  std::string out;
  if (const auto assigned = uuid.assigned()) {
    put_number(out, *assigned);
    return out;
  }
  for (const std::uint8_t byte : uuid.bytes) out += static_cast<char>(byte);
  return out;
}

std::string number(std::uint16_t value) {
  std::string out;
  put_number(out, value);
  return out;
}

std::string begin(std::uint8_t code) {
  return std::string(1, static_cast<char>(code));
}

}  // namespace

Uuid ferry_service() {
  return ferry_uuid(1);
}
Uuid ferry_packets() {
  return ferry_uuid(2);
}
Uuid ferry_channel() {
  return ferry_uuid(3);
}

GattServer::GattServer(std::string_view name, std::uint16_t psm, std::function<void(Bytes)> written)
    : written_(std::move(written)) {
  const auto add_service = [this](const Uuid& uuid) {
    attributes_.push_back({uuid_of(primary_service), wire(uuid)});
  };
  // Every server has these two (Core 5.3, volume 3, part C, 12).
  add_service(uuid_of(generic_access));
  add_characteristic(property::read, uuid_of(device_name), std::string(name));
  add_characteristic(property::read, uuid_of(appearance), number(0));
  add_service(uuid_of(generic_attribute));
  add_service(ferry_service());
  add_characteristic(property::write_without_response | property::notify, ferry_packets(), "");
  packets_ = last_handle();
  attributes_.push_back({uuid_of(ble::configuration), number(0)});
  configuration_ = last_handle();
  add_characteristic(property::read, ferry_channel(), number(psm));
}

void GattServer::add_characteristic(std::uint8_t properties, const Uuid& type, std::string value) {
  std::string declaration = begin(properties);
  put_number(declaration, static_cast<std::uint16_t>(last_handle() + 2));
  declaration += wire(type);
  attributes_.push_back({uuid_of(characteristic), declaration});
  attributes_.push_back({type, std::move(value), (properties & property::read) != 0});
}

const GattServer::Attribute* GattServer::find(std::uint16_t handle) const {
  return handle == 0 || handle > last_handle() ? nullptr : &attributes_[handle - 1U];
}

std::uint16_t GattServer::end_of_group(std::uint16_t handle) const {
  while (handle < last_handle() && find(handle + 1)->type != uuid_of(primary_service)) ++handle;
  return handle;
}

std::optional<std::string> GattServer::next_output() {
  if (output_.empty()) return std::nullopt;
  std::string packet = std::move(output_.front());
  output_.pop_front();
  return packet;
}

void GattServer::received(Bytes packet) {
  std::visit([this](const auto& request) { answer(request); }, att::parse_request(packet));
}

void GattServer::notify(std::string_view packet) {
  if (!subscribed_) return;
  while (!packet.empty()) {
    const std::string_view piece = packet.substr(0, mtu_ - att::write_overhead);
    std::string out = begin(att::opcode::notification);
    put_number(out, packets_);
    output_.push_back(out.append(piece));
    packet.remove_prefix(piece.size());
  }
}

void GattServer::refuse(std::uint8_t request, std::uint16_t handle, std::uint8_t code) {
  output_.push_back(att::error_answer({request, handle, code}));
}

void GattServer::answer(const att::Mtu& request) {
  output_.push_back(att::mtu(att::most_mtu, false));
  mtu_ = std::clamp(request.mtu, att::least_mtu, att::most_mtu);
}

void GattServer::answer(const att::FindInformation& request) {
  std::string out;
  std::size_t entry = 0;
  for (std::uint16_t handle = request.within.first;
       handle <= std::min(request.within.last, last_handle()); ++handle) {
    const std::string type = wire(find(handle)->type);
    if (out.empty()) {
      entry = type.size() + 2;
      out = begin(att::opcode::find_information_answer) + (type.size() == 2 ? '\1' : '\2');
    }
    if (type.size() + 2 != entry || out.size() + entry > mtu_) break;
    put_number(out, handle);
    out += type;
  }
  if (out.empty()) {
    return refuse(att::opcode::find_information, request.within.first, att::error::not_found);
  }
  output_.push_back(std::move(out));
}

void GattServer::answer(const att::FindByTypeValue& request) {
  std::string out;
  for (std::uint16_t handle = request.within.first;
       handle <= std::min(request.within.last, last_handle()); ++handle) {
    const Attribute& attribute = *find(handle);
    if (attribute.type != request.type || attribute.value != as_text(request.value) ||
        !attribute.readable) {
      continue;
    }
    if (out.empty()) out = begin(att::opcode::find_by_type_value_answer);
    if (out.size() + 4 > mtu_) break;
    put_number(out, handle);
    put_number(out, attribute.type == uuid_of(primary_service) ? end_of_group(handle) : handle);
  }
  if (out.empty()) {
    return refuse(att::opcode::find_by_type_value, request.within.first, att::error::not_found);
  }
  output_.push_back(std::move(out));
}

// The entries of an answer have one length; those that are longer than it holds are cut.
void GattServer::answer(const att::ReadByType& request) {
  const std::uint8_t code =
      request.groups ? att::opcode::read_by_group_type : att::opcode::read_by_type;
  const bool is_service =
      request.type == uuid_of(primary_service) || request.type == uuid_of(secondary_service);
  if (request.groups && !is_service) {
    return refuse(code, request.within.first, att::error::unsupported_group);
  }
  const std::size_t handles = request.groups ? 4 : 2;
  std::string out;
  std::size_t entry = 0;
  for (std::uint16_t handle = request.within.first;
       handle <= std::min(request.within.last, last_handle()); ++handle) {
    const Attribute& attribute = *find(handle);
    if (attribute.type != request.type) continue;
    if (!attribute.readable) {
      if (out.empty()) return refuse(code, handle, att::error::not_readable);
      break;
    }
    const std::size_t most = std::min<std::size_t>(mtu_ - 2U, longest_entry) - handles;
    const std::string value = attribute.value.substr(0, most);
    if (out.empty()) {
      entry = handles + value.size();
      out = begin(static_cast<std::uint8_t>(code + 1)) + static_cast<char>(entry);
    }
    if (handles + value.size() != entry || out.size() + entry > mtu_) break;
    put_number(out, handle);
    if (request.groups) put_number(out, end_of_group(handle));
    out += value;
  }
  if (out.empty()) return refuse(code, request.within.first, att::error::not_found);
  output_.push_back(std::move(out));
}

void GattServer::answer(const att::Read& request) {
  const std::uint8_t code = request.offset ? att::opcode::read_blob : att::opcode::read;
  const Attribute* attribute = find(request.handle);
  if (attribute == nullptr) return refuse(code, request.handle, att::error::no_such_handle);
  if (!attribute->readable) return refuse(code, request.handle, att::error::not_readable);
  const std::string value = request.handle == configuration_
                                ? number(subscribed_ ? subscribed_bit : 0)
                                : attribute->value;
  const std::size_t offset = request.offset.value_or(0);
  if (offset > value.size()) return refuse(code, request.handle, att::error::invalid_offset);
  output_.push_back(begin(static_cast<std::uint8_t>(code + 1)) + value.substr(offset, mtu_ - 1U));
}

void GattServer::answer(const att::Write& request) {
  if (request.handle == packets_ && !request.answered) return written_(request.value);
  const bool configures = request.handle == configuration_ && request.value.size() == 2;
  // MicroPython's aioble subscribes by a command.
  if (configures) subscribed_ = (byte_at(request.value, 0) & subscribed_bit) != 0;
  if (!request.answered) return;
  const auto refused = [&](std::uint8_t code) {
    refuse(att::opcode::write_request, request.handle, code);
  };
  if (find(request.handle) == nullptr) return refused(att::error::no_such_handle);
  if (request.handle != configuration_) return refused(att::error::not_writable);
  if (!configures) return refused(att::error::invalid_length);
  output_.push_back(begin(att::opcode::write_answer));
}

void GattServer::answer(const att::Refused& request) {
  refuse(request.request, 0, request.code);
}

}  // namespace ferry::ble
