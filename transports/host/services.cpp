#include "transports/host/services.hpp"

#include "base/log.hpp"
#include "transports/host/convert.hpp"

namespace ferry::host {
namespace {

namespace messages = formats::link;

const char* value_at(const std::map<std::string, std::string>& values, const char* key) {
  const auto found = key == nullptr ? values.end() : values.find(key);
  return found == values.end() ? nullptr : found->second.c_str();
}

}  // namespace

void Services::withdraw(const std::string& pack) {
  artifacts_.withdraw(pack);
  reader_.forget();
  const std::lock_guard lock(mutex_);
  reported_.erase(pack);
}

void Services::tell_due(Instant now) {
  tell(counts_.due(now));
  const std::lock_guard lock(mutex_);
  for (const messages::Progress& progress : progress_.due(now)) mailbox_.tell(progress);
}

void Services::tell_last_counts() {
  tell(counts_.take());
}

void Services::tell(const std::optional<messages::Counted>& counted) {
  if (counted && !mailbox_.tell(*counted)) counts_.put_back(*counted);
}

std::optional<Services::Instant> Services::next_due() {
  const auto counts = counts_.next();
  const std::lock_guard lock(mutex_);
  const auto progress = progress_.next();
  return counts && (!progress || *counts < *progress) ? counts : progress;
}

void Services::count(int counter, std::uint64_t amount) {
  bool first = false;
  switch (counter) {
    case FERRY_REQUESTS:
      first = counts_.add(&messages::Counted::requests, amount);
      break;
    case FERRY_REFUSALS:
      first = counts_.add(&messages::Counted::refusals, amount);
      break;
    default:
      return complain("count", Error{ErrorCode::invalid, "no counter that there is"});
  }
  if (first) mailbox_.wake();
}

void Services::complain(const char* function, const Error& error) const {
  log::warning(component_, "{}: {}", function, error.message);
}

void Services::log(int level, const char* text) const {
  const std::string line = cut(text, messages::longest_detail);
  switch (level) {
    case FERRY_DEBUG:
      return log::debug(component_, "{}", line);
    case FERRY_INFO:
      return log::info(component_, "{}", line);
    case FERRY_WARNING:
      return log::warning(component_, "{}", line);
    default:
      return log::error(component_, "{}", line);
  }
}

const char* Services::setting(const char* key) const {
  return value_at(settings_.values, key);
}

const char* Services::product(std::size_t index) const {
  return index < settings_.products.size() ? value_at(settings_.products[index], "name") : nullptr;
}

const char* Services::product_setting(const char* product, const char* key) const {
  if (product == nullptr) return nullptr;
  for (const auto& values : settings_.products) {
    const auto name = values.find("name");
    if (name != values.end() && name->second == product) return value_at(values, key);
  }
  return nullptr;
}

void Services::state(const char* state, const char* detail) {
  mailbox_.tell(messages::LinkState{cut(state, messages::longest_state),
                                    cut(detail, messages::longest_detail)});
}

void Services::device_seen(const ferry_device* device) {
  const Result<messages::DeviceClaim> claim = claim_of(device);
  if (!claim) return complain("device_seen", claim.error());
  mailbox_.tell(messages::Seen{*claim});
}

template <typename Message, typename Question>
void Services::ask_for(const char* function, const ferry_device* device, const char* const* want,
                       std::size_t count, Question asked) {
  Result<messages::DeviceClaim> claim = claim_of(device);
  Result<std::vector<std::string>> kinds = wanted(want, count);
  if (!claim || !kinds) {
    complain(function, claim ? kinds.error() : claim.error());
    return mailbox_.refuse(asked, FERRY_INVALID);
  }
  Message question{0, std::move(*claim), std::move(*kinds)};
  mailbox_.ask(std::move(question), asked);
}

void Services::offer(const ferry_device* device, const char* const* want, std::size_t count,
                     AskedOffer asked) {
  ask_for<messages::AskOffer>("offer", device, want, count, asked);
}

void Services::next(const ferry_device* device, const char* const* want, std::size_t count,
                    AskedStep asked) {
  ask_for<messages::AskStep>("next", device, want, count, asked);
}

void Services::port_closed(const char* name) {
  mailbox_.tell(messages::PortClosed{cut(name, messages::longest_name)});
}

void Services::find(const char* product, const char* version, const char* name,
                    AskedArtifact asked) {
  // What no release can be called does not exist; the agent need not be asked.
  const auto text = [](const char* value) { return std::string(value == nullptr ? "" : value); };
  messages::AskArtifact question{0, text(product), text(version), text(name)};
  if (!formats::is_name(question.product) ||
      !messages::is_plain_text(question.version, messages::longest_id) ||
      !messages::is_plain_text(question.name, messages::longest_name)) {
    return mailbox_.refuse(asked, FERRY_NOT_FOUND);
  }
  mailbox_.ask(std::move(question), asked);
}

void Services::mirror(const char* path, AskedArtifact asked) {
  const std::string text(path == nullptr ? "" : path);
  if (!messages::is_plain_text(text, messages::longest_path)) {
    return mailbox_.refuse(asked, FERRY_NOT_FOUND);
  }
  mailbox_.ask(messages::AskMirror{0, text}, asked);
}

int Services::read(std::uint64_t handle, std::uint64_t offset, void* out, std::size_t length) {
  if (DocumentTable::is_document(handle) && (out != nullptr || length == 0)) {
    const Status done = documents_.read(handle, offset, {static_cast<std::byte*>(out), length});
    if (done) return FERRY_OK;
    switch (done.error().code) {
      case ErrorCode::invalid:
        return FERRY_INVALID;
      case ErrorCode::not_found:
        return FERRY_NOT_FOUND;
      default:
        return FERRY_UNAVAILABLE;
    }
  }
  const Servable* servable = artifacts_.find(handle);
  if (servable == nullptr || (out == nullptr && length > 0)) return FERRY_INVALID;
  const Status done = reader_.read(*servable, offset, {static_cast<std::byte*>(out), length});
  return done ? FERRY_OK : unreadable(*servable, done.error());
}

int Services::unreadable(const Servable& servable, const Error& error) {
  switch (error.code) {
    case ErrorCode::invalid:
      return FERRY_INVALID;
    case ErrorCode::not_found:
      return FERRY_NOT_FOUND;
    case ErrorCode::corrupt:
      break;
    default:
      complain("read", error);
      return FERRY_UNAVAILABLE;
  }
  const std::string& pack = servable.artifact.pack;
  const std::lock_guard lock(mutex_);
  if (reported_.insert(pack).second) {
    log::error(component_, "{}; the agent is told", error.message);
    const std::string detail = cut(error.message.c_str(), messages::longest_detail);
    if (!mailbox_.tell(messages::Corrupt{pack, detail})) reported_.erase(pack);
  }
  return FERRY_CORRUPT;
}

void Services::progress(const ferry_device* device, std::uint64_t handle, std::uint64_t offset,
                        std::uint64_t length) {
  Result<messages::DeviceClaim> claim = claim_of(device);
  const Servable* servable = artifacts_.find(handle);
  if (!claim) return complain("progress", claim.error());
  const std::uint64_t size = servable == nullptr ? 0 : servable->artifact.size;
  if (servable == nullptr || offset > size || length > size - offset) {
    return complain("progress",
                    Error{ErrorCode::invalid, "an unknown artifact, or beyond its end"});
  }
  if (counts_.add(&messages::Counted::bytes, length)) mailbox_.wake();
  messages::Progress progress{std::move(*claim), servable->artifact.sha256, offset, length};
  const std::lock_guard lock(mutex_);
  const auto now = std::chrono::steady_clock::now();
  const auto told = progress_.add(std::move(progress), size, now);
  if (told) mailbox_.tell(*told);
}

void Services::outcome(const ferry_device* device, std::uint64_t delivery, int outcome,
                       const char* detail, AskedOutcome asked) {
  Result<messages::DeviceClaim> claim = claim_of(device);
  if (!claim || outcome < FERRY_TRANSFERRED || outcome > FERRY_REFUSED_UNPAIRED) {
    complain("outcome",
             claim ? Error{ErrorCode::invalid, "no outcome that there is"} : claim.error());
    return mailbox_.refuse(asked, FERRY_INVALID);
  }
  messages::Outcome message;
  message.device = std::move(*claim);
  message.delivery = delivery;
  // Both count in the same order.
  static_assert(static_cast<int>(messages::OutcomeKind::refused_unpaired) + FERRY_TRANSFERRED ==
                FERRY_REFUSED_UNPAIRED);
  message.kind = static_cast<messages::OutcomeKind>(outcome - FERRY_TRANSFERRED);
  message.detail = cut(detail, messages::longest_detail);
  mailbox_.ask(std::move(message), asked);
}

}  // namespace ferry::host
