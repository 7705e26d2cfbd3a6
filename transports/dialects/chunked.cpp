// The chunked updater: metadata names a partition image and an archive, each fetched in blocks of
// 512 bytes over a connection of its own. It never looks at a status, and its check of the
// partition is off by a block: formats/padding.hpp tells what makes it come out right.
#include <charconv>

#include "formats/json.hpp"
#include "formats/padding.hpp"
#include "formats/release.hpp"
#include "transports/dialects/common.hpp"

namespace ferry::dialects {
namespace {

using formats::BlockCheck;
using formats::Json;

constexpr std::string_view metadata_path = "/updatemeta";
constexpr std::string_view blocks_prefix = "/blocks";

BlockCheck block_check(const Match& match) {
  return formats::block_check_from(match.profile->block_check);
}

// Only the partition image is checked in that way; the archive is hashed whole.
Body padded(const Match& match, const Artifact& artifact) {
  Body body{artifact.handle, 0, artifact.length, 0};
  if (artifact.role == "firmware") {
    body.padding = formats::padding_for(artifact.length, block_check(match)).appended;
  }
  return body;
}

Ask recognize_block(const Match& match, const Request& request, const Device& device) {
  std::string_view path = request.path.substr(blocks_prefix.size());
  const std::size_t slash = path.rfind('/');
  const std::string_view digits = path.substr(slash + 1);
  const auto named = versioned_name(path.substr(0, slash));
  AskArtifact ask;
  std::uint64_t block = 0;
  const auto parsed = std::from_chars(digits.data(), digits.data() + digits.size(), block);
  if (!named || parsed.ec != std::errc() || parsed.ptr != digits.data() + digits.size()) {
    Refusal refusal = unknown_path(match, request);
    refusal.break_off = true;
    return refusal;
  }
  ask.device = device;
  ask.version = named->version;
  ask.name = named->name;
  ask.block = block;
  return ask;
}

Ask recognize_chunked(const Match& match, const Request& request, const Device& device) {
  if (request.path == metadata_path) {
    AskOffer ask;
    ask.device = device;
    ask.want.emplace_back(formats::wanted_digest(block_check(match)));
    return ask;
  }
  if (request.path.starts_with(blocks_prefix) &&
      request.path.substr(blocks_prefix.size()).starts_with('/')) {
    return recognize_block(match, request, device);
  }
  return recognize_artifact(match, request, device);
}

// An unwrapped client that is given {} copies its partition and starts again for nothing.
Answer nothing_to_copy(const Match& match) {
  if (match.profile->nothing_to_do == "empty") return json_answer("{}");
  return text_answer(404, "there is no update for this device of product " + match.profile->name);
}

// MicroPython's requests send Host without the port, and these clients need whole URLs.
std::string base_url(const Site& site) {
  return origin(site) + percent_encoded(site.root) + std::string(blocks_prefix);
}

Answer answer_chunked_offer(const Match& match, const Request& /*request*/, const Offer* offer,
                            const Site& site) {
  const Artifact* image = offer == nullptr ? nullptr : offer->find("firmware");
  const Artifact* archive = offer == nullptr ? nullptr : offer->find("archive");
  if (image == nullptr && archive == nullptr) return nothing_to_copy(match);
  if (!has_urls(site)) {
    return text_answer(400,
                       "the request has no Host header (or one that is no host): it is needed "
                       "to build the URLs of the blocks");
  }
  const std::string base = base_url(site);
  Json update = Json::object();
  if (image != nullptr) {
    const auto hash = image->digests.find(std::string(formats::wanted_digest(block_check(match))));
    if (hash == image->digests.end()) return text_answer(503, "the image is not ready; ask again");
    update["partition"] = {{"url", base + artifact_path(*image)},
                           {"size", padded(match, *image).size()},
                           {"hash", hash->second}};
  }
  if (archive != nullptr) {
    update["vfs"] = {{"url", base + artifact_path(*archive)},
                     {"size", archive->length},
                     {"hash", archive->sha256}};
  }
  // Clients read the two at the top; the server that the client was written for nests them.
  Json document = update;
  document["update"] = std::move(update);
  return json_answer(formats::to_text(document));
}

Answer answer_chunked_artifact(const Match& match, const AskArtifact& ask,
                               const Artifact& artifact) {
  if (!ask.block) return whole_artifact(artifact);
  const Body whole = padded(match, artifact);
  if (*ask.block >= (whole.size() + formats::block_size - 1) / formats::block_size) {
    Answer answer = text_answer(404, "this block lies past the end");
    answer.break_off = true;
    return answer;
  }
  const std::uint64_t first = *ask.block * formats::block_size;
  Answer answer;
  answer.body = slice(whole, first, std::min(formats::block_size, whole.size() - first));
  return answer;
}

// A failed request is tried again, an error's text would be taken for the block: break off.
Answer chunked_failure(const Match& /*match*/, const Ask& ask, int status, std::string text) {
  Answer answer = text_answer(status, std::move(text));
  const auto* artifact = std::get_if<AskArtifact>(&ask);
  answer.break_off = artifact != nullptr && artifact->block;
  return answer;
}

}  // namespace

const Dialect chunked_dialect{"chunked", recognize_chunked, answer_chunked_offer,
                              answer_chunked_artifact, chunked_failure};

}  // namespace ferry::dialects
