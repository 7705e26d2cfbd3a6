// What all dialects have in common: who is asking, and which dialect answers.
#include "transports/dialects/dialect.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "formats/dialect_names.hpp"
#include "formats/release.hpp"
#include "transports/dialects/common.hpp"

namespace ferry::dialects {
namespace {

const std::array<const Dialect*, 10> dialects{
    &plain_dialect,      &pycom_dialect,       &esp32_json_dialect, &chunked_dialect,
    &quecpython_dialect, &http_update_dialect, &tasmota_dialect,    &esp_idf_dialect,
    &esphome_dialect,    &json_dialect};

const Dialect* find_dialect(std::string_view name) {
  for (const Dialect* dialect : dialects) {
    if (dialect->name == name) return dialect;
  }
  return nullptr;
}

// check() has let no profile with an unknown dialect pass; plain is what every gateway can speak.
const Dialect& dialect_of(const Match& match) {
  const Dialect* dialect = find_dialect(match.profile->dialect);
  return dialect == nullptr ? plain_dialect : *dialect;
}

bool same_text(std::string_view left, std::string_view right) {
  const auto lower = [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c; };
  return left.size() == right.size() &&
         std::equal(left.begin(), left.end(), right.begin(),
                    [&](char a, char b) { return lower(a) == lower(b); });
}

// "query:KEY" or "header:NAME" as it stands in the request; "" when it does not.
std::string_view named_value(const Request& request, std::string_view where) {
  constexpr std::string_view in_query = "query:";
  constexpr std::string_view in_header = "header:";
  if (where.starts_with(in_query)) {
    return query(request, where.substr(in_query.size())).value_or(std::string_view());
  }
  if (where.starts_with(in_header)) {
    return header(request, where.substr(in_header.size())).value_or(std::string_view());
  }
  return {};
}

bool is_place(std::string_view where) {
  return (where.starts_with("query:") && where.size() > 6) ||
         (where.starts_with("header:") && where.size() > 7);
}

std::string_view device_id(const Match& match, const Request& request) {
  if (match.profile->device_id != "path") return named_value(request, match.profile->device_id);
  // select() made the id the root's last part.
  const std::size_t slash = match.root.rfind('/');
  return slash == std::string_view::npos ? std::string_view() : match.root.substr(slash + 1);
}

Refusal bad_request(std::string text) {
  Refusal refusal;
  refusal.status = 400;
  refusal.text = std::move(text);
  return refusal;
}

}  // namespace

std::optional<std::string_view> query(const Request& request, std::string_view name) {
  for (const Field& field : request.query) {
    if (field.name == name) return field.value;
  }
  return std::nullopt;
}

std::optional<std::string_view> header(const Request& request, std::string_view name) {
  for (const Field& field : request.headers) {
    if (same_text(field.name, name)) return field.value;
  }
  return std::nullopt;
}

const Artifact* Offer::find(std::string_view role) const {
  const auto found = std::find_if(artifacts.begin(), artifacts.end(),
                                  [&](const Artifact& artifact) { return artifact.role == role; });
  return found == artifacts.end() ? nullptr : &*found;
}

Status check(const Profile& profile) {
  if (find_dialect(profile.dialect) == nullptr) {
    return fail(ErrorCode::invalid,
                fmt::format("[product.{}] dialect: '{}' is not {}", profile.name, profile.dialect,
                            formats::one_of_dialects));
  }
  const std::string_view id = profile.device_id;
  if (!id.empty() && id != "address" && id != "path" && !is_place(id)) {
    return fail(ErrorCode::invalid,
                fmt::format("[product.{}] device_id: '{}' is not address, path, query:KEY or "
                            "header:NAME",
                            profile.name, id));
  }
  if (!profile.device_version.empty() && !is_place(profile.device_version)) {
    return fail(ErrorCode::invalid,
                fmt::format("[product.{}] device_version: '{}' is not query:KEY or header:NAME",
                            profile.name, profile.device_version));
  }
  if (profile.dialect == json_dialect.name) {
    if (auto fine = check_json(profile); !fine) return fine;
  }
  return check_match(profile);
}

Ask recognize(const Match& match, const Request& request) {
  Device device;
  device.product = match.profile->name;
  device.id = device_id(match, request);
  device.version = named_value(request, match.profile->device_version);
  if (!is_device_id(device.id)) {
    return bad_request(
        "the device's id is longer than 120 bytes or has other characters than "
        "letters, digits and ._:@~-");
  }
  if (!device.version.empty() && !formats::is_name(device.version)) {
    return bad_request(
        "the device's version is no version: letters, digits and ._+~- are expected");
  }
  return dialect_of(match).recognize(match, request, device);
}

Answer answer_offer(const Match& match, const Request& request, const Offer* offer,
                    const Site& site) {
  return dialect_of(match).answer_offer(match, request, offer, site);
}

Answer answer_artifact(const Match& match, const AskArtifact& ask, const Artifact& artifact) {
  return dialect_of(match).answer_artifact(match, ask, artifact);
}

Answer answer_failure(const Match& match, const Ask& ask, int status, std::string text) {
  return dialect_of(match).answer_failure(match, ask, status, std::move(text));
}

Answer refuse(const Refusal& refusal) {
  Answer answer = text_answer(refusal.status, refusal.text);
  answer.break_off = refusal.break_off;
  return answer;
}

Body slice(const Body& body, std::uint64_t first, std::uint64_t count) {
  Body part;
  part.handle = body.handle;
  const std::uint64_t skipped = std::min(first, body.length);
  part.offset = body.offset + skipped;
  part.length = std::min(count, body.length - skipped);
  part.padding = count - part.length;
  return part;
}

}  // namespace ferry::dialects
