#include <array>

#include "config/key_makers.hpp"
#include "config/policy_values.hpp"
#include "config/things.hpp"
#include "config/values.hpp"

namespace ferry::config {
namespace {

constexpr auto source = std::to_array<Key<SourceSettings>>({
    required<&SourceSettings::type, values::Type>(
        "type", "What kind of source this is: directory, https, tuf or aws-jobs."),
    key<&SourceSettings::interval, values::Time>(
        "interval", "10min", "How often the source is asked for something new."),
    required<&SourceSettings::path, values::AbsolutePath>(
        "path", "The folder with the releases. It may come and go, like a USB stick.", "directory"),
    required<&SourceSettings::product, values::Name>("product", "The product that they are for.",
                                                     "directory"),
    key<&SourceSettings::channel, values::Name>(
        "channel", "stable", "The channel that they belong to.", "directory, aws-jobs"),
    required<&SourceSettings::url, values::SiteUrl>(
        "url", "Where it is: https: the folder with index.json; tuf: the one with timestamp.json.",
        "https, tuf"),
    required<&SourceSettings::root, values::AbsolutePath>(
        "root", "A copy of the repository's root.json from a trusted hand: all is checked by it.",
        "tuf"),
    key<&SourceSettings::targets_url, values::SiteUrl>(
        "targets_url", "", "Where the artifacts are. Empty: the folder targets beside that of url.",
        "tuf"),
    key<&SourceSettings::grace, values::Time>("grace", "30d",
                                              "So long after its metadata expired the releases of "
                                              "the source are offered on. New ones are "
                                              "not taken then.",
                                              "tuf"),
    key<&SourceSettings::public_key, values::PublicKey>(
        "public_key", "",
        "The Ed25519 key that must have signed the site: base64, or a PEM file's path.", "https"),
    key<&SourceSettings::trust, values::TrustKind>("trust", "signature",
                                                   "Whom to believe: signature (needs public_key), "
                                                   "or tls (any site with a valid certificate).",
                                                   "https"),
    key<&SourceSettings::products, values::Names>(
        "products", "", "The products whose releases are taken, by comma. Empty: all of the site.",
        "https, tuf"),
    key<&SourceSettings::priority, values::Priority>(
        "priority", "0", "While a source with a higher one fetches, this one waits.",
        "https, tuf, aws-jobs"),
    required<&SourceSettings::endpoint, values::Broker>(
        "endpoint", "The account's device data endpoint, host:port; the port is 8883 as a rule.",
        "aws-jobs"),
    required<&SourceSettings::things, values::Things>(
        "things",
        "Whose jobs are taken: thing = product/device, several by comma. Without /device the "
        "release is for all devices of the product, and the job is done when it is here.",
        "aws-jobs"),
    key<&SourceSettings::client_id, values::Text>(
        "client_id", "", "As whom to connect. Empty: the first of things.", "aws-jobs"),
    key<&SourceSettings::ca_file, values::AbsolutePath>(
        "ca_file", "", "The certificates that may sign the site's. Empty: those of the system.",
        "https, tuf, aws-jobs"),
    key<&SourceSettings::client_certificate, values::AbsolutePath>(
        "client_certificate", "", "This gateway's own certificate (PEM), if the site asks for one.",
        "https, tuf, aws-jobs"),
    key<&SourceSettings::client_key, values::AbsolutePath>(
        "client_key", "", "The key of client_certificate (PEM).", "https, tuf, aws-jobs"),
    key<&SourceSettings::proxy, values::Text>("proxy", "", "A proxy's URL. Empty: none.",
                                              "https, tuf, aws-jobs"),
    key<&SourceSettings::stall_timeout, values::Time>(
        "stall_timeout", "30s",
        "A transfer that brings less than 64 bytes a second for so long is ended and resumed.",
        "https, tuf, aws-jobs"),
    key<&SourceSettings::window, values::Windows>(
        "window", "",
        "When something is fetched, in local time: 22:00-05:00, several by comma. Empty: any time.",
        "https, tuf, aws-jobs"),
    key<&SourceSettings::rate, values::Size>(
        "rate", "", "At most so many bytes a second: 200K. Empty: as fast as the link brings them.",
        "https, tuf, aws-jobs"),
    key<&SourceSettings::budget, values::Allowance>(
        "budget", "",
        "At most so many bytes in each day, week or month: 500M/month. Empty: no limit.",
        "https, tuf, aws-jobs"),
    key<&SourceSettings::urgent, values::Boolean>("urgent", "yes",
                                                  "Whether releases that are marked urgent may "
                                                  "exceed the budget. When it is used up, the site "
                                                  "is then still looked at once an hour.",
                                                  "https, tuf"),
    key<&SourceSettings::metered, values::MeteredLinks>(
        "metered", "",
        "The interfaces for which window, rate and budget hold: wwan0, ppp0; or network-manager: "
        "those that it does not say are free. Empty: for all.",
        "https, tuf, aws-jobs"),
});

}  // namespace

std::span<const Key<SourceSettings>> source_keys() {
  return source;
}

}  // namespace ferry::config
