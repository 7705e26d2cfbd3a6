// The C functions that plugins see: each hands its arguments to Services.
#include "transports/host/services.hpp"

namespace ferry::host {
namespace {

Services& of(void* context) {
  return *static_cast<Services*>(context);
}

ferry_host functions_of(Services* services) {
  ferry_host host{};
  host.size = sizeof host;
  host.context = services;
  host.log = [](void* context, int level, const char* text) { of(context).log(level, text); };
  host.setting = [](void* context, const char* key) { return of(context).setting(key); };
  host.product = [](void* context, std::size_t index) { return of(context).product(index); };
  host.product_setting = [](void* context, const char* product, const char* key) {
    return of(context).product_setting(product, key);
  };
  host.state = [](void* context, const char* state, const char* detail) {
    of(context).state(state, detail);
  };
  host.device_seen = [](void* context, const ferry_device* device) {
    of(context).device_seen(device);
  };
  host.offer = [](void* context, const ferry_device* device, const char* const* want,
                  std::size_t want_count, ferry_offer_callback callback, void* user) {
    of(context).offer(device, want, want_count, AskedOffer{callback, user});
  };
  host.find = [](void* context, const char* product, const char* version, const char* name,
                 ferry_artifact_callback callback, void* user) {
    of(context).find(product, version, name, AskedArtifact{callback, user});
  };
  host.read = [](void* context, std::uint64_t handle, std::uint64_t offset, void* out,
                 std::size_t length) { return of(context).read(handle, offset, out, length); };
  host.progress = [](void* context, const ferry_device* device, std::uint64_t handle,
                     std::uint64_t offset, std::uint64_t length) {
    of(context).progress(device, handle, offset, length);
  };
  host.outcome = [](void* context, const ferry_device* device, std::uint64_t delivery, int outcome,
                    const char* detail, ferry_done_callback callback, void* user) {
    of(context).outcome(device, delivery, outcome, detail, AskedOutcome{callback, user});
  };
  host.next = [](void* context, const ferry_device* device, const char* const* want,
                 std::size_t want_count, ferry_step_callback callback, void* user) {
    of(context).next(device, want, want_count, AskedStep{callback, user});
  };
  host.mirror = [](void* context, const char* path, ferry_artifact_callback callback, void* user) {
    of(context).mirror(path, AskedArtifact{callback, user});
  };
  host.port_closed = [](void* context, const char* name) { of(context).port_closed(name); };
  host.count = [](void* context, int counter, std::uint64_t amount) {
    of(context).count(counter, amount);
  };
  return host;
}

}  // namespace

Services::Services(formats::link::Settings settings, const std::filesystem::path& packs_folder,
                   Mailbox& mailbox)
    : settings_(std::move(settings)),
      component_("transport." + settings_.transport),
      mailbox_(mailbox),
      reader_(packs_folder),
      functions_(functions_of(this)) {}

}  // namespace ferry::host
