#include "transports/mqtt/stream.hpp"

#include <algorithm>
#include <charconv>

#include "base/base64.hpp"
#include "formats/cbor.hpp"

namespace ferry::things {
namespace {

using formats::Json;

constexpr std::uint64_t least_block = 256;
constexpr std::uint64_t largest_block = 128U << 10U;
constexpr std::uint64_t highest_block = 1U << 24U;  // 4 GiB of the smallest ones
constexpr std::size_t longest_bitmap = 12288;       // bytes
constexpr formats::JsonLimits json_limits{question_limit, 2};
constexpr formats::CborLimits cbor_limits{question_limit, 2, 32};

tl::unexpected<Refused> bad(std::string_view code, std::string message) {
  return tl::unexpected(Refused{code, std::move(message)});
}

tl::expected<Json, Refused> object_in(const StreamTopic& topic, std::string_view payload) {
  if (payload.empty()) return Json::object();
  const auto parsed =
      topic.cbor ? formats::parse_cbor(
                       Bytes(reinterpret_cast<const std::byte*>(payload.data()), payload.size()),
                       "question", cbor_limits)
                 : formats::parse_json(payload, "question", json_limits);
  if (!parsed) return bad(topic.cbor ? "InvalidCbor" : "InvalidJson", parsed.error().message);
  if (!parsed->is_object()) return bad("InvalidRequest", "it is no object");
  return *parsed;
}

std::optional<std::string> from_hex(std::string_view text) {
  if (text.starts_with("0x")) text.remove_prefix(2);
  if (text.size() % 2 != 0) return std::nullopt;
  std::string bytes;
  for (std::size_t at = 0; at < text.size(); at += 2) {
    unsigned value = 0;
    const auto parsed = std::from_chars(text.data() + at, text.data() + at + 2, value, 16);
    if (parsed.ec != std::errc() || parsed.ptr != text.data() + at + 2) return std::nullopt;
    bytes += static_cast<char>(value);
  }
  return bytes;
}

tl::expected<std::optional<std::string>, Refused> bitmap_in(const Json& object) {
  const auto found = object.find("b");
  if (found == object.end()) return std::nullopt;
  std::optional<std::string> bitmap;
  if (found->is_binary()) {
    const auto& bytes = found->get_binary();
    bitmap.emplace(bytes.begin(), bytes.end());
  } else if (found->is_string()) {
    bitmap = from_hex(found->get_ref<const std::string&>());
  }
  if (!bitmap) return bad("InvalidRequest", "b is no bitmap");
  if (bitmap->size() > longest_bitmap) return bad("BlockBitmapLimitExceeded", "b is too long");
  return bitmap;
}

tl::expected<void, Refused> read_get(const Json& object, StreamQuestion& question) {
  const auto file = number_at(object, "f");
  const auto size = number_at(object, "l");
  const auto first = number_at(object, "o");
  const auto most = number_at(object, "n");
  for (const auto* number : {&file, &size, &first, &most}) {
    if (!*number) return tl::unexpected(number->error());
  }
  if (!*file) return bad("InvalidRequest", "f is missing");
  question.file = **file;
  question.block_size = size->value_or(0);
  if (question.block_size < least_block || question.block_size > largest_block) {
    return bad("BlockSizeOutOfBounds", "l is not from 256 to 131072");
  }
  question.first = first->value_or(0);
  if (question.first > highest_block) return bad("OffsetOutOfBounds", "o is too high");
  question.most = *most;
  if (most->value_or(1) == 0) return bad("BlockCountLimitExceeded", "n is 0");
  auto bitmap = bitmap_in(object);
  if (!bitmap) return tl::unexpected(bitmap.error());
  question.bitmap = std::move(*bitmap);
  return {};
}

bool is_wanted(const StreamQuestion& question, std::uint64_t index) {
  if (!question.bitmap) return true;
  const auto byte = static_cast<unsigned char>((*question.bitmap)[index / 8]);
  return ((byte >> (index % 8)) & 1U) != 0;
}

}  // namespace

std::optional<StreamTopic> parse_stream_topic(std::string_view topic) {
  std::vector<std::string_view> parts;
  while (parts.size() < 8) {
    const auto slash = std::min(topic.find('/'), topic.size());
    parts.push_back(topic.substr(0, slash));
    if (slash == topic.size()) break;
    topic.remove_prefix(slash + 1);
  }
  // $aws/things/THING/streams/STREAM/VERB/FORMAT
  if (parts.size() != 7 || parts[0] != "$aws" || parts[1] != "things" || parts[3] != "streams" ||
      !formats::is_thing_name(parts[2]) || !formats::is_job_id(parts[4])) {
    return std::nullopt;
  }
  const bool known =
      (parts[5] == "describe" || parts[5] == "get") && (parts[6] == "json" || parts[6] == "cbor");
  if (!known) return std::nullopt;
  StreamTopic parsed;
  parsed.thing = parts[2];
  parsed.stream = parts[4];
  parsed.get = parts[5] == "get";
  parsed.cbor = parts[6] == "cbor";
  return parsed;
}

std::string answer_topic(const StreamTopic& topic, std::string_view verb) {
  return "$aws/things/" + topic.thing + "/streams/" + topic.stream + "/" + std::string(verb) +
         (topic.cbor ? "/cbor" : "/json");
}

tl::expected<StreamQuestion, Refused> parse_stream_question(const StreamTopic& topic,
                                                            std::string_view payload) {
  const auto object = object_in(topic, payload);
  if (!object) return tl::unexpected(object.error());
  StreamQuestion question;
  if (const auto token = object->find("c"); token != object->end()) {
    if (!token->is_string()) return bad("InvalidRequest", "c is no text");
    question.token = token->get<std::string>();
    if (question.token.size() > longest_token) return bad("InvalidRequest", "c is too long");
  }
  const auto version = number_at(*object, "s");
  if (!version) return tl::unexpected(version.error());
  question.version = *version;
  if (!topic.get) return question;
  auto read = read_get(*object, question);
  if (read) return question;
  read.error().token = question.token;
  return tl::unexpected(read.error());
}

tl::expected<std::vector<std::uint64_t>, Refused> blocks_of(const StreamQuestion& question,
                                                            std::uint64_t length) {
  const std::uint64_t there = (length + question.block_size - 1) / question.block_size;
  const std::uint64_t fit = stream_answer_limit / question.block_size;
  const std::uint64_t most = std::min(question.most.value_or(fit), fit);
  const std::uint64_t known = question.bitmap ? question.bitmap->size() * 8 : most;
  std::vector<std::uint64_t> blocks;
  for (std::uint64_t index = 0; index < known && blocks.size() < most; ++index) {
    if (question.first + index >= there) break;
    if (is_wanted(question, index)) blocks.push_back(question.first + index);
  }
  if (blocks.empty()) return bad("ResourceNotFound", "there are no such blocks");
  return blocks;
}

std::string written(const StreamTopic& topic, const Json& message) {
  if (!topic.cbor) return formats::to_text(message);
  std::string bytes;
  Json::to_cbor(message, bytes);
  return bytes;
}

Json data_message(const StreamTopic& topic, const StreamQuestion& question, std::uint64_t block,
                  std::string_view bytes) {
  Json message = {{"f", question.file}, {"l", bytes.size()}, {"i", block}};
  if (!question.token.empty()) message["c"] = question.token;
  if (topic.cbor) {
    message["p"] = Json::binary({bytes.begin(), bytes.end()});
  } else {
    message["p"] = to_base64(Bytes(reinterpret_cast<const std::byte*>(bytes.data()), bytes.size()));
  }
  return message;
}

}  // namespace ferry::things
