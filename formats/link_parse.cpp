#include <fmt/format.h>

#include <array>

#include "formats/link_fields.hpp"
#include "formats/link_messages.hpp"
#include "formats/link_names.hpp"

namespace ferry::formats::link {
namespace {

constexpr std::size_t longest_setting = 4096;
constexpr std::size_t most_products = 1000;
constexpr int deepest = 6;

// The value of an enumeration whose names are `names`, in its order.
template <typename Enum, std::size_t count>
Enum choice(Fields& fields, const char* key, const std::array<std::string_view, count>& names) {
  const std::string name = fields.text(key, longest_id);
  for (std::size_t i = 0; i < count; ++i) {
    if (names[i] == name) return static_cast<Enum>(i);
  }
  fields.refuse(key, "is none of those that there are");
  return Enum{};
}

std::string image_in(Fields& fields, const char* key) {
  std::string image = fields.text(key, longest_image);
  if (!is_image_name(image)) fields.refuse(key, "does not name an image");
  return image;
}

std::vector<std::string> wanted_in(Fields& fields) {
  std::vector<std::string> kinds;
  fields.list("want", most_digests, [&](const Json& kind) {
    if (!kind.is_string() || !is_digest_kind(kind.get_ref<const std::string&>())) {
      fields.refuse("want", "holds what is not a digest");
    } else {
      kinds.push_back(kind.get<std::string>());
    }
  });
  return kinds;
}

Status read(const Json& json, DeviceClaim& device) {
  Fields fields(json);
  device.id = fields.text("id", longest_id);
  if (device.id.empty()) fields.refuse("id", "is empty");
  device.product = fields.name("product");
  device.version = fields.text("version", longest_id);
  device.address = fields.text("address", longest_address);
  device.proven = fields.boolean("proven");
  device.image = image_in(fields, "image");
  device.staged = image_in(fields, "staged");
  device.image_state = choice<ImageState>(fields, "image_state", image_state_names);
  device.battery = fields.integer("battery", -1, 100);
  device.signal = fields.integer("signal", -200, 0);
  device.version_lasts = fields.boolean("version_lasts");
  return fields.end();
}

DeviceClaim device_in(Fields& fields) {
  DeviceClaim device;
  fields.maybe("device", [&](const Json& json) { fields.inside("device", read(json, device)); });
  if (device.id.empty()) fields.refuse("device", "is missing");
  return device;
}

Status read(const Json& json, ServableArtifact& artifact) {
  Fields fields(json);
  const Result<Role> role = role_from(fields.text("role", longest_id));
  if (role) artifact.role = *role;
  if (!role) fields.refuse("role", "is not a role");
  artifact.version = fields.text("version", longest_id);
  artifact.name = fields.text("name", longest_name);
  artifact.dst_path = fields.text("dst_path", longest_name);
  artifact.size = fields.number("size");
  artifact.sha256 = fields.sha256("sha256");
  artifact.chunk_root = fields.sha256("chunk_root");
  artifact.pack = fields.name("pack");
  artifact.digests = fields.texts("digests", 128);
  return fields.end();
}

Status read(const Json& json, Document& document) {
  Fields fields(json);
  document.size = fields.number("size");
  document.sha256 = fields.sha256("sha256");
  return fields.end();
}

Status read(const Json& json, BaseFile& file) {
  Fields fields(json);
  file.dst_path = fields.text("dst_path", longest_name);
  file.sha256 = fields.sha256("sha256");
  return fields.end();
}

Status read(const Json& json, Offer& offer) {
  Fields fields(json);
  offer.delivery = fields.number("delivery");
  offer.product = fields.name("product");
  offer.version = fields.text("version", longest_id);
  offer.from_version = fields.text("from_version", longest_id);
  fields.list("artifacts", most_artifacts, [&](const Json& element) {
    fields.inside("artifacts", read(element, offer.artifacts.emplace_back()));
  });
  offer.base_known = fields.boolean("base_known");
  fields.list("base_files", most_artifacts, [&](const Json& element) {
    fields.inside("base_files", read(element, offer.base_files.emplace_back()));
  });
  return fields.end();
}

// One for each type of message: fills `message` from the fields after "type".
void fill(Fields& fields, Hello& message) {
  message.abi = fields.result("abi");
  message.plugin = fields.text("plugin", longest_id);
}
void fill(Fields& fields, LinkState& message) {
  message.state = fields.text("state", longest_state);
  message.detail = fields.text("detail", longest_detail);
}
void fill(Fields& fields, Seen& message) {
  message.device = device_in(fields);
}
void fill(Fields& fields, AskOffer& message) {
  message.id = fields.number("id");
  message.device = device_in(fields);
  message.want = wanted_in(fields);
}
void fill(Fields& fields, AskStep& message) {
  message.id = fields.number("id");
  message.device = device_in(fields);
  message.want = wanted_in(fields);
}
void fill(Fields& fields, PortClosed& message) {
  message.name = fields.text("name", longest_name);
}
void fill(Fields& fields, Counted& message) {
  message.requests = fields.number("requests");
  message.refusals = fields.number("refusals");
  message.bytes = fields.number("bytes");
}
void fill(Fields& fields, AskArtifact& message) {
  message.id = fields.number("id");
  message.product = fields.name("product");
  message.version = fields.text("version", longest_id);
  message.name = fields.text("name", longest_name);
}
void fill(Fields& fields, AskMirror& message) {
  message.id = fields.number("id");
  message.path = fields.text("path", longest_path);
}
void fill(Fields& fields, Progress& message) {
  message.device = device_in(fields);
  message.sha256 = fields.sha256("sha256");
  message.offset = fields.number("offset");
  message.length = fields.number("length");
}
void fill(Fields& fields, Outcome& message) {
  message.id = fields.number("id");
  message.device = device_in(fields);
  message.delivery = fields.number("delivery");
  message.kind = choice<OutcomeKind>(fields, "kind", outcome_names);
  message.detail = fields.text("detail", longest_detail);
}
void fill(Fields& fields, Corrupt& message) {
  message.pack = fields.name("pack");
  message.detail = fields.text("detail", longest_detail);
}
void fill(Fields&, Pong&) {}

void fill(Fields& fields, Settings& message) {
  message.transport = fields.name("transport");
  message.log_level = fields.name("log_level");
  message.values = fields.texts("values", longest_setting);
  fields.list("products", most_products, [&](const Json& product) {
    message.products.push_back(fields.texts_in("products", product, longest_setting));
  });
}
void fill(Fields& fields, OfferReply& message) {
  message.id = fields.number("id");
  message.result = fields.result("result");
  fields.maybe("offer", [&](const Json& json) {
    fields.inside("offer", read(json, message.offer.emplace()));
  });
}
void fill(Fields& fields, ArtifactReply& message) {
  message.id = fields.number("id");
  message.result = fields.result("result");
  fields.maybe("artifact", [&](const Json& json) {
    fields.inside("artifact", read(json, message.artifact.emplace()));
  });
}
void fill(Fields& fields, MirrorReply& message) {
  message.id = fields.number("id");
  message.result = fields.result("result");
  fields.maybe("artifact", [&](const Json& json) {
    fields.inside("artifact", read(json, message.artifact.emplace()));
  });
  fields.maybe("document", [&](const Json& json) {
    fields.inside("document", read(json, message.document.emplace()));
  });
}
void fill(Fields& fields, OutcomeReply& message) {
  message.id = fields.number("id");
  message.result = fields.result("result");
}
void fill(Fields&, Changed&) {}
void fill(Fields& fields, Withdrawn& message) {
  message.pack = fields.name("pack");
}
void fill(Fields&, Ping&) {}
void fill(Fields&, Stop&) {}
void fill(Fields& fields, StepReply& message) {
  message.id = fields.number("id");
  message.result = fields.result("result");
  message.step = choice<StepKind>(fields, "step", step_names);
  message.acknowledged = fields.number("acknowledged");
  fields.maybe("offer", [&](const Json& json) {
    fields.inside("offer", read(json, message.offer.emplace()));
  });
}
void fill(Fields& fields, Cancel& message) {
  message.delivery = fields.number("delivery");
}
void fill(Fields& fields, Port& message) {
  message.name = fields.text("name", longest_name);
}

template <typename Message, typename Any>
Result<Any> read_as(Fields& fields) {
  Message message;
  fill(fields, message);
  if (const Status good = fields.end(); !good) return fail(good.error());
  return Any(std::move(message));
}

template <typename Any>
struct Kind {
  std::string_view type;
  Result<Any> (*read)(Fields& fields);
};

constexpr std::array<Kind<FromHost>, 13> host_kinds = {{
    {"hello", read_as<Hello, FromHost>},
    {"state", read_as<LinkState, FromHost>},
    {"seen", read_as<Seen, FromHost>},
    {"ask_offer", read_as<AskOffer, FromHost>},
    {"ask_artifact", read_as<AskArtifact, FromHost>},
    {"progress", read_as<Progress, FromHost>},
    {"outcome", read_as<Outcome, FromHost>},
    {"corrupt", read_as<Corrupt, FromHost>},
    {"pong", read_as<Pong, FromHost>},
    {"ask_step", read_as<AskStep, FromHost>},
    {"port_closed", read_as<PortClosed, FromHost>},
    {"counted", read_as<Counted, FromHost>},
    {"ask_mirror", read_as<AskMirror, FromHost>},
}};
constexpr std::array<Kind<FromAgent>, 12> agent_kinds = {{
    {"settings", read_as<Settings, FromAgent>},
    {"offer", read_as<OfferReply, FromAgent>},
    {"artifact", read_as<ArtifactReply, FromAgent>},
    {"outcome_kept", read_as<OutcomeReply, FromAgent>},
    {"changed", read_as<Changed, FromAgent>},
    {"withdrawn", read_as<Withdrawn, FromAgent>},
    {"ping", read_as<Ping, FromAgent>},
    {"stop", read_as<Stop, FromAgent>},
    {"step", read_as<StepReply, FromAgent>},
    {"cancel", read_as<Cancel, FromAgent>},
    {"port", read_as<Port, FromAgent>},
    {"mirror", read_as<MirrorReply, FromAgent>},
}};

template <typename Any, std::size_t count>
Result<Any> parse(std::string_view text, const std::array<Kind<Any>, count>& kinds,
                  std::string_view who, std::size_t longest) {
  const std::string name = fmt::format("message from the {}", who);
  JsonLimits limits;
  limits.bytes = longest;
  limits.depth = deepest;
  const Result<Json> json = parse_json(text, name, limits);
  if (!json) return fail(json.error());
  Fields fields(*json);
  const std::string type = fields.text("type", longest_state);
  for (const Kind<Any>& kind : kinds) {
    if (kind.type != type) continue;
    Result<Any> message = kind.read(fields);
    if (!message) return fail(message.error(), fmt::format("{} of type {}", name, type));
    return message;
  }
  return fail(ErrorCode::invalid, fmt::format("{} of unknown type '{}'", name, type));
}

}  // namespace

Result<FromHost> parse_from_host(std::string_view text) {
  return parse(text, host_kinds, "transport host", from_host_bytes);
}

Result<FromAgent> parse_from_agent(std::string_view text) {
  return parse(text, agent_kinds, "agent", JsonLimits().bytes);
}

}  // namespace ferry::formats::link
