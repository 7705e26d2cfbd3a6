#include "agent/waker.hpp"

#include <algorithm>
#include <memory>
#include <utility>

#include "base/local_time.hpp"
#include "base/log.hpp"

namespace ferry::agent {
namespace {

using config::WakeSettings;
using config::WakeTemplate;
using formats::Json;

// Nothing is due sooner than that again, whatever clocks say.
constexpr Duration shortest_pause = std::chrono::milliseconds(100);
// Where one look has left something over.
constexpr Duration between_parts = std::chrono::seconds(1);

Json time_json(Time time) {
  return time == Time{} ? Json(nullptr) : Json(to_rfc3339(time));
}

storage::Event woken(const wake::Target& target, const std::string& name,
                     const storage::WakeUp& row, Time now) {
  const Json detail = {{"device", row.device},   {"product", row.product},
                       {"version", row.version}, {"wake", target.settings->name},
                       {"name", name},           {"attempts", row.attempts}};
  return {0, now, "woken", formats::to_text(detail)};
}

}  // namespace

Waker::Waker(const config::Settings& settings, Desk& desk, storage::Store& store, Worker& worker,
             const Clock& clock, WakerLinks links)
    : settings_(settings),
      desk_(desk),
      store_(store),
      worker_(worker),
      clock_(clock),
      links_(std::move(links)),
      schedule_(settings.gateway.wakes_per_hour, {}, moment()) {}

wake::Moment Waker::moment() const {
  const Time now = clock_.now();
  return {now, clock_.steady(), time_of_day(now)};
}

Status Waker::load() {
  const auto rows = store_.wakes().all();
  if (!rows) return fail(rows.error());
  schedule_ = wake::Schedule(settings_.gateway.wakes_per_hour, *rows, moment());
  return {};
}

void Waker::add(const WakeSettings& settings, const std::string& device, const std::string& name,
                const std::string& broker_hold) {
  Candidate candidate;
  candidate.name = name;
  candidate.target.settings = &settings;
  candidate.target.device = device;
  if (const auto* known = desk_.device(settings.product, device)) {
    candidate.target.last_seen = known->last_seen;
  }
  const Desk::Due due = desk_.due(settings.product, device);
  candidate.target.version = due.version;
  if (!due.version.empty()) {
    if (due.image != nullptr) {
      candidate.image = {due.image_version, due.image->name, std::string(32, '0')};
      candidate.sha256 = due.image->sha256;
    }
    std::string& hold = candidate.target.hold;
    const auto message = wake::message_for(settings, name, candidate.image);
    const bool imageless = settings.wake_template == WakeTemplate::url_md5 && due.image == nullptr;
    if (!message) hold = message.error().message;
    if (hold.empty() && imageless) hold = "its release has no image";
    if (hold.empty()) hold = due.hold;
    if (hold.empty()) hold = broker_hold;
  }
  candidates_.push_back(std::move(candidate));
}

void Waker::gather() {
  candidates_.clear();
  const std::string broker_hold = links_.hold();
  for (const WakeSettings& settings : settings_.wakes) {
    for (const auto& woken : settings.devices) {
      add(settings, woken.device, woken.name, broker_hold);
    }
    if (!settings.devices.empty()) continue;
    for (const auto& [key, device] : desk_.devices()) {
      if (device.product == settings.product) add(settings, device.id, device.id, broker_hold);
    }
  }
}

Duration Waker::look() {
  if (settings_.wakes.empty()) return longest_pause;
  gather();
  const wake::Moment now = moment();
  std::vector<Candidate*> due;
  for (Candidate& candidate : candidates_) {
    candidate.standing = schedule_.look(candidate.target, now);
    if (candidate.standing.due) due.push_back(&candidate);
    if (candidate.standing.changed) {
      keep(*schedule_.row(candidate.target.settings->product, candidate.target.device));
    }
  }
  // Whoever was woken least comes first: the budget of the gateway is for all.
  const auto attempts = [&](const Candidate* one) {
    return schedule_.row(one->target.settings->product, one->target.device)->attempts;
  };
  std::stable_sort(due.begin(), due.end(), [&](const Candidate* left, const Candidate* right) {
    return attempts(left) < attempts(right);
  });
  std::size_t woken = 0;
  for (Candidate* candidate : due) {
    candidate->standing = schedule_.look(candidate->target, now);
    if (!candidate->standing.due || woken == most_at_once) continue;
    wake(*candidate);
    candidate->standing = schedule_.look(candidate->target, now);
    ++woken;
  }
  Duration pause = longest_pause;
  for (Candidate& candidate : candidates_) {
    const wake::Standing& standing = candidate.standing;
    if (standing.due) pause = std::min(pause, between_parts);
    if (standing.due_in) pause = std::min(pause, *standing.due_in);
    if (standing.due || standing.due_in) {
      candidate.next = now.wall + standing.due_in.value_or(Duration(0));
    }
  }
  return std::max(pause, shortest_pause);
}

// Counted first, then sent.
void Waker::wake(const Candidate& candidate) {
  const wake::Target target = candidate.target;
  const storage::WakeUp row = schedule_.wake(target, moment());
  struct Work {
    std::string name;
    wake::Image image;
    Sha256 sha256;
    Result<wake::Message> message = fail(ErrorCode::cancelled, "not made");
  };
  auto work = std::make_shared<Work>();
  work->name = candidate.name;
  work->image = candidate.image;
  work->sha256 = candidate.sha256;
  const storage::Event event = woken(target, candidate.name, row, clock_.now());
  worker_.run(
      [this, work, target, row, event] {
        if (target.settings->wake_template == WakeTemplate::url_md5) {
          auto md5 = store_.releases().digest(work->sha256, "md5");
          if (!md5) {
            work->message = fail(md5.error());
            return;
          }
          work->image.md5 = std::move(*md5);
        }
        const Status kept = store_.wakes().put(row, {event});
        work->message = kept ? wake::message_for(*target.settings, work->name, work->image)
                             : Result<wake::Message>(fail(kept.error()));
      },
      [this, work, row] {
        if (!work->message) {
          log::error("wakes", "{} of {} is not woken: {}", row.device, row.product,
                     work->message.error().message);
          return;
        }
        log::info("wakes", "{} of {} is woken for {} at {}, for the {}. time", row.device,
                  row.product, row.version, work->message->topic, row.attempts);
        ++sent_;
        links_.send(*work->message);
        links_.events_stored();
      });
}

void Waker::keep(const storage::WakeUp& row) const {
  log::info("wakes", "{} of {} showed itself", row.device, row.product);
  worker_.run(
      [this, row] {
        const Status kept = store_.wakes().put(row, {});
        if (!kept) log::error("wakes", "not kept: {}", kept.error().message);
      },
      {});
}

Json Waker::device_json(const Candidate& candidate) const {
  const wake::Target& target = candidate.target;
  const storage::WakeUp* row = schedule_.row(target.settings->product, target.device);
  const bool any = row != nullptr && !row->sent.empty();
  const bool current = row != nullptr && !target.version.empty();
  return {{"wake", target.settings->name},
          {"product", target.settings->product},
          {"device", target.device},
          {"name", candidate.name},
          {"version", target.version},
          {"attempts", current ? row->attempts : 0},
          {"last", any ? time_json(row->sent.back()) : Json(nullptr)},
          {"next", time_json(candidate.next)},
          {"waits", candidate.standing.waits}};
}

Json Waker::devices() const {
  Json list = Json::array();
  for (const Candidate& candidate : candidates_) list.push_back(device_json(candidate));
  return list;
}

Json Waker::sections() const {
  Json list = Json::array();
  for (const WakeSettings& settings : settings_.wakes) {
    std::uint64_t devices = 0;
    std::uint64_t awaited = 0;
    const Candidate* next = nullptr;
    std::pair<Time, std::string> last;
    for (const Candidate& candidate : candidates_) {
      const wake::Target& target = candidate.target;
      if (target.settings != &settings) continue;
      ++devices;
      awaited += target.version.empty() ? 0 : 1;
      const bool sooner = next == nullptr || candidate.next < next->next;
      if (candidate.next != Time{} && sooner) next = &candidate;
      const storage::WakeUp* row = schedule_.row(settings.product, target.device);
      if (row == nullptr || row->sent.empty()) continue;
      last = std::max(last, std::pair(row->sent.back(), target.device));
    }
    list.push_back({{"name", settings.name},
                    {"product", settings.product},
                    {"template", to_string(settings.wake_template)},
                    {"devices", devices},
                    {"awaited", awaited},
                    {"last", time_json(last.first)},
                    {"last_device", last.second},
                    {"next", next == nullptr ? Json(nullptr) : time_json(next->next)},
                    {"next_device", next == nullptr ? "" : next->target.device}});
  }
  return list;
}

}  // namespace ferry::agent
