#include "agent/mirror.hpp"

#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cerrno>
#include <utility>

#include "agent/source/tuf_mirror.hpp"
#include "base/log.hpp"
#include "config/policy_values.hpp"
#include "transports/transport.h"

namespace ferry::agent {
namespace {

using formats::link::MirrorReply;

struct Asked {
  std::string source;
  std::string kind;  // "metadata", "targets"
  std::string rest;
};

std::optional<Asked> taken_apart(const std::string& path) {
  const std::size_t first = path.find('/');
  const std::size_t second = first == path.npos ? path.npos : path.find('/', first + 1);
  if (second == path.npos) return std::nullopt;
  return Asked{path.substr(0, first), path.substr(first + 1, second - first - 1),
               path.substr(second + 1)};
}

struct Answer {
  MirrorReply reply;
  std::vector<Descriptor> descriptors;
};

// In memory alone, and sealed: the host can neither change it nor make it shorter while it reads.
Result<Descriptor> anonymous_file(std::string_view content) {
  Descriptor file(::memfd_create("ferry-mirror", MFD_CLOEXEC | MFD_ALLOW_SEALING));
  if (!file) return fail_errno(errno, "memfd_create");
  while (!content.empty()) {
    const ssize_t put = ::write(file.get(), content.data(), content.size());
    if (put < 0 && errno == EINTR) continue;
    if (put < 0) return fail_errno(errno, "an anonymous file");
    content.remove_prefix(static_cast<std::size_t>(put));
  }
  constexpr int seals = F_SEAL_SEAL | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE;
  if (::fcntl(file.get(), F_ADD_SEALS, seals) != 0) return fail_errno(errno, "F_ADD_SEALS");
  return file;
}

Status find_metadata(storage::TrustStore& trust, const Asked& asked, Answer& answer) {
  if (!asked.rest.ends_with(".json")) return {};  // the mirror's own
  auto found = trust.find(source::roots_of(asked.source), asked.rest);
  if (found && !*found) found = trust.find(source::mirror_of(asked.source), asked.rest);
  if (!found) return fail(found.error());
  if (!*found) return {};
  const std::string& content = (*found)->content;
  Result<Descriptor> file = anonymous_file(content);
  if (!file) return fail(file.error());
  answer.reply.document = formats::link::Document{content.size(), Sha256::of(as_bytes(content))};
  answer.reply.result = FERRY_OK;
  answer.descriptors.push_back(std::move(*file));
  return {};
}

Status find_artifact(storage::TrustStore& trust, const Asked& asked, const catalog::View& view,
                     Answer& answer) {
  const auto index =
      trust.find(source::mirror_of(asked.source), std::string(source::index_document));
  if (!index) return fail(index.error());
  if (!*index) return {};
  const auto sha256 = source::indexed((*index)->content, asked.rest);
  const storage::StoredArtifact* stored = sha256 ? view.artifact(*sha256) : nullptr;
  if (stored == nullptr) return {};
  formats::link::ServableArtifact& artifact = answer.reply.artifact.emplace();
  artifact.role = formats::Role::file;
  artifact.size = stored->size;
  artifact.sha256 = stored->sha256;
  artifact.chunk_root = stored->chunk_root;
  artifact.pack = stored->pack;
  answer.reply.result = FERRY_OK;
  return {};
}

}  // namespace

void Mirror::ask(const std::string& transport, const std::string& path,
                 std::shared_ptr<const catalog::View> view, HostRequests::MirrorAnswer answer) {
  auto found = std::make_shared<Answer>();
  found->reply.result = FERRY_NOT_FOUND;
  const auto asked = taken_apart(path);
  const bool metadata = asked && asked->kind == "metadata";
  const auto allowed = sources_.find(transport);
  if (!asked || (!metadata && asked->kind != "targets") || allowed == sources_.end() ||
      !allowed->second.contains(asked->source)) {
    return answer(std::move(found->reply), {});
  }
  worker_.run(
      [this, asked = *asked, metadata, view = std::move(view), found] {
        storage::TrustStore& trust = store_.trust();
        const Status done = metadata ? find_metadata(trust, asked, *found)
                                     : find_artifact(trust, asked, *view, *found);
        if (done) return;
        log::error("mirror", "{} of source {}: {}", asked.rest, asked.source, done.error().message);
        found->reply.result = FERRY_UNAVAILABLE;
      },
      [found, answer = std::move(answer)] {
        answer(std::move(found->reply), std::move(found->descriptors));
      });
}

Mirror::Sources mirrors_of(const std::vector<config::TransportSettings>& transports) {
  Mirror::Sources sources;
  for (const config::TransportSettings& transport : transports) {
    const auto value = transport.values.find("mirror");
    // Of a plugin of somebody's own the text is as it was written.
    if (value == transport.values.end()) continue;
    const auto names = config::values::Names::parse(value->second);
    if (names) sources[transport.name] = {names->begin(), names->end()};
  }
  return sources;
}

}  // namespace ferry::agent
