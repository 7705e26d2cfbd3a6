#include "transports/dialects/common.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "formats/release.hpp"

namespace ferry::dialects {
namespace {

constexpr std::uint16_t default_port = 80;
constexpr std::size_t longest_id = 120;

bool is_letter_or_digit(char c) {
  return (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z');
}

}  // namespace

std::optional<VersionedName> versioned_name(std::string_view path) {
  if (path.empty() || path.front() != '/') return std::nullopt;
  path.remove_prefix(1);
  const std::size_t end = path.find('/');
  if (end == std::string_view::npos) return std::nullopt;
  const VersionedName named{path.substr(0, end), path.substr(end + 1)};
  if (!formats::is_name(named.version) || !formats::is_relative_path(named.name)) {
    return std::nullopt;
  }
  return named;
}

std::string percent_encoded(std::string_view path) {
  std::string encoded;
  encoded.reserve(path.size());
  for (const char c : path) {
    if (is_letter_or_digit(c) || std::string_view("/._~-+").find(c) != std::string_view::npos) {
      encoded += c;
    } else {
      encoded += fmt::format("%{:02X}", static_cast<unsigned char>(c));
    }
  }
  return encoded;
}

std::string artifact_path(const Artifact& artifact) {
  return "/" + percent_encoded(artifact.version) + "/" + percent_encoded(artifact.name);
}

bool is_host(std::string_view host) {
  return !host.empty() && host.size() <= 255 && std::all_of(host.begin(), host.end(), [](char c) {
    return is_letter_or_digit(c) || std::string_view("._-:[]").find(c) != std::string_view::npos;
  });
}

bool has_urls(const Site& site) {
  return site.port == 0 || is_host(site.host);
}

std::string authority(const Site& site) {
  return site.port == 0 ? std::string() : "http://" + std::string(site.host);
}

std::string origin(const Site& site) {
  std::string text = authority(site);
  const bool bare = site.host.find(':') == std::string_view::npos || site.host.back() == ']';
  if (bare && site.port != 0 && site.port != default_port) text += fmt::format(":{}", site.port);
  return text;
}

bool is_device_id(std::string_view id) {
  return id.size() <= longest_id && std::all_of(id.begin(), id.end(), [](char c) {
           return is_letter_or_digit(c) ||
                  std::string_view("._:@~-").find(c) != std::string_view::npos;
         });
}

Ask recognize_artifact(const Match& match, const Request& request, const Device& device) {
  const auto named = versioned_name(request.path);
  if (!named) return unknown_path(match, request);
  AskArtifact ask;
  ask.device = device;
  ask.version = named->version;
  ask.name = named->name;
  return ask;
}

Ask recognize_anywhere(const Match& match, const Request& request, const Device& device,
                       std::vector<std::string> want) {
  if (versioned_name(request.path)) return recognize_artifact(match, request, device);
  AskOffer ask;
  ask.device = device;
  ask.want = std::move(want);
  return ask;
}

Refusal unknown_path(const Match& match, const Request& request) {
  Refusal refusal;
  refusal.status = 404;
  refusal.text = fmt::format(
      "{}: no such name for a device of product {} (dialect {}); artifacts are at {}/VERSION/NAME",
      request.path, match.profile->name, match.profile->dialect, match.root);
  return refusal;
}

Answer text_answer(int status, std::string text) {
  Answer answer;
  answer.status = status;
  answer.content_type = "text/plain; charset=utf-8";
  if (!text.empty()) text += '\n';
  answer.body = std::move(text);
  return answer;
}

Answer json_answer(std::string json) {
  Answer answer;
  answer.content_type = "application/json";
  answer.body = std::move(json);
  return answer;
}

Answer whole_artifact(const Artifact& artifact) {
  Answer answer;
  answer.body = Body{artifact.handle, 0, artifact.length, 0};
  answer.etag = artifact.sha256;
  answer.ranges = Ranges::always;
  return answer;
}

Answer offered_artifact(const Artifact& artifact) {
  Answer answer = whole_artifact(artifact);
  answer.ranges = Ranges::if_validated;
  answer.version = artifact.version;
  answer.role = artifact.role;
  return answer;
}

Answer not_modified() {
  return text_answer(304, {});
}

std::string_view digest_of(const Artifact& artifact, std::string_view kind) {
  const auto found = artifact.digests.find(std::string(kind));
  return found == artifact.digests.end() ? std::string_view() : found->second;
}

Answer plain_failure(const Match& /*match*/, const Ask& /*ask*/, int status, std::string text) {
  return text_answer(status, std::move(text));
}

}  // namespace ferry::dialects
