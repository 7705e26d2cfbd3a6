// The store: catalog.db and the folders of packs beside it. The agent is its only user.
//
//   catalog.db    releases, artifacts, packs, sources, devices, deliveries, outbox (WAL, FULL)
//   incoming/     open packs
//   packs/        sealed packs; all that a transport host may see
//   quarantine/   sealed packs in which a chunk did not match its SHA-256
#pragma once

#include <cstdint>
#include <filesystem>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "base/clock.hpp"
#include "base/result.hpp"
#include "formats/job_messages.hpp"
#include "formats/release.hpp"
#include "storage/pack.hpp"

namespace ferry::storage {

// An event worth keeping: it waits in the outbox until the broker acknowledged it.
struct Event {
  std::uint64_t sequence = 0;  // given by the outbox, grows by one, never used twice
  Time at{};                   // time of origin
  std::string kind;    // fetched, verified, rejected, delivered, installed, failed, evicted, …
  std::string detail;  // JSON object, small
};

// A release that is complete in the store, with the place of each artifact's bytes.
struct HeldRelease {
  formats::Release release;
  std::string source;
  Time admitted{};
  bool complete = true;  // false: some bytes are quarantined or evicted; not offered
  // Version of the trusted document "snapshot" of its source that names it; 0 where there is none.
  // Of use to admit() alone.
  std::uint64_t snapshot = 0;
};

struct Device {
  std::string id;
  std::string product;
  std::string version;  // as it said last; "" unknown
  std::string transport;
  std::string address;
  Time last_seen{};
  std::string channel;           // "" = the product's
  std::string assigned_version;  // "" = newest
  bool downgrade = false;        // an operator agreed that assigned_version is below the device's
  bool proven = false;           // false: its claims rest on its word alone
};

// Where a delivery stands; agent/delivery/transitions.hpp says what leads from one to another.
enum class DeliveryState {
  waiting,       // something is in its way: the time, the device, an operator
  scheduled,     // its transfer is with a transport, no byte has arrived yet
  transferring,  // bytes arrive; the state of what is pulled from the offer on
  transferred,   // all of it is on the device
  activated,     // the device was told to start it
  confirming,    // the device is told to keep it
  installed,     // the device runs it for good
  failed,
  rolled_back,  // the device started it and went back to what it had
  cancelled,
  unknown  // nobody can say how it ended
};
inline constexpr std::size_t delivery_states = 11;
std::string_view to_string(DeliveryState state);

// Whether the device asks for it or is told.
enum class DeliveryMode { pull, push };
std::string_view to_string(DeliveryMode mode);

struct Delivery {
  std::uint64_t id = 0;  // 0 = not stored yet
  std::string device;
  std::string product;
  std::string from_version;
  std::string version;
  std::string transport;
  DeliveryState state = DeliveryState::transferring;
  std::uint64_t bytes_done = 0;
  std::uint64_t bytes_total = 0;
  Time started{};
  Time updated{};  // when the state changed or bytes arrived, as far as that was kept
  std::string detail;
  DeliveryMode mode = DeliveryMode::pull;
  std::uint64_t attempts = 0;  // that failed since the start, or since an operator said retry
  Time not_before{};           // the next attempt waits until then
  bool paused = false;         // by an operator, until resumed
  bool forced = false;         // an operator wants it now, whatever the policy says
  bool may_install = false;    // an operator's word that what was transferred may be started
  std::string cause;           // why it ended, or failed last, as a word for scripts; "" none
  std::string image;           // how the device will name what it brings; "" when it names none
};

// How a release spreads among the devices of its product.
struct Rollout {
  std::string product;
  std::string version;
  Time settled{};              // when every delivery of the first group had ended; Time{} not yet
  bool open = false;           // everybody may have it
  std::uint64_t failures = 0;  // that count towards stopping it
  Time stopped{};              // Time{} it is not
  std::string why;             // it was stopped
};

// What a source remembers between runs.
struct SourceState {
  std::string name;
  Time last_success{};
  Time last_attempt{};
  std::string last_error;      // "" after a success
  std::string validator;       // ETag of index.json
  std::uint64_t sequence = 0;  // highest index sequence accepted
  std::uint64_t bytes_fetched = 0;
  std::uint64_t rejected = 0;      // wrong signatures, hashes and documents thrown away
  Time period_begin{};             // of the budget's period that was fetched in last
  std::uint64_t period_bytes = 0;  // that came in during it
  Time trusted_until{};            // the end of the metadata checked last; Time{} it has none
};

// What a source was told and found signed, byte for byte.
struct TrustedDocument {
  std::string name;
  std::uint64_t version = 0;
  std::string content;
};

// What a cloud wants a thing of its to run: a device behind the gateway, or without one whatever
// devices of the product there are.
struct Job {
  std::string source;
  std::string thing;
  std::string job;  // its id
  std::string product;
  std::string device;  // "" the release being here is all
  std::string version;
  bool held = false;  // the release is here
};

// How a job ended, as the cloud is told.
struct JobOutcome {
  formats::JobStatus status = formats::JobStatus::succeeded;
  std::string step;
  std::string reason;  // for people; "" none
  Time at{};
};

struct JobReport {
  std::uint64_t sequence = 0;
  std::string thing;
  std::string job;
  formats::JobStatus status = formats::JobStatus::succeeded;
  std::string details;  // JSON object of texts
};

// What becomes of the documents of one source, or of a part of it: each takes the place of the one
// of its name. With `only`, documents that are not named there go.
struct TrustChange {
  std::string source;
  std::vector<TrustedDocument> documents;
  std::optional<std::set<std::string>> only;
};

// Releases and the bytes behind them. Thread-safe (one lock around the database).
class ReleaseStore {
 public:
  virtual ~ReleaseStore() = default;
  // One transaction: the packs' rows, the release, the events. Afterwards, and only then, it is
  // servable. Admitting the same again is no error, and heals a release that lost artifacts; the
  // same product and version with other artifacts, in any channel, is ErrorCode::exists; an
  // artifact that is neither sealed nor held is ErrorCode::invalid. One whose `snapshot` is not the
  // trusted document of its source at that moment is ErrorCode::changed. An artifact held already
  // stays where it is; a pack in which nothing is new is removed. After a failure that may pass
  // (disk_full, read_only, io) the packs are open packs again, which incoming() resumes without
  // fetching a byte.
  virtual Status admit(const HeldRelease& release, const std::vector<StoredArtifact>& sealed,
                       const std::vector<Event>& events) = 0;
  // Deletes packs that were sealed and whose release is not to be admitted after all.
  virtual void discard(const std::vector<StoredArtifact>& sealed) = 0;
  virtual Result<std::vector<HeldRelease>> all() = 0;
  // Every artifact whose bytes are whole and servable now.
  virtual Result<std::vector<StoredArtifact>> artifacts() = 0;
  virtual Result<std::optional<StoredArtifact>> find(const Sha256& sha256) = 0;
  // A digest other than SHA-256, computed from verified bytes once and kept. `kind` is "sha1",
  // "md5" or "sha256", optionally followed by "+N" (N bytes 0xFF appended) and "-M" (the last M
  // bytes left out); or "mcuboot", the hash that an MCUboot image carries, "" when it is none.
  virtual Result<std::string> digest(const Sha256& sha256, const std::string& kind) = 0;
  // Takes a bad pack out: its artifacts are gone, its file moved to quarantine/, which keeps the
  // newest few.
  virtual Status quarantine(const std::string& pack, const std::string& why) = 0;
  // Removes a release, and each pack that no other release needs; from then on it is left out.
  virtual Status evict(const formats::Release& release, const std::string& why) = 0;
  // Notes that a release that is not held is not to be fetched, until it is admitted all the same.
  // The newest ten thousand are remembered.
  virtual Status leave_out(const formats::Release& release) = 0;
  // Product, version and channel of those that were evicted or left out.
  virtual Result<std::vector<formats::Release>> left_out() = 0;
};

// Devices, deliveries and what sources remember. Thread-safe.
class FleetStore {
 public:
  virtual ~FleetStore() = default;
  virtual Status put(const Device& device) = 0;
  // All in one transaction.
  virtual Status put(const std::vector<Device>& devices) = 0;
  virtual Result<std::vector<Device>> devices() = 0;
  // Inserts (id 0) or updates, together with its events and, where it changed by this, how its
  // release spreads; gives the id.
  virtual Result<std::uint64_t> put(const Delivery& delivery, const std::vector<Event>& events,
                                    const std::optional<Rollout>& rollout = {}) = 0;
  virtual Result<std::vector<Delivery>> deliveries(std::size_t newest) = 0;
  virtual Status put(const SourceState& state) = 0;
  virtual Result<SourceState> source(const std::string& name) = 0;
};

// A device that was woken, and what counts against the budgets of it and of the gateway.
struct WakeUp {
  std::string product;
  std::string device;
  std::string version;         // what it was woken for last
  std::uint64_t attempts = 0;  // wake-ups for that version since the device was last away
  bool shown = false;          // it showed itself after them
  std::vector<Time> sent;      // when, oldest first; only what may still count
};

// What sources trust between runs, so that they believe nothing older. Thread-safe.
class TrustStore {
 public:
  virtual ~TrustStore() = default;
  virtual Result<std::optional<TrustedDocument>> find(const std::string& source,
                                                      const std::string& name) = 0;
  // All in one transaction.
  virtual Status put(const std::vector<TrustChange>& changes) = 0;
  // The newest time that was trusted; 1970 when none was kept.
  virtual Result<Time> time_floor() = 0;
  virtual Status put_time_floor(Time floor) = 0;
};

// How releases spread. Thread-safe.
class RolloutStore {
 public:
  virtual ~RolloutStore() = default;
  virtual Result<std::vector<Rollout>> all() = 0;
  // Inserts or updates, together with its events.
  virtual Status put(const Rollout& rollout, const std::vector<Event>& events) = 0;
};

// What operators said that outlives a restart. Thread-safe.
class OperatorStore {
 public:
  virtual ~OperatorStore() = default;
  // Product and version of the releases that eviction never takes.
  virtual Result<std::set<std::pair<std::string, std::string>>> pins() = 0;
  virtual Status pin(const std::string& product, const std::string& version, bool pinned) = 0;
  // The highest sequence number of this key's commands that was kept; 0 for none.
  virtual Result<std::uint64_t> command_sequence(const std::string& key) = 0;
  // Never goes down: a lower one is ErrorCode::denied.
  virtual Status keep_command_sequence(const std::string& key, std::uint64_t sequence) = 0;
};

// Jobs and what has to be told of them. A job that ends goes, and its report comes, in one
// transaction: by end(), or together with the delivery or the device that ends it. Thread-safe.
class JobStore {
 public:
  virtual ~JobStore() = default;
  virtual Result<std::vector<Job>> open(const std::string& source) = 0;
  // Takes the place of the thing's earlier one. Ends at once when the device runs the version.
  virtual Status put(const Job& job) = 0;
  virtual Status remove(const Job& job) = 0;
  virtual Status end(const Job& job, const JobOutcome& outcome) = 0;
  // The oldest, in order. The newest report_limit of all sources are kept.
  virtual Result<std::vector<JobReport>> reports(const std::string& source, std::size_t limit) = 0;
  // Reports that came since the store was opened; any thread, without waiting.
  virtual std::uint64_t added() const = 0;
  // The cloud knows it, or does not want to.
  virtual Status reported(std::uint64_t sequence) = 0;
};

// Who was woken. Thread-safe.
class WakeStore {
 public:
  virtual ~WakeStore() = default;
  virtual Result<std::vector<WakeUp>> all() = 0;
  // Inserts or updates the device's row, together with the events.
  virtual Status put(const WakeUp& wake, const std::vector<Event>& events) = 0;
};

// Events on their way to the broker. Thread-safe.
class Outbox {
 public:
  virtual ~Outbox() = default;
  virtual Status append(const std::vector<Event>& events) = 0;
  // The oldest `limit` events after that sequence, in order.
  virtual Result<std::vector<Event>> waiting(std::uint64_t after_sequence, std::size_t limit) = 0;
  // Removes these events in one transaction; brokers acknowledge in any order. One that is gone
  // already is no error.
  virtual Status acknowledge(const std::vector<std::uint64_t>& sequences) = 0;
  virtual Result<std::uint64_t> size() = 0;
  // Events that were dropped because more than outbox_limit waited: the oldest of those that tell
  // how something goes on (fetched, verified, delivered) first.
  virtual Result<std::uint64_t> dropped() = 0;
};

struct StoreOptions {
  std::filesystem::path folder;
  std::uint64_t quota = 4ULL << 30U;
  std::uint64_t outbox_limit = 100000;
  std::uint64_t report_limit = 10000;  // of jobs that ended
};

// Reports about jobs of one source that its cloud has not acknowledged.
struct ReportsWaiting {
  std::uint64_t count = 0;
  Time oldest{};  // when that job ended; Time{} when nobody knows
};

struct Usage {
  std::uint64_t bytes = 0;  // sealed, open and quarantined packs
  std::uint64_t quota = 0;
  std::uint64_t packs = 0;
  std::uint64_t quarantined = 0;
  std::uint64_t events_dropped = 0;               // by the outbox, since the store was made
  std::map<std::string, ReportsWaiting> reports;  // by source, where there are any
  std::uint64_t reports_dropped = 0;              // because too many waited
  std::string trouble;  // why nothing new can be stored now, and what to do; "" when it can
};

class Store {
 public:
  // Opens or creates; migrates; sweeps orphans; a database of a newer version is ErrorCode::too_new
  // and left untouched. A row without its pack becomes an incomplete release and an event.
  static Result<std::unique_ptr<Store>> open(const StoreOptions& options, const Clock& clock);
  virtual ~Store() = default;

