// Source `https`: a static site whose index.json is signed, or trusted because of TLS
// (docs/release-format.md).
#pragma once

#include <optional>

#include "agent/source/http_client.hpp"
#include "agent/source/intake.hpp"
#include "agent/source/ledger.hpp"
#include "agent/source/pause.hpp"
#include "agent/source/source.hpp"
#include "agent/source/thrift.hpp"
#include "base/signature.hpp"

namespace ferry::source {

class HttpsSource final : public Source {
 public:
  static Result<std::unique_ptr<Source>> make(const config::SourceSettings& settings,
                                              const Context& context);

  Result<Report> sync(std::stop_token stop) override;
  bool wait(std::stop_token stop, Duration longest) override { return pause_.wait(stop, longest); }
  Progress progress() const override;
  storage::SourceState state() const override { return ledger_.state(); }

 private:
  HttpsSource(const config::SourceSettings& settings, const Context& context,
              std::optional<PublicKey> key, HttpClient client);

  Result<Report> attempt(const std::stop_token& stop);
  // The index, or nothing when it is the same as before. `validator` gets its ETag.
  Result<std::optional<formats::Index>> fetch_index(const std::stop_token& stop,
                                                    const std::string& known_validator,
                                                    std::string& validator);
  Result<formats::Index> check_index(const std::string& document);
  // What came for a small file.
  struct Document {
    HttpHead head;
    std::string text;
  };
  // Of one with at most `limit` bytes; `document` must stay where it is until it is done.
  HttpFetch document_fetch(const std::string& url, std::uint64_t limit,
                           const std::string& if_none_match, Document& document) const;
  // The releases with those numbers in the index, their documents fetched side by side.
  std::vector<Result<Described>> describe(const formats::Index& index,
                                          std::span<const std::size_t> numbers,
                                          const std::stop_token& stop);
  Result<Described> read(const formats::IndexEntry& entry, const Document& document) const;
  // Stands in front of the remembered ETag, so that another URL, key or choice of products
  // forgets it.
  std::string validator_prefix() const;

  const config::SourceSettings settings_;
  const Context context_;
  Ledger ledger_;
  std::optional<PublicKey> key_;
  HttpClient client_;
  Thrift thrift_;
  Intake intake_;
  Pause pause_;
};

}  // namespace ferry::source
