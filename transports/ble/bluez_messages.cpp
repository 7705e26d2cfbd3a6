#include "transports/ble/bluez_messages.hpp"

#include <cstring>
#include <utility>

namespace ferry::ble::bluez {
namespace {

// Calls `element` for each element of an array of that type. False: it is no such array.
template <typename Element>
bool read_array(sd_bus_message* message, const char* type, Element element) {
  if (sd_bus_message_enter_container(message, 'a', type) < 0) return false;
  for (;;) {
    const int more = sd_bus_message_at_end(message, 0);
    if (more < 0) return false;
    if (more > 0) break;
    if (!element()) return false;
  }
  return sd_bus_message_exit_container(message) >= 0;
}

template <typename Element>
bool read_entries(sd_bus_message* message, const char* entry, Element element) {
  const std::string type = "{" + std::string(entry) + "}";
  return read_array(message, type.c_str(), [&] {
    return sd_bus_message_enter_container(message, 'e', entry) >= 0 && element() &&
           sd_bus_message_exit_container(message) >= 0;
  });
}

bool read_text(sd_bus_message* message, char type, std::string& into) {
  const char* text = nullptr;
  if (sd_bus_message_read_basic(message, type, &text) < 0) return false;
  into = text;
  return true;
}

bool read_company_data(sd_bus_message* message, CompanyData& into) {
  return read_entries(message, "qv", [&] {
    std::uint16_t company = 0;
    const void* data = nullptr;
    std::size_t size = 0;
    if (sd_bus_message_read_basic(message, 'q', &company) < 0 ||
        sd_bus_message_enter_container(message, 'v', "ay") < 0 ||
        sd_bus_message_read_array(message, 'y', &data, &size) < 0 ||
        sd_bus_message_exit_container(message) < 0) {
      return false;
    }
    into[company] = std::string(static_cast<const char*>(data), size);
    return true;
  });
}

template <typename Number>
bool read_number(sd_bus_message* message, char type, std::int64_t& into) {
  Number number = 0;
  if (sd_bus_message_read_basic(message, type, &number) < 0) return false;
  into = number;
  return true;
}

// What a variant holds, which has been entered.
bool read_value(sd_bus_message* message, std::string_view type, Properties& into,
                const std::string& name) {
  if (type == "b") {
    int flag = 0;  // as sd-bus has it
    if (sd_bus_message_read_basic(message, 'b', &flag) < 0) return false;
    into[name] = flag != 0;
    return true;
  }
  if (type == "s" || type == "o") {
    return read_text(message, type.front(), into[name].emplace<std::string>());
  }
  if (type == "n") {
    return read_number<std::int16_t>(message, 'n', into[name].emplace<std::int64_t>());
  }
  if (type == "q") {
    return read_number<std::uint16_t>(message, 'q', into[name].emplace<std::int64_t>());
  }
  if (type == "as") {
    return read_strings(message, into[name].emplace<std::vector<std::string>>());
  }
  if (type == "a{qv}") return read_company_data(message, into[name].emplace<CompanyData>());
  return sd_bus_message_skip(message, std::string(type).c_str()) >= 0;
}

}  // namespace

bool read_strings(sd_bus_message* message, std::vector<std::string>& into) {
  return read_array(message, "s", [&] { return read_text(message, 's', into.emplace_back()); });
}

bool read_properties(sd_bus_message* message, Properties& into) {
  return read_entries(message, "sv", [&] {
    std::string name;
    char kind = 0;
    const char* type = nullptr;
    return read_text(message, 's', name) && sd_bus_message_peek_type(message, &kind, &type) > 0 &&
           sd_bus_message_enter_container(message, 'v', type) >= 0 &&
           read_value(message, type, into, name) && sd_bus_message_exit_container(message) >= 0;
  });
}

bool read_interfaces(sd_bus_message* message,
                     const std::function<void(const std::string& interface, Properties)>& take) {
  return read_entries(message, "sa{sv}", [&] {
    std::string interface;
    Properties properties;
    if (!read_text(message, 's', interface) || !read_properties(message, properties)) return false;
    take(interface, std::move(properties));
    return true;
  });
}

bool read_objects(sd_bus_message* message, Objects& into) {
  return read_entries(message, "oa{sa{sv}}", [&] {
    std::string path;
    return read_text(message, 'o', path) &&
           read_interfaces(message, [&](const std::string& interface, Properties properties) {
             into.put(path, interface, std::move(properties));
           });
  });
}

int answer_nothing(sd_bus_message* call, void*, sd_bus_error*) {
  return sd_bus_reply_method_return(call, "");
}

}  // namespace ferry::ble::bluez
