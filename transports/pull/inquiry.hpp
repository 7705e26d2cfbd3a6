// One request of a device and its answer, without the link: which product it belongs to, what its
// dialect needs from the agent, and the answer that comes of it.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "transports/dialects/dialect.hpp"
#include "transports/pull/resolver.hpp"

namespace ferry::pull {

// Told when an answer has come that begin() could not give at once.
class Asker {
 public:
  // What the answer points to lives during this call, unless it was begin() that gave it.
  virtual void answered() = 0;

 protected:
  ~Asker() = default;
};

// Lives on the plugin's loop. Reused for one request after the other; an answer that comes when it
// is gone is for nobody.
class Inquiry {
 public:
  // `fallback` is the product of requests that no product's match_ keys fit; "" none.
  Inquiry(const std::vector<dialects::Profile>& profiles, const std::string& fallback,
          Resolver& resolver, Asker& asker)
      : profiles_(profiles), fallback_(fallback), resolver_(resolver), asker_(asker) {}
  Inquiry(const Inquiry&) = delete;
  Inquiry& operator=(const Inquiry&) = delete;

  // Takes up a request. What `request` and `site` (its root is filled here) point to stays as it is
  // until there is an answer. True: the answer is there; false: answered() will come.
  bool begin(const dialects::Request& request, const dialects::Site& site);
  // The agent takes too long: the answer is a failure, at once.
  void give_up_waiting();
  // Nobody waits any more: an answer still to come is for nobody.
  void drop() { ++*question_; }

  // The answer; once.
  dialects::Answer take_answer() { return std::move(answer_); }
  // Whether it is about bytes that a name stands for, not about an offer.
  bool about_artifact() const { return std::holds_alternative<dialects::AskArtifact>(ask_); }
  // Who asked; as of the last request that belonged to a product.
  const plugin::Device& device() const { return device_; }

 private:
  // Whether an answer to the present question may still be taken, now or later.
  auto asked();
  bool ask();
  bool ask_artifact(const dialects::AskArtifact& ask);
  bool ask_offer(const dialects::AskOffer& ask);
  void take_offer(int result, const dialects::Offer* offer);
  void take_artifact(int result, const dialects::Artifact* artifact);
  void identify(const dialects::Device& device);

  const std::vector<dialects::Profile>& profiles_;
  const std::string& fallback_;
  Resolver& resolver_;
  Asker& asker_;

  dialects::Request request_;
  dialects::Site site_;
  dialects::Match match_;
  dialects::Ask ask_;
  plugin::Device device_;
  dialects::Answer answer_;
  // The question that an answer must belong to. Questions on their way know it as long as it lives.
  std::shared_ptr<std::uint64_t> question_ = std::make_shared<std::uint64_t>(0);
};

}  // namespace ferry::pull
