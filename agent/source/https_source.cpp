#include "agent/source/https_source.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace ferry::source {
namespace {

// Index and documents are small: a server that trickles them for so long is given up.
constexpr Duration document_time = std::chrono::minutes(5);

}  // namespace

Result<std::unique_ptr<Source>> HttpsSource::make(const config::SourceSettings& settings,
                                                  const Context& context) {
  std::optional<PublicKey> key;
  if (settings.trust == config::Trust::signature) {
    const Result<PublicKey> loaded = PublicKey::load(settings.public_key);
    if (!loaded) return fail(loaded.error(), "public_key");
    key = *loaded;
  }
  Result<HttpClient> client = HttpClient::open(settings, &context.time);
  if (!client) return fail(client.error());
  return std::unique_ptr<Source>(new HttpsSource(settings, context, key, std::move(*client)));
}

HttpsSource::HttpsSource(const config::SourceSettings& settings, const Context& context,
                         std::optional<PublicKey> key, HttpClient client)
    : settings_(settings),
      context_(context),
      ledger_(context_, settings.name),
      key_(key),
      client_(std::move(client)),
      thrift_(settings_, context_, ledger_),
      intake_(settings_, context_, ledger_, client_, thrift_) {
  client_.count_by(thrift_);
}

Progress HttpsSource::progress() const {
  Progress progress = ledger_.progress();
  progress.budget = thrift_.use();
  return progress;
}

Result<Report> HttpsSource::sync(std::stop_token stop) {
  if (const auto why = thrift_.held(Purpose::look)) {
    ledger_.waits(*why);
    return fail(ErrorCode::unavailable, *why);
  }
  if (const Status begun = ledger_.attempt_begins(); !begun) return fail(begun.error());
  return ledger_.attempt_ends(attempt(stop));
}

std::string HttpsSource::validator_prefix() const {
  std::string identity = settings_.url + "\n" + (key_ ? key_->base64() : "tls");
  for (const std::string& product : settings_.products) identity += "\n" + product;
  return Sha256::of(as_bytes(identity)).hex().substr(0, 16) + " ";
}

Result<Report> HttpsSource::attempt(const std::stop_token& stop) {
  const std::uint64_t before = ledger_.progress().bytes_fetched;
  if (Status looked = intake_.look(); !looked) return fail(looked.error());
  std::string known = ledger_.state().validator;
  const std::string prefix = validator_prefix();
  known = intake_.is_settled() && known.starts_with(prefix) ? known.substr(prefix.size()) : "";

  Report report;
  std::string validator;
  Result<std::optional<formats::Index>> index = fetch_index(stop, known, validator);
  if (!index) return fail(index.error());
  if (!*index) {
    report.unchanged = true;
    return report;
  }
  ledger_.set_validator("");
  std::vector<Announced> announced;
  for (const formats::IndexEntry& entry : (*index)->releases) {
    announced.push_back(
        {entry.product, entry.version, entry.channel, entry.sha256, entry.urgent, entry.size});
  }
  const Grounds grounds{key_ ? "signature" : "tls"};
  const Status fetched = intake_.take(
      announced,
      [&](std::span<const std::size_t> numbers) { return describe(**index, numbers, stop); },
      grounds, stop, report);
  report.bytes_fetched = ledger_.progress().bytes_fetched - before;
  if (!fetched) return fail(fetched.error());
  ledger_.set_validator(validator.empty() ? "" : prefix + validator);
  report.unchanged = report.releases_admitted == 0;
  return report;
}

HttpFetch HttpsSource::document_fetch(const std::string& url, std::uint64_t limit,
                                      const std::string& if_none_match, Document& document) const {
  HttpFetch fetch;
  fetch.request.url = settings_.url + url;
  fetch.request.if_none_match = if_none_match;
  fetch.request.longest = document_time;
  const auto too_large = [limit]() {
    return fail(ErrorCode::too_large, fmt::format("larger than {} bytes", limit));
  };
  fetch.head = [limit, too_large, &document,
                may_be_unchanged = !if_none_match.empty()](const HttpHead& head) -> Status {
    document.head = head;
    if (head.status == 304 && may_be_unchanged) return {};
    if (head.status != 200) return unexpected_status(head.status);
    if (head.content_length && *head.content_length > limit) return too_large();
    return check_encoding(head);
  };
  fetch.body = [limit, too_large, &document](Bytes piece) -> Status {
    if (piece.size() > limit - document.text.size()) return too_large();
    document.text += as_text(piece);
    return {};
  };
  return fetch;
}

