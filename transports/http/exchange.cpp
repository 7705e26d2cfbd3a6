#include "transports/http/exchange.hpp"

#include <fmt/format.h>

namespace ferry::http {

bool Exchange::begin(std::span<char> block, std::string_view peer, std::uint16_t port) {
  std::string_view why;
  mirrored_ = false;
  const int status = parse_request(block, parsed_, why);
  if (status != 0) {
    reject(status, why);
    return true;
  }
  if (has_mirror_ && MirrorInquiry::is_meant(parsed_.path)) {
    mirrored_ = true;
    mirror_.begin(parsed_.path);
    return false;
  }
  dialects::Request request;
  request.path = parsed_.path;
  request.query = parsed_.parameters();
  request.headers = parsed_.headers();
  request.peer = peer;
  dialects::Site site;
  site.host = parsed_.host;
  site.port = port;
  if (!inquiry_.begin(request, site)) return false;
  finish(inquiry_.take_answer());
  return true;
}

void Exchange::answered() {
  finish(mirrored_ ? mirror_.take_answer() : inquiry_.take_answer());
  asker_.answered();
}

void Exchange::give_up_waiting() {
  if (mirrored_) return finish(mirror_.give_up_waiting());
  inquiry_.give_up_waiting();
  finish(inquiry_.take_answer());
}

void Exchange::reject_oversized() {
  parsed_.conditions = {};
  mirrored_ = false;
  reject(431, fmt::format("a request's header may be {} bytes long", longest_request));
}

void Exchange::reject(int status, std::string_view text) {
  dialects::Refusal refusal;
  refusal.status = status;
  refusal.text = text;
  if (status != 405) parsed_.conditions.keep_alive = false;
  finish(dialects::refuse(refusal));
}

void Exchange::finish(dialects::Answer answer) {
  const Reply reply = plan(answer, parsed_.conditions);
  host_.count(FERRY_REQUESTS);
  if (reply.status >= 400) host_.count(FERRY_REFUSALS);
  header_size_ = write_header(reply, header_);
  close_ = reply.close;
  break_off_ = answer.break_off;
  body_ = reply.body;
  if (reply.text) {
    text_ = std::move(std::get<std::string>(answer.body));
  } else {
    text_.clear();
  }
  if (!answer.runs.empty()) {
    plugin::Device device = inquiry_.device();
    device.version = answer.runs;
    host_.device_seen(device);
  }
  // No bytes will tell the agent that this device is there, and what it runs.
  if (reply.status == 304 && !mirrored_ && inquiry_.about_artifact())
    host_.device_seen(inquiry_.device());
}

}  // namespace ferry::http
