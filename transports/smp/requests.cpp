#include "transports/smp/requests.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

namespace ferry::smp {
namespace {

std::uint64_t number_in(const Json& object, const char* key, std::uint64_t otherwise) {
  const auto found = object.find(key);
  return found != object.end() && found->is_number_unsigned() ? found->get<std::uint64_t>()
                                                              : otherwise;
}

bool flag_in(const Json& object, const char* key) {
  const auto found = object.find(key);
  return found != object.end() && found->is_boolean() && found->get<bool>();
}

std::optional<ImageSlot> slot_in(const Json& entry) {
  if (!entry.is_object()) return std::nullopt;
  ImageSlot slot;
  slot.image = number_in(entry, "image", 0);
  slot.slot = number_in(entry, "slot", 0);
  if (const auto version = entry.find("version"); version != entry.end() && version->is_string()) {
    slot.version = version->get<std::string>();
  }
  if (const auto hash = entry.find("hash"); hash != entry.end() && hash->is_binary()) {
    const Json::binary_t& raw = hash->get_binary();
    slot.hash.assign(raw.begin(), raw.end());
  }
  slot.bootable = flag_in(entry, "bootable");
  slot.pending = flag_in(entry, "pending");
  slot.confirmed = flag_in(entry, "confirmed");
  slot.active = flag_in(entry, "active");
  slot.permanent = flag_in(entry, "permanent");
  return slot;
}

void write_slot(formats::CborWriter& out, const ImageSlot& slot) {
  const std::pair<const char*, bool> flags[] = {{"active", slot.active},
                                                {"pending", slot.pending},
                                                {"bootable", slot.bootable},
                                                {"confirmed", slot.confirmed},
                                                {"permanent", slot.permanent}};
  const auto set = std::count_if(std::begin(flags), std::end(flags),
                                 [](const auto& flag) { return flag.second; });
  out.map(3 + (slot.hash.empty() ? 0U : 1U) + static_cast<std::size_t>(set));
  if (!slot.hash.empty()) out.text("hash").bytes(as_bytes(slot.hash));
  out.text("slot").number(slot.slot);
  out.text("image").number(slot.image);
  out.text("version").text(slot.version);
  for (const auto& [name, value] : flags) {
    if (value) out.text(name).boolean(true);
  }
}

}  // namespace

std::optional<Fault> fault_in(const Json& body, Request request) {
  const std::optional<DeviceError> error = error_in(body);
  if (!error) return std::nullopt;
  return Fault{outcome_of(*error, request), words(*error), error};
}

Reply<std::vector<ImageSlot>> image_slots_in(const Json& body) {
  if (std::optional<Fault> fault = fault_in(body, Request::other)) {
    return tl::unexpected<Fault>(std::move(*fault));
  }
  const auto images = body.find("images");
  if (images == body.end() || !images->is_array() || images->size() > image_slot_limit) {
    return tl::unexpected<Fault>({Outcome::protocol, "image state without a list of images", {}});
  }
  std::vector<ImageSlot> slots;
  for (const Json& entry : *images) {
    std::optional<ImageSlot> slot = slot_in(entry);
    if (!slot) {
      return tl::unexpected<Fault>({Outcome::protocol, "image state with a slot that is none", {}});
    }
    slots.push_back(std::move(*slot));
  }
  return slots;
}

std::string image_state_body(const std::vector<ImageSlot>& slots) {
  formats::CborWriter out;
  out.map(2).text("images").array(slots.size());
  for (const ImageSlot& slot : slots) write_slot(out, slot);
  out.text("splitStatus").number(0);
  return out.take();
}

Reply<Parameters> parameters_in(const Json& body, const ClientOptions& options) {
  Parameters parameters{options.assumed_buffer, options.assumed_buffers, false};
  // Too old to know the question, or built without its answer: nothing is wrong with the device.
  if (error_in(body)) return parameters;
  const std::uint64_t size = number_in(body, "buf_size", 0);
  const std::uint64_t count = number_in(body, "buf_count", 0);
  if (size <= header_size || count == 0) return parameters;
  return Parameters{size, count, true};
}

std::string state_write_body(const std::optional<std::string>& hash, bool confirm) {
  formats::CborWriter out;
  out.map(hash ? 2 : 1);
  if (hash) out.text("hash").bytes(as_bytes(*hash));
  out.text("confirm").boolean(confirm);
  return out.take();
}

Exchange::Exchange(const ClientOptions& options, Op op, std::uint16_t group, std::uint8_t command,
                   std::string body)
    : wanted_{op, group, command, std::move(body), 0},
      timeout_(options.timeout),
      busy_pause_(options.busy_pause),
      attempts_(options.attempts) {}

std::optional<Wanted> Exchange::next(TimePoint now) {
  if (ended_ || waiting_ || (not_before_ && now < *not_before_)) return std::nullopt;
  not_before_.reset();
  waiting_ = true;
  ++sent_;
  return wanted_;
}

void Exchange::written(std::uint64_t /*tag*/, TimePoint now) {
  if (!ended_ && waiting_) due_ = now + timeout_;
}

bool Exchange::worth_writing(std::uint64_t /*tag*/) const {
  return !ended_;
}

void Exchange::answered(std::uint64_t /*tag*/, const Json& body, TimePoint now) {
  if (ended_) return;
  const std::optional<DeviceError> error = error_in(body);
  if (error && is_transient(*error) && sent_ < attempts_) {
    waiting_ = false;
    due_.reset();
    not_before_ = now + busy_pause_;
    return;
  }
  ended_ = true;
  conclude(body);
}

std::optional<TimePoint> Exchange::deadline() const {
  if (ended_) return std::nullopt;
  return due_ ? due_ : not_before_;
}

void Exchange::on_time(TimePoint now) {
  if (ended_) return;
  if (not_before_ && now >= *not_before_) not_before_.reset();
  if (!due_ || now < *due_) return;
  due_.reset();
  waiting_ = false;
  if (sent_ >= attempts_) {
    abort({Outcome::no_answer, fmt::format("no answer to {} requests", sent_), {}});
  }
}

void Exchange::abort(Fault fault) {
  if (ended_) return;
  ended_ = true;
  refuse(std::move(fault));
}

}  // namespace ferry::smp
