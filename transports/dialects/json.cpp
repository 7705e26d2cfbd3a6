// Home-grown devices that read a JSON document of their own: the operator says in which fields the
// version, the URL, the hash and the size of the image stand. Whatever path they ask, but for that
// of an artifact, is answered with it.
#include <fmt/format.h>

#include <array>

#include "formats/json.hpp"
#include "transports/dialects/common.hpp"

namespace ferry::dialects {
namespace {

using formats::Json;

constexpr std::size_t most_steps = 8;
constexpr std::string_view default_kind = "sha256";

struct Mapped {
  std::string_view key;    // in the product's section
  std::string_view field;  // where it stands; "" not told
};

std::array<Mapped, 4> mapped(const Profile& profile) {
  return {{{"json_version", profile.json_version},
           {"json_url", profile.json_url},
           {"json_hash", profile.json_hash},
           {"json_size", profile.json_size}}};
}

std::string_view hash_kind(const Match& match) {
  const std::string& kind = match.profile->json_hash_kind;
  return kind.empty() ? default_kind : std::string_view(kind);
}

// Puts a value where "a.b" says, making the objects on the way. check_json() saw to it that none of
// the fields stands in another's way.
void place(Json& document, std::string_view field, Json value) {
  if (field.empty()) return;
  Json* here = &document;
  for (std::size_t dot; (dot = field.find('.')) != std::string_view::npos;) {
    here = &(*here)[std::string(field.substr(0, dot))];
    field.remove_prefix(dot + 1);
  }
  (*here)[std::string(field)] = std::move(value);
}

Answer nothing_as_told(const Match& match) {
  const std::string& way = match.profile->nothing_to_do;
  if (way == "empty") return json_answer("{}");
  if (way == "no-content") return text_answer(204, {});
  if (way == "not-modified") return not_modified();
  return text_answer(404, "there is no update for this device of product " + match.profile->name);
}

Ask recognize_json(const Match& match, const Request& request, const Device& device) {
  std::vector<std::string> want;
  if (hash_kind(match) != default_kind) want.emplace_back(hash_kind(match));
  return recognize_anywhere(match, request, device, std::move(want));
}

Answer answer_json_offer(const Match& match, const Request& /*request*/, const Offer* offer,
                         const Site& site) {
  const Artifact* image = offer == nullptr ? nullptr : offer->find("firmware");
  if (image == nullptr) return nothing_as_told(match);
  const Profile& profile = *match.profile;
  if (!has_urls(site)) {
    return text_answer(400,
                       "the request has no Host header (or one that is no host): it is needed to "
                       "build the image's URL; send 'Host: ADDRESS:PORT'");
  }
  const std::string_view hash =
      hash_kind(match) == default_kind ? image->sha256 : digest_of(*image, hash_kind(match));
  if (hash.empty()) return text_answer(503, "the image is not ready; ask again");
  Json document = Json::object();
  place(document, profile.json_version, image->version);
  place(document, profile.json_url,
        origin(site) + percent_encoded(site.root) + artifact_path(*image));
  place(document, profile.json_hash, hash);
  place(document, profile.json_size, image->length);
  return json_answer(formats::to_text(document));
}

Answer answer_json_artifact(const Match& /*match*/, const AskArtifact& /*ask*/,
                            const Artifact& artifact) {
  return whole_artifact(artifact);
}

// "a.b.c": names without blanks and control characters, eight at most.
bool is_field(std::string_view field) {
  std::size_t steps = 0;
  for (;;) {
    const std::size_t end = std::min(field.find('.'), field.size());
    const std::string_view name = field.substr(0, end);
    const bool plain = std::all_of(name.begin(), name.end(), [](char c) {
      return (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') ||
             c == '_' || c == '-';
    });
    if (name.empty() || !plain || ++steps > most_steps) return false;
    if (end == field.size()) return true;
    field.remove_prefix(end + 1);
  }
}

// True when one of them is, or holds, the other.
bool collide(std::string_view one, std::string_view other) {
  if (one.empty() || other.empty()) return false;
  if (one.size() > other.size()) std::swap(one, other);
  return other.starts_with(one) && (other.size() == one.size() || other[one.size()] == '.');
}

}  // namespace

Status check_json(const Profile& profile) {
  const auto wrong = [&](std::string_view key, std::string_view value, std::string_view why) {
    return fail(ErrorCode::invalid,
                fmt::format("[product.{}] {}: '{}' {}", profile.name, key, value, why));
  };
  const auto fields = mapped(profile);
  for (std::size_t i = 0; i < fields.size(); ++i) {
    if (!fields[i].field.empty() && !is_field(fields[i].field)) {
      return wrong(fields[i].key, fields[i].field,
                   "is not a field (letters, digits, _ and -, a dot for each step down)");
    }
    for (std::size_t j = 0; j < i; ++j) {
      if (collide(fields[i].field, fields[j].field)) {
        return wrong(fields[i].key, fields[i].field,
                     fmt::format("stands where {} does", fields[j].key));
      }
    }
  }
  if (profile.json_url.empty()) return wrong("json_url", "", "must name a field");
  const std::string& kind = profile.json_hash_kind;
  if (!kind.empty() && kind != "sha256" && kind != "sha1" && kind != "md5") {
    return wrong("json_hash_kind", kind, "is not one of sha256, sha1, md5");
  }
  return {};
}

const Dialect json_dialect{"json", recognize_json, answer_json_offer, answer_json_artifact,
                           plain_failure};

}  // namespace ferry::dialects
