#include "transports/serial/settings.hpp"

#include "transports/pull/profiles.hpp"
#include "transports/read_settings.hpp"

namespace ferry::serial {
namespace {

using plugin::Choices;
using plugin::read_choice;
using plugin::read_number;
using plugin::read_time;

constexpr Choices<Dialect, 5> dialects_by_name = {{{"smp", Dialect::smp},
                                                   {"pull", Dialect::pull},
                                                   {"raw", Dialect::raw},
                                                   {"xmodem", Dialect::xmodem},
                                                   {"ymodem", Dialect::ymodem}}};
constexpr Choices<Parity, 3> parities = {
    {{"none", Parity::none}, {"even", Parity::even}, {"odd", Parity::odd}}};
constexpr Choices<int, 2> stop_bits = {{{"1", 1}, {"2", 2}}};
constexpr Choices<FlowControl, 3> flow_controls = {{{"none", FlowControl::none},
                                                    {"rtscts", FlowControl::rtscts},
                                                    {"xonxoff", FlowControl::xonxoff}}};
constexpr Choices<bool, 2> yes_or_no = {{{"yes", true}, {"no", false}}};
constexpr Choices<bool, 2> id_places = {{{"port", false}, {"info", true}}};

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
