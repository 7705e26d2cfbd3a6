// What the dialects share: names in URLs, devices, and the plain answers. Internal to this room.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <variant>

#include "transports/dialects/dialect.hpp"

namespace ferry::dialects {

// The part of check() that concerns matching.
Status check_match(const Profile& profile);

// One dialect: the four functions that differ. Each stands in its own file.
struct Dialect {
  std::string_view name;
  Ask (*recognize)(const Match&, const Request&, const Device&);
  Answer (*answer_offer)(const Match&, const Request&, const Offer*, const Site&);
  Answer (*answer_artifact)(const Match&, const AskArtifact&, const Artifact&);
  Answer (*answer_failure)(const Match&, const Ask&, int status, std::string text);
};

extern const Dialect plain_dialect;
extern const Dialect pycom_dialect;
extern const Dialect esp32_json_dialect;
extern const Dialect chunked_dialect;
extern const Dialect quecpython_dialect;
extern const Dialect http_update_dialect;
extern const Dialect tasmota_dialect;
extern const Dialect esp_idf_dialect;
extern const Dialect esphome_dialect;
extern const Dialect json_dialect;

// The part of check() that concerns the dialect json.
Status check_json(const Profile& profile);

// /VERSION/NAME, the way every dialect names an artifact.
struct VersionedName {
  std::string_view version;
  std::string_view name;
};
std::optional<VersionedName> versioned_name(std::string_view path);

// "/VERSION/NAME" of an artifact, percent-encoded: clients send URLs as they are.
std::string artifact_path(const Artifact& artifact);
std::string percent_encoded(std::string_view path);

// True for a Host header that may be repeated inside a URL.
bool is_host(std::string_view host);
// Whether URLs can be told from this site: by the name that the device used, or, on a link without
// ports, by their paths alone, which are the names of that link.
bool has_urls(const Site& site);
// What stands before the root's path in such a URL: "http://HOST", or "".
std::string authority(const Site& site);

// The same for clients that send Host without the port: "http://HOST:PORT", or "".
std::string origin(const Site& site);

// True for text that may be a device's id: it becomes a row, a line in the log and part of a topic.
bool is_device_id(std::string_view id);

// The Ask for /VERSION/NAME, or the refusal of a path that nobody knows.
Ask recognize_artifact(const Match& match, const Request& request, const Device& device);
Refusal unknown_path(const Match& match, const Request& request);

// The Ask of devices whose URL is whatever their makers chose: /VERSION/NAME is an artifact as
// ever, any other path asks for the device's offer with the digests `want`.
Ask recognize_anywhere(const Match& match, const Request& request, const Device& device,
                       std::vector<std::string> want = {});

Answer text_answer(int status, std::string text);
Answer json_answer(std::string json);
// The whole artifact, its name standing for these bytes for ever.
Answer whole_artifact(const Artifact& artifact);
// The same under a name that stands for other bytes after the next release.
Answer offered_artifact(const Artifact& artifact);
// 304: the device has what it should have.
Answer not_modified();
// The digest that was wanted, or "".
std::string_view digest_of(const Artifact& artifact, std::string_view kind);
// A failure that says so in words; for clients that look at the status.
Answer plain_failure(const Match& match, const Ask& ask, int status, std::string text);

}  // namespace ferry::dialects
