#include "transports/pull/inquiry.hpp"

#include <fmt/format.h>

namespace ferry::pull {
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

bool Inquiry::begin(const dialects::Request& request, const dialects::Site& site) {
  request_ = request;
  site_ = site;
  match_ = dialects::select(profiles_, request_, fallback_);
  if (match_.profile == nullptr) {
    ask_ = dialects::Refusal();
    answer_ = dialects::refuse(no_product(request_.path));
    return true;
  }
  request_.path.remove_prefix(match_.root.size());
  site_.root = match_.root;
  ask_ = dialects::recognize(match_, request_);
  return ask();
}

auto Inquiry::asked() {
  return [current = std::weak_ptr(question_), number = ++*question_] {
    const auto question = current.lock();
    return question && *question == number;
  };
}

bool Inquiry::ask() {
  if (const auto* artifact = std::get_if<dialects::AskArtifact>(&ask_)) {
    identify(artifact->device);
    return ask_artifact(*artifact);
  }
  if (const auto* offer = std::get_if<dialects::AskOffer>(&ask_)) {
    identify(offer->device);
    return ask_offer(*offer);
  }
  answer_ = dialects::refuse(std::get<dialects::Refusal>(ask_));
  return true;
}

void Inquiry::identify(const dialects::Device& device) {
  device_.id = resolver_.device_id(device.id, request_.peer, device.product);
  device_.product = device.product;
  device_.version = device.version;
  if (device_.version.empty() && !device.image.empty()) {
    device_.version = resolver_.version_of(device.product, device.image);
  }
  device_.address = request_.peer;
}

bool Inquiry::ask_artifact(const dialects::AskArtifact& ask) {
  if (const auto* artifact = resolver_.remembered(ask.device.product, ask.version, ask.name)) {
    take_artifact(FERRY_OK, artifact);
    return true;
  }
  resolver_.find(ask.device.product, ask.version, ask.name,
                 [this, waited = asked()](int result, const dialects::Artifact* artifact) {
                   if (!waited()) return;
                   take_artifact(result, artifact);
                   asker_.answered();
                 });
  return false;
}

void Inquiry::take_artifact(int result, const dialects::Artifact* artifact) {
  const auto& ask = std::get<dialects::AskArtifact>(ask_);
  if (artifact != nullptr) {
    answer_ = dialects::answer_artifact(match_, ask, *artifact);
  } else if (result == FERRY_NOT_FOUND) {
    answer_ = dialects::answer_failure(
        match_, ask_, 404,
        fmt::format("{}: product {} has no complete artifact {} of version {} here", request_.path,
                    match_.profile->name, ask.name, ask.version));
  } else {
    answer_ = dialects::answer_failure(match_, ask_, 503,
                                       "the gateway cannot look this up now; ask again later");
  }
}

bool Inquiry::ask_offer(const dialects::AskOffer& ask) {
  const auto taken = [this, waited = asked()](int result, const dialects::Offer* offer) {
    if (!waited()) return;
    take_offer(result, offer);
    asker_.answered();
  };
  resolver_.offer(device_, ask.want, taken);
  return false;
}

void Inquiry::take_offer(int result, const dialects::Offer* offer) {
  if (offer == nullptr && result != FERRY_NOT_FOUND) {
    answer_ = dialects::answer_failure(
        match_, ask_, 503, "the gateway cannot say now what this device should get; ask again");
    return;
  }
  answer_ = dialects::answer_offer(match_, request_, offer, site_);
  if (!answer_.runs.empty()) {
    // From now on this image is as good as a version; the agent is told by the link.
    const dialects::Device& device = std::get<dialects::AskOffer>(ask_).device;
    resolver_.remember_image(device.product, device.image, answer_.runs);
  }
}

void Inquiry::give_up_waiting() {
  drop();
  answer_ = dialects::answer_failure(match_, ask_, 503,
                                     "the gateway's agent does not answer; ask again later");
}

}  // namespace ferry::pull
