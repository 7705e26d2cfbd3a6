#include "ctl/event_line.hpp"

#include <fmt/format.h>

#include <array>

#include "ctl/fields.hpp"
#include "ctl/format.hpp"

namespace ferry::ctl {
namespace {

void take_transfer(EventLine& line, const Json& object) {
  line.bytes_done = number_of(object, "bytes_done");
  line.bytes_total = number_of(object, "bytes_total");
  line.transfer = line.bytes_total > 0;
}

std::string with(const std::string& text, const std::string& more) {
  return more.empty() ? text : text + ": " + more;
}

// {"artifact":"a.bin","reason":"wrong hash"} → "artifact a.bin, reason wrong hash"
std::string spoken(const Json& detail) {
  std::string text;
  for (const auto& [name, value] : detail.items()) {
    const std::string said = value.is_string() ? value.get<std::string>() : formats::to_text(value);
    text += fmt::format("{}{} {}", text.empty() ? "" : ", ", name, said);
  }
  return text;
}

void source_event(EventLine& line, const Json& value) {
  const Json& fetching = member(value, "fetching");
  if (!fetching.is_object()) {
    line.text = with(text_of(value, "state"), text_of(value, "last_error"));
    return;
  }
  line.text = "fetching " + text_of(fetching, "release") + " " + text_of(fetching, "artifact");
  take_transfer(line, fetching);
}

void delivery_event(EventLine& line, const Json& value) {
  line.text = fmt::format("{} {} to {} by {}", text_of(value, "product"), text_of(value, "version"),
                          text_of(value, "device"), text_of(value, "transport"));
  const std::string state = text_of(value, "state");
  if (state == "transferring") {
    take_transfer(line, value);
  } else {
    line.text = with(line.text + " " + state, text_of(value, "detail"));
    const std::string waits = text_of(value, "waits");
    if (!waits.empty()) line.text += ", " + waits;
  }
}

void device_event(EventLine& line, const Json& value) {
  line.text = fmt::format("{} {} by {} at {}", text_of(value, "product"), text_of(value, "version"),
                          text_of(value, "transport"), text_of(value, "address"));
  const Json& delivery = member(value, "delivery");
  if (!delivery.is_object()) return;
  line.text += fmt::format(", {} {}", text_of(delivery, "version"), text_of(delivery, "state"));
  if (text_of(delivery, "state") == "transferring") take_transfer(line, delivery);
}

void release_event(EventLine& line, const Json& value) {
  if (value.is_array()) {
    line.text = fmt::format("{} held", value.size());
    return;
  }
  const std::string size = human_size(number_of(value, "size"));
  line.text = flag_of(value, "complete") ? "complete, " + size : "incomplete";
}

void transport_event(EventLine& line, const Json& value) {
  if (!value.is_array()) {
    line.text = with(text_of(value, "state"), text_of(value, "detail"));
    return;
  }
  for (const Json& one : value) {
    line.text += fmt::format("{}{} {}", line.text.empty() ? "" : ", ", text_of(one, "name"),
                             with(text_of(one, "state"), text_of(one, "detail")));
  }
}

void status_event(EventLine& line, const Json& value) {
  line.subject = "gateway " + text_of(value, "gateway");
  line.text = "ferryd " + text_of(value, "version");
}

void kept_event(EventLine& line, const Json& value) {
  line.text = with(text_of(value, "kind"), spoken(member(value, "detail")));
}

struct Kind {
  const char* name;
  void (*describe)(EventLine& line, const Json& value);
};
constexpr std::array kinds{Kind{"source", source_event},       Kind{"delivery", delivery_event},
                           Kind{"device", device_event},       Kind{"release", release_event},
                           Kind{"transport", transport_event}, Kind{"status", status_event},
                           Kind{"event", kept_event}};

}  // namespace

EventLine event_line(const Json& event) {
  const std::string name = text_of(event, "event");
  EventLine line;
  const std::string id = text_of(event, "id");
  line.subject = id.empty() ? name + "s" : name + " " + id;
  for (const Kind& kind : kinds) {
    if (kind.name == name) kind.describe(line, member(event, "value"));
  }
  line.subject = printable(line.subject);
  line.text = printable(line.text);
  return line;
}

}  // namespace ferry::ctl
