#include "formats/link_messages.hpp"

#include <algorithm>

#include "formats/json.hpp"
#include "formats/link_names.hpp"

namespace ferry::formats::link {
namespace {

Json json(const DeviceClaim& device) {
  return {{"id", device.id},
          {"product", device.product},
          {"version", device.version},
          {"address", device.address},
          {"proven", device.proven},
          {"image", device.image},
          {"staged", device.staged},
          {"image_state", image_state_names.at(static_cast<std::size_t>(device.image_state))},
          {"battery", device.battery},
          {"signal", device.signal},
          {"version_lasts", device.version_lasts}};
}

Json json(const ServableArtifact& artifact) {
  return {{"role", to_string(artifact.role)},
          {"version", artifact.version},
          {"name", artifact.name},
          {"dst_path", artifact.dst_path},
          {"size", artifact.size},
          {"sha256", artifact.sha256.hex()},
          {"chunk_root", artifact.chunk_root.hex()},
          {"pack", artifact.pack},
          {"digests", artifact.digests}};
}

Json json(const Document& document) {
  return {{"size", document.size}, {"sha256", document.sha256.hex()}};
}

Json json(const Offer& offer) {
  Json artifacts = Json::array();
  for (const ServableArtifact& artifact : offer.artifacts) artifacts.push_back(json(artifact));
  Json base = Json::array();
  for (const BaseFile& file : offer.base_files) {
    base.push_back({{"dst_path", file.dst_path}, {"sha256", file.sha256.hex()}});
  }
  return {{"delivery", offer.delivery},        {"product", offer.product},
          {"version", offer.version},          {"from_version", offer.from_version},
          {"artifacts", std::move(artifacts)}, {"base_known", offer.base_known},
          {"base_files", std::move(base)}};
}

template <typename T>
Json json_or_null(const std::optional<T>& value) {
  return value ? json(*value) : Json(nullptr);
}

struct Writer {
  Json operator()(const Hello& m) const {
    return {{"type", "hello"}, {"abi", m.abi}, {"plugin", m.plugin}};
  }
  Json operator()(const LinkState& m) const {
    return {{"type", "state"}, {"state", m.state}, {"detail", m.detail}};
  }
  Json operator()(const Seen& m) const { return {{"type", "seen"}, {"device", json(m.device)}}; }
  Json operator()(const AskOffer& m) const {
    return {{"type", "ask_offer"}, {"id", m.id}, {"device", json(m.device)}, {"want", m.want}};
  }
  Json operator()(const AskArtifact& m) const {
    return {{"type", "ask_artifact"},
            {"id", m.id},
            {"product", m.product},
            {"version", m.version},
            {"name", m.name}};
  }
  Json operator()(const Progress& m) const {
    return {{"type", "progress"},
            {"device", json(m.device)},
            {"sha256", m.sha256.hex()},
            {"offset", m.offset},
            {"length", m.length}};
  }
  Json operator()(const Outcome& m) const {
    return {{"type", "outcome"},         {"id", m.id},
            {"device", json(m.device)},  {"delivery", m.delivery},
            {"kind", to_string(m.kind)}, {"detail", m.detail}};
  }
  Json operator()(const Corrupt& m) const {
    return {{"type", "corrupt"}, {"pack", m.pack}, {"detail", m.detail}};
  }
  Json operator()(const Pong&) const { return {{"type", "pong"}}; }
  Json operator()(const AskStep& m) const {
    return {{"type", "ask_step"}, {"id", m.id}, {"device", json(m.device)}, {"want", m.want}};
  }
  Json operator()(const PortClosed& m) const { return {{"type", "port_closed"}, {"name", m.name}}; }
  Json operator()(const Counted& m) const {
    return {{"type", "counted"},
            {"requests", m.requests},
            {"refusals", m.refusals},
            {"bytes", m.bytes}};
  }
  Json operator()(const AskMirror& m) const {
    return {{"type", "ask_mirror"}, {"id", m.id}, {"path", m.path}};
  }

  Json operator()(const Settings& m) const {
    return {{"type", "settings"},
            {"transport", m.transport},
            {"log_level", m.log_level},
            {"values", m.values},
            {"products", m.products}};
  }
  Json operator()(const OfferReply& m) const {
    return {
        {"type", "offer"}, {"id", m.id}, {"result", m.result}, {"offer", json_or_null(m.offer)}};
  }
  Json operator()(const ArtifactReply& m) const {
    return {{"type", "artifact"},
            {"id", m.id},
            {"result", m.result},
            {"artifact", json_or_null(m.artifact)}};
  }
  Json operator()(const OutcomeReply& m) const {
    return {{"type", "outcome_kept"}, {"id", m.id}, {"result", m.result}};
  }
  Json operator()(const Changed&) const { return {{"type", "changed"}}; }
  Json operator()(const Withdrawn& m) const { return {{"type", "withdrawn"}, {"pack", m.pack}}; }
  Json operator()(const Ping&) const { return {{"type", "ping"}}; }
  Json operator()(const Stop&) const { return {{"type", "stop"}}; }
  Json operator()(const StepReply& m) const {
    return {{"type", "step"},
            {"id", m.id},
            {"result", m.result},
            {"step", step_names.at(static_cast<std::size_t>(m.step))},
            {"acknowledged", m.acknowledged},
            {"offer", json_or_null(m.offer)}};
  }
  Json operator()(const Cancel& m) const { return {{"type", "cancel"}, {"delivery", m.delivery}}; }
  Json operator()(const Port& m) const { return {{"type", "port"}, {"name", m.name}}; }
  Json operator()(const MirrorReply& m) const {
    return {{"type", "mirror"},
            {"id", m.id},
            {"result", m.result},
            {"artifact", json_or_null(m.artifact)},
            {"document", json_or_null(m.document)}};
  }
};

}  // namespace

bool is_plain_text(std::string_view text, std::size_t longest) {
  return text.size() <= longest && std::none_of(text.begin(), text.end(), [](char c) {
           return static_cast<unsigned char>(c) < 0x20 || c == 0x7f;
         });
}

bool is_digest_kind(std::string_view kind) {
  constexpr std::string_view allowed = "abcdefghijklmnopqrstuvwxyz0123456789+/-";
  return !kind.empty() && kind.size() <= 32 && kind.find_first_not_of(allowed) == kind.npos;
}

bool is_image_name(std::string_view text) {
  return text.size() <= longest_image && text.size() % 2 == 0 &&
         text.find_first_not_of("0123456789abcdef") == text.npos;
}

std::string_view to_string(OutcomeKind kind) {
  return outcome_names.at(static_cast<std::size_t>(kind));
}

std::string write(const FromHost& message) {
  return to_text(std::visit(Writer(), message));
}
std::string write(const FromAgent& message) {
  return to_text(std::visit(Writer(), message));
}

}  // namespace ferry::formats::link
