#include "ctl/views.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "ctl/fields.hpp"
#include "ctl/format.hpp"
#include "ctl/table.hpp"

namespace ferry::ctl {
namespace {

std::string age_of(const Json& object, const char* key, Time now, const char* missing) {
  const auto time = parse_time(text_of(object, key));
  return time ? relative_time(*time, now) : missing;
}

std::string size_of(const Json& object, const char* key) {
  return human_size(number_of(object, key));
}

// "12.0 MiB of 64.0 MiB, 18%"
std::string done_of(const Json& object) {
  const std::uint64_t total = number_of(object, "bytes_total");
  if (total == 0) return "";
  const std::uint64_t done = number_of(object, "bytes_done");
  return fmt::format("{} of {}, {}", human_size(done), human_size(total), percent(done, total));
}

// The delivery under way, as one cell: "1.2.0 transferring 43%".
std::string delivery_cell(const Json& device) {
  const Json& delivery = member(device, "delivery");
  if (!delivery.is_object()) return "";
  std::string cell = text_of(delivery, "version") + " " + text_of(delivery, "state");
  const std::uint64_t total = number_of(delivery, "bytes_total");
  if (text_of(delivery, "state") != "transferring" || total == 0) return cell;
  return cell + " " + percent(number_of(delivery, "bytes_done"), total);
}

// Attempts, of a delivery those that failed; nothing for none.
std::string attempts_cell(const Json& delivery) {
  const std::uint64_t failed = number_of(delivery, "attempts");
  return failed == 0 ? "" : fmt::to_string(failed);
}

// Why it waits, and what went wrong: "waits: retry in 40s (attempt 3 of 5); busy: slot in use".
std::string detail_of(const Json& delivery) {
  std::string text = text_of(delivery, "waits");
  std::string trouble = text_of(delivery, "cause");
  const std::string detail = text_of(delivery, "detail");
  if (!detail.empty()) trouble += (trouble.empty() ? "" : ": ") + detail;
  if (!trouble.empty()) text += (text.empty() ? "" : "; ") + trouble;
  return text;
}

std::string budget_cell(const Json& source) {
  const Json& budget = member(source, "budget");
  if (!budget.is_object()) return "";
  return size_of(budget, "used") + " of " + size_of(budget, "bytes");
}

std::string fetching_cell(const Json& source) {
  const Json& fetching = member(source, "fetching");
  if (!fetching.is_object()) return "";
  const std::string artifact = text_of(fetching, "artifact");
  return text_of(fetching, "release") + (artifact.empty() ? "" : " " + artifact) + ", " +
         done_of(fetching);
}

// Of jobs that ended: "2 reports wait, the oldest from 3 h ago".
std::string reports_of(const Json& source, Time now) {
  const Json& reports = member(source, "reports");
  const std::uint64_t count = number_of(reports, "waiting");
  if (count == 0) return "";
  const std::string since = age_of(reports, "oldest", now, "");
  return fmt::format("{} report{} wait{}{}{}", count, count == 1 ? "" : "s", count == 1 ? "s" : "",
                     since.empty() ? "" : ", the oldest from ", since);
}

// What a person should know of a source: its last error, what waits to be told, and how long its
// releases are offered.
std::string problem_cell(const Json& source, Time now) {
  std::string error = text_of(source, "last_error");
  if (const std::string reports = reports_of(source, now); !reports.empty()) {
    error += (error.empty() ? "" : "; ") + reports;
  }
  const Json& metadata = member(source, "metadata");
  const std::string standing = text_of(metadata, "standing");
  if (standing != "expired" && standing != "lapsed") return error;
  const std::string offers =
      standing == "lapsed" ? "its releases are offered no more"
                           : "its releases are offered until " + text_of(metadata, "offered_until");
  return fmt::format("metadata expired {}: {}{}{}", text_of(metadata, "expires"), offers,
                     error.empty() ? "" : "; ", error);
}

std::string state_of(const Json& release) {
  const std::string state = flag_of(release, "complete") ? "complete" : "incomplete";
  return flag_of(release, "pinned") ? state + ", pinned" : state;
}

std::string transports_view(const Json& transports) {
  Table table({{"TRANSPORT"},
               {"PLUGIN"},
               {"STATE"},
               {"PROCESS", true},
               {"RESTARTS", true},
               {"REQUESTS", true},
               {"REFUSED", true},
               {"DELIVERED", true},
               {"DETAIL"}});
  for (const Json& transport : transports) {
    const std::uint64_t pid = number_of(transport, "pid");
    table.add({text_of(transport, "name"), text_of(transport, "plugin"),
               text_of(transport, "state"), pid == 0 ? "" : fmt::to_string(pid),
               fmt::to_string(number_of(transport, "restarts")),
               fmt::to_string(number_of(transport, "requests")),
               fmt::to_string(number_of(transport, "refusals")), size_of(transport, "bytes"),
               text_of(transport, "detail")});
  }
  return table.empty() ? "No transports are configured.\n" : table.text();
}

// What is woken by each section; nothing where there is none.
std::string wake_sections(const Json& wakes, Time now) {
  Table table({{"WAKE"},
               {"PRODUCT"},
               {"TEMPLATE"},
               {"DEVICES", true},
               {"AWAITED", true},
               {"LAST"},
               {"NEXT"}});
  for (const Json& wake : wakes) {
    table.add({text_of(wake, "name"), text_of(wake, "product"), text_of(wake, "template"),
               fmt::to_string(number_of(wake, "devices")),
               fmt::to_string(number_of(wake, "awaited")),
               age_of(wake, "last", now, "never") + " " + text_of(wake, "last_device"),
               age_of(wake, "next", now, "") + " " + text_of(wake, "next_device")});
  }
  return table.empty() ? "" : "\n" + table.text();
}

std::string store_line(const Json& store) {
  const std::uint64_t packs = number_of(store, "packs");
  std::string line = fmt::format("{} of {} used, {} pack{}", size_of(store, "bytes"),
                                 size_of(store, "quota"), packs, packs == 1 ? "" : "s");
  if (const auto bad = number_of(store, "quarantined"); bad > 0) {
    line += fmt::format(", {} in quarantine", bad);
  }
  if (member(store, "writable").is_boolean() && !flag_of(store, "writable"))
    line += ", NOT WRITABLE";
  if (const std::string error = text_of(store, "error"); !error.empty()) line += ": " + error;
  return line;
}

std::string monitor_line(const Json& monitor) {
  std::string line = text_of(monitor, "state");
  if (const std::string broker = text_of(monitor, "broker"); !broker.empty()) line += ", " + broker;
  if (const auto waiting = number_of(monitor, "waiting"); waiting > 0) {
    line += fmt::format(", {} events wait", waiting);
  }
  const std::string commands = text_of(monitor, "commands");
  if (commands == "refused") line += ", which refuses to let commands be heard";
  if (const std::string error = text_of(monitor, "error"); !error.empty()) line += ": " + error;
  return line;
}

// Shown by the lines below, and not by counters_line.
constexpr std::array told_apart{"bytes_fetched",   "bytes_delivered",   "bytes_written",
                                "requests",        "refusals",          "delivery_retries",
                                "delivery_losses", "transport_restarts"};

// Whatever else the agent counts, also what this ferryctl does not know yet.
std::string counters_line(const Json& counters) {
  std::string line;
  for (const auto& [name, value] : counters.items()) {
    const bool apart = std::find(told_apart.begin(), told_apart.end(), name) != told_apart.end();
    if (apart || !value.is_number_unsigned()) continue;
    line += fmt::format("{}{} {}", line.empty() ? "" : ", ", value.get<std::uint64_t>(), name);
  }
  return line;
}

std::string traffic_line(const Json& counters) {
  if (!member(counters, "requests").is_number()) return "";
  return fmt::format("{} fetched, {} delivered, {} written to disk; {} requests, {} refused",
                     size_of(counters, "bytes_fetched"), size_of(counters, "bytes_delivered"),
                     size_of(counters, "bytes_written"), number_of(counters, "requests"),
                     number_of(counters, "refusals"));
}

// What became of deliveries since the agent started: "2 delivered, 1 installed; 3 retries".
std::string outcomes_line(const Json& counters) {
  std::string line;
  const Json& deliveries = member(counters, "deliveries");
  if (!deliveries.is_object()) return line;
  for (const auto& [outcome, value] : deliveries.items()) {
    const std::uint64_t count = number_of(deliveries, outcome.c_str());
    if (count > 0) line += fmt::format("{}{} {}", line.empty() ? "" : ", ", count, outcome);
  }
  if (line.empty()) line = "none yet";
  if (const auto retries = number_of(counters, "delivery_retries"); retries > 0) {
    line += fmt::format("; {} retries", retries);
  }
  if (const auto losses = number_of(counters, "delivery_losses"); losses > 0) {
    line += fmt::format("; {} interruptions", losses);
  }
  return line;
}

// "store     1.0 GiB of 4.0 GiB used": nothing for nothing.
std::string labelled(const char* label, const std::string& text) {
  return text.empty() ? "" : fmt::format("{:<9} {}\n", label, printable(text));
}

std::string list_or(const Table& table, const char* nothing) {
  return table.empty() ? std::string(nothing) + "\n" : table.text();
}

}  // namespace

std::string status_view(const Json& status, Time now) {
  const auto uptime = std::chrono::seconds(number_of(status, "uptime_seconds"));
  return labelled("gateway",
                  fmt::format("{}, ferryd {}, running for {}", text_of(status, "gateway"),
                              text_of(status, "version"), human_duration(uptime))) +
         (flag_of(status, "clock_is_behind")
              ? labelled("clock",
                         fmt::format("reads {}, before the time floor {}: certificates are "
                                     "judged as of that",
                                     text_of(status, "time"), text_of(status, "time_floor")))
              : std::string()) +
         labelled("store", store_line(member(status, "store"))) +
         labelled("monitor", monitor_line(member(status, "monitor"))) +
         labelled("counted", counters_line(member(status, "counters"))) +
         labelled("traffic", traffic_line(member(status, "counters"))) +
         labelled("outcomes", outcomes_line(member(status, "counters"))) + "\n" +
         sources_view(member(status, "sources"), now) + "\n" +
         transports_view(member(status, "transports")) +
         wake_sections(member(status, "wakes"), now);
}

std::string sources_view(const Json& sources, Time now) {
  Table table({{"SOURCE"},
               {"TYPE"},
               {"TRUST"},
               {"STATE"},
               {"LAST SUCCESS"},
               {"NEXT"},
               {"FETCHED", true},
               {"REJECTED", true},
               {"BUDGET"},
               {"FETCHING"},
               {"PROBLEM"}});
  for (const Json& source : sources) {
    table.add({text_of(source, "name"), text_of(source, "type"), text_of(source, "trust"),
               text_of(source, "state"), age_of(source, "last_success", now, "never"),
               age_of(source, "next_attempt", now, ""), size_of(source, "bytes_fetched"),
               fmt::to_string(number_of(source, "rejected")), budget_cell(source),
               fetching_cell(source), problem_cell(source, now)});
  }
  return list_or(table, "No sources are configured.");
}

std::string releases_view(const Json& releases, Time now) {
  Table table({{"PRODUCT"},
               {"VERSION"},
               {"CHANNEL"},
               {"SOURCE"},
               {"ADMITTED"},
               {"SIZE", true},
               {"ARTIFACTS", true},
               {"STATE"},
               {"ROLLOUT"}});
  for (const Json& release : releases) {
    const Json& artifacts = member(release, "artifacts");
    table.add({text_of(release, "product"), text_of(release, "version"),
               text_of(release, "channel"), text_of(release, "source"),
               age_of(release, "admitted", now, ""), size_of(release, "size"),
               fmt::to_string(artifacts.is_array() ? artifacts.size() : 0), state_of(release),
               text_of(release, "rollout")});
  }
  return list_or(table, "No releases are here yet.");
}

std::string devices_view(const Json& devices, Time now) {
  Table table({{"DEVICE"},
               {"PRODUCT"},
               {"VERSION"},
               {"ASSIGNED"},
               {"CHANNEL"},
               {"TRANSPORT"},
               {"ADDRESS"},
               {"LAST SEEN"},
               {"IDENTITY"},
               {"DELIVERY"}});
  for (const Json& device : devices) {
    table.add({text_of(device, "id"), text_of(device, "product"), text_of(device, "version"),
               text_of(device, "assigned"), text_of(device, "channel"),
               text_of(device, "transport"), text_of(device, "address"),
               age_of(device, "last_seen", now, "never"),
               flag_of(device, "proven") ? "proven" : "claimed", delivery_cell(device)});
  }
  return list_or(table, "No devices were seen yet.");
}

std::string deliveries_view(const Json& deliveries, Time now) {
  Table table({{"ID", true},
               {"DEVICE"},
               {"PRODUCT"},
               {"FROM"},
               {"VERSION"},
               {"TRANSPORT"},
               {"STATE"},
               {"DONE"},
               {"ATTEMPTS", true},
               {"STARTED"},
               {"UPDATED"},
               {"DETAIL"}});
  for (const Json& delivery : deliveries) {
    table.add({fmt::to_string(number_of(delivery, "id")), text_of(delivery, "device"),
               text_of(delivery, "product"), text_of(delivery, "from"),
               text_of(delivery, "version"), text_of(delivery, "transport"),
               text_of(delivery, "state"), done_of(delivery), attempts_cell(delivery),
               age_of(delivery, "started", now, ""), age_of(delivery, "updated", now, ""),
               detail_of(delivery)});
  }
  return list_or(table, "There were no deliveries yet.");
}

std::string wakes_view(const Json& wakes, Time now) {
  Table table({{"DEVICE"},
               {"PRODUCT"},
               {"WAKE"},
               {"NAME"},
               {"VERSION"},
               {"ATTEMPTS", true},
               {"LAST"},
               {"NEXT"},
               {"DETAIL"}});
  for (const Json& wake : wakes) {
    const std::string version = text_of(wake, "version");
    table.add({text_of(wake, "device"), text_of(wake, "product"), text_of(wake, "wake"),
               text_of(wake, "name"), version, attempts_cell(wake),
               age_of(wake, "last", now, "never"), age_of(wake, "next", now, ""),
               version.empty() ? "nothing is for it" : text_of(wake, "waits")});
  }
  return list_or(table, "No devices are woken; see [wake.NAME] in ferry.ini.");
}

std::string delivery_view(const Json& delivery, Time now) {
  return labelled("delivery", fmt::to_string(number_of(delivery, "id"))) +
         labelled("device", text_of(delivery, "device")) +
         labelled("release", text_of(delivery, "product") + " " + text_of(delivery, "version")) +
         labelled("state", text_of(delivery, "state")) + labelled("done", done_of(delivery)) +
         labelled("updated", age_of(delivery, "updated", now, "")) +
         labelled("detail", detail_of(delivery));
}

std::string device_view(const Json& device, Time now) {
  const std::string assigned = text_of(device, "assigned");
  const std::string channel = text_of(device, "channel");
  // Only some devices tell these.
  const auto measured = [&](const char* key, const char* unit) {
    const Json& value = member(device, key);
    if (!value.is_number_integer()) return std::string();
    return labelled(key, fmt::format("{} {}", value.get<std::int64_t>(), unit));
  };
  return labelled("device", text_of(device, "id")) +
         labelled("product", text_of(device, "product")) +
         labelled("version", text_of(device, "version")) +
         labelled("assigned", assigned.empty() ? "the newest release" : assigned) +
         labelled("channel", channel.empty() ? "as the product" : channel) +
         labelled("seen", fmt::format("{} by {} at {}", age_of(device, "last_seen", now, "never"),
                                      text_of(device, "transport"), text_of(device, "address"))) +
         labelled("identity", flag_of(device, "proven") ? "proven" : "claimed, not proven") +
         measured("battery", "%") + measured("signal", "dBm") +
         labelled("delivery", delivery_cell(device));
}

}  // namespace ferry::ctl
