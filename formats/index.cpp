#include <fmt/format.h>

#include <set>
#include <tuple>
#include <utility>

#include "base/base64.hpp"
#include "formats/json.hpp"
#include "formats/release.hpp"

namespace ferry::formats {
namespace {

constexpr std::string_view index_format = "ferry-index/1";
constexpr std::size_t signature_limit = 16;

Failure bad(std::string_view key, std::string_view value, std::string_view why) {
  return fail(ErrorCode::invalid, fmt::format("{} '{}' {}", key, value.substr(0, 128), why));
}

Result<IndexEntry> entry_from(const Json& json) {
  IndexEntry entry;
  Result<std::string> product = text_at(json, "product");
  if (!product) return fail(product.error());
  if (!is_name(*product)) return bad("product", *product, "is not a name");
  Result<std::string> version = text_at(json, "version");
  if (!version) return fail(version.error());
  if (!is_name(*version)) return bad("version", *version, "is not a name");
  Result<std::string> channel = optional_text(json, "channel");
  if (!channel) return fail(channel.error());
  if (channel->empty()) *channel = "stable";
  if (!is_name(*channel)) return bad("channel", *channel, "is not a name");
  Result<std::string> document = text_at(json, "document");
  if (!document) return fail(document.error());
  if (!is_site_url(*document)) {
    return bad("document", *document, "is not a relative URL of plain names");
  }
  const Result<std::uint64_t> size = unsigned_at(json, "size");
  if (!size) return fail(size.error());
  if (*size == 0 || *size > document_size_limit) {
    return bad("document", *document, "is empty or larger than 8 MiB");
  }
  const Result<Sha256> sha256 = sha256_at(json, "sha256");
  if (!sha256) return fail(sha256.error());
  const Result<bool> urgent = optional_flag(json, "urgent");
  if (!urgent) return fail(urgent.error());
  entry.urgent = *urgent;
  entry.product = std::move(*product);
  entry.version = std::move(*version);
  entry.channel = std::move(*channel);
  entry.document = std::move(*document);
  entry.size = *size;
  entry.sha256 = *sha256;
  return entry;
}

Result<Index> index_from(const Json& json) {
  const Status format = check_format(json, index_format);
  if (!format) return fail(format.error());
  Index index;
  const Result<std::uint64_t> sequence = unsigned_at(json, "sequence");
  if (!sequence) return fail(sequence.error());
  // SQLite keeps signed numbers.
  if (*sequence == 0 || *sequence > static_cast<std::uint64_t>(INT64_MAX)) {
    return fail(ErrorCode::invalid, "'sequence' is out of range");
  }
  index.sequence = *sequence;
  const auto releases = json.find("releases");
  if (releases == json.end() || !releases->is_array()) {
    return fail(ErrorCode::invalid, "'releases' is missing or not a list");
  }
  if (releases->size() > release_count_limit) {
    return fail(ErrorCode::too_large,
                fmt::format("has more than {} releases", release_count_limit));
  }
  std::set<std::tuple<std::string, std::string, std::string>> seen;
  for (const Json& item : *releases) {
    Result<IndexEntry> entry = entry_from(item);
    if (!entry) return fail(entry.error(), fmt::format("release {}", index.releases.size()));
    if (!seen.emplace(entry->product, entry->version, entry->channel).second) {
      return bad("release", entry->product + " " + entry->version, "stands twice");
    }
    index.releases.push_back(std::move(*entry));
  }
  return index;
}

Result<Envelope::Signature> signature_from(const Json& json) {
  Result<std::string> key_id = optional_text(json, "keyid");
  if (!key_id) return fail(key_id.error());
  const Result<std::string> text = text_at(json, "sig");
  if (!text) return fail(text.error());
  std::optional<std::string> signature = from_base64(*text);
  if (!signature) return fail(ErrorCode::invalid, "'sig' is not base64");
  Envelope::Signature result;
  result.key_id = std::move(*key_id);
  result.signature = std::move(*signature);
  return result;
}

Result<Envelope> envelope_from(const Json& json) {
  Envelope envelope;
  Result<std::string> type = text_at(json, "payloadType");
  if (!type) return fail(type.error());
  const Result<std::string> payload = text_at(json, "payload");
  if (!payload) return fail(payload.error());
  std::optional<std::string> content = from_base64(*payload);
  if (!content) return fail(ErrorCode::invalid, "'payload' is not base64");
  envelope.payload_type = std::move(*type);
  envelope.payload = std::move(*content);

  const auto signatures = json.find("signatures");
  if (signatures == json.end() || !signatures->is_array()) {
    return fail(ErrorCode::invalid, "'signatures' is missing or not a list");
  }
  if (signatures->size() > signature_limit) {
    return fail(ErrorCode::too_large, fmt::format("has more than {} signatures", signature_limit));
  }
  for (const Json& item : *signatures) {
    Result<Envelope::Signature> signature = signature_from(item);
    if (!signature) return fail(signature.error());
    envelope.signatures.push_back(std::move(*signature));
  }
  return envelope;
}

}  // namespace

Result<Index> parse_index(std::string_view payload) {
  const JsonLimits limits{.bytes = index_size_limit, .depth = 8};
  const Result<Json> json = parse_json(payload, "index", limits);
  if (!json) return fail(json.error());
  Result<Index> index = index_from(*json);
  if (!index) return fail(index.error(), "index");
  return index;
}

std::string write_index(const Index& index) {
  Json releases = Json::array();
  for (const IndexEntry& entry : index.releases) {
    Json item = {{"product", entry.product}, {"version", entry.version},
                 {"channel", entry.channel}, {"document", entry.document},
                 {"size", entry.size},       {"sha256", entry.sha256.hex()}};
    if (entry.urgent) item["urgent"] = true;
    releases.push_back(std::move(item));
  }
  const Json json = {
      {"format", index_format}, {"sequence", index.sequence}, {"releases", std::move(releases)}};
  return to_text(json);
}

Result<Envelope> parse_envelope(std::string_view document) {
  const JsonLimits limits{.bytes = index_size_limit, .depth = 8};
  const Result<Json> json = parse_json(document, "index.json", limits);
  if (!json) return fail(json.error());
  Result<Envelope> envelope = envelope_from(*json);
  if (!envelope) return fail(envelope.error(), "index.json");
  return envelope;
}

std::string write_envelope(const Envelope& envelope) {
  Json signatures = Json::array();
  for (const Envelope::Signature& signature : envelope.signatures) {
    signatures.push_back(
        {{"keyid", signature.key_id}, {"sig", to_base64(as_bytes(signature.signature))}});
  }
  const Json json = {{"payloadType", envelope.payload_type},
                     {"payload", to_base64(as_bytes(envelope.payload))},
                     {"signatures", std::move(signatures)}};
  return to_text(json);
}

std::string signed_bytes(const Envelope& envelope) {
  return fmt::format("DSSEv1 {} {} {} {}", envelope.payload_type.size(), envelope.payload_type,
                     envelope.payload.size(), envelope.payload);
}

}  // namespace ferry::formats
