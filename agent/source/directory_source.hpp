// Source `directory`: a folder in the layout of agent/source/layout.hpp, a USB stick that comes and
// goes included. What was admitted stays when the folder is gone.
#pragma once

#include <condition_variable>
#include <map>
#include <set>

#include "agent/source/layout.hpp"
#include "agent/source/ledger.hpp"
#include "agent/source/room.hpp"
#include "agent/source/source.hpp"
#include "agent/source/watch.hpp"

namespace ferry::source {

// A version is taken when nothing of it changed for so long: copies take their time.
inline constexpr Duration settle_time = std::chrono::seconds(2);

class DirectorySource final : public Source {
 public:
  DirectorySource(const config::SourceSettings& settings, const Context& context,
                  Duration settle = settle_time);

  // Waits for what is being copied to settle, a few times the settle time at most.
  Result<Report> sync(std::stop_token stop) override;
  bool wait(std::stop_token stop, Duration longest) override;
  Progress progress() const override { return ledger_.progress(); }
  storage::SourceState state() const override { return ledger_.state(); }

 private:
  // What is known of a version since the process started.
  struct Seen {
    Sha256 fingerprint;
    std::chrono::steady_clock::time_point since;
    bool compared = false;  // with what was admitted, in this state
    bool touched = false;   // it had another fingerprint before
    Status refused;         // an error: its content cannot be taken, in this state
  };
  struct Round {
    Report report;
    bool unsettled = false;
    Status first;  // error
  };
  using Held = std::map<std::string, storage::HeldRelease>;  // by version

  Result<Report> attempt(const std::stop_token& stop);
  Status run_round(Round& round, const std::stop_token& stop);
  Status visit(const LayoutFolder& folder, const LayoutRelease& release, const Held& held,
               const Room& room, Round& round, const std::stop_token& stop);
  // False when it is left out.
  Result<bool> take(const LayoutFolder& folder, const LayoutRelease& release,
                    const std::stop_token& stop);
  // Tells when the folder's version is not the one that was admitted.
  Status compare(const LayoutFolder& folder, const LayoutRelease& release,
                 const storage::HeldRelease& held, bool touched, const std::stop_token& stop);
  Result<Held> held() const;
  void tell_skipped(const std::vector<Skipped>& skipped);
  void set_present(bool present);
  void pause(const std::stop_token& stop, Duration duration);

  const config::SourceSettings settings_;
  const Context context_;
  const Duration settle_;
  Ledger ledger_;
  Watch watch_;
  bool present_ = true;
  std::map<std::string, Seen> seen_;  // by version
  std::set<std::string> told_;        // skipped entries that were told
  std::mutex pause_mutex_;
  std::condition_variable_any paused_;
};

}  // namespace ferry::source
