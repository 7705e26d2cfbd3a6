// Source `tuf`: a repository of The Update Framework, trusted from a root that is provisioned.
#pragma once

#include <memory>
#include <string>

#include "agent/source/http_client.hpp"
#include "agent/source/intake.hpp"
#include "agent/source/ledger.hpp"
#include "agent/source/pause.hpp"
#include "agent/source/source.hpp"
#include "agent/source/thrift.hpp"
#include "agent/source/tuf/updater.hpp"
#include "agent/source/tuf_keeper.hpp"
#include "agent/source/tuf_releases.hpp"

namespace ferry::source {

class TufSource final : public Source {
 public:
  static Result<std::unique_ptr<Source>> make(const config::SourceSettings& settings,
                                              const Context& context);

  Result<Report> sync(std::stop_token stop) override;
  bool wait(std::stop_token stop, Duration longest) override { return pause_.wait(stop, longest); }
  Progress progress() const override;
  storage::SourceState state() const override { return ledger_.state(); }

 private:
  TufSource(const config::SourceSettings& settings, const Context& context, std::string root,
            HttpClient client);

  Result<Report> attempt(const std::stop_token& stop);
  // Takes in metadata, and stores what was found right whatever comes after.
  Status refresh(tuf::Updater& updater);
  // Every release that the trusted metadata names; what is refused of it is told, the first of it
  // in `first`.
  Result<TufReleases> read_releases(tuf::Updater& updater, Status& first);
  void refuse(const std::string& what, const std::string& why, Status& first);
  // What stands for the state of the repository of which everything is here; "until" of it in
  // milliseconds.
  std::string mark_prefix(const tuf::Updater& updater) const;
  bool is_unchanged(const tuf::Updater& updater) const;
  Described describe(const TufRelease& release, bool consistent) const;

  const config::SourceSettings settings_;
  const Context context_;
  const std::string root_;  // as provisioned
  Ledger ledger_;
  HttpClient client_;
  Thrift thrift_;
  StoreKeeper keeper_;
  Intake intake_;
  Pause pause_;
};

}  // namespace ferry::source
