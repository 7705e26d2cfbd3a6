// One request and its answer, without the socket: which product it belongs to, what its dialect
// needs from the agent, and the header and body that come of it.
#pragma once

#include <array>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>

#include "transports/http/reply.hpp"
#include "transports/http/request.hpp"
#include "transports/http/resolver.hpp"
#include "transports/http/settings.hpp"

namespace ferry::http {

// Told when an answer has come that begin() could not give at once.
class Asker {
 public:
  virtual void answered() = 0;

 protected:
  ~Asker() = default;
};

// Reused for one request after the other; it outlives every question it asks.
class Exchange {
 public:
  Exchange(const Settings& settings, const plugin::Host& host, Resolver& resolver, Asker& asker)
      : settings_(settings), host_(host), resolver_(resolver), asker_(asker) {}

  // Takes up a request. `block` is its complete header block; it and `peer` stay as they are until
  // there is an answer. True: the answer is there; false: answered() will come.
  bool begin(std::span<char> block, std::string_view peer, std::uint16_t port);
  // A request whose header block is too long to be taken up.
  void reject_oversized();
  // The agent takes too long: answers 503 at once.
  void give_up_waiting();
  // The connection is gone: an answer still to come is for nobody.
  void drop() { ++question_; }

  std::string_view header() const { return {header_.data(), header_size_}; }
  const std::string& text() const { return text_; }
  const dialects::Body& body() const { return body_; }
  std::uint64_t body_size() const { return text_.size() + body_.size(); }
  bool close() const { return close_; }
  bool break_off() const { return break_off_; }
  const plugin::Device& device() const { return device_; }

 private:
  void reject(int status, std::string_view text);
  bool ask();
  bool ask_artifact(const dialects::AskArtifact& ask);
  bool ask_offer(const dialects::AskOffer& ask);
  void take_offer(int result, const dialects::Offer* offer);
  void take_artifact(int result, const dialects::Artifact* artifact);
  void identify(const dialects::Device& device);
  void finish(dialects::Answer answer);

  const Settings& settings_;
  const plugin::Host& host_;
  Resolver& resolver_;
  Asker& asker_;

  ParsedRequest parsed_;
  std::string_view peer_;
  std::uint16_t port_ = 0;
  dialects::Request request_;
  dialects::Match match_;
  dialects::Ask ask_;
  plugin::Device device_;
  std::uint64_t question_ = 0;  // the one an answer must belong to

  std::array<char, longest_header> header_{};
  std::size_t header_size_ = 0;
  std::string text_;
  dialects::Body body_;
  bool close_ = true;
  bool break_off_ = false;
};

}  // namespace ferry::http
