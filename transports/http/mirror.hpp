// A request for a part of a source's repository that this gateway passes on, from its path to its
// answer: "/mirror/SOURCE/metadata/…" and "/mirror/SOURCE/targets/…". Which sources those are, and
// what of them is here, is the agent's to say.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "transports/dialects/dialect.hpp"
#include "transports/pull/inquiry.hpp"
#include "transports/transport.hpp"

namespace ferry::http {

// Reused for one request after the other; lives on the plugin's loop. What it answers is never
// kept, since metadata may be another at the next moment.
class MirrorInquiry {
 public:
  MirrorInquiry(const plugin::Host& host, pull::Asker& asker) : host_(host), asker_(asker) {}

  // Whether the path, percent-decoded, belongs to a mirror.
  static bool is_meant(std::string_view path);
  // Asks the host; the asker's answered() comes later, unless drop() or another begin() does first.
  void begin(std::string_view path);
  void drop() { ++*question_; }
  // The agent takes too long.
  dialects::Answer give_up_waiting();
  // After answered(). What it points to lives until the next begin().
  dialects::Answer take_answer();

 private:
  const plugin::Host& host_;
  pull::Asker& asker_;
  std::string path_;
  int result_ = FERRY_UNAVAILABLE;
  plugin::Artifact artifact_;
  // Counts the questions, so that an answer that nobody waits for any more is known.
  std::shared_ptr<std::uint64_t> question_ = std::make_shared<std::uint64_t>(0);
};

}  // namespace ferry::http
