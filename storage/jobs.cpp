#include "storage/jobs.hpp"

#include "formats/job_messages.hpp"
#include "formats/json.hpp"

namespace ferry::storage {
namespace {

using formats::JobStatus;

constexpr std::size_t longest_job_text = 4096;

// A cloud that never acknowledges must not fill the disk.
Status drop_excess_reports(Database& database, std::uint64_t limit) {
  const auto waiting = database.number("SELECT count(*) FROM job_report");
  if (!waiting) return fail(waiting.error());
  const std::int64_t excess = *waiting - static_cast<std::int64_t>(limit);
  if (excess <= 0) return {};
  Status done = database.run(
      "DELETE FROM job_report WHERE sequence IN (SELECT sequence FROM job_report ORDER BY sequence"
      " LIMIT ?1)",
      excess);
  if (!done) return done;
  return database.run("UPDATE counter SET value = value + ?1 WHERE name = 'job_reports_dropped'",
                      excess);
}

Status add_report(Database& database, const Job& job, const JobOutcome& outcome,
                  std::uint64_t limit) {
  formats::Json details = {{"step", outcome.step}};
  if (!outcome.reason.empty()) details["reason"] = formats::job_detail(outcome.reason);
  Status done = database.run(
      "INSERT INTO job_report (source, thing, job, status, details, ended) VALUES (?1, ?2, ?3, ?4,"
      " ?5, ?6)",
      job.source, job.thing, job.job, formats::to_string(outcome.status), formats::to_text(details),
      to_unix_ms(outcome.at));
  return done ? drop_excess_reports(database, limit) : done;
}

Status remove_row(Database& database, const Job& job) {
  return database.run("DELETE FROM job WHERE source = ?1 AND thing = ?2 AND job = ?3", job.source,
                      job.thing, job.job);
}

Status end_within(Database& database, const Job& job, const JobOutcome& outcome,
                  ReportCount& count) {
  ++count.added;
  Status done = add_report(database, job, outcome, count.limit);
  return done ? remove_row(database, job) : done;
}

Job job_from(const Statement& row) {
  return {row.text(0), row.text(1), row.text(2),        row.text(3),
          row.text(4), row.text(5), row.integer(6) == 1};
}

Result<std::vector<Job>> read_jobs(Result<Statement> rows) {
  std::vector<Job> jobs;
  if (!rows) return fail(rows.error());
  for (;;) {
    const Result<bool> row = rows->step();
    if (!row) return fail(row.error());
    if (!*row) return jobs;
    jobs.push_back(job_from(*rows));
  }
}

Result<std::vector<Job>> jobs_of(Database& database, const std::string& product,
                                 const std::string& device, const std::string& version) {
  return read_jobs(
      database.prepare("SELECT source, thing, job, product, device, version, held"
                       " FROM job WHERE product = ?1 AND device = ?2 AND version = ?3",
                       product, device, version));
}

Status end_all(Database& database, const Result<std::vector<Job>>& jobs, const JobOutcome& outcome,
               ReportCount& count) {
  if (!jobs) return fail(jobs.error());
  for (const Job& job : *jobs) {
    if (Status done = end_within(database, job, outcome, count); !done) return done;
  }
  return {};
}

}  // namespace

Status conclude_jobs(Database& database, const Delivery& delivery, ReportCount& count) {
  JobOutcome outcome{JobStatus::failed, std::string(to_string(delivery.state)), "",
                     delivery.updated};
  switch (delivery.state) {
    case DeliveryState::installed:
      outcome.status = JobStatus::succeeded;
      break;
    case DeliveryState::failed:
    case DeliveryState::rolled_back:
    case DeliveryState::cancelled:
      outcome.reason = delivery.cause + (delivery.detail.empty() ? "" : ": " + delivery.detail);
      break;
    default:  // it goes on, or nobody can say: the device may still show up with the version
      return {};
  }
  return end_all(database, jobs_of(database, delivery.product, delivery.device, delivery.version),
                 outcome, count);
}

Status conclude_jobs(Database& database, const Device& device, ReportCount& count) {
  return end_all(database, jobs_of(database, device.product, device.id, device.version),
                 {JobStatus::succeeded, "installed", "", device.last_seen}, count);
}

Status count_reports(Database& database, Usage& usage) {
  const auto dropped =
      database.number("SELECT value FROM counter WHERE name = 'job_reports_dropped'");
  if (!dropped) return fail(dropped.error());
  usage.reports_dropped = static_cast<std::uint64_t>(*dropped);
  // SQLite takes `ended` from the row of the lowest sequence (lang_select.html, bare columns).
  auto rows = database.prepare(
      "SELECT source, count(*), ended, min(sequence) FROM job_report GROUP BY source");
  if (!rows) return fail(rows.error());
  for (;;) {
    const Result<bool> row = rows->step();
    if (!row) return fail(row.error());
    if (!*row) return {};
    usage.reports[rows->text(0)] = {rows->count(1), from_unix_ms(rows->integer(2))};
  }
}

Result<std::vector<Job>> CatalogJobs::open(const std::string& source) {
  std::vector<Job> jobs;
  const Status done = catalog_.read([&](Database& database) -> Status {
    auto read = read_jobs(database.prepare(
        "SELECT source, thing, job, product, device, version, held FROM job WHERE source = ?1",
        source));
    if (!read) return fail(read.error());
    jobs = std::move(*read);
    return {};
  });
  if (!done) return fail(done.error());
  return jobs;
}

Status CatalogJobs::put(const Job& job) {
  if (job.device.size() > longest_job_text || job.version.size() > longest_job_text) {
    return fail(ErrorCode::too_large, "a text is longer than 4096 bytes");
  }
  return catalog_.write([&](Database& database) {
    Status done =
        database.run("INSERT OR REPLACE INTO job VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)", job.source,
                     job.thing, job.job, job.product, job.device, job.version, job.held);
    if (!done || job.device.empty()) return done;
    const auto seen = database.number(
        "SELECT last_seen FROM device WHERE product = ?1 AND id = ?2 AND version = ?3", job.product,
        job.device, job.version);
    if (!seen && seen.error().code == ErrorCode::not_found) return done;
    if (!seen) return Status(fail(seen.error()));
    return end_within(database, job, {JobStatus::succeeded, "installed", "", from_unix_ms(*seen)},
                      count_);
  });
}

Status CatalogJobs::remove(const Job& job) {
  return catalog_.write([&](Database& database) { return remove_row(database, job); });
}

Status CatalogJobs::end(const Job& job, const JobOutcome& outcome) {
  return catalog_.write(
      [&](Database& database) { return end_within(database, job, outcome, count_); });
}

Result<std::vector<JobReport>> CatalogJobs::reports(const std::string& source, std::size_t limit) {
  std::vector<JobReport> reports;
  const Status done = catalog_.read([&](Database& database) -> Status {
    auto rows = database.prepare(
        "SELECT sequence, thing, job, status, details FROM job_report WHERE source = ?1"
        " ORDER BY sequence LIMIT ?2",
        source, static_cast<std::uint64_t>(limit));
    if (!rows) return fail(rows.error());
    for (;;) {
      const Result<bool> row = rows->step();
      if (!row) return fail(row.error());
      if (!*row) return {};
      reports.push_back({rows->count(0), rows->text(1), rows->text(2),
                         formats::job_status(rows->text(3)), rows->text(4)});
    }
  });
  if (!done) return fail(done.error());
  return reports;
}

Status CatalogJobs::reported(std::uint64_t sequence) {
  return catalog_.write([&](Database& database) {
    return database.run("DELETE FROM job_report WHERE sequence = ?1", sequence);
  });
}

}  // namespace ferry::storage
