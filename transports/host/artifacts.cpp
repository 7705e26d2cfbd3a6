#include "transports/host/artifacts.hpp"

#include "base/link.hpp"
#include "formats/link_messages.hpp"

namespace ferry::host {
namespace {

std::string packet_of(const formats::link::FromHost& message) {
  const std::string text = formats::link::write(message);
  const link::Header header = link::header_of(0, static_cast<std::uint32_t>(text.size()));
  return std::string(as_text(header)) + text;
}

}  // namespace

Servable::Servable(storage::StoredArtifact stored_artifact)
    : artifact(std::move(stored_artifact)),
      last_words(packet_of(formats::link::Corrupt{
          artifact.pack,
          "pack " + artifact.pack + ": the medium failed while it was being read (SIGBUS)"})) {}

std::optional<std::uint64_t> ArtifactTable::handle_of(const storage::StoredArtifact& artifact) {
  const std::lock_guard lock(mutex_);
  const auto [place, added] = handles_.try_emplace({artifact.pack, artifact.sha256}, 0);
  if (!added) return place->second;
  if (entries_.size() >= most) {
    handles_.erase(place);
    return std::nullopt;
  }
  entries_.emplace_back(artifact);
  place->second = entries_.size();
  return place->second;
}

const Servable* ArtifactTable::find(std::uint64_t handle) const {
  const std::lock_guard lock(mutex_);
  if (handle == 0 || handle > entries_.size()) return nullptr;
  return &entries_[handle - 1];
}

void ArtifactTable::withdraw(const std::string& pack) {
  const std::lock_guard lock(mutex_);
  const auto first = handles_.lower_bound({pack, Sha256()});
  auto last = first;
  for (; last != handles_.end() && last->first.first == pack; ++last) {
    entries_[last->second - 1].withdrawn = true;
  }
  handles_.erase(first, last);
}

}  // namespace ferry::host