  virtual ReleaseStore& releases() = 0;
  virtual FleetStore& fleet() = 0;
  virtual TrustStore& trust() = 0;
  virtual RolloutStore& rollouts() = 0;
  virtual OperatorStore& operators() = 0;
  virtual JobStore& jobs() = 0;
  virtual WakeStore& wakes() = 0;
  virtual Outbox& outbox() = 0;
  virtual Result<Usage> usage() = 0;
  virtual std::filesystem::path packs_folder() const = 0;
  // An open pack to fill, resumed when one of that name (formats::is_name) is there. `expected` is
  // the sum of the sizes of all that will be in it; what an earlier run left counts towards it.
  // ErrorCode::disk_full when the quota or the file system has no room for that; quarantined packs
  // are deleted to make room.
  virtual Result<PackWriter> incoming(const std::string& name, std::uint64_t expected) = 0;
  // Bytes by which the quota or the file system is too small for packs to be filled (name in
  // incoming/ → sum of the sizes that will be in it); 0 when they fit. What an earlier run left of
  // them counts as there, what is quarantined as free.
  virtual Result<std::uint64_t> shortfall(const std::map<std::string, std::uint64_t>& packs) = 0;
  // Checks one pack that was not checked for longest, at most once an `interval` each; false when
  // none is due. A bad one is quarantined.
  virtual Result<bool> scrub_step(Duration interval) = 0;
};

}  // namespace ferry::storage
