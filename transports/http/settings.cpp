#include "transports/http/settings.hpp"

#include <fmt/format.h>

#include <charconv>

namespace ferry::http {
namespace {

template <typename Number>
bool parse_number(std::string_view text, Number& number) {
  const auto end = text.data() + text.size();
  const auto parsed = std::from_chars(text.data(), end, number);
  return !text.empty() && parsed.ec == std::errc() && parsed.ptr == end;
}

Status read_listen(const plugin::Host& host, Settings& settings) {
  const std::string listen = host.setting("listen").value_or("");
  const std::size_t colon = listen.rfind(':');
  if (colon == std::string::npos ||
      !parse_number(std::string_view(listen).substr(colon + 1), settings.port)) {
    return fail(ErrorCode::invalid,
                fmt::format("listen: '{}' is not an address:port, such as 0.0.0.0:8000", listen));
  }
  settings.address = listen.substr(0, colon);
  if (settings.address.starts_with('[') && settings.address.ends_with(']')) {
    settings.address = settings.address.substr(1, settings.address.size() - 2);
  }
  return {};
}

template <typename Number>
Status read_number(const plugin::Host& host, const char* key, const char* what, Number& number) {
  const auto text = host.setting(key);
  if (!text || text->empty()) return {};
  if (!parse_number(*text, number) || number == 0) {
    return fail(ErrorCode::invalid, fmt::format("{}: '{}' is not {}", key, *text, what));
  }
  return {};
}

Status read_time(const plugin::Host& host, const char* key, Duration& time) {
  auto milliseconds = static_cast<std::uint32_t>(time.count());
  if (auto read = read_number(host, key, "a number of milliseconds", milliseconds); !read) {
    return read;
  }
  time = Duration(milliseconds);
  return {};
}

Status read_products(const plugin::Host& host, Settings& settings) {
  bool found = settings.product.empty();
  for (const std::string& name : host.products()) {
    const auto value = [&](const char* key) {
      return host.product_setting(name, key).value_or("");
    };
    dialects::Profile profile;
    profile.name = name;
    profile.dialect = value("dialect");
    profile.match_path = value("match_path");
    profile.match_query = value("match_query");
    profile.match_header = value("match_header");
    profile.match_address = value("match_address");
    profile.device_id = value("device_id");
    profile.device_version = value("device_version");
    profile.nothing_to_do = value("nothing_to_do");
    profile.block_check = value("block_check");
    if (profile.dialect.empty()) profile.dialect = "plain";
    if (const Status fine = dialects::check(profile); !fine) return fail(fine.error());
    found = found || name == settings.product;
    settings.profiles.push_back(std::move(profile));
  }
  if (!found) {
    return fail(ErrorCode::invalid,
                fmt::format("product: there is no section [product.{}]", settings.product));
  }
  return {};
}

}  // namespace

Result<Settings> read_settings(const plugin::Host& host) {
  Settings settings;
  settings.product = host.setting("product").value_or("");
  Status fine = read_listen(host, settings);
  if (fine) fine = read_number(host, "max_connections", "a number", settings.max_connections);
  if (fine) fine = read_time(host, "idle_timeout", settings.idle_timeout);
  if (fine) fine = read_time(host, "header_timeout", settings.header_timeout);
  if (fine) fine = read_products(host, settings);
  if (!fine) return fail(fine.error());
  return settings;
}

}  // namespace ferry::http
