// A thin C++ adapter over transport.h for authors of transports: derive from Transport, and export
// it by FERRY_TRANSPORT(Class). Structs of C become those of the standard library, callbacks become
// functions, and no exception crosses the ABI. Needs C++17 and nothing but transport.h.
#pragma once

#include <unistd.h>

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <exception>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "transport.h"

namespace ferry::plugin {

struct Device {
  std::string id;
  std::string product;
  std::string version;  // "" when it does not say
  std::string address;
  bool proven = false;
  // What only devices that are told know of themselves; see ferry_device.
  std::string image = {};   // "" unknown
  std::string staged = {};  // "" none, or unknown
  int image_state = FERRY_IMAGE_UNKNOWN;
  int battery = -1;  // percent; -1 unknown
  int signal = 0;    // dBm; 0 unknown
  bool version_lasts = false;
};

struct Artifact {
  std::uint64_t handle = 0;  // for Host::read
  std::uint64_t length = 0;  // bytes
  std::string sha256;
  std::string role;
  std::string version;
  std::string name;
  std::string dst_path;
  std::map<std::string, std::string> digests;  // as wanted → hex
};

struct BaseFile {
  std::string dst_path;
  std::string sha256;
};

struct Offer {
  std::uint64_t delivery = 0;
  std::string product;
  std::string version;
  std::string from_version;  // "" unknown
  std::vector<Artifact> artifacts;
  bool base_known = false;
  std::vector<BaseFile> base_files;
};

// What a device that is told should be brought to next.
struct Step {
  int step = FERRY_TRANSFER;
  Offer offer;
  std::uint64_t acknowledged = 0;  // bytes of the first artifact
};

namespace detail {

inline const char* null_if_empty(const std::string& text) {
  return text.empty() ? nullptr : text.c_str();
}
inline std::string text(const char* value) {
  return value == nullptr ? std::string() : value;
}

// Borrows the strings of `device`.
inline ferry_device to_c(const Device& device) {
  ferry_device out{};
  out.size = sizeof out;
  out.id = device.id.c_str();
  out.product = device.product.c_str();
  out.version = null_if_empty(device.version);
  out.address = device.address.c_str();
  out.proven = device.proven ? 1 : 0;
  out.image = null_if_empty(device.image);
  out.staged = null_if_empty(device.staged);
  out.image_state = device.image_state;
  out.battery = device.battery;
  out.signal = device.signal;
  out.version_lasts = device.version_lasts ? 1 : 0;
  return out;
}

inline Artifact from_c(const ferry_artifact& artifact) {
  Artifact out;
  out.handle = artifact.handle;
  out.length = artifact.length;
  out.sha256 = text(artifact.sha256);
  out.role = text(artifact.role);
  out.version = text(artifact.version);
  out.name = text(artifact.name);
  out.dst_path = text(artifact.dst_path);
  for (std::size_t i = 0; i < artifact.digest_count; ++i) {
    out.digests.emplace(text(artifact.digests[i].kind), text(artifact.digests[i].hex));
  }
  return out;
}

// An array of structs must be walked by the size that the host compiled, which may be larger than
// ours.
inline const ferry_artifact& artifact_at(const ferry_offer& offer, std::size_t index) {
  const char* first = reinterpret_cast<const char*>(offer.artifacts);
  return *reinterpret_cast<const ferry_artifact*>(first + index * offer.artifacts->size);
}

inline Offer from_c(const ferry_offer& offer) {
  Offer out;
  out.delivery = offer.delivery;
  out.product = text(offer.product);
  out.version = text(offer.version);
  out.from_version = text(offer.from_version);
  for (std::size_t i = 0; i < offer.artifact_count; ++i) {
    out.artifacts.push_back(from_c(artifact_at(offer, i)));
  }
  out.base_known = offer.base_known != 0;
  for (std::size_t i = 0; i < offer.base_count; ++i) {
    out.base_files.push_back(
        {text(offer.base_files[i].dst_path), text(offer.base_files[i].sha256)});
  }
  return out;
}

inline Step from_c(const ferry_step& step) {
  Step out;
  out.step = step.step;
  out.offer = from_c(*step.offer);
  out.acknowledged = step.acknowledged;
  return out;
}

// Runs `body` so that no exception leaves it: what it throws is logged, and `otherwise` is given.
template <typename T, typename Body>
T guarded(const ferry_host* host, T otherwise, Body body) noexcept {
  try {
    return body();
  } catch (const std::exception& error) {
    host->log(host->context, FERRY_ERROR, error.what());
  } catch (...) {
    host->log(host->context, FERRY_ERROR, "unknown exception");
  }
  return otherwise;
}

}  // namespace detail

// What the host gives; copies share one host. Every function may be called from any thread; none
// throws what a C function could not have said, except std::bad_alloc.
class Host {
 public:
  // `offer` / `artifact` is null unless result is FERRY_OK. Called on the plugin's loop, exactly
  // once.
  using OfferCallback = std::function<void(int result, const Offer* offer)>;
  using ArtifactCallback = std::function<void(int result, const Artifact* artifact)>;
  using StepCallback = std::function<void(int result, const Step* step)>;
  using DoneCallback = std::function<void(int result)>;

