#include "transports/host/mailbox.hpp"

#include <sys/eventfd.h>
#include <unistd.h>

#include <cerrno>
#include <utility>

namespace ferry::host {

Result<std::unique_ptr<Mailbox>> Mailbox::make() {
  Descriptor wake(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK));
  if (!wake) return fail_errno(errno, "eventfd");
  return std::unique_ptr<Mailbox>(new Mailbox(std::move(wake)));
}

bool Mailbox::tell(const formats::link::FromHost& message) {
  std::string text = formats::link::write(message);
  {
    const std::lock_guard lock(mutex_);
    if (messages_.size() >= most_messages || message_bytes_ + text.size() > most_bytes)
      return false;
    message_bytes_ += text.size();
    messages_.push_back(std::move(text));
  }
  wake();
  return true;
}

std::uint64_t Mailbox::remember(const Asked& asked) {
  const std::lock_guard lock(mutex_);
  if (questions_.size() >= most_questions) return 0;
  const std::uint64_t id = next_question_++;
  questions_.emplace(id, asked);
  return id;
}

void Mailbox::refuse(Asked asked, int result) {
  {
    const std::lock_guard lock(mutex_);
    refusals_.push_back({asked, result});
  }
  wake();
}

void Mailbox::wake() {
  const std::uint64_t one = 1;
  // It fails only when the counter is full, and then the thread is about to wake anyway.
  [[maybe_unused]] const ssize_t written = ::write(wake_.get(), &one, sizeof one);
}

void Mailbox::take_wake() {
  std::uint64_t count = 0;
  [[maybe_unused]] const ssize_t taken = ::read(wake_.get(), &count, sizeof count);
}

std::optional<std::string> Mailbox::take_message() {
  const std::lock_guard lock(mutex_);
  if (messages_.empty()) return std::nullopt;
  std::string text = std::move(messages_.front());
  messages_.pop_front();
  message_bytes_ -= text.size();
  return text;
}

std::vector<Refusal> Mailbox::take_refusals() {
  const std::lock_guard lock(mutex_);
  return std::exchange(refusals_, {});
}

std::optional<Asked> Mailbox::take_question(std::uint64_t id) {
  const std::lock_guard lock(mutex_);
  const auto found = questions_.find(id);
  if (found == questions_.end()) return std::nullopt;
  const Asked asked = found->second;
  questions_.erase(found);
  return asked;
}

}  // namespace ferry::host
