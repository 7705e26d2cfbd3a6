#include "transports/mqtt/settings.hpp"

#include <algorithm>

#include "formats/job_messages.hpp"
#include "transports/dialects/common.hpp"
#include "transports/mqtt/question.hpp"
#include "transports/pull/profiles.hpp"
#include "transports/read_settings.hpp"

namespace ferry::things {
namespace {

std::string_view trimmed(std::string_view text) {
  const auto first = text.find_first_not_of(" \t");
  if (first == std::string_view::npos) return {};
  return text.substr(first, text.find_last_not_of(" \t") - first + 1);
}

Status read_broker(const plugin::Host& host, Settings& settings) {
  const std::string text = host.setting("broker").value_or("127.0.0.1:1883");
  const auto wrong = [&] {
    return plugin::wrong_setting("broker", text, "an address:port, such as 127.0.0.1:1883");
  };
  const auto colon = text.rfind(':');
  if (colon == std::string::npos) return wrong();
  std::string_view address = std::string_view(text).substr(0, colon);
  if (address.starts_with('[') && address.ends_with(']')) {
    address = address.substr(1, address.size() - 2);
  }
  settings.broker.host = address;
  if (!plugin::parse_number(std::string_view(text).substr(colon + 1), settings.broker.port) ||
      settings.broker.port == 0 || address.empty()) {
    return wrong();
  }
  settings.broker.tls = false;
  settings.broker.user = host.setting("user").value_or("");
  settings.broker.password = host.setting("password").value_or("");
  settings.broker.message_limit = question_limit;
  return {};
}

Status read_url(const plugin::Host& host, Settings& settings) {
  settings.url = host.setting("url").value_or("");
  while (settings.url.ends_with('/')) settings.url.pop_back();
  if (settings.url.empty()) {
    return fail(ErrorCode::invalid,
                "url: where do devices reach this gateway's http transport? Such as "
                "http://192.168.4.1:8000");
  }
  if (settings.url.starts_with("http://") || settings.url.starts_with("https://")) return {};
  return plugin::wrong_setting("url", settings.url, "an http:// or https:// URL");
}

// "thing = product", by comma.
Status read_things(const plugin::Host& host, Settings& settings) {
  const std::string text = host.setting("things").value_or("");
  std::string_view rest = trimmed(text);
  while (!rest.empty()) {
    const auto comma = std::min(rest.find(','), rest.size());
    const std::string_view one = trimmed(rest.substr(0, comma));
    rest = comma == rest.size() ? std::string_view() : rest.substr(comma + 1);
    const auto equals = std::min(one.find('='), one.size());
    const std::string_view thing = trimmed(one.substr(0, equals));
    const std::string product(trimmed(one.substr(std::min(equals + 1, one.size()))));
    if (!formats::is_thing_name(thing)) {
      return plugin::wrong_setting("things", one, "a thing like meter-7 = meter");
    }
    const bool known = std::any_of(settings.profiles.begin(), settings.profiles.end(),
                                   [&](const auto& profile) { return profile.name == product; });
    if (!known) return plugin::wrong_setting("things", one, "a thing of a product that is there");
    settings.things[std::string(thing)] = product;
  }
  if (settings.things.empty() && settings.product.empty()) {
    return fail(ErrorCode::invalid, "product: which one are the things on this broker?");
  }
  return {};
}

}  // namespace

Result<Settings> read_settings(const plugin::Host& host) {
  Settings settings;
  settings.product = host.setting("product").value_or("");
  auto profiles = pull::read_profiles(host, settings.product);
  if (!profiles) return fail(profiles.error());
  settings.profiles = std::move(*profiles);
  Status fine = read_broker(host, settings);
  if (fine) fine = read_url(host, settings);
  if (fine) fine = read_things(host, settings);
  if (!fine) return fail(fine.error());
  return settings;
}

std::string root_of(const Settings& settings, const dialects::Profile& profile,
                    const std::string& thing) {
  std::string path = profile.match_path.empty() ? "/" + profile.name : profile.match_path;
  while (path.ends_with('/')) path.pop_back();
  if (profile.device_id == "path") path += "/" + thing;
  return settings.url + dialects::percent_encoded(path);
}

}  // namespace ferry::things
