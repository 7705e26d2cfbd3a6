// What a source remembers and tells: its row in the store, its events, and how far it is just now.
#pragma once

#include <mutex>
#include <string>
#include <vector>

#include "agent/source/source.hpp"

namespace ferry::source {

// Thread-safe. The store's row is written at the end of each attempt, and whenever it must not be
// lost.
class Ledger {
 public:
  // Reads the row; a source that is new begins with an empty one.
  Ledger(const Context& context, const std::string& source);

  storage::SourceState state() const;
  Progress progress() const;

  // Fails when what is remembered of the source cannot be read.
  Status attempt_begins();
  // Gives the result on, after having written it down.
  Result<Report> attempt_ends(Result<Report> result);

  // The index `sequence` was accepted; the row is written at once, so that no lower one ever is.
  Status accepted(std::uint64_t sequence);
  // The ETag of an index whose releases are all here; "" when they are not.
  void set_validator(const std::string& validator);

  // The metadata that was checked counts until then; written down with what comes next.
  void trusted_until(Time end);

  // Nothing is fetched now, and why; not written down, since it comes again with each attempt.
  void waits(const std::string& why);
  // It is fetched again.
  void goes_on();
  // Bytes came in over a link with a budget, in the period that began then. Written down now and
  // then, so that a kill forgets little.
  void spent(Time period_begin, std::uint64_t bytes);

  // Something from outside was thrown away: counts it, tells the outbox, writes one log line.
  void rejected(const std::string& what, const std::string& why);

  void artifact_begins(const formats::Release& release, const formats::ReleaseArtifact& artifact,
                       std::uint64_t offset);
  // A piece came in.
  void received(std::size_t length);
  // How much of the artifact there is, where that is not what came in: bytes were thrown away, or
  // made by a patch.
  void artifact_at(std::uint64_t offset);
  void artifact_ends();

  // The events that stand for an admitted release; `checked` says what it was believed for:
  // "signature", "tls", "tuf" or "local".
  std::vector<storage::Event> admission_events(const formats::Release& release,
                                               std::uint64_t bytes_fetched,
                                               std::string_view checked) const;

 private:
  Status recall();
  Status write(const storage::SourceState& state);

  const Context& context_;
  mutable std::mutex mutex_;
  storage::SourceState state_;
  bool recalled_ = false;
  Progress progress_;
  std::uint64_t unwritten_ = 0;  // bytes spent since the row was written
};

}  // namespace ferry::source
