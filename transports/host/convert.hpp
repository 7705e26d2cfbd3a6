// Between the structs of transport.h and the messages to and from the agent.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "base/result.hpp"
#include "formats/link_messages.hpp"
#include "transports/host/artifacts.hpp"
#include "transports/transport.h"

namespace ferry::host {

// A copy of what a plugin says of a device; ErrorCode::invalid when the agent would not accept it.
Result<formats::link::DeviceClaim> claim_of(const ferry_device* device);
Result<std::vector<std::string>> wanted(const char* const* want, std::size_t count);
// Cut to `longest` bytes, at a character's border; NULL becomes "".
std::string cut(const char* text, std::size_t longest);

// An artifact as C structs, with the strings behind them. Not to be moved once made.
class ArtifactStruct {
 public:
  ArtifactStruct(const formats::link::ServableArtifact& artifact, std::uint64_t handle);
  ArtifactStruct(const ArtifactStruct&) = delete;
  ArtifactStruct& operator=(const ArtifactStruct&) = delete;
  const ferry_artifact& c() const { return c_; }

 private:
  formats::link::ServableArtifact artifact_;
  std::string sha256_;
  std::string role_;
  std::vector<ferry_digest> digests_;
  ferry_artifact c_{};
};

class OfferStruct {
 public:
  // Null when the table of artifacts is full.
  static std::unique_ptr<OfferStruct> make(formats::link::Offer offer, ArtifactTable& table);
  OfferStruct(const OfferStruct&) = delete;
  OfferStruct& operator=(const OfferStruct&) = delete;
  const ferry_offer& c() const { return c_; }

 private:
  explicit OfferStruct(formats::link::Offer offer) : offer_(std::move(offer)) {}
  void fill();

  formats::link::Offer offer_;
  std::vector<std::unique_ptr<ArtifactStruct>> artifacts_;
  std::vector<ferry_artifact> artifact_array_;
  std::vector<std::string> base_sha256_;
  std::vector<ferry_base_file> base_array_;
  ferry_offer c_{};
};

// The handle for what the agent told of.
std::optional<std::uint64_t> handle_of(const formats::link::ServableArtifact& artifact,
                                       ArtifactTable& table);

}  // namespace ferry::host