  explicit Host(const ferry_host* host) : host_(host) {}

  void log(int level, const std::string& text) const {
    host_->log(host_->context, level, text.c_str());
  }
  void state(const std::string& state, const std::string& detail) const {
    host_->state(host_->context, state.c_str(), detail.c_str());
  }
  std::optional<std::string> setting(const std::string& key) const {
    return optional(host_->setting(host_->context, key.c_str()));
  }
  std::vector<std::string> products() const {
    std::vector<std::string> names;
    for (std::size_t i = 0; const char* name = host_->product(host_->context, i); ++i) {
      names.emplace_back(name);
    }
    return names;
  }
  std::optional<std::string> product_setting(const std::string& product,
                                             const std::string& key) const {
    return optional(host_->product_setting(host_->context, product.c_str(), key.c_str()));
  }
  void device_seen(const Device& device) const {
    const ferry_device given = detail::to_c(device);
    host_->device_seen(host_->context, &given);
  }
  void offer(const Device& device, const std::vector<std::string>& want,
             OfferCallback callback) const {
    std::vector<const char*> kinds;
    kinds.reserve(want.size());
    for (const std::string& kind : want) kinds.push_back(kind.c_str());
    const ferry_device given = detail::to_c(device);
    auto call =
        std::make_unique<Call<OfferCallback>>(Call<OfferCallback>{host_, std::move(callback)});
    host_->offer(host_->context, &given, kinds.data(), kinds.size(), offer_came, call.release());
  }
  void next(const Device& device, const std::vector<std::string>& want,
            StepCallback callback) const {
    std::vector<const char*> kinds;
    kinds.reserve(want.size());
    for (const std::string& kind : want) kinds.push_back(kind.c_str());
    const ferry_device given = detail::to_c(device);
    auto call =
        std::make_unique<Call<StepCallback>>(Call<StepCallback>{host_, std::move(callback)});
    host_->next(host_->context, &given, kinds.data(), kinds.size(), step_came, call.release());
  }
  void port_closed(const std::string& name) const {
    host_->port_closed(host_->context, name.c_str());
  }
  void find(const std::string& product, const std::string& version, const std::string& name,
            ArtifactCallback callback) const {
    auto call = std::make_unique<Call<ArtifactCallback>>(
        Call<ArtifactCallback>{host_, std::move(callback)});
    host_->find(host_->context, product.c_str(), version.c_str(), name.c_str(), artifact_came,
                call.release());
  }
  // False for a host that is older than this function.
  bool has_mirror() const {
    return host_->size >= offsetof(ferry_host, mirror) + sizeof host_->mirror &&
           host_->mirror != nullptr;
  }
  // Only where has_mirror().
  void mirror(const std::string& path, ArtifactCallback callback) const {
    auto call = std::make_unique<Call<ArtifactCallback>>(
        Call<ArtifactCallback>{host_, std::move(callback)});
    host_->mirror(host_->context, path.c_str(), artifact_came, call.release());
  }
  int read(std::uint64_t handle, std::uint64_t offset, void* out, std::size_t length) const {
    return host_->read(host_->context, handle, offset, out, length);
  }
  void progress(const Device& device, std::uint64_t handle, std::uint64_t offset,
                std::uint64_t length) const {
    const ferry_device given = detail::to_c(device);
    host_->progress(host_->context, &given, handle, offset, length);
  }
  void outcome(const Device& device, std::uint64_t delivery, int outcome, const std::string& detail,
               DoneCallback callback = {}) const {
    const ferry_device given = detail::to_c(device);
    if (!callback) {
      host_->outcome(host_->context, &given, delivery, outcome, detail.c_str(), nullptr, nullptr);
      return;
    }
    auto call =
        std::make_unique<Call<DoneCallback>>(Call<DoneCallback>{host_, std::move(callback)});
    host_->outcome(host_->context, &given, delivery, outcome, detail.c_str(), done, call.release());
  }
  // Nothing with a host of before there was count().
  void count(int counter, std::uint64_t amount = 1) const {
    constexpr std::size_t end = offsetof(ferry_host, count) + sizeof(ferry_host::count);
    if (host_->size >= end && host_->count != nullptr) {
      host_->count(host_->context, counter, amount);
    }
  }
  const ferry_host* c() const { return host_; }

 private:
  // Owned by the question until its answer has come.
  template <typename Callback>
  struct Call {
    const ferry_host* host;
    Callback callback;
  };

