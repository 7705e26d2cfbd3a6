#include "transports/http/settings.hpp"

#include <fmt/format.h>

#include <charconv>

#include "transports/pull/profiles.hpp"

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

}  // namespace

Result<Settings> read_settings(const plugin::Host& host) {
  Settings settings;
  settings.product = host.setting("product").value_or("");
  Status fine = read_listen(host, settings);
  if (fine) fine = read_number(host, "max_connections", "a number", settings.max_connections);
  if (fine) fine = read_time(host, "idle_timeout", settings.idle_timeout);
  if (fine) fine = read_time(host, "header_timeout", settings.header_timeout);
  if (!fine) return fail(fine.error());
  auto profiles = pull::read_profiles(host, settings.product);
  if (!profiles) return fail(profiles.error());
  settings.profiles = std::move(*profiles);
  return settings;
}

}  // namespace ferry::http
