#include "formats/command.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <initializer_list>

#include "formats/json.hpp"
#include "formats/release.hpp"
#include "formats/utf8.hpp"

namespace ferry::formats {
namespace {

constexpr std::size_t id_limit = 64;
constexpr std::size_t device_limit = 256;

constexpr auto verb_names =
    std::to_array<std::string_view>({"sync", "pause", "resume", "retry", "cancel", "force",
                                     "install", "assign", "evict", "pin", "unpin"});

constexpr JsonLimits command_limits{command_size_limit, 3};

std::optional<Verb> verb_named(std::string_view name) {
  const auto* const found = std::find(verb_names.begin(), verb_names.end(), name);
  if (found == verb_names.end()) return std::nullopt;
  return static_cast<Verb>(found - verb_names.begin());
}

bool is_visible(std::string_view text, std::size_t limit) {
  return !text.empty() && text.size() <= limit &&
         std::all_of(text.begin(), text.end(), [](char c) { return c > ' ' && c < '\x7F'; });
}

// As a device may call itself: text without control characters.
bool is_device(std::string_view text) {
  return !text.empty() && text.size() <= device_limit && is_utf8(text) &&
         std::none_of(text.begin(), text.end(),
                      [](char c) { return static_cast<unsigned char>(c) < 0x20 || c == '\x7F'; });
}

Failure bad_command(std::string_view what) {
  return fail(ErrorCode::invalid, fmt::format("command: {}", what));
}

// Takes the values out of one object, and knows at the end whether all were wanted.
class Fields {
 public:
  explicit Fields(const Json& object) : object_(object) {}

  bool has(const char* key) const { return object_.contains(key); }
  Status text(const char* key, std::string& into, bool (*good)(std::string_view)) {
    auto value = text_at(object_, key);
    if (!value) return fail(value.error(), "command");
    if (!good(*value)) return bad_command(fmt::format("'{}' is not as it has to be", key));
    into = std::move(*value);
    ++taken_;
    return {};
  }
  Status optional(const char* key, std::string& into, bool (*good)(std::string_view)) {
    return has(key) ? text(key, into, good) : Status{};
  }
  Status number(const char* key, std::uint64_t& into) {
    const auto value = unsigned_at(object_, key);
    if (!value) return fail(value.error(), "command");
    if (*value == 0 || *value > static_cast<std::uint64_t>(INT64_MAX)) {
      return bad_command(fmt::format("'{}' is out of range", key));
    }
    into = *value;
    ++taken_;
    return {};
  }
  Status optional_flag(const char* key, bool& into) {
    if (!has(key)) return {};
    const Json& value = object_.at(key);
    if (!value.is_boolean()) return bad_command(fmt::format("'{}' is neither true nor false", key));
    into = value.get<bool>();
    ++taken_;
    return {};
  }
  // Nothing was said that nobody understands: a misspelt "downgrade" must not pass for none.
  Status all_taken() const {
    return taken_ == object_.size() ? Status{}
                                    : bad_command("has a field that its verb does not know");
  }

 private:
  const Json& object_;
  std::size_t taken_ = 0;
};

bool is_version(std::string_view text) {
  return text.empty() || is_name(text);
}
bool is_id(std::string_view text) {
  return is_visible(text, id_limit);
}
bool is_target(std::string_view text) {
  return is_device(text);
}

Status first_failed(std::initializer_list<Status> steps) {
  for (const Status& step : steps) {
    if (!step) return step;
  }
  return {};
}

Status read_release(Fields& fields, Command& command) {
  return first_failed({fields.text("product", command.product, &is_name),
                       fields.text("version", command.version, &is_name)});
}

// By its number, or the newest one of a device.
Status read_delivery(Fields& fields, Command& command) {
  if (fields.has("delivery")) return fields.number("delivery", command.delivery);
  return first_failed({fields.text("device", command.device, &is_device),
                       fields.optional("product", command.product, &is_name)});
}

Status read_assignment(Fields& fields, Command& command) {
  return first_failed({fields.text("device", command.device, &is_device),
                       fields.optional("product", command.product, &is_name),
                       fields.text("version", command.version, &is_version),
                       fields.optional_flag("downgrade", command.downgrade)});
}

Status read_verb(Fields& fields, Command& command) {
  switch (command.verb) {
    case Verb::sync:
      return fields.optional("source", command.source, &is_name);
    case Verb::retry:
      if (fields.has("version")) return read_release(fields, command);
      return read_delivery(fields, command);
    case Verb::pause:
    case Verb::resume:
    case Verb::cancel:
    case Verb::force:
    case Verb::install:
      return read_delivery(fields, command);
    case Verb::assign:
      return read_assignment(fields, command);
    case Verb::evict:
    case Verb::pin:
    case Verb::unpin:
      return read_release(fields, command);
  }
  return bad_command("no such verb");
}

Status read_bounds(Fields& fields, Command& command) {
  if (!fields.has("target") && !fields.has("sequence") && !fields.has("expires")) return {};
  auto& bounds = command.bounds.emplace();
  return first_failed({fields.text("target", bounds.target, &is_target),
                       fields.number("sequence", bounds.sequence),
                       fields.number("expires", bounds.expires)});
}

}  // namespace

std::string_view to_string(Verb verb) {
  return verb_names.at(static_cast<std::size_t>(verb));
}

Result<Command> parse_command(std::string_view text) {
  const auto object = parse_json(text, "command", command_limits);
  if (!object) return fail(object.error());
  if (!object->is_object()) return bad_command("not a JSON object");
  Fields fields(*object);
  Command command;
  std::string verb;
  const auto any = [](std::string_view) { return true; };
  if (Status id = fields.text("id", command.id, &is_id); !id) return fail(id.error());
  if (Status named = fields.text("command", verb, any); !named) return fail(named.error());
  const auto known = verb_named(verb);
  if (!known)
    return bad_command(fmt::format("no such verb; there are {}", fmt::join(verb_names, ", ")));
  command.verb = *known;
  if (Status read = read_verb(fields, command); !read) return fail(read.error());
  if (Status read = read_bounds(fields, command); !read) return fail(read.error());
  if (Status all = fields.all_taken(); !all) return fail(all.error());
  return command;
}

std::string write_command(const Command& command) {
  Json json = {{"id", command.id}, {"command", to_string(command.verb)}};
  const auto put = [&](const char* key, const std::string& value) {
    if (!value.empty()) json[key] = value;
  };
  put("source", command.source);
  put("device", command.device);
  put("product", command.product);
  put("version", command.version);
  if (command.verb == Verb::assign) json["version"] = command.version;
  if (command.delivery != 0) json["delivery"] = command.delivery;
  if (command.downgrade) json["downgrade"] = true;
  if (command.bounds) {
    json["target"] = command.bounds->target;
    json["sequence"] = command.bounds->sequence;
    json["expires"] = command.bounds->expires;
  }
  return to_text(json);
}

std::string command_id(std::string_view text) {
  const auto object = parse_json(text, "command", command_limits);
  if (!object || !object->is_object()) return "";
  const auto id = text_at(*object, "id");
  return id && is_id(*id) ? *id : "";
}

}  // namespace ferry::formats
