// Requests of devices in every dialect: whatever they ask, the answer names bytes that the artifact
// has and a status that links know.
//
// Input: the path in the first line; then "?name=value" for the query, "name: value" for headers,
// and
// "@address" for the peer, a line each.
#include <cstdint>
#include <cstdlib>
#include <string_view>
#include <vector>

#include "transports/dialects/dialect.hpp"

namespace {

using namespace ferry::dialects;

constexpr std::uint64_t artifact_length = 1024;

struct Parsed {
  std::string_view path;
  std::vector<Field> query;
  std::vector<Field> headers;
  std::string_view peer = "10.0.0.7";

  explicit Parsed(std::string_view text) {
    path = take_line(text);
    while (!text.empty()) {
      const auto line = take_line(text);
      if (line.starts_with('@')) {
        peer = line.substr(1);
      } else if (line.starts_with('?')) {
        query.push_back(split(line.substr(1), "="));
      } else {
        headers.push_back(split(line, ": "));
      }
    }
  }

  static std::string_view take_line(std::string_view& text) {
    const auto end = text.find('\n');
    const auto line = text.substr(0, end);
    text.remove_prefix(end == std::string_view::npos ? text.size() : end + 1);
    return line;
  }

  static Field split(std::string_view line, std::string_view separator) {
    const auto at = line.find(separator);
    if (at == std::string_view::npos) return {line, {}};
    return {line.substr(0, at), line.substr(at + separator.size())};
  }
};

std::vector<Profile> profiles() {
  std::vector<Profile> all;
  for (const auto* dialect : {"plain", "pycom", "esp32-json", "chunked", "quecpython",
                              "http-update", "tasmota", "esp-idf", "esphome", "json"}) {
    Profile profile;
    profile.name = profile.dialect = dialect;
    profile.device_id = "query:devid";
    profile.nothing_to_do = "not-found";
    profile.block_check = "skip-last";
    all.push_back(profile);
  }
  all[0].device_version = "header:X-Version";
  all[1].match_query = "kind=pycom";
  all[2].match_header = "X-Kind: esp32";
  all[3].match_address = "10.1.0.0/16";
  all[4].device_id = "path";
  for (std::size_t i = 5; i < all.size(); ++i) all[i].device_id = "address";
  all[8].chip_family = "ESP32";
  all[9].json_version = "ota.version";
  all[9].json_url = "ota.url";
  all[9].json_hash = "md5";
  all[9].json_hash_kind = "md5";
  return all;
}

Artifact artifact(std::string role, std::string name, std::string dst_path) {
  Artifact made;
  made.handle = 1;
  made.length = artifact_length;
  made.sha256 = std::string(64, '0');
  made.role = std::move(role);
  made.version = "1.0.2";
  made.name = std::move(name);
  made.dst_path = std::move(dst_path);
  return made;
}

Offer offer_for(const AskOffer& ask) {
  Offer offer;
  offer.delivery = 1;
  offer.version = "1.0.2";
  offer.from_version = std::string(ask.device.version);
  offer.artifacts = {artifact("firmware", "firmware.bin", ""),
                     artifact("file", "lib/n.py", "lib/n.py")};
  for (auto& made : offer.artifacts) {
    for (const auto& kind : ask.want) made.digests[kind] = std::string(40, 'a');
  }
  return offer;
}

void check_answer(const Answer& answer) {
  if (answer.status < 200 || answer.status > 599) std::abort();
  const auto* body = std::get_if<Body>(&answer.body);
  if (body == nullptr) return;
  if (body->offset > artifact_length || body->length > artifact_length - body->offset) std::abort();
  if (body->padding > 512) std::abort();
  if (body->size() == 0) return;
  const auto last = slice(*body, body->size() - 1, 1);
  if (last.size() != 1) std::abort();
}

void answer(const Match& match, const Request& request, const Ask& ask) {
  const Site site{"10.0.0.1:8000", 8000, match.root};
  if (const auto* refusal = std::get_if<Refusal>(&ask)) return check_answer(refuse(*refusal));
  for (const int status : {404, 503}) check_answer(answer_failure(match, ask, status, "why"));
  if (const auto* wanted = std::get_if<AskOffer>(&ask)) {
    const Offer offer = offer_for(*wanted);
    check_answer(answer_offer(match, request, &offer, site));
    check_answer(answer_offer(match, request, nullptr, site));
    return;
  }
  const auto& wanted = std::get<AskArtifact>(ask);
  const Artifact bytes = artifact("firmware", std::string(wanted.name), "");
  check_answer(answer_artifact(match, wanted, bytes));
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static const std::vector<Profile> known = profiles();
  const Parsed parsed(std::string_view(reinterpret_cast<const char*>(data), size));
  // Links hand on nothing else.
  if (!parsed.path.starts_with('/')) return 0;
  Request request{parsed.path, parsed.query, parsed.headers, parsed.peer};
  const Match match = select(known, request, "plain");
  if (match.profile == nullptr || !parsed.path.starts_with(match.root)) std::abort();
  request.path.remove_prefix(match.root.size());
  answer(match, request, recognize(match, request));
  return 0;
}
