// One request and its answer, without the socket: what was asked, and the header and body that come
// of the dialect's answer.
#pragma once

#include <array>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>

#include "transports/http/mirror.hpp"
#include "transports/http/reply.hpp"
#include "transports/http/request.hpp"
#include "transports/http/settings.hpp"
#include "transports/pull/inquiry.hpp"

namespace ferry::http {

// Reused for one request after the other; it outlives every question it asks.
class Exchange final : private pull::Asker {
 public:
  Exchange(const Settings& settings, const plugin::Host& host, pull::Resolver& resolver,
           pull::Asker& asker)
      : host_(host),
        asker_(asker),
        inquiry_(settings.profiles, settings.product, resolver, *this),
        mirror_(host, *this),
        has_mirror_(settings.mirror) {}

  // Takes up a request. `block` is its complete header block; it and `peer` stay as they are until
  // there is an answer. True: the answer is there; false: answered() will come.
  bool begin(std::span<char> block, std::string_view peer, std::uint16_t port);
  // A request whose header block is too long to be taken up.
  void reject_oversized();
  // The agent takes too long: answers 503 at once.
  void give_up_waiting();
  // The connection is gone: an answer still to come is for nobody.
  void drop() {
    inquiry_.drop();
    mirror_.drop();
  }

  std::string_view header() const { return {header_.data(), header_size_}; }
  const std::string& text() const { return text_; }
  const dialects::Body& body() const { return body_; }
  // Whether the answer is for a device, so that what arrives of it counts.
  bool for_device() const { return !mirrored_; }
  std::uint64_t body_size() const { return text_.size() + body_.size(); }
  bool close() const { return close_; }
  bool break_off() const { return break_off_; }
  const plugin::Device& device() const { return inquiry_.device(); }

 private:
  void answered() override;
  void reject(int status, std::string_view text);
  void finish(dialects::Answer answer);

  const plugin::Host& host_;
  pull::Asker& asker_;
  pull::Inquiry inquiry_;
  MirrorInquiry mirror_;
  const bool has_mirror_;
  bool mirrored_ = false;  // the request under way is for the mirror
  ParsedRequest parsed_;

  std::array<char, longest_header> header_{};
  std::size_t header_size_ = 0;
  std::string text_;
  dialects::Body body_;
  bool close_ = true;
  bool break_off_ = false;
};

}  // namespace ferry::http
