// Blocks of artifacts over MQTT itself, in the form that AWS IoT documents for its file streams
// ($aws/things/THING/streams/STREAM/…). A stream is one artifact, named by its SHA-256, as file 0
// and version 1: whatever a device has of it stays right. Pure; all of it is hostile.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <tl/expected.hpp>
#include <vector>

#include "formats/json.hpp"
#include "transports/mqtt/question.hpp"

namespace ferry::things {

inline constexpr std::uint64_t stream_answer_limit = 128U << 10U;  // bytes of one question's blocks

inline constexpr std::array<const char*, 2> stream_filters = {"$aws/things/+/streams/+/describe/+",
                                                              "$aws/things/+/streams/+/get/+"};

struct StreamTopic {
  std::string thing;
  std::string stream;
  bool get = false;   // blocks are wanted; else what the stream is
  bool cbor = false;  // how question and answers are written
};
std::optional<StreamTopic> parse_stream_topic(std::string_view topic);
// Where it is answered: `verb` is "description", "data" or "rejected".
std::string answer_topic(const StreamTopic& topic, std::string_view verb);

struct StreamQuestion {
  std::string token;                       // "" none
  std::optional<std::uint64_t> version;    // of the stream, as the device knows it
  std::uint64_t file = 0;                  // this and the following: of a get alone
  std::uint64_t block_size = 0;            // bytes
  std::uint64_t first = 0;                 // number of the block that the bitmap begins with
  std::optional<std::uint64_t> most;       // blocks that are wanted
  std::optional<std::string> bitmap = {};  // of blocks, the lowest bit first; nothing: all
};
tl::expected<StreamQuestion, Refused> parse_stream_question(const StreamTopic& topic,
                                                            std::string_view payload);

// Numbers of the blocks to send, of an artifact of that length: what is beyond its end or beyond
// stream_answer_limit is left out, for the device to ask again. At least one.
tl::expected<std::vector<std::uint64_t>, Refused> blocks_of(const StreamQuestion& question,
                                                            std::uint64_t length);

// As the topic wants it. Binary values are bytes in CBOR and base64 in JSON.
std::string written(const StreamTopic& topic, const formats::Json& message);
formats::Json data_message(const StreamTopic& topic, const StreamQuestion& question,
                           std::uint64_t block, std::string_view bytes);

}  // namespace ferry::things
