#include "transports/mqtt/thing.hpp"

#include <fmt/format.h>

#include "base/clock.hpp"

namespace ferry::things {
namespace {

using formats::JobStatus;
using formats::Json;

// A device that was not heard of for so long is not told of what is new: it asks when it is back.
constexpr auto lasting = std::chrono::hours(24);
constexpr std::size_t longest_reason = 200;  // bytes

std::int64_t seconds_now() {
  return std::chrono::duration_cast<std::chrono::seconds>(
             std::chrono::system_clock::now().time_since_epoch())
      .count();
}

Refused no_job() {
  return {"ResourceNotFound", "there is no such job for this thing now"};
}

Refused cannot_say() {
  return {"RequestThrottled", "the gateway cannot say now what this thing shall do; ask again"};
}

}  // namespace

Thing::Thing(Service& service, const ThingIdentity& identity)
    : service_(service), identity_(identity) {
  device_.id = identity_.thing;
  device_.product = identity_.product;
  device_.address = identity_.address;
  device_.version_lasts = true;
}

void Thing::ask(const Topic& topic, std::string_view payload, bool too_large) {
  heard_at_ = std::chrono::steady_clock::now();
  service_.host.count(FERRY_REQUESTS);
  if (too_large) {
    return refuse(topic, "",
                  {"InvalidRequest", fmt::format("longer than {} bytes", question_limit)});
  }
  const auto question = parse_question(topic.ask, payload);
  if (!question) return refuse(topic, question.error().token, question.error());
  if (waiting_.size() >= most_waiting) {
    return refuse(topic, question->token, {"RequestThrottled", "too many questions wait"});
  }
  waiting_.push_back({topic, *question});
  go_on();
}

void Thing::go_on() {
  while (!busy_ && !waiting_.empty()) {
    const Waiting next = std::move(waiting_.front());
    waiting_.pop_front();
    begin(next);
  }
  if (!busy_ && std::exchange(look_, false)) begin_look();
}

void Thing::begin(const Waiting& waiting) {
  if (waiting.topic.ask == Ask::update) return update(waiting);
  // Scripts ask for their jobs by name as well, without listening. That begins nothing anew.
  const bool by_name = waiting.topic.ask == Ask::describe && waiting.topic.job != next_job;
  if (by_name && executions_.failed()) return answer(waiting, FERRY_OK);
  get_offer([this, waiting](int result) { answer(waiting, result); });
}

// Asks the agent, and `then` goes on with executions_ as they are now.
void Thing::get_offer(std::function<void(int result)> then) {
  busy_ = true;
  const auto came = [weak = weak_from_this(), then = std::move(then)](int result,
                                                                      const plugin::Offer* offer) {
    const auto self = weak.lock();
    if (!self) return;
    self->busy_ = false;
    self->took(result, offer);
    then(result);
    self->go_on();
  };
  service_.host.offer(device_, {}, came);
}

void Thing::took(int result, const plugin::Offer* offer) {
  again_ = result != FERRY_OK && result != FERRY_NOT_FOUND;
  if (again_) return;
  if (offer == nullptr) {
    artifacts_.clear();
    executions_.clear(seconds_now());
  } else {
    artifacts_ = offer->artifacts;
    executions_.take(work_of(*offer, identity_.root), seconds_now());
  }
  std::erase_if(streamed_, [&](const auto& known) { return artifact(known.first) == nullptr; });
}

void Thing::answer(const Waiting& waiting, int result) {
  if (result != FERRY_OK && result != FERRY_NOT_FOUND) {
    return refuse(waiting.topic, waiting.question.token, cannot_say());
  }
  switch (waiting.topic.ask) {
    case Ask::list:
      return answer_list(waiting);
    case Ask::start_next:
      executions_.start_next(seconds_now());
      return answer_execution(waiting, executions_.pending());
    case Ask::describe:
      if (waiting.topic.job == next_job) return answer_execution(waiting, executions_.pending());
      break;
    case Ask::update:
      return;
  }
  const Execution* execution = executions_.find(waiting.topic.job);
  if (execution == nullptr) {
    return refuse(waiting.topic, waiting.question.token, no_job());
  }
  if (formats::is_final(execution->status)) {
    return refuse(waiting.topic, waiting.question.token,
                  {"TerminalStateReached", "the job has ended"}, execution);
  }
  answer_execution(waiting, execution);
}

// With the job to do now in it, which AWS does not send here: it is all that scripts in the field
// listen for. To them an answer without one is an error that costs them their connection; so
// nothing is no answer, unless whoever asks says by a token that it wants one.
void Thing::answer_list(const Waiting& waiting) {
  Json body = {{"inProgressJobs", Json::array()}, {"queuedJobs", Json::array()}};
  for (const Execution& execution : executions_.all()) {
    if (formats::is_final(execution.status)) continue;
    const bool begun = execution.status == JobStatus::in_progress;
    body[begun ? "inProgressJobs" : "queuedJobs"].push_back(summary(execution));
  }
  const Execution* pending = executions_.pending();
  if (pending == nullptr && waiting.question.token.empty()) return;
  if (pending != nullptr) {
    body["execution"] = describe(*pending, identity_.thing, true);
    told_at_ = std::chrono::steady_clock::now();
  }
  accept(waiting, std::move(body));
}

void Thing::answer_execution(const Waiting& waiting, const Execution* execution) {
  Json body = Json::object();
  if (execution != nullptr) {
    body["execution"] = describe(*execution, identity_.thing, waiting.question.with_document);
    told_at_ = std::chrono::steady_clock::now();
  }
  accept(waiting, std::move(body));
}

void Thing::update(const Waiting& waiting) {
  const auto refused = executions_.check(waiting.topic.job, waiting.question);
  if (refused) {
    service_.host.device_seen(device_);
    return refuse(waiting.topic, waiting.question.token, *refused,
                  executions_.find(waiting.topic.job));
  }
  const JobStatus status = waiting.question.status;
  if (status == JobStatus::failed || status == JobStatus::rejected) return fail_delivery(waiting);
  updated(waiting);
}

// The device is answered when the agent has it on the disk.
void Thing::fail_delivery(const Waiting& waiting) {
  busy_ = true;
  std::string reason = fmt::format("the device says {} of {}",
                                   formats::to_string(waiting.question.status), waiting.topic.job);
  if (!waiting.question.details.empty()) {
    reason += ": " + formats::job_detail(waiting.question.details.substr(0, longest_reason));
  }
  const auto kept = [weak = weak_from_this(), waiting](int result) {
    const auto self = weak.lock();
    if (!self) return;
    self->busy_ = false;
    if (result == FERRY_OK) {
      self->updated(waiting);
    } else {
      self->refuse(waiting.topic, waiting.question.token, cannot_say());
    }
    self->go_on();
  };
  service_.host.outcome(device_, executions_.delivery(), FERRY_FAILED, reason, kept);
}

void Thing::updated(const Waiting& waiting) {
  executions_.apply(waiting.topic.job, waiting.question, seconds_now());
  const Execution* execution = executions_.find(waiting.topic.job);
  Json body = Json::object();
  if (waiting.question.with_state) body["executionState"] = state_of(*execution);
  if (waiting.question.with_document) body["jobDocument"] = execution->document;
  accept(waiting, std::move(body));
  if (formats::is_final(execution->status)) return after_update();
  service_.host.device_seen(device_);
}

void Thing::after_update() {
  if (executions_.failed()) return tell_next();
  if (!executions_.succeeded()) return tell_next();
  acknowledge_all();
  plugin::Device seen = device_;
  seen.version = executions_.version();
  service_.host.device_seen(seen);
  look_ = true;
}

void Thing::look() {
  const auto now = std::chrono::steady_clock::now();
  // One whose last attempt failed is not driven through it again and again: it asks when it
  // restarts.
  if (executions_.failed() || executions_.pending() != nullptr || now - heard_at_ > lasting) return;
  look_ = true;
  go_on();
}

void Thing::begin_look() {
  get_offer([this](int result) {
    if (result == FERRY_OK || result == FERRY_NOT_FOUND) tell_next();
  });
}

// On the topic for it, and there where scripts in the field listen alone; `notify` stays silent,
// since whatever comes there without a job costs them their connection.
void Thing::tell_next() {
  const Execution* pending = executions_.pending();
  Json body = Json::object();
  if (pending != nullptr) {
    body["execution"] = describe(*pending, identity_.thing, true);
    told_at_ = std::chrono::steady_clock::now();
    send("get/accepted", "", body);
  }
  send("notify-next", "", std::move(body));
}

void Thing::remind(Steady before) {
  const Execution* pending = executions_.pending();
  if (pending == nullptr || pending->status != JobStatus::queued) return;
  const bool gone = std::chrono::steady_clock::now() - heard_at_ > lasting;
  if (told_at_ < before && !gone) tell_next();
}

void Thing::accept(const Waiting& waiting, Json body) {
  send(path_of(waiting.topic) + "/accepted", waiting.question.token, std::move(body));
}

void Thing::refuse(const Topic& topic, const std::string& token, const Refused& refused,
                   const Execution* execution) {
  service_.host.count(FERRY_REFUSALS);
  Json body = {{"code", refused.code}, {"message", refused.message}};
  if (execution != nullptr) body["executionState"] = state_of(*execution);
  send(path_of(topic) + "/rejected", token, std::move(body));
}

void Thing::send(const std::string& path, const std::string& token, Json body) {
  body["timestamp"] = seconds_now();
  if (!token.empty()) body["clientToken"] = token;
  service_.publish(jobs_topic(identity_.thing, path), formats::to_text(body));
}

}  // namespace ferry::things
