#include "transports/pull/resolver.hpp"

namespace ferry::pull {
namespace {

dialects::Artifact converted(const plugin::Artifact& artifact) {
  dialects::Artifact result;
  result.handle = artifact.handle;
  result.length = artifact.length;
  result.sha256 = artifact.sha256;
  result.role = artifact.role;
  result.version = artifact.version;
  result.name = artifact.name;
  result.dst_path = artifact.dst_path;
  result.digests = artifact.digests;
  return result;
}

dialects::Offer converted(const plugin::Offer& offer) {
  dialects::Offer result;
  result.delivery = offer.delivery;
  result.version = offer.version;
  result.from_version = offer.from_version;
  for (const auto& artifact : offer.artifacts) result.artifacts.push_back(converted(artifact));
  result.base_known = offer.base_known;
  for (const auto& file : offer.base_files) {
    result.base_files.push_back({file.dst_path, file.sha256});
  }
  return result;
}

}  // namespace

const std::string& Resolver::key(std::string_view first, std::string_view second,
                                 std::string_view third) {
  // Newlines stand in none of them: control characters are refused in paths.
  key_.assign(first);
  key_ += '\n';
  key_ += second;
  key_ += '\n';
  key_ += third;
  return key_;
}

const dialects::Artifact* Resolver::remembered(std::string_view product, std::string_view version,
                                               std::string_view name) {
  const auto found = artifacts_.find(key(product, version, name));
  return found == artifacts_.end() ? nullptr : &found->second;
}

void Resolver::find(std::string_view product, std::string_view version, std::string_view name,
                    ArtifactCallback callback) {
  const auto answered = [this, key = key(product, version, name), generation = generation_,
                         callback = std::move(callback)](int result,
                                                         const plugin::Artifact* artifact) {
    if (artifact == nullptr) return callback(result, nullptr);
    if (generation != generation_) {
      const dialects::Artifact once = converted(*artifact);
      return callback(result, &once);
    }
    if (artifacts_.size() >= most_artifacts) artifacts_.clear();
    callback(result, &artifacts_.insert_or_assign(key, converted(*artifact)).first->second);
  };
  host_.find(std::string(product), std::string(version), std::string(name), answered);
}

void Resolver::offer(const plugin::Device& device, const std::vector<std::string>& want,
                     OfferCallback callback) {
  host_.offer(device, want,
              [callback = std::move(callback)](int result, const plugin::Offer* offer) {
                if (offer == nullptr) return callback(result, nullptr);
                const dialects::Offer given = converted(*offer);
                callback(result, &given);
              });
}

void Resolver::forget() {
  artifacts_.clear();
  ++generation_;
}

std::string_view Resolver::device_id(std::string_view told, std::string_view peer,
                                     std::string_view product) {
  if (!told.empty()) {
    if (devices_.size() >= most_devices) devices_.clear();
    std::string& kept = devices_[key(peer, product, {})];
    if (kept != told) kept = told;
    return kept;
  }
  const auto found = devices_.find(key(peer, product, {}));
  return found == devices_.end() ? peer : std::string_view(found->second);
}

std::string_view Resolver::version_of(std::string_view product, std::string_view image) {
  const auto found = images_.find(key(product, image, {}));
  return found == images_.end() ? std::string_view() : found->second;
}

void Resolver::remember_image(std::string_view product, std::string_view image,
                              std::string_view version) {
  if (images_.size() >= most_images) images_.clear();
  images_[key(product, image, {})] = version;
}

}  // namespace ferry::pull
