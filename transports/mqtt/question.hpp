// What things ask and tell about their jobs on $aws/things/THING/jobs/…, in the form that AWS IoT
// documents for its reserved topics (Jobs device MQTT API). Pure; all of it is hostile.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <tl/expected.hpp>

#include "formats/job_messages.hpp"
#include "formats/json.hpp"

namespace ferry::things {

inline constexpr std::size_t question_limit = 16U << 10U;  // bytes of one message
inline constexpr std::size_t longest_token = 64;           // clientToken, bytes

enum class Ask { list, describe, start_next, update };

// What the broker is asked for: questions alone, so that no answer comes back.
inline constexpr std::array<const char*, 4> question_filters = {
    "$aws/things/+/jobs/get", "$aws/things/+/jobs/+/get", "$aws/things/+/jobs/start-next",
    "$aws/things/+/jobs/+/update"};
inline constexpr std::string_view next_job = "$next";

struct Topic {
  Ask ask = Ask::list;
  std::string thing;
  std::string job;  // describe, update: its id, or next_job; else ""
};
// Nothing for a topic that is none of these, or whose thing or job has no name.
std::optional<Topic> parse_topic(std::string_view topic);
// Where a question of that thing is answered: "get/accepted", "jobfota/update/rejected", ….
std::string jobs_topic(std::string_view thing, std::string_view rest);
// The part of a question's topic below …/jobs/.
std::string path_of(const Topic& topic);

struct Question {
  std::string token;                            // clientToken; "" none
  bool with_document = true;                    // describe: yes; update: no, unless it says so
  bool with_state = false;                      // update: what came of it is wanted
  std::optional<std::uint64_t> number;          // executionNumber
  std::optional<std::uint64_t> expected_state;  // update: expectedVersion
  formats::JobStatus status = formats::JobStatus::in_progress;  // update
  std::string details;                                          // JSON object; "" none
};

// Why a question is refused; `code` is one that AWS documents.
struct Refused {
  std::string_view code;
  std::string message;
  std::string token = {};  // of the question, as far as that could be read
};

// The field of an object, where it has one. Numbers as texts are seen in the field, in AWS's own
// examples too.
tl::expected<std::optional<std::uint64_t>, Refused> number_at(const formats::Json& object,
                                                              const char* key);

// An empty payload asks without further words.
tl::expected<Question, Refused> parse_question(Ask ask, std::string_view payload);

}  // namespace ferry::things
