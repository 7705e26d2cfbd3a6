#include "transports/serial/settings.hpp"

#include <fmt/format.h>

#include <array>
#include <charconv>
#include <utility>

#include "transports/pull/profiles.hpp"

namespace ferry::serial {
namespace {

template <typename Number>
Status read_number(const plugin::Host& host, const char* key, const char* what, Number& number) {
  const std::string text = host.setting(key).value_or("");
  if (text.empty()) return {};
  const char* const end = text.data() + text.size();
  const auto parsed = std::from_chars(text.data(), end, number);
  if (parsed.ec != std::errc() || parsed.ptr != end || number == 0) {
    return fail(ErrorCode::invalid, fmt::format("{}: '{}' is not {}", key, text, what));
  }
  return {};
}

Status read_time(const plugin::Host& host, const char* key, Duration& time) {
  auto milliseconds = static_cast<std::uint32_t>(time.count());
  if (Status read = read_number(host, key, "a number of milliseconds", milliseconds); !read) {
    return read;
  }
  time = Duration(milliseconds);
  return {};
}

template <typename Value, std::size_t Count>
Status read_choice(const plugin::Host& host, const char* key,
                   const std::array<std::pair<const char*, Value>, Count>& choices, Value& value) {
  const std::string text = host.setting(key).value_or("");
  if (text.empty()) return {};
  std::string all;
  for (const auto& [name, meaning] : choices) {
    if (text == name) {
      value = meaning;
      return {};
    }
    all += (all.empty() ? "" : ", ") + std::string(name);
  }
  return fail(ErrorCode::invalid, fmt::format("{}: '{}' is not one of {}", key, text, all));
}

using Dialects = std::array<std::pair<const char*, Dialect>, 5>;
constexpr Dialects dialects_by_name = {{{"smp", Dialect::smp},
                                        {"pull", Dialect::pull},
                                        {"raw", Dialect::raw},
                                        {"xmodem", Dialect::xmodem},
                                        {"ymodem", Dialect::ymodem}}};
constexpr std::array<std::pair<const char*, Parity>, 3> parities = {
    {{"none", Parity::none}, {"even", Parity::even}, {"odd", Parity::odd}}};
constexpr std::array<std::pair<const char*, int>, 2> stop_bits = {{{"1", 1}, {"2", 2}}};
constexpr std::array<std::pair<const char*, FlowControl>, 3> flow_controls = {
    {{"none", FlowControl::none},
     {"rtscts", FlowControl::rtscts},
     {"xonxoff", FlowControl::xonxoff}}};
constexpr std::array<std::pair<const char*, bool>, 2> yes_or_no = {{{"yes", true}, {"no", false}}};
constexpr std::array<std::pair<const char*, bool>, 2> id_places = {
    {{"port", false}, {"info", true}}};

Status read_line(const plugin::Host& host, LineSettings& line) {
  Status fine = read_number(host, "baud", "a number of bits a second", line.baud);
  if (fine) fine = read_choice(host, "parity", parities, line.parity);
  if (fine) fine = read_choice(host, "stop_bits", stop_bits, line.stop_bits);
  if (fine) fine = read_choice(host, "flow_control", flow_controls, line.flow_control);
  if (fine) fine = read_choice(host, "rs485", yes_or_no, line.rs485);
  return fine;
}

// XON and XOFF may stand in what these carry as they are.
Status check_together(const Settings& settings) {
  const bool text_only = settings.dialect == Dialect::smp || settings.dialect == Dialect::pull;
  if (settings.line.flow_control == FlowControl::xonxoff && !text_only) {
    return fail(ErrorCode::invalid,
                "flow_control: xonxoff takes bytes out of what raw, xmodem and ymodem carry; use "
                "rtscts or none");
  }
  if (settings.product.empty() && settings.dialect != Dialect::pull) {
    return fail(ErrorCode::invalid, "product: which one are the devices on these lines?");
  }
  return {};
}

std::size_t count_patterns(std::string_view patterns) {
  std::size_t count = 0;
  for (bool between = true; const char c : patterns) {
    const bool separator = c == ' ' || c == '\t' || c == ',';
    if (between && !separator) ++count;
    between = separator;
  }
  return count;
}

}  // namespace

Result<Settings> read_settings(const plugin::Host& host) {
  Settings settings;
  settings.product = host.setting("product").value_or("");
  settings.trigger = host.setting("trigger").value_or("");
  settings.named_ports = count_patterns(host.setting("port").value_or(""));
  Status fine;
  if (settings.named_ports == 0) fine = fail(ErrorCode::invalid, "port: which lines?");
  if (fine) fine = read_choice(host, "dialect", dialects_by_name, settings.dialect);
  if (fine) fine = read_choice(host, "device_id", id_places, settings.push.id_by_info);
  if (fine) fine = read_line(host, settings.line);
  if (fine) fine = read_time(host, "poll_interval", settings.push.poll_interval);
  if (fine) fine = read_time(host, "probe_timeout", settings.push.probe_timeout);
  if (fine) fine = check_together(settings);
  if (!fine) return fail(fine.error());
  auto profiles = pull::read_profiles(host, settings.product);
  if (!profiles) return fail(profiles.error());
  settings.profiles = std::move(*profiles);
  settings.push.refuse_downgrade =
      host.product_setting(settings.product, "allow_downgrade").value_or("no") != "yes";
  return settings;
}

}  // namespace ferry::serial