Result<std::optional<formats::Index>> HttpsSource::fetch_index(const std::stop_token& stop,
                                                               const std::string& known_validator,
                                                               std::string& validator) {
  Document document;
  HttpFetch fetch =
      document_fetch("index.json", formats::index_size_limit, known_validator, document);
  client_.get_all({&fetch, 1}, stop);
  if (!fetch.done) return fail(fetch.done.error());
  if (document.head.status == 304) return std::optional<formats::Index>();
  validator = document.head.etag;
  Result<formats::Index> index = check_index(document.text);
  if (!index) {
    ledger_.rejected(settings_.url + "index.json", index.error().message);
    return fail(index.error());
  }
  if (const Status kept = ledger_.accepted(index->sequence); !kept) return fail(kept.error());
  return std::optional<formats::Index>(std::move(*index));
}

Result<formats::Index> HttpsSource::check_index(const std::string& document) {
  const Result<formats::Envelope> envelope = formats::parse_envelope(document);
  if (!envelope) return fail(envelope.error());
  if (envelope->payload_type != formats::index_payload_type) {
    return fail(ErrorCode::invalid, "index.json: its payload is no index");
  }
  if (key_) {
    const std::string message = formats::signed_bytes(*envelope);
    const auto& signatures = envelope->signatures;
    const bool good = std::any_of(signatures.begin(), signatures.end(), [&](const auto& signature) {
      return key_->verify(as_bytes(message), as_bytes(signature.signature));
    });
    if (!good) {
      return fail(ErrorCode::denied,
                  fmt::format("index.json: no signature by public_key {}: is this the key that the "
                              "site is published with?",
                              key_->key_id()));
    }
  }
  Result<formats::Index> index = formats::parse_index(envelope->payload);
  if (!index) return fail(index.error());
  const std::uint64_t highest = ledger_.state().sequence;
  if (index->sequence < highest) {
    return fail(
        ErrorCode::denied,
        fmt::format("index.json: sequence {} is below {}, seen before: an old copy, or the "
                    "site was made anew; to accept it, give the [source] section a new name",
                    index->sequence, highest));
  }
  return index;
}

std::vector<Result<Described>> HttpsSource::describe(const formats::Index& index,
                                                     std::span<const std::size_t> numbers,
                                                     const std::stop_token& stop) {
  std::vector<Document> documents(numbers.size());
  std::vector<HttpFetch> fetches;
  for (std::size_t i = 0; i < numbers.size(); ++i) {
    const formats::IndexEntry& entry = index.releases[numbers[i]];
    fetches.push_back(document_fetch(entry.document, entry.size, "", documents[i]));
  }
  client_.get_all(fetches, stop);
  std::vector<Result<Described>> described;
  for (std::size_t i = 0; i < numbers.size(); ++i) {
    const Status& done = fetches[i].done;
    described.push_back(done ? read(index.releases[numbers[i]], documents[i])
                             : Result<Described>(fail(done.error())));
  }
  return described;
}

Result<Described> HttpsSource::read(const formats::IndexEntry& entry,
                                    const Document& document) const {
  // Cut short by the link, or another file: only its whole hash says that it is the one of the
  // index.
  if (document.text.size() < entry.size && !document.head.content_length) {
    return fail(ErrorCode::unavailable, entry.document + ": ended early");
  }
  if (document.text.size() != entry.size || Sha256::of(as_bytes(document.text)) != entry.sha256) {
    return fail(ErrorCode::corrupt, entry.document + ": is not what the index says");
  }
  Result<formats::Release> release = formats::parse_release(document.text);
  if (!release) return fail(release.error(), entry.document);
  if (release->product != entry.product || release->version != entry.version ||
      release->channel != entry.channel) {
    return fail(ErrorCode::invalid,
                entry.document + ": is for another release than the index says");
  }
  for (const formats::ReleaseArtifact& artifact : release->artifacts) {
    if (artifact.url.empty()) {
      return fail(ErrorCode::invalid, entry.document + ": " + artifact.name + " has no url");
    }
  }
  return Described{
      std::move(*release),
      [this](const formats::ReleaseArtifact& artifact) { return settings_.url + artifact.url; },
      [this](const formats::ArtifactPatch& patch) { return settings_.url + patch.url; }};
}

}  // namespace ferry::source
