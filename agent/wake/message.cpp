#include "agent/wake/message.hpp"

#include <fmt/format.h>

#include <array>
#include <cstddef>
#include <span>
#include <string_view>
#include <utility>

#include "base/base64.hpp"
#include "config/wake_values.hpp"
#include "formats/json.hpp"

namespace ferry::wake {
namespace {

using config::WakeSettings;
using config::WakeTemplate;

std::string topic_of(const WakeSettings& settings) {
  if (!settings.topic.empty()) return settings.topic;
  switch (settings.wake_template) {
    case WakeTemplate::chirpstack:
      return "application/{application}/device/{name}/command/down";
    case WakeTemplate::ttn:
      return "v3/{application}@{tenant}/devices/{name}/down/push";
    case WakeTemplate::url_md5:
      break;
  }
  return "{name}/ota";
}

// None of the values has a brace: what was put in is never looked at again.
std::string filled(std::string text, const WakeSettings& settings, const std::string& name) {
  const std::array<std::pair<std::string_view, const std::string*>, 3> places = {
      {{"{application}", &settings.application},
       {"{tenant}", &settings.tenant},
       {"{name}", &name}}};
  for (const auto& [place, value] : places) {
    for (auto at = text.find(place); at != std::string::npos; at = text.find(place)) {
      text.replace(at, place.size(), *value);
    }
  }
  return text;
}

std::string base64_of(const std::string& bytes) {
  return to_base64(std::as_bytes(std::span(bytes)));
}

bool stands_in_a_url(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
         std::string_view("-._~").find(c) != std::string_view::npos;
}

std::string percent_encoded(const std::string& text) {
  std::string encoded;
  for (const char c : text) {
    if (stands_in_a_url(c)) {
      encoded += c;
    } else {
      encoded += fmt::format("%{:02X}", static_cast<unsigned char>(c));
    }
  }
  return encoded;
}

std::string chirpstack_payload(const WakeSettings& settings, const std::string& name) {
  const formats::Json downlink = {{"devEui", name},
                                  {"confirmed", false},
                                  {"fPort", settings.port},
                                  {"data", base64_of(settings.payload)}};
  return formats::to_text(downlink);
}

std::string ttn_payload(const WakeSettings& settings) {
  const formats::Json downlink = {{"f_port", settings.port},
                                  {"frm_payload", base64_of(settings.payload)},
                                  {"priority", "NORMAL"}};
  return formats::to_text({{"downlinks", formats::Json::array({downlink})}});
}

}  // namespace

Result<Message> message_for(const WakeSettings& settings, const std::string& name,
                            const Image& image) {
  if (!config::is_wake_name(settings.wake_template, name)) {
    return fail(ErrorCode::invalid,
                fmt::format("its id is not {}", config::wake_name_noun(settings.wake_template)));
  }
  Message message{filled(topic_of(settings), settings, name), ""};
  switch (settings.wake_template) {
    case WakeTemplate::chirpstack:
      message.payload = chirpstack_payload(settings, name);
      break;
    case WakeTemplate::ttn:
      message.payload = ttn_payload(settings);
      break;
    case WakeTemplate::url_md5:
      message.payload = settings.url + percent_encoded(image.version) + "/" +
                        percent_encoded(image.name) + "|" + image.md5;
      if (message.payload.size() > longest_url_md5) {
        return fail(ErrorCode::too_large,
                    fmt::format("URL and MD5 have {} bytes, and its device takes {}: shorten url",
                                message.payload.size(), longest_url_md5));
      }
  }
  return message;
}

}  // namespace ferry::wake
