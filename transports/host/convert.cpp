#include "transports/host/convert.hpp"

#include <algorithm>
#include <cstring>

namespace ferry::host {
namespace {

using formats::link::DeviceClaim;

// Whether the caller's struct is long enough to have this field.
#define FERRY_HAS(object, field) \
  ((object)->size >=             \
   offsetof(std::remove_cvref_t<decltype(*(object))>, field) + sizeof((object)->field))

std::string text_of(const char* text) {
  return text == nullptr ? std::string() : std::string(text);
}

formats::link::ImageState image_state_of(int state) {
  if (state == FERRY_IMAGE_CONFIRMED) return formats::link::ImageState::confirmed;
  if (state == FERRY_IMAGE_ON_TRIAL) return formats::link::ImageState::on_trial;
  return formats::link::ImageState::unknown;
}

}  // namespace

Result<DeviceClaim> claim_of(const ferry_device* device) {
  if (device == nullptr || !FERRY_HAS(device, address)) {
    return fail(ErrorCode::invalid, "no device was given");
  }
  DeviceClaim claim;
  claim.id = text_of(device->id);
  claim.product = text_of(device->product);
  claim.version = text_of(device->version);
  claim.address = cut(device->address, formats::link::longest_address);
  claim.proven = FERRY_HAS(device, proven) && device->proven != 0;
  if (FERRY_HAS(device, signal)) {
    claim.image = text_of(device->image);
    claim.staged = text_of(device->staged);
    if (!formats::link::is_image_name(claim.image) || !formats::link::is_image_name(claim.staged)) {
      return fail(ErrorCode::invalid, "a device whose images have no names of hex digits");
    }
    claim.image_state = image_state_of(device->image_state);
    claim.battery = std::clamp(device->battery, -1, 100);
    claim.signal = std::clamp(device->signal, -200, 0);
  }
  claim.version_lasts = FERRY_HAS(device, version_lasts) && device->version_lasts != 0;
  const std::size_t longest = formats::link::longest_id;
  if (claim.id.empty() || !formats::link::is_plain_text(claim.id, longest) ||
      !formats::link::is_plain_text(claim.version, longest) || !formats::is_name(claim.product)) {
    return fail(ErrorCode::invalid, "a device whose id, product or version is no plain short text");
  }
  return claim;
}

Result<std::vector<std::string>> wanted(const char* const* want, std::size_t count) {
  std::vector<std::string> kinds;
  if (count > formats::link::most_digests)
    return fail(ErrorCode::invalid, "too many digests wanted");
  for (std::size_t i = 0; i < count; ++i) {
    kinds.push_back(text_of(want[i]));
    if (!formats::link::is_digest_kind(kinds.back())) {
      return fail(ErrorCode::invalid, "a digest wanted that has no plain short name");
    }
  }
  return kinds;
}

std::string cut(const char* text, std::size_t longest) {
  if (text == nullptr) return {};
  std::string kept(text, ::strnlen(text, longest + 1));
  if (kept.size() > longest) {
    std::size_t end = longest;
    while (end > 0 && (static_cast<unsigned char>(kept[end]) & 0xC0U) == 0x80U) --end;
    kept.resize(end);
  }
  for (char& c : kept) {
    if (static_cast<unsigned char>(c) < 0x20 || c == 0x7f) c = ' ';
  }
  return kept;
}

std::optional<std::uint64_t> handle_of(const formats::link::ServableArtifact& artifact,
                                       ArtifactTable& table) {
  storage::StoredArtifact stored;
  stored.sha256 = artifact.sha256;
  stored.size = artifact.size;
  stored.chunk_root = artifact.chunk_root;
  stored.pack = artifact.pack;
  return table.handle_of(stored);
}

ArtifactStruct::ArtifactStruct(const formats::link::ServableArtifact& artifact,
                               std::uint64_t handle)
    : artifact_(artifact),
      sha256_(artifact.sha256.hex()),
      role_(formats::to_string(artifact.role)) {
  for (const auto& [kind, hex] : artifact_.digests) {
    digests_.push_back({kind.c_str(), hex.c_str()});
  }
  c_.size = sizeof c_;
  c_.handle = handle;
  c_.length = artifact_.size;
  c_.sha256 = sha256_.c_str();
  c_.role = role_.c_str();
  c_.version = artifact_.version.c_str();
  c_.name = artifact_.name.c_str();
  c_.dst_path = artifact_.dst_path.c_str();
  c_.digest_count = digests_.size();
  c_.digests = digests_.data();
}

std::unique_ptr<OfferStruct> OfferStruct::make(formats::link::Offer offer, ArtifactTable& table) {
  std::unique_ptr<OfferStruct> made(new OfferStruct(std::move(offer)));
  for (const formats::link::ServableArtifact& artifact : made->offer_.artifacts) {
    const std::optional<std::uint64_t> handle = handle_of(artifact, table);
    if (!handle) return nullptr;
    made->artifacts_.push_back(std::make_unique<ArtifactStruct>(artifact, *handle));
    made->artifact_array_.push_back(made->artifacts_.back()->c());
  }
  made->fill();
  return made;
}

void OfferStruct::fill() {
  base_sha256_.reserve(offer_.base_files.size());  // the structs point into it
  for (const formats::link::BaseFile& file : offer_.base_files) {
    base_sha256_.push_back(file.sha256.hex());
    base_array_.push_back({file.dst_path.c_str(), base_sha256_.back().c_str()});
  }
  c_.size = sizeof c_;
  c_.delivery = offer_.delivery;
  c_.product = offer_.product.c_str();
  c_.version = offer_.version.c_str();
  c_.from_version = offer_.from_version.empty() ? nullptr : offer_.from_version.c_str();
  c_.artifact_count = artifact_array_.size();
  c_.artifacts = artifact_array_.data();
  c_.base_known = offer_.base_known ? 1 : 0;
  c_.base_count = base_array_.size();
  c_.base_files = base_array_.data();
}

}  // namespace ferry::host