  static std::optional<std::string> optional(const char* value) {
    return value == nullptr ? std::nullopt : std::optional<std::string>(value);
  }
  static void offer_came(void* user, int result, const ferry_offer* offer) {
    const std::unique_ptr<Call<OfferCallback>> call(static_cast<Call<OfferCallback>*>(user));
    detail::guarded(call->host, 0, [&] {
      const Offer given = offer == nullptr ? Offer() : detail::from_c(*offer);
      call->callback(result, offer == nullptr ? nullptr : &given);
      return 0;
    });
  }
  static void step_came(void* user, int result, const ferry_step* step) {
    const std::unique_ptr<Call<StepCallback>> call(static_cast<Call<StepCallback>*>(user));
    detail::guarded(call->host, 0, [&] {
      const Step given = step == nullptr ? Step() : detail::from_c(*step);
      call->callback(result, step == nullptr ? nullptr : &given);
      return 0;
    });
  }
  static void artifact_came(void* user, int result, const ferry_artifact* artifact) {
    const std::unique_ptr<Call<ArtifactCallback>> call(static_cast<Call<ArtifactCallback>*>(user));
    detail::guarded(call->host, 0, [&] {
      const Artifact given = artifact == nullptr ? Artifact() : detail::from_c(*artifact);
      call->callback(result, artifact == nullptr ? nullptr : &given);
      return 0;
    });
  }
  static void done(void* user, int result) {
    const std::unique_ptr<Call<DoneCallback>> call(static_cast<Call<DoneCallback>*>(user));
    detail::guarded(call->host, 0, [&] {
      call->callback(result);
      return 0;
    });
  }

  const ferry_host* host_;
};

// What a plugin gives. Threads and duties are those of ferry_transport in transport.h.
class Transport {
 public:
  virtual ~Transport() = default;
  virtual int run() = 0;
  virtual void stop() = 0;
  virtual void post(std::function<void()> task) = 0;
  virtual void changed() {}
  virtual void cancel(std::uint64_t /*delivery*/) {}
  // The plugin owns the descriptor from here on.
  virtual void port(const std::string& /*name*/, int descriptor) { ::close(descriptor); }
};

namespace detail {

// The C struct in front of a Transport. Lives until the process ends.
struct Exported {
  ferry_transport functions{};
  const ferry_host* host = nullptr;
  std::unique_ptr<Transport> transport;

  static Exported& of(void* context) { return *static_cast<Exported*>(context); }
  static int run(void* context) {
    Exported& self = of(context);
    return guarded(self.host, -1, [&] { return self.transport->run(); });
  }
  static void stop(void* context) {
    Exported& self = of(context);
    guarded(self.host, 0, [&] { return self.transport->stop(), 0; });
  }
  static void post(void* context, void (*function)(void*), void* argument) {
    Exported& self = of(context);
    guarded(self.host, 0, [&] {
      self.transport->post([function, argument] { function(argument); });
      return 0;
    });
  }
  static void changed(void* context) {
    Exported& self = of(context);
    guarded(self.host, 0, [&] { return self.transport->changed(), 0; });
  }
  static void cancel(void* context, std::uint64_t delivery) {
    Exported& self = of(context);
    guarded(self.host, 0, [&] { return self.transport->cancel(delivery), 0; });
  }
  static void port(void* context, const char* name, int descriptor) {
    Exported& self = of(context);
    guarded(self.host, 0, [&] { return self.transport->port(name, descriptor), 0; });
  }
};

template <typename Class>
const ferry_transport* export_transport(const ferry_host* host) noexcept {
  const ferry_transport* nothing = nullptr;
  return guarded(host, nothing, [&]() -> const ferry_transport* {
    auto exported = std::make_unique<Exported>();
    exported->host = host;
    exported->transport = std::make_unique<Class>(Host(host));
    exported->functions.size = sizeof exported->functions;
    exported->functions.context = exported.get();
    exported->functions.run = Exported::run;
    exported->functions.stop = Exported::stop;
    exported->functions.post = Exported::post;
    exported->functions.changed = Exported::changed;
    exported->functions.cancel = Exported::cancel;
    exported->functions.port = Exported::port;
    return &exported.release()->functions;  // lives until the process ends
  });
}

}  // namespace detail
}  // namespace ferry::plugin

// Exports Class as this plugin's transport. Its constructor takes a Host, reads its settings, and
// throws a std::exception that says what is wrong with them.
#define FERRY_TRANSPORT(Class)                                                                    \
  extern "C" __attribute__((visibility("default"))) const ferry_transport* FERRY_TRANSPORT_ENTRY( \
      const ferry_host* host) {                                                                   \
    return ::ferry::plugin::detail::export_transport<Class>(host);                                \
  }
