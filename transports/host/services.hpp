// The functions of ferry_host, as the plugin calls them from its threads.
#pragma once

#include <atomic>
#include <filesystem>
#include <mutex>
#include <set>
#include <string>

#include "formats/link_messages.hpp"
#include "transports/host/artifacts.hpp"
#include "transports/host/counts.hpp"
#include "transports/host/documents.hpp"
#include "transports/host/mailbox.hpp"
#include "transports/host/progress.hpp"
#include "transports/host/reader.hpp"
#include "transports/transport.h"

namespace ferry::host {

// Thread-safe; lives until the process ends.
class Services {
 public:
  Services(formats::link::Settings settings, const std::filesystem::path& packs_folder,
           Mailbox& mailbox);
  Services(const Services&) = delete;
  Services& operator=(const Services&) = delete;

  using Instant = std::chrono::steady_clock::time_point;

  const ferry_host* functions() const { return &functions_; }
  const std::string& component() const { return component_; }  // for the log: "transport.NAME"

  // For the host's thread.
  ArtifactTable& artifacts() { return artifacts_; }
  DocumentTable& documents() { return documents_; }
  void withdraw(const std::string& pack);
  void tell_due(Instant now);
  // What was counted since it was told last: this process is about to end.
  void tell_last_counts();
  // When tell_due() may have something.
  std::optional<Instant> next_due();

  // One for each function of ferry_host; see there.
  void log(int level, const char* text) const;
  const char* setting(const char* key) const;
  const char* product(std::size_t index) const;
  const char* product_setting(const char* product, const char* key) const;
  void state(const char* state, const char* detail);
  void device_seen(const ferry_device* device);
  void offer(const ferry_device* device, const char* const* want, std::size_t count,
             AskedOffer asked);
  void find(const char* product, const char* version, const char* name, AskedArtifact asked);
  int read(std::uint64_t handle, std::uint64_t offset, void* out, std::size_t length);
  void progress(const ferry_device* device, std::uint64_t handle, std::uint64_t offset,
                std::uint64_t length);
  void outcome(const ferry_device* device, std::uint64_t delivery, int outcome, const char* detail,
               AskedOutcome asked);
  void next(const ferry_device* device, const char* const* want, std::size_t count,
            AskedStep asked);
  void port_closed(const char* name);
  void count(int counter, std::uint64_t amount);
  void mirror(const char* path, AskedArtifact asked);

 private:
  template <typename Message, typename Question>
  void ask_for(const char* function, const ferry_device* device, const char* const* want,
               std::size_t count, Question asked);
  void complain(const char* function, const Error& error) const;
  int unreadable(const Servable& servable, const Error& error);
  void tell(const std::optional<formats::link::Counted>& counted);

  const formats::link::Settings settings_;
  const std::string component_;
  Mailbox& mailbox_;
  ArtifactTable artifacts_;
  DocumentTable documents_;
  Reader reader_;
  Counts counts_;
  std::mutex mutex_;  // guards what follows
  ProgressLimiter progress_;
  std::set<std::string> reported_;  // packs that the agent was told are corrupt
  ferry_host functions_{};
};

}  // namespace ferry::host
