#include "transports/ble/gatt_client.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

namespace ferry::ble {
namespace {

constexpr std::uint16_t characteristic_type = 0x2803;
constexpr std::uint16_t client_configuration = 0x2902;
constexpr std::string_view notify{"\x01\x00", 2};
// A declaration's value: properties, the value's handle, its UUID.
constexpr std::size_t declaration_head = 3;
constexpr std::uint8_t can_write_without_response = 0x04;
constexpr std::uint8_t can_notify = 0x10;
constexpr int most_steps = 200;
// Answers to requests of the other end that wait to be sent; beyond that it is left without.
constexpr std::size_t most_answers = 16;

// The opcode that answers a request.
std::uint8_t answer_to(std::uint8_t request) {
  return static_cast<std::uint8_t>(request + 1);
}

}  // namespace

GattClient::GattClient(const GattTarget& target, std::function<void(Bytes)> value)
    : target_(target), value_(std::move(value)) {
  target_.mtu = std::clamp(target_.mtu, att::least_mtu, att::most_mtu);
  ask(att::mtu(target_.mtu, true));
}

std::optional<std::string> GattClient::next_output() {
  if (output_.empty()) return std::nullopt;
  std::string packet = std::move(output_.front());
  output_.pop_front();
  return packet;
}

void GattClient::ask(std::string packet) {
  if (++steps_ > most_steps) return fail("it leads on without an end");
  asked_ = static_cast<std::uint8_t>(packet.front());
  output_.push_back(std::move(packet));
}

void GattClient::fail(std::string why) {
  phase_ = Phase::failed;
  failure_ = std::move(why);
  asked_ = 0;
  output_.clear();
}

void GattClient::received(Bytes packet) {
  if (failed() || packet.size() > std::max<std::size_t>(mtu_, target_.mtu)) return;
  const std::optional<att::Packet> parsed = att::parse(packet);
  if (!parsed) {
    const bool answers = asked_ != 0 && !packet.empty() &&
                         std::to_integer<std::uint8_t>(packet[0]) == answer_to(asked_);
    if (answers) fail("it answers what cannot be read");
    return;
  }
  if (const auto* value = std::get_if<att::Value>(&*parsed)) {
    if (value->indicated && output_.size() < most_answers) {
      output_.push_back(att::confirmation());
    }
    if (ready() && value->handle == handle_) value_(value->value);
    return;
  }
  const auto* mtu = std::get_if<att::Mtu>(&*parsed);
  const auto* other = std::get_if<att::OtherRequest>(&*parsed);
  if (other != nullptr || (mtu != nullptr && mtu->request)) {
    if (output_.size() >= most_answers) return;
    // The other end may look at us, too; there is nothing here.
    output_.push_back(other == nullptr
                          ? att::mtu(target_.mtu, false)
                          : att::error_answer({other->opcode, 0, att::error::not_supported}));
    return;
  }
  if (const auto* error = std::get_if<att::Error>(&*parsed)) {
    if (asked_ != 0 && error->request == asked_) take_error(*error);
    return;
  }
  if (asked_ == 0 || std::to_integer<std::uint8_t>(packet[0]) != answer_to(asked_)) return;
  asked_ = 0;
  answer(*parsed);
}

void GattClient::answer(const att::Packet& packet) {
  if (const auto* mtu = std::get_if<att::Mtu>(&packet)) {
    mtu_ = std::max(att::least_mtu, std::min(mtu->mtu, target_.mtu));
    phase_ = Phase::service;
    ask(att::find_service({1, att::last_handle}, target_.service));
  } else if (const auto* groups = std::get_if<att::Groups>(&packet)) {
    take_groups(*groups);
  } else if (const auto* attributes = std::get_if<att::Attributes>(&packet)) {
    take_attributes(*attributes);
  } else if (const auto* descriptors = std::get_if<att::Descriptors>(&packet)) {
    take_descriptors(*descriptors);
  } else if (std::holds_alternative<att::Written>(packet)) {
    become_ready();
  }
}

void GattClient::take_error(const att::Error& error) {
  asked_ = 0;
  if (phase_ == Phase::mtu && error.code == att::error::not_supported) {
    phase_ = Phase::service;
    return ask(att::find_service({1, att::last_handle}, target_.service));
  }
  wants_security_ = error.code == att::error::authentication ||
                    error.code == att::error::authorization ||
                    error.code == att::error::key_too_short || error.code == att::error::encryption;
  const bool none = error.code == att::error::not_found;
  switch (phase_) {
    case Phase::service:
      if (none) return fail(fmt::format("it has no service {}", to_string(target_.service)));
      break;
    case Phase::characteristic:
      // A characteristic that was found ends with its service.
      if (none && handle_ != 0) return seek_descriptor();
      if (none) {
        return fail(
            fmt::format("its service has no characteristic {}", to_string(target_.characteristic)));
      }
      break;
    case Phase::descriptor:
      if (none) return fail("its characteristic has no configuration to subscribe by");
      break;
    default:
      break;
  }
  fail(att::describe(error.code));
}

void GattClient::take_groups(const att::Groups& groups) {
  service_ = groups.ranges.front();
  phase_ = Phase::characteristic;
  next_handle_ = service_.first;
  seek_characteristic();
}

void GattClient::seek_characteristic() {
  ask(att::read_by_type({next_handle_, service_.last}, characteristic_type));
}

void GattClient::take_attributes(const att::Attributes& attributes) {
  for (const att::Attribute& attribute : attributes.list) {
    if (attribute.handle < next_handle_ || attribute.handle > service_.last ||
        attribute.value.size() < declaration_head) {
      return fail("it tells of characteristics that cannot be");
    }
    if (handle_ != 0) {
      end_ = static_cast<std::uint16_t>(attribute.handle - 1);
      return seek_descriptor();
    }
    const auto properties = std::to_integer<std::uint8_t>(attribute.value[0]);
    const auto handle =
        static_cast<std::uint16_t>(std::to_integer<std::uint16_t>(attribute.value[1]) |
                                   std::to_integer<std::uint16_t>(attribute.value[2]) << 8U);
    if (uuid_from(attribute.value.subspan(declaration_head)) == target_.characteristic) {
      if ((properties & can_write_without_response) == 0 || (properties & can_notify) == 0) {
        return fail("its characteristic cannot be written without response, or does not notify");
      }
      if (handle <= attribute.handle || handle > service_.last) {
        return fail("its characteristic's value lies outside of its service");
      }
      handle_ = handle;
      end_ = service_.last;
    }
    next_handle_ = std::max<std::uint16_t>(attribute.handle, handle_);
    if (next_handle_ == service_.last) break;
    ++next_handle_;
  }
  if (next_handle_ < service_.last) return seek_characteristic();
  if (handle_ != 0) return seek_descriptor();
  fail(fmt::format("its service has no characteristic {}", to_string(target_.characteristic)));
}

void GattClient::seek_descriptor() {
  phase_ = Phase::descriptor;
  next_handle_ = static_cast<std::uint16_t>(handle_ + 1);
  if (handle_ >= end_) return fail("its characteristic has no configuration to subscribe by");
  ask(att::find_information({next_handle_, end_}));
}

void GattClient::take_descriptors(const att::Descriptors& descriptors) {
  for (const att::Descriptor& descriptor : descriptors.list) {
    if (descriptor.handle < next_handle_ || descriptor.handle > end_) {
      return fail("it tells of descriptors that cannot be");
    }
    if (descriptor.type == uuid_of(client_configuration)) return subscribe(descriptor.handle);
    if (descriptor.handle == end_) break;
    next_handle_ = static_cast<std::uint16_t>(descriptor.handle + 1);
  }
  if (descriptors.list.back().handle >= end_) {
    return fail("its characteristic has no configuration to subscribe by");
  }
  ask(att::find_information({next_handle_, end_}));
}

void GattClient::subscribe(std::uint16_t descriptor) {
  phase_ = Phase::subscribing;
  ask(att::write_request(descriptor, notify));
}

void GattClient::become_ready() {
  if (phase_ == Phase::subscribing) phase_ = Phase::ready;
}

void GattClient::write(std::string_view packet) {
  if (!ready()) return;
  for (std::size_t at = 0; at < packet.size(); at += value_size()) {
    output_.push_back(att::write_command(handle_, packet.substr(at, value_size())));
  }
}

}  // namespace ferry::ble
