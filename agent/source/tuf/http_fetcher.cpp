#include "agent/source/tuf/http_fetcher.hpp"

namespace ferry::tuf {
namespace {

Status check_head(const source::HttpHead& head, std::uint64_t limit) {
  // Stores that do not list their files answer 403 for one that is not there.
  if (head.status == 404 || head.status == 403) {
    return fail(ErrorCode::not_found, "the server has no such file");
  }
  if (head.status != 200) return source::unexpected_status(head.status);
  if (head.content_length && *head.content_length > limit) {
    return fail(ErrorCode::too_large, "larger than " + std::to_string(limit) + " bytes");
  }
  return source::check_encoding(head);
}

}  // namespace

Status HttpFetcher::fetch(const std::string& url, std::uint64_t limit, const TakeBody& take) {
  source::HttpRequest request;
  request.url = url;
  request.longest = longest_;
  std::uint64_t taken = 0;
  return client_.get(
      request, stop_, [&](const source::HttpHead& head) { return check_head(head, limit); },
      [&](Bytes content) -> Status {
        taken += content.size();
        if (taken > limit) {
          return fail(ErrorCode::too_large, "larger than " + std::to_string(limit) + " bytes");
        }
        return take(content);
      });
}

}  // namespace ferry::tuf
