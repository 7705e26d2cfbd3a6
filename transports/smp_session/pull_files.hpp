// What devices may fetch over SMP: the names that the dialects serve, over whichever link.
#pragma once

#include <cstdint>
#include <list>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "transports/pull/inquiry.hpp"
#include "transports/smp/server.hpp"
#include "transports/smp_session/carrier.hpp"

namespace ferry::smp_session {

// Whose devices are served; lives as long as the sessions.
struct PullSettings {
  const std::vector<dialects::Profile>& profiles;
  const std::string& product;  // "" names tell it
};

// On the loop's thread.
class PullFiles final : public smp::Files {
 public:
  // Bytes of an artifact.
  struct Piece {
    plugin::Device device;
    std::uint64_t handle = 0;  // the host's
    std::uint64_t offset = 0;
    std::uint64_t length = 0;
  };

  // `peer` is the link's name for the device. `answered` is called after a question of open() was
  // answered late.
  PullFiles(Service& service, const PullSettings& settings, std::string peer,
            std::function<void()> answered);
  ~PullFiles() override;

  void open(std::string_view name, OpenCallback done) override;
  Status read(std::uint64_t handle, std::uint64_t offset, std::span<std::byte> out) override;
  void close(std::uint64_t handle) override;

  // Answers what the agent has left open for too long. When to call it next, if at all.
  std::optional<smp::TimePoint> expire(smp::TimePoint now);
  // What of an artifact stands at that place of an open content; nothing in made-up text.
  std::optional<Piece> piece(std::uint64_t handle, std::uint64_t offset,
                             std::uint64_t length) const;

 private:
  struct Content {
    std::string text;
    dialects::Body body;
    plugin::Device device;
  };
  struct Opening;

  void finish(Opening& opening);

  Service& service_;
  const PullSettings settings_;
  const std::string peer_;
  std::function<void()> answered_;
  std::list<std::unique_ptr<Opening>> openings_;
  std::map<std::uint64_t, Content> contents_;
  std::uint64_t next_handle_ = 1;
};

}  // namespace ferry::smp_session
