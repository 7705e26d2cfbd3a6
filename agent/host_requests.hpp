// What transport hosts ask of the agent. Supervisor turns their messages into these calls.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "base/file.hpp"
#include "formats/link_messages.hpp"

namespace ferry::agent {

// Called on the agent's loop. Each `answer` is called exactly once, on the same loop, at once or
// later; a host that is gone by then is no error. `transport` is the NAME of the section.
class HostRequests {
 public:
  using OfferAnswer = std::function<void(formats::link::OfferReply)>;
  using ArtifactAnswer = std::function<void(formats::link::ArtifactReply)>;
  using StepAnswer = std::function<void(formats::link::StepReply)>;
  // A document's descriptor goes with the reply.
  using MirrorAnswer =
      std::function<void(formats::link::MirrorReply, std::vector<Descriptor> descriptors)>;
  using OutcomeAnswer = std::function<void(formats::link::OutcomeReply)>;

  virtual ~HostRequests() = default;
  virtual void seen(const std::string& transport, const formats::link::Seen& message) = 0;
  virtual void offer(const std::string& transport, const formats::link::AskOffer& ask,
                     OfferAnswer answer) = 0;
  virtual void find(const std::string& transport, const formats::link::AskArtifact& ask,
                    ArtifactAnswer answer) = 0;
  virtual void progress(const std::string& transport, const formats::link::Progress& message) = 0;
  virtual void outcome(const std::string& transport, const formats::link::Outcome& message,
                       OutcomeAnswer answer) = 0;
  virtual void next(const std::string& transport, const formats::link::AskStep& ask,
                    StepAnswer answer) = 0;
  virtual void mirror(const std::string& transport, const formats::link::AskMirror& ask,
                      MirrorAnswer answer) = 0;
  // The host has ended: what it had under way is so no more.
  virtual void gone(const std::string& transport) = 0;
  virtual void corrupt(const std::string& transport, const formats::link::Corrupt& message) = 0;
};

}  // namespace ferry::agent
