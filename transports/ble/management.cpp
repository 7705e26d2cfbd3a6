#include "transports/ble/management.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>

namespace ferry::ble::mgmt {
namespace {

constexpr std::uint16_t command_complete = 0x0001;
constexpr std::uint16_t command_status = 0x0002;
constexpr std::uint16_t index_added = 0x0004;
constexpr std::uint16_t index_removed = 0x0005;
constexpr std::uint16_t new_settings = 0x0006;
constexpr std::uint16_t new_long_term_key = 0x000A;
constexpr std::uint16_t device_found = 0x0012;
constexpr std::uint16_t discovering = 0x0013;

constexpr std::size_t header_size = 6;
constexpr std::uint32_t not_connectable = 1U << 2U;  // flag of a device that was found
constexpr std::int8_t no_signal = 127;
constexpr char instance = 1;             // of advertising
constexpr char low_energy_kinds = 0x06;  // public and random addresses

class Reader {
 public:
  explicit Reader(Bytes bytes) : bytes_(bytes) {}

  std::uint32_t number(std::size_t size) {
    std::uint32_t value = 0;
    for (std::size_t i = 0; i < size; ++i) {
      if (at_ >= bytes_.size()) {
        whole_ = false;
        return 0;
      }
      value |= std::to_integer<std::uint32_t>(bytes_[at_++]) << (8 * i);
    }
    return value;
  }
  std::uint8_t byte() { return static_cast<std::uint8_t>(number(1)); }
  std::uint16_t word() { return static_cast<std::uint16_t>(number(2)); }
  Address address() {
    Address address;
    for (std::uint8_t& byte : address.bytes) byte = this->byte();
    return address;
  }
  Bytes rest(std::size_t size) {
    if (bytes_.size() - at_ < size) {
      whole_ = false;
      return {};
    }
    const Bytes bytes = bytes_.subspan(at_, size);
    at_ += size;
    return bytes;
  }
  std::size_t left() const { return bytes_.size() - at_; }
  bool whole() const { return whole_; }

 private:
  Bytes bytes_;
  std::size_t at_ = 0;
  bool whole_ = true;
};

std::string packet(std::uint16_t command, std::uint16_t adapter, std::string_view body) {
  std::string out;
  for (const std::uint16_t word : {command, adapter, static_cast<std::uint16_t>(body.size())}) {
    out += static_cast<char>(word & 0xFFU);
    out += static_cast<char>(word >> 8U);
  }
  return out.append(body);
}

Done read_done(Reader& reader, bool with_answer) {
  Done done;
  done.command = reader.word();
  done.status = reader.byte();
  if (!with_answer || done.status != 0) return done;
  switch (done.command) {
    case command::adapters:
      for (std::size_t left = reader.word(); left > 0 && reader.whole(); --left) {
        done.adapters.push_back(reader.word());
      }
      break;
    case command::adapter_info: {
      constexpr std::size_t versions = 1 + 2;  // of Bluetooth; and the manufacturer
      done.address = reader.address();
      reader.rest(versions);
      reader.number(4);  // what settings there are
      done.settings = reader.number(4);
      break;
    }
    case command::set_powered:
    case command::set_low_energy:
      done.settings = reader.number(4);
      break;
    default:
      break;
  }
  return done;
}

Address read_address(Reader& reader) {
  Address address = reader.address();
  address.kind = reader.byte() == static_cast<std::uint8_t>(AddressKind::random_address)
                     ? AddressKind::random_address
                     : AddressKind::public_address;
  return address;
}

Found read_found(Reader& reader) {
  Found found;
  Advertisement& seen = found.advertisement;
  seen.address = read_address(reader);
  const auto signal = static_cast<std::int8_t>(reader.byte());
  seen.signal = signal == no_signal ? 0 : signal;
  seen.connectable = (reader.number(4) & not_connectable) == 0;
  const std::uint16_t size = reader.word();
  read_advertising_data(reader.rest(size), seen);
  return found;
}

NewKey read_key(Reader& reader) {
  reader.byte();  // whether it is worth keeping
  NewKey made;
  made.device = read_address(reader);
  made.kind = static_cast<KeyKind>(reader.byte());
  return made;
}

}  // namespace

std::optional<Event> parse(Bytes bytes) {
  if (bytes.size() < header_size) return std::nullopt;
  Reader reader(bytes);
  const std::uint16_t kind = reader.word();
  Event event;
  event.adapter = reader.word();
  if (reader.word() != reader.left()) return std::nullopt;
  switch (kind) {
    case command_complete:
    case command_status:
      event.what = read_done(reader, kind == command_complete);
      break;
    case index_added:
      event.what = AdapterCame{};
      break;
    case index_removed:
      event.what = AdapterWent{};
      break;
    case new_settings:
      event.what = Settings{reader.number(4)};
      break;
    case discovering:
      reader.byte();
      event.what = Discovering{reader.byte() != 0};
      break;
    case new_long_term_key:
      event.what = read_key(reader);
      break;
    case device_found:
      event.what = read_found(reader);
      break;
    default:
      event.what = Other{};
      break;
  }
  if (!reader.whole()) return std::nullopt;
  return event;
}

std::string ask_adapters() {
  return packet(command::adapters, no_adapter, {});
}
std::string ask_info(std::uint16_t adapter) {
  return packet(command::adapter_info, adapter, {});
}
std::string set_powered(std::uint16_t adapter, bool on) {
  return packet(command::set_powered, adapter, std::string(1, on ? '\x01' : '\x00'));
}
std::string set_low_energy(std::uint16_t adapter, bool on) {
  return packet(command::set_low_energy, adapter, std::string(1, on ? '\x01' : '\x00'));
}
std::string start_discovery(std::uint16_t adapter) {
  return packet(command::start_discovery, adapter, std::string(1, low_energy_kinds));
}
std::string stop_discovery(std::uint16_t adapter) {
  return packet(command::stop_discovery, adapter, std::string(1, low_energy_kinds));
}

std::string add_advertising(std::uint16_t adapter, const Uuid& service) {
  // Core Supplement, part A, 1.1: a complete list of services of 128 bits.
  std::string data = {static_cast<char>(service.bytes.size() + 1), '\x07'};
  for (const std::uint8_t byte : service.bytes) data += static_cast<char>(byte);
  constexpr char connectable_and_found = 0x03;
  std::string out = {instance, connectable_and_found, 0, 0, 0};
  out.append(4, '\0');  // whatever its turn and its time are by default
  out += static_cast<char>(data.size());
  out += '\0';  // of a scan's answer
  return packet(command::add_advertising, adapter, out + data);
}
std::string remove_advertising(std::uint16_t adapter) {
  return packet(command::remove_advertising, adapter, std::string(1, instance));
}

std::string describe(std::uint8_t status) {
  static constexpr std::array<const char*, 0x15> words = {"success",
                                                          "unknown command",
                                                          "not connected",
                                                          "failed",
                                                          "could not connect",
                                                          "authentication failed",
                                                          "not paired",
                                                          "no resources",
                                                          "timed out",
                                                          "already connected",
                                                          "busy",
                                                          "rejected",
                                                          "not supported",
                                                          "invalid parameters",
                                                          "disconnected",
                                                          "not powered",
                                                          "cancelled",
                                                          "invalid adapter",
                                                          "radio is blocked (rfkill)",
                                                          "already paired",
                                                          "permission denied"};
  if (status < words.size()) return words[status];
  return fmt::format("status 0x{:02x}", status);
}

}  // namespace ferry::ble::mgmt
