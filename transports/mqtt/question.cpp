#include "transports/mqtt/question.hpp"

#include <charconv>

#include "formats/json.hpp"

namespace ferry::things {
namespace {

using formats::JobStatus;
using formats::Json;

constexpr std::string_view prefix = "$aws/things/";
constexpr std::size_t longest_details = 4096;  // bytes as JSON
constexpr formats::JsonLimits limits{question_limit, 8};

tl::unexpected<Refused> bad(std::string message) {
  return tl::unexpected(Refused{"InvalidRequest", std::move(message)});
}

std::optional<Topic> described(std::string_view thing, std::string_view rest) {
  Topic topic;
  topic.thing = thing;
  if (rest == "get") return topic;
  if (rest == "start-next") {
    topic.ask = Ask::start_next;
    return topic;
  }
  const auto slash = rest.find('/');
  if (slash == std::string_view::npos) return std::nullopt;
  topic.job = rest.substr(0, slash);
  const std::string_view verb = rest.substr(slash + 1);
  if (verb != "get" && verb != "update") return std::nullopt;
  topic.ask = verb == "get" ? Ask::describe : Ask::update;
  const bool next = topic.ask == Ask::describe && topic.job == next_job;
  if (!next && !formats::is_job_id(topic.job)) return std::nullopt;
  return topic;
}

std::optional<std::uint64_t> number_of(const Json& value) {
  if (value.is_number_unsigned()) return value.get<std::uint64_t>();
  if (!value.is_string()) return std::nullopt;
  const auto& text = value.get_ref<const std::string&>();
  std::uint64_t number = 0;
  const auto parsed = std::from_chars(text.data(), text.data() + text.size(), number);
  if (parsed.ec != std::errc() || parsed.ptr != text.data() + text.size()) return std::nullopt;
  return number;
}

tl::expected<bool, Refused> flag_at(const Json& object, const char* key, bool otherwise) {
  const auto found = object.find(key);
  if (found == object.end() || found->is_null()) return otherwise;
  if (!found->is_boolean()) return bad(std::string(key) + " is neither true nor false");
  return found->get<bool>();
}

tl::expected<JobStatus, Refused> status_in(const Json& object) {
  const auto found = object.find("status");
  if (found == object.end() || !found->is_string()) return bad("status is missing");
  const auto& name = found->get_ref<const std::string&>();
  for (const JobStatus status : {JobStatus::in_progress, JobStatus::succeeded, JobStatus::failed,
                                 JobStatus::rejected, JobStatus::queued}) {
    if (name == formats::to_string(status)) return status;
  }
  return bad("status is none that a thing may tell");
}

tl::expected<void, Refused> read_update(const Json& object, Question& question) {
  const auto status = status_in(object);
  if (!status) return tl::unexpected(status.error());
  question.status = *status;
  const auto expected = number_at(object, "expectedVersion");
  if (!expected) return tl::unexpected(expected.error());
  question.expected_state = *expected;
  const auto with_state = flag_at(object, "includeJobExecutionState", false);
  if (!with_state) return tl::unexpected(with_state.error());
  question.with_state = *with_state;
  const auto details = object.find("statusDetails");
  if (details == object.end() || details->is_null()) return {};
  // AWS wants texts as values; devices in the field tell numbers as well.
  if (!details->is_object()) return bad("statusDetails is no object");
  question.details = formats::to_text(*details);
  if (question.details.size() > longest_details) return bad("statusDetails is too long");
  return {};
}

tl::expected<void, Refused> read_rest(Ask ask, const Json& object, Question& question) {
  const auto with_document = flag_at(object, "includeJobDocument", question.with_document);
  if (!with_document) return tl::unexpected(with_document.error());
  question.with_document = *with_document;
  const auto number = number_at(object, "executionNumber");
  if (!number) return tl::unexpected(number.error());
  question.number = *number;
  if (ask == Ask::update) return read_update(object, question);
  return {};
}

}  // namespace

tl::expected<std::optional<std::uint64_t>, Refused> number_at(const Json& object, const char* key) {
  const auto found = object.find(key);
  if (found == object.end() || found->is_null()) return std::nullopt;
  const auto number = number_of(*found);
  if (!number) return bad(std::string(key) + " is no number");
  return number;
}

std::optional<Topic> parse_topic(std::string_view topic) {
  if (!topic.starts_with(prefix)) return std::nullopt;
  topic.remove_prefix(prefix.size());
  const auto slash = topic.find('/');
  if (slash == std::string_view::npos) return std::nullopt;
  const std::string_view thing = topic.substr(0, slash);
  const std::string_view rest = topic.substr(slash + 1);
  constexpr std::string_view jobs = "jobs/";
  if (!formats::is_thing_name(thing) || !rest.starts_with(jobs)) return std::nullopt;
  return described(thing, rest.substr(jobs.size()));
}

std::string jobs_topic(std::string_view thing, std::string_view rest) {
  std::string topic(prefix);
  topic += thing;
  topic += "/jobs/";
  topic += rest;
  return topic;
}

std::string path_of(const Topic& topic) {
  switch (topic.ask) {
    case Ask::list:
      return "get";
    case Ask::start_next:
      return "start-next";
    case Ask::describe:
      return topic.job + "/get";
    case Ask::update:
      return topic.job + "/update";
  }
  return {};
}

tl::expected<Question, Refused> parse_question(Ask ask, std::string_view payload) {
  Question question;
  question.with_document = ask != Ask::update;
  if (payload.empty() && ask != Ask::update) return question;
  const auto object = formats::parse_json(payload, "question", limits);
  if (!object) return tl::unexpected(Refused{"InvalidJson", object.error().message});
  if (!object->is_object()) return bad("it is no JSON object");
  const auto token = object->find("clientToken");
  if (token != object->end() && !token->is_null()) {
    if (!token->is_string()) return bad("clientToken is no text");
    question.token = token->get<std::string>();
    if (question.token.size() > longest_token) return bad("clientToken is too long");
  }
  auto read = read_rest(ask, *object, question);
  if (read) return question;
  read.error().token = question.token;
  return tl::unexpected(read.error());
}

}  // namespace ferry::things
