#include "transports/http/exchange.hpp"

#include <fmt/format.h>

namespace ferry::http {
namespace {

dialects::Refusal no_product(std::string_view path) {
  dialects::Refusal refusal;
  refusal.text = fmt::format(
      "{}: no product is known by this path, nor by this device's query, headers or address; "
      "products are at /NAME, see [product.NAME] and the transport's product = in the gateway's "
      "ferry.ini",
      path);
  return refusal;
}

}  // namespace

bool Exchange::begin(std::span<char> block, std::string_view peer, std::uint16_t port) {
  peer_ = peer;
  port_ = port;
  std::string_view why;
  const int status = parse_request(block, parsed_, why);
  if (status != 0) {
    reject(status, why);
    return true;
  }
  request_.path = parsed_.path;
  request_.query = parsed_.parameters();
  request_.headers = parsed_.headers();
  request_.peer = peer;
  match_ = dialects::select(settings_.profiles, request_, settings_.product);
  if (match_.profile == nullptr) {
    finish(dialects::refuse(no_product(request_.path)));
    return true;
  }
  request_.path.remove_prefix(match_.root.size());
  ask_ = dialects::recognize(match_, request_);
  return ask();
}

bool Exchange::ask() {
  if (const auto* artifact = std::get_if<dialects::AskArtifact>(&ask_)) {
    identify(artifact->device);
    return ask_artifact(*artifact);
  }
  if (const auto* offer = std::get_if<dialects::AskOffer>(&ask_)) {
    identify(offer->device);
    return ask_offer(*offer);
  }
  finish(dialects::refuse(std::get<dialects::Refusal>(ask_)));
  return true;
}

void Exchange::identify(const dialects::Device& device) {
  device_.id = resolver_.device_id(device.id, peer_, device.product);
  device_.product = device.product;
  device_.version = device.version;
  device_.address = peer_;
}

bool Exchange::ask_artifact(const dialects::AskArtifact& ask) {
  if (const auto* artifact = resolver_.remembered(ask.device.product, ask.version, ask.name)) {
    take_artifact(FERRY_OK, artifact);
    return true;
  }
  const std::uint64_t question = ++question_;
  resolver_.find(ask.device.product, ask.version, ask.name,
                 [this, question](int result, const dialects::Artifact* artifact) {
                   if (question != question_) return;
                   take_artifact(result, artifact);
                   asker_.answered();
                 });
  return false;
}

void Exchange::take_artifact(int result, const dialects::Artifact* artifact) {
  const auto& ask = std::get<dialects::AskArtifact>(ask_);
  if (artifact != nullptr) return finish(dialects::answer_artifact(match_, ask, *artifact));
  if (result == FERRY_NOT_FOUND) {
    return finish(dialects::answer_failure(
        match_, ask_, 404,
        fmt::format("{}: product {} has no complete artifact {} of version {} here", request_.path,
                    match_.profile->name, ask.name, ask.version)));
  }
  finish(dialects::answer_failure(match_, ask_, 503,
                                  "the gateway cannot look this up now; ask again later"));
}

bool Exchange::ask_offer(const dialects::AskOffer& ask) {
  const std::uint64_t question = ++question_;
  resolver_.offer(device_, ask.want, [this, question](int result, const dialects::Offer* offer) {
    if (question != question_) return;
    take_offer(result, offer);
    asker_.answered();
  });
  return false;
}

void Exchange::take_offer(int result, const dialects::Offer* offer) {
  if (offer == nullptr && result != FERRY_NOT_FOUND) {
    return finish(dialects::answer_failure(
        match_, ask_, 503, "the gateway cannot say now what this device should get; ask again"));
  }
  dialects::Site site;
  site.host = parsed_.host;
  site.port = port_;
  site.root = match_.root;
  finish(dialects::answer_offer(match_, request_, offer, site));
}

void Exchange::give_up_waiting() {
  drop();
  finish(dialects::answer_failure(match_, ask_, 503,
                                  "the gateway's agent does not answer; ask again later"));
}

void Exchange::reject_oversized() {
  parsed_.conditions = {};
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
  header_size_ = write_header(reply, header_);
  close_ = reply.close;
  break_off_ = answer.break_off;
  body_ = reply.body;
  if (reply.text) {
    text_ = std::move(std::get<std::string>(answer.body));
  } else {
    text_.clear();
  }
  // No bytes will tell the agent that this device is there, and what it runs.
  if (reply.status == 304 && std::holds_alternative<dialects::AskArtifact>(ask_)) {
    host_.device_seen(device_);
  }
}

}  // namespace ferry::http
