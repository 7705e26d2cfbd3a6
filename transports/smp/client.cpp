#include "transports/smp/client.hpp"

#include <utility>

namespace ferry::smp {
namespace {

// Text at `key` of an answer.
Question<std::string>::Read text_at(const char* key) {
  return [key](const Json& body) -> Reply<std::string> {
    if (std::optional<Fault> fault = fault_in(body, Request::other)) {
      return tl::unexpected<Fault>(std::move(*fault));
    }
    const auto found = body.find(key);
    if (found == body.end() || !found->is_string()) {
      return tl::unexpected<Fault>({Outcome::protocol, std::string("answer without ") + key, {}});
    }
    return found->get<std::string>();
  };
}

Reply<void> nothing_in(const Json& body) {
  if (std::optional<Fault> fault = fault_in(body, Request::other)) {
    return tl::unexpected<Fault>(std::move(*fault));
  }
  return {};
}

// Some servers say "message too long" although the slot is empty now.
Reply<void> erased_in(const Json& body) {
  const std::optional<DeviceError> error = error_in(body);
  const bool too_long = error && (!error->group || *error->group == group::os) &&
                        error->code == static_cast<std::uint64_t>(Code::too_long);
  return too_long ? Reply<void>() : nothing_in(body);
}

std::string one_text(const char* key, std::string_view value) {
  return formats::CborWriter().map(1).text(key).text(value).take();
}

std::string empty_map() {
  return formats::CborWriter().map(0).take();
}

}  // namespace

Client::Client(ClientOptions options)
    : options_(options), learned_(options_.learned), next_sequence_(options_.first_sequence) {}

Client::~Client() = default;

void Client::start(std::unique_ptr<Operation> operation) {
  if (operations_.size() >= queue_limit) {
    operation->abort({Outcome::busy, "too many requests wait for this device already", {}});
    return operation->complete();
  }
  operations_.push_back(std::move(operation));
}

void Client::echo(const std::string& text, Done<std::string> done) {
  start(std::make_unique<Question<std::string>>(options_, Op::write, group::os, command::os_echo,
                                                one_text("d", text), text_at("r"),
                                                std::move(done)));
}

void Client::parameters(Done<Parameters> done) {
  const auto read = [this](const Json& body) {
    Reply<Parameters> parameters = parameters_in(body, options_);
    if (parameters) learned_.parameters = *parameters;
    return parameters;
  };
  start(std::make_unique<Question<Parameters>>(
      options_, Op::read, group::os, command::os_parameters, empty_map(), read, std::move(done)));
}

void Client::os_info(const std::string& format, Done<std::string> done) {
  start(std::make_unique<Question<std::string>>(
      options_, Op::read, group::os, command::os_info,
      format.empty() ? empty_map() : one_text("format", format), text_at("output"),
      std::move(done)));
}

void Client::bootloader(Done<std::string> done) {
  start(std::make_unique<Question<std::string>>(options_, Op::read, group::os,
                                                command::os_bootloader, empty_map(),
                                                text_at("bootloader"), std::move(done)));
}

void Client::reset(Done<void> done) {
  auto question = std::make_unique<Question<void>>(
      options_, Op::write, group::os, command::os_reset, empty_map(), nothing_in, std::move(done));
  question->set_attempts(1);
  start(std::move(question));
}

void Client::image_state(Done<std::vector<ImageSlot>> done) {
  start(std::make_unique<Question<std::vector<ImageSlot>>>(options_, Op::read, group::image,
                                                           command::image_state, empty_map(),
                                                           image_slots_in, std::move(done)));
}

void Client::test(const std::string& hash, Done<std::vector<ImageSlot>> done) {
  start(std::make_unique<Question<std::vector<ImageSlot>>>(
      options_, Op::write, group::image, command::image_state, state_write_body(hash, false),
      image_slots_in, std::move(done)));
}

void Client::confirm(const std::optional<std::string>& hash, Done<std::vector<ImageSlot>> done) {
  start(std::make_unique<Question<std::vector<ImageSlot>>>(
      options_, Op::write, group::image, command::image_state, state_write_body(hash, true),
      image_slots_in, std::move(done)));
}

void Client::erase(std::optional<std::uint32_t> slot, Done<void> done) {
  std::string body =
      slot ? formats::CborWriter().map(1).text("slot").number(*slot).take() : empty_map();
  auto question =
      std::make_unique<Question<void>>(options_, Op::write, group::image, command::image_erase,
                                       std::move(body), erased_in, std::move(done));
  question->set_timeout(options_.erase_timeout);
  start(std::move(question));
}

void Client::upload(UploadRequest request, Done<UploadResult> done) {
  start(std::make_unique<Upload>(options_, learned_, std::move(request), std::move(done)));
}

void Client::cancel(Outcome outcome, std::string_view why) {
  // Only what was started before: callbacks may start more.
  auto operations = std::exchange(operations_, {});
  asked_ = {};
  if (writing_) writing_->stale = true;
  for (const auto& operation : operations) {
    operation->abort({outcome, std::string(why), {}});
    operation->complete();
  }
}

std::optional<std::string> Client::next_output(TimePoint now) {
  if (writing_) return std::nullopt;
  while (!operations_.empty()) {
    std::optional<Wanted> wanted = operations_.front()->next(now);
    if (!wanted) {
      if (!operations_.front()->ended()) return std::nullopt;
      settle();
      continue;
    }
    Header header;
    header.op = wanted->op;
    header.version = options_.version;
    header.group = wanted->group;
    header.command = wanted->command;
    header.sequence = next_sequence_++;
    asked_[header.sequence] = {true, header, wanted->tag};
    writing_ = Writing{wanted->tag, false};
    return encode(header, wanted->body);
  }
  return std::nullopt;
}

void Client::written(TimePoint now) {
  const std::optional<Writing> writing = std::exchange(writing_, std::nullopt);
  if (!writing || writing->stale || operations_.empty()) return;
  operations_.front()->written(writing->tag, now);
}

bool Client::worth_writing() const {
  return writing_ && !writing_->stale && !operations_.empty() &&
         operations_.front()->worth_writing(writing_->tag);
}

void Client::received(Bytes packet, TimePoint now) {
  const std::optional<Header> header = peek(packet);
  if (!header || operations_.empty()) return;
  Asked& asked = asked_[header->sequence];
  if (!asked.open || header->op != answer_to(asked.header.op) ||
      header->group != asked.header.group || header->command != asked.header.command) {
    return;
  }
  const Result<Packet> answer = decode(packet);
  if (!answer) return;  // as good as lost
  asked.open = false;
  operations_.front()->answered(asked.tag, answer->body, now);
  settle();
}

std::optional<TimePoint> Client::deadline() const {
  return operations_.empty() ? std::nullopt : operations_.front()->deadline();
}

void Client::on_time(TimePoint now) {
  if (operations_.empty()) return;
  operations_.front()->on_time(now);
  settle();
}

void Client::settle() {
  if (operations_.empty() || !operations_.front()->ended()) return;
  const std::unique_ptr<Operation> ended = std::move(operations_.front());
  operations_.pop_front();
  // What was asked for it is nobody's business any more.
  asked_ = {};
  if (writing_) writing_->stale = true;
  ended->complete();
}

}  // namespace ferry::smp
