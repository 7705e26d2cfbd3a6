#include "agent/control/routes.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <optional>
#include <vector>

namespace ferry::control {
namespace {

struct Mapping {
  ErrorCode error;
  unsigned status;
  std::string_view code;
};

// The codes are part of the API: scripts compare them.
constexpr std::array mappings{
    Mapping{ErrorCode::invalid, 400, "invalid"},
    Mapping{ErrorCode::denied, 403, "denied"},
    Mapping{ErrorCode::not_found, 404, "not-found"},
    Mapping{ErrorCode::exists, 409, "exists"},
    Mapping{ErrorCode::changed, 409, "changed"},
    Mapping{ErrorCode::too_large, 413, "too-large"},
    Mapping{ErrorCode::unavailable, 503, "unavailable"},
    Mapping{ErrorCode::timed_out, 504, "timed-out"},
    Mapping{ErrorCode::disk_full, 507, "disk-full"},
    Mapping{ErrorCode::read_only, 507, "read-only"},
    Mapping{ErrorCode::corrupt, 500, "corrupt"},
    Mapping{ErrorCode::io, 500, "io"},
};

int hex_digit(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

std::optional<std::string> percent_decoded(std::string_view text) {
  std::string decoded;
  for (std::size_t at = 0; at < text.size(); ++at) {
    if (text[at] != '%') {
      decoded.push_back(text[at]);
      continue;
    }
    if (at + 2 >= text.size()) return std::nullopt;
    const int high = hex_digit(text[at + 1]);
    const int low = hex_digit(text[at + 2]);
    if (high < 0 || low < 0) return std::nullopt;
    decoded.push_back(static_cast<char>(high * 16 + low));
    at += 2;
  }
  return decoded;
}

// "/v1/devices/a%2Fb/assign" → {"v1","devices","a/b","assign"}: split first, so that an encoded
// slash stays inside its part.
std::optional<std::vector<std::string>> parts_of(std::string_view target) {
  if (target.empty() || target.front() != '/') return std::nullopt;
  std::vector<std::string> parts;
  while (!target.empty()) {
    target.remove_prefix(1);
    const std::size_t end = std::min(target.find('/'), target.size());
    auto part = percent_decoded(target.substr(0, end));
    if (!part || part->empty()) return std::nullopt;
    parts.push_back(std::move(*part));
    target.remove_prefix(end);
  }
  return parts;
}

Answer from(Result<Json> result) {
  if (!result) return refuse(result.error());
  Answer given;
  given.body = std::move(*result);
  return given;
}

Result<Json> object_from(std::string_view body) {
  if (body.empty()) return Json::object();
  formats::JsonLimits limits;
  limits.depth = 4;
  auto parsed = formats::parse_json(body, "request", limits);
  if (parsed && !parsed->is_object()) return fail(ErrorCode::invalid, "request: not a JSON object");
  return parsed;
}

Result<Json> sync(std::string_view body, ControlRequests& requests) {
  const auto object = object_from(body);
  if (!object) return fail(object.error());
  const auto source = formats::optional_text(*object, "source");
  if (!source) return fail(source.error(), "request");
  return requests.sync(*source);
}

Result<Json> assign(const std::string& device, std::string_view body, ControlRequests& requests) {
  const auto object = object_from(body);
  if (!object) return fail(object.error());
  const auto version = formats::text_at(*object, "version");
  if (!version) return fail(version.error(), "request");
  const auto product = formats::optional_text(*object, "product");
  if (!product) return fail(product.error(), "request");
  const auto downgrade = object->find("downgrade");
  if (downgrade != object->end() && !downgrade->is_boolean()) {
    return fail(ErrorCode::invalid, "request: 'downgrade' is neither true nor false");
  }
  Assignment assignment;
  assignment.device = device;
  assignment.product = *product;
  assignment.version = *version;
  assignment.downgrade = downgrade != object->end() && downgrade->get<bool>();
  return requests.assign(assignment);
}

struct NamedOrder {
  std::string_view name;
  DeliveryOrder order;
};
constexpr std::array orders{
    NamedOrder{"pause", DeliveryOrder::pause}, NamedOrder{"resume", DeliveryOrder::resume},
    NamedOrder{"retry", DeliveryOrder::retry}, NamedOrder{"cancel", DeliveryOrder::cancel},
    NamedOrder{"force", DeliveryOrder::force}, NamedOrder{"install", DeliveryOrder::install},
};

std::optional<DeliveryOrder> order_named(std::string_view name) {
  for (const NamedOrder& known : orders) {
    if (known.name == name) return known.order;
  }
  return std::nullopt;
}

struct NamedReleaseOrder {
  std::string_view name;
  ReleaseOrder order;
};
constexpr std::array release_orders{NamedReleaseOrder{"retry", ReleaseOrder::retry},
                                    NamedReleaseOrder{"pin", ReleaseOrder::pin},
                                    NamedReleaseOrder{"unpin", ReleaseOrder::unpin},
                                    NamedReleaseOrder{"evict", ReleaseOrder::evict}};

std::optional<ReleaseOrder> release_order_named(std::string_view name) {
  for (const NamedReleaseOrder& known : release_orders) {
    if (known.name == name) return known.order;
  }
  return std::nullopt;
}

Result<Json> order(const std::string& delivery, DeliveryOrder wanted, ControlRequests& requests) {
  std::uint64_t id = 0;
  const char* end = delivery.data() + delivery.size();
  const auto [rest, error] = std::from_chars(delivery.data(), end, id);
  if (error != std::errc() || rest != end) {
    return fail(ErrorCode::not_found, "delivery '" + delivery + "': not a number");
  }
  return requests.order(id, wanted);
}

Result<Json> one_device(const std::string& id, ControlRequests& requests) {
  const Json devices = requests.devices();
  for (const Json& device : devices) {
    if (const auto known = formats::text_at(device, "id"); known && *known == id) return device;
  }
  return fail(ErrorCode::not_found, "device '" + id + "': not known here");
}

using List = Json (ControlRequests::*)();

List list_named(std::string_view name) {
  if (name == "status") return &ControlRequests::status;
  if (name == "sources") return &ControlRequests::sources;
  if (name == "releases") return &ControlRequests::releases;
  if (name == "devices") return &ControlRequests::devices;
  if (name == "deliveries") return &ControlRequests::deliveries;
  if (name == "wakes") return &ControlRequests::wakes;
  return nullptr;
}

using Parts = std::vector<std::string>;

// POST /v1/WHAT/…/VERB; nothing when there is no such endpoint.
using Action = std::optional<Result<Json>>;

Action act(const Parts& parts, std::string_view body, ControlRequests& requests) {
  const std::string& what = parts[1];
  const std::string& verb = parts.back();
  if (what == "devices" && parts.size() == 4 && verb == "assign") {
    return assign(parts[2], body, requests);
  }
  if (what == "deliveries" && parts.size() == 4) {
    if (const auto wanted = order_named(verb)) return order(parts[2], *wanted, requests);
  }
  if (what == "releases" && parts.size() == 5) {
    if (const auto wanted = release_order_named(verb)) {
      return requests.order_release(parts[2], parts[3], *wanted);
    }
  }
  if (what == "monitor" && parts.size() == 3 && verb == "test") return requests.test_monitor();
  return std::nullopt;
}

bool is_action(const Parts& parts) {
  const std::string& what = parts[1];
  const std::string& verb = parts.back();
  if (parts.size() == 3) return what == "monitor" && verb == "test";
  if (parts.size() == 5) return what == "releases" && release_order_named(verb).has_value();
  if (parts.size() != 4) return false;
  return (what == "devices" && verb == "assign") ||
         (what == "deliveries" && order_named(verb).has_value());
}

Answer wrong_method(std::string_view target, std::string allow) {
  Answer given = refuse(405, "method", std::string(target) + ": only " + allow + " here");
  given.allow = std::move(allow);
  return given;
}

Answer metrics(ControlRequests& requests) {
  Answer given;
  given.page = requests.metrics();
  given.page_type = "application/openmetrics-text; version=1.0.0; charset=utf-8";
  return given;
}

}  // namespace

Answer metrics_page(std::string_view method, std::string_view target, ControlRequests& requests) {
  if (target.substr(0, target.find('?')) != "/metrics") {
    return refuse(404, "not-found", "only /metrics is here");
  }
  return method == "GET" ? metrics(requests) : wrong_method(target, "GET");
}

Answer refuse(unsigned status, std::string_view code, std::string message) {
  Answer given;
  given.status = status;
  given.body = {{"error", {{"code", code}, {"message", std::move(message)}}}};
  return given;
}

Answer refuse(const Error& error) {
  for (const Mapping& mapping : mappings) {
    if (mapping.error == error.code) return refuse(mapping.status, mapping.code, error.message);
  }
  return refuse(500, "failed", error.message);
}

Answer answer(std::string_view method, std::string_view target, std::string_view body,
              ControlRequests& requests) {
  const auto parts = parts_of(target);
  const auto unknown = [&] {
    return refuse(404, "not-found", std::string(target) + ": no such endpoint");
  };
  if (!parts || parts->size() < 2 || parts->front() != "v1") return unknown();
  const std::string& name = (*parts)[1];
  const bool get = method == "GET";
  const bool post = method == "POST";
  if (parts->size() == 2) {
    if (const List list = list_named(name)) {
      return get ? from((requests.*list)()) : wrong_method(target, "GET");
    }
    if (name == "metrics") return get ? metrics(requests) : wrong_method(target, "GET");
    if (name == "sync") return post ? from(sync(body, requests)) : wrong_method(target, "POST");
    if (name != "watch") return unknown();
    if (!get) return wrong_method(target, "GET");
    Answer stream;
    stream.watch = true;
    return stream;
  }
  if (name == "devices" && parts->size() == 3) {
    return get ? from(one_device((*parts)[2], requests)) : wrong_method(target, "GET");
  }
  if (is_action(*parts)) {
    if (!post) return wrong_method(target, "POST");
    if (auto done = act(*parts, body, requests)) return from(std::move(*done));
  }
  return unknown();
}

}  // namespace ferry::control
