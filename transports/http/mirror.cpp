#include "transports/http/mirror.hpp"

#include <fmt/format.h>

namespace ferry::http {
namespace {

constexpr std::string_view prefix = "/mirror/";

dialects::Answer failure(int status, std::string text) {
  dialects::Refusal refusal;
  refusal.status = status;
  refusal.text = std::move(text);
  return dialects::refuse(refusal);
}

// "…/HASH.NAME" with the hash of these bytes: a name that stands for them for ever.
bool is_named_by_hash(std::string_view path, std::string_view sha256) {
  const std::string_view name = path.substr(path.rfind('/') + 1);
  return name.starts_with(sha256) && name.substr(sha256.size()).starts_with('.');
}

}  // namespace

bool MirrorInquiry::is_meant(std::string_view path) {
  return path.starts_with(prefix);
}

void MirrorInquiry::begin(std::string_view path) {
  path_ = path.substr(prefix.size());
  host_.mirror(path_, [this, current = std::weak_ptr(question_), number = ++*question_](
                          int result, const plugin::Artifact* artifact) {
    const auto question = current.lock();
    if (!question || *question != number) return;
    result_ = result;
    if (artifact != nullptr) artifact_ = *artifact;
    asker_.answered();
  });
}

dialects::Answer MirrorInquiry::give_up_waiting() {
  drop();
  return failure(503, "the gateway's agent does not answer; ask again later");
}

dialects::Answer MirrorInquiry::take_answer() {
  if (result_ == FERRY_NOT_FOUND) {
    return failure(404, fmt::format("{}: nothing of that name is passed on here, or it has not "
                                    "come yet",
                                    path_));
  }
  if (result_ != FERRY_OK) {
    return failure(503, "the gateway cannot look this up now; ask again later");
  }
  dialects::Answer answer;
  answer.body = dialects::Body{artifact_.handle, 0, artifact_.length, 0};
  answer.etag = artifact_.sha256;
  const bool lasting = is_named_by_hash(path_, artifact_.sha256);
  answer.ranges = lasting ? dialects::Ranges::always : dialects::Ranges::if_validated;
  return answer;
}

}  // namespace ferry::http
