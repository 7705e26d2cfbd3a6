#include "agent/monitor/topics.hpp"

#include <fmt/format.h>

#include "formats/json.hpp"

namespace ferry::monitor {
namespace {

constexpr std::size_t longest_part = 200;

bool is_plain_in_topic(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
         std::string_view("._:@~-").find(c) != std::string_view::npos;
}

}  // namespace

std::string topic_part(std::string_view text) {
  std::string part;
  for (const char c : text) {
    part += is_plain_in_topic(c) ? std::string(1, c)
                                 : fmt::format("%{:02X}", static_cast<unsigned char>(c));
  }
  if (part.size() <= longest_part) return part;
  // '%' is never followed by '~' elsewhere: a cut id cannot be another id written out.
  return part.substr(0, longest_part) + "%~" + Sha256::of(as_bytes(text)).hex().substr(0, 16);
}

std::string topic_root(const std::string& prefix, const std::string& gateway) {
  return prefix + "/" + topic_part(gateway) + "/";
}

std::string device_topic(const std::string& product, const std::string& id) {
  return "device/" + topic_part(product) + "/" + topic_part(id);
}

// Of 100,000 that wait, each costs what this does: the detail is looked through, and goes out as it
// was written.
std::string event_payload(const storage::Event& event) {
  const bool whole = formats::Json::accept(event.detail);
  return fmt::format(R"({{"detail":{},"kind":{},"sequence":{},"time":"{}"}})",
                     whole ? event.detail : formats::to_text(event.detail),
                     formats::to_text(event.kind), event.sequence, to_rfc3339(event.at));
}

}  // namespace ferry::monitor
