#include "transports/smp_session/pull_files.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "transports/dialects/target.hpp"

namespace ferry::smp_session {

using smp::TimePoint;

namespace {

constexpr std::chrono::seconds answer_timeout{10};
constexpr std::byte padding_byte{0xFF};

Failure refusal(int status, std::string_view text) {
  ErrorCode code = ErrorCode::denied;
  // "No content" is said where there is nothing for the device; a file of no bytes would be one.
  if (status == 404 || status == 204) code = ErrorCode::not_found;
  if (status == 503) code = ErrorCode::unavailable;
  return fail(code, std::string(text));
}

}  // namespace

// One question until its answer.
struct PullFiles::Opening final : pull::Asker {
  Opening(PullFiles& owner, std::string_view asked, OpenCallback callback)
      : files(owner),
        name(asked),
        inquiry(owner.settings_.profiles, owner.settings_.product, owner.service_.resolver, *this),
        done(std::move(callback)),
        since(std::chrono::steady_clock::now()) {}

  void answered() override {
    PullFiles& owner = files;
    owner.finish(*this);
    owner.answered_();
  }

  PullFiles& files;
  std::string name;  // decoded in place
  dialects::Target target;
  pull::Inquiry inquiry;
  OpenCallback done;
  TimePoint since;
  bool finished = false;
};

PullFiles::PullFiles(Service& service, const PullSettings& settings, std::string peer,
                     std::function<void()> answered)
    : service_(service),
      settings_(settings),
      peer_(std::move(peer)),
      answered_(std::move(answered)) {}

PullFiles::~PullFiles() = default;

void PullFiles::open(std::string_view name, OpenCallback done) {
  std::erase_if(openings_, [](const auto& opening) { return opening->finished; });
  Opening& opening =
      *openings_.emplace_back(std::make_unique<Opening>(*this, name, std::move(done)));
  if (!dialects::parse_target(opening.name, opening.name, opening.target)) {
    opening.finished = true;
    return opening.done(fail(ErrorCode::invalid, "this is no path"));
  }
  dialects::Request request;
  request.path = opening.target.path;
  request.query = opening.target.parameters();
  request.peer = peer_;
  if (opening.inquiry.begin(request, dialects::Site())) finish(opening);
}

void PullFiles::finish(Opening& opening) {
  opening.finished = true;
  dialects::Answer answer = opening.inquiry.take_answer();
  std::string* text = std::get_if<std::string>(&answer.body);
  if (answer.status < 200 || answer.status > 299 || answer.status == 204) {
    return opening.done(refusal(answer.status, text == nullptr ? "refused" : *text));
  }
  Content content;
  content.device = opening.inquiry.device();
  Opened opened;
  opened.handle = next_handle_++;
  if (text != nullptr) {
    opened.identity = Sha256::of(as_bytes(*text)).hex();
    content.text = std::move(*text);
  } else {
    content.body = std::get<dialects::Body>(answer.body);
    if (!answer.etag.empty()) {
      opened.identity = fmt::format("{}+{}+{}+{}", answer.etag, content.body.offset,
                                    content.body.length, content.body.padding);
    }
  }
  opened.size = content.text.size() + content.body.size();
  contents_.emplace(opened.handle, std::move(content));
  opening.done(opened);
}

Status PullFiles::read(std::uint64_t handle, std::uint64_t offset, std::span<std::byte> out) {
  const auto found = contents_.find(handle);
  if (found == contents_.end()) return fail(ErrorCode::not_found, "not open");
  const Content& content = found->second;
  if (!content.text.empty()) {
    const Bytes text = as_bytes(content.text).subspan(offset, out.size());
    std::copy(text.begin(), text.end(), out.begin());
    return {};
  }
  const dialects::Body piece = dialects::slice(content.body, offset, out.size());
  const auto length = static_cast<std::size_t>(piece.length);
  const int result =
      length == 0 ? FERRY_OK : service_.host.read(piece.handle, piece.offset, out.data(), length);
  if (result != FERRY_OK) {
    // It may have been withdrawn: the next question goes to the agent again.
    service_.resolver.forget();
    return fail(result == FERRY_UNAVAILABLE ? ErrorCode::unavailable : ErrorCode::corrupt,
                "cannot be read here");
  }
  std::fill(out.begin() + static_cast<std::ptrdiff_t>(length), out.end(), padding_byte);
  return {};
}

void PullFiles::close(std::uint64_t handle) {
  contents_.erase(handle);
}

std::optional<TimePoint> PullFiles::expire(TimePoint now) {
  std::optional<TimePoint> next;
  for (const auto& opening : openings_) {
    if (opening->finished) continue;
    const TimePoint due = opening->since + answer_timeout;
    if (due <= now) {
      opening->inquiry.give_up_waiting();
      finish(*opening);
    } else if (!next || due < *next) {
      next = due;
    }
  }
  return next;
}

std::optional<PullFiles::Piece> PullFiles::piece(std::uint64_t handle, std::uint64_t offset,
                                                 std::uint64_t length) const {
  const auto found = contents_.find(handle);
  if (found == contents_.end() || !found->second.text.empty()) return std::nullopt;
  const dialects::Body part = dialects::slice(found->second.body, offset, length);
  if (part.length == 0) return std::nullopt;
  return Piece{found->second.device, part.handle, part.offset, part.length};
}

}  // namespace ferry::smp_session
