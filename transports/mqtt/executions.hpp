// The jobs of one thing: what the agent offers it, cut into the jobs that its script knows by name,
// and how far each of them is. Pure: no clock, no host.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "formats/job_messages.hpp"
#include "formats/json.hpp"
#include "transports/mqtt/question.hpp"
#include "transports/transport.hpp"

namespace ferry::things {

// The names by which devices know their jobs, whatever the cloud calls them: an image is one, files
// are another.
inline constexpr std::string_view image_job = "jobfota";
inline constexpr std::string_view files_job = "jobappota";

// An offer as jobs: those of an image and of files that there are, in this order.
struct Work {
  struct Part {
    std::string job;
    formats::Json document;
  };
  std::uint64_t delivery = 0;
  std::string version;  // that the device runs when all of it is done
  std::vector<Part> parts;
};
// `root` is where the device finds artifacts: root/VERSION/NAME; as a stream they have the name of
// their SHA-256. What no job can say (an archive)
// is left out.
Work work_of(const plugin::Offer& offer, std::string_view root);

struct Execution {
  std::string job;
  formats::Json document;
  formats::JobStatus status = formats::JobStatus::queued;
  formats::Json details = formats::Json::object();
  std::uint64_t state = 1;     // versionNumber, grows with each update
  std::uint64_t number = 1;    // executionNumber: the same job may come again with another release
  std::int64_t queued_at = 0;  // seconds of the epoch, this and the following
  std::int64_t updated_at = 0;
  std::optional<std::int64_t> started_at;
};

class Executions {
 public:
  // What is offered now. True when jobs came of it that were not there before.
  bool take(Work work, std::int64_t now);
  // Nothing is offered any more: what has not ended is taken back.
  void clear(std::int64_t now);

  // The one that shall be done now: what was begun comes first. Null when none is left.
  const Execution* pending() const;
  // Null when there is none of that name.
  const Execution* find(std::string_view job) const;
  const std::vector<Execution>& all() const { return executions_; }

  // Whether the update may be made; nothing when it may.
  std::optional<Refused> check(std::string_view job, const Question& update) const;
  // Makes an update that may be made. The failure of one part is that of the delivery: the other is
  // taken back.
  void apply(std::string_view job, const Question& update, std::int64_t now);
  // Begins the one that is pending, if it is queued.
  void start_next(std::int64_t now);

  std::uint64_t delivery() const { return work_.delivery; }
  const std::string& version() const { return work_.version; }
  bool succeeded() const;  // all of them, and there was one
  bool failed() const;     // one of them

 private:
  Execution* known(std::string_view job);
  void set(Execution& execution, formats::JobStatus status, std::int64_t now);

  Work work_;
  std::vector<Execution> executions_;
  std::uint64_t numbers_ = 0;
};

// As AWS writes them: the execution, its line in a list, and its state alone.
formats::Json describe(const Execution& execution, std::string_view thing, bool with_document);
formats::Json summary(const Execution& execution);
formats::Json state_of(const Execution& execution);

}  // namespace ferry::things
