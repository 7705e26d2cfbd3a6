// Source `https`: a static site whose index.json is signed, or trusted because of TLS
// (docs/release-format.md).
#pragma once

#include <condition_variable>
#include <map>
#include <optional>
#include <set>
#include <tuple>

#include "agent/source/http_client.hpp"
#include "agent/source/ledger.hpp"
#include "agent/source/room.hpp"
#include "agent/source/source.hpp"
#include "base/signature.hpp"

namespace ferry::source {

class HttpsSource final : public Source {
 public:
  static Result<std::unique_ptr<Source>> make(const config::SourceSettings& settings,
                                              const Context& context);

  Result<Report> sync(std::stop_token stop) override;
  bool wait(std::stop_token stop, Duration longest) override;
  Progress progress() const override { return ledger_.progress(); }
  storage::SourceState state() const override { return ledger_.state(); }

 private:
  using Name = std::tuple<std::string, std::string, std::string>;  // product, version, channel
  using Held = std::map<Name, storage::HeldRelease>;

  HttpsSource(const config::SourceSettings& settings, const Context& context,
              std::optional<PublicKey> key, HttpClient client);

  Result<Report> attempt(const std::stop_token& stop);
  // The index, or nothing when it is the same as before. `validator` gets its ETag.
  Result<std::optional<formats::Index>> fetch_index(const std::stop_token& stop,
                                                    const std::string& known_validator,
                                                    std::string& validator);
  Result<formats::Index> check_index(const std::string& document);
  Result<std::string> fetch_document(const std::string& url, std::uint64_t limit,
                                     const std::string& if_none_match, const std::stop_token& stop,
                                     HttpHead& head);
  // Fetches what of the index is missing; the first error, after having tried all.
  Status fetch_releases(const formats::Index& index, const Held& held, const Room& room,
                        const std::stop_token& stop, Report& report);
  // False when it is left out.
  Result<bool> fetch_release(const formats::IndexEntry& entry, const Held& held,
                             const std::stop_token& stop);
  Result<formats::Release> fetch_release_document(const formats::IndexEntry& entry,
                                                  const std::stop_token& stop);
  // Whether the section takes releases of that product; one that it does not take is told once.
  bool takes(const formats::IndexEntry& entry);
  // A document that differs from the one seen for the same version: told once, never taken.
  void check_unchanged(const formats::IndexEntry& entry);
  // An error when the version is held with other bytes: said before they are fetched.
  static Status check_conflict(const formats::Release& release, const Held& held);
  Result<Held> held() const;
  // Stands in front of the remembered ETag, so that another URL, key or choice of products
  // forgets it.
  std::string validator_prefix() const;

  const config::SourceSettings settings_;
  const Context context_;
  Ledger ledger_;
  std::optional<PublicKey> key_;
  HttpClient client_;
  std::set<Name> refused_;            // of products that are not taken, as told
  std::map<Name, Sha256> documents_;  // of releases held, as seen since the process started
  std::mutex wait_mutex_;
  std::condition_variable_any waiting_;
};

}  // namespace ferry::source
