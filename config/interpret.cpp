#include "config/interpret.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>

#include "config/policy_values.hpp"
#include "config/radio_checks.hpp"
#include "config/schema.hpp"
#include "config/things.hpp"
#include "config/values.hpp"
#include "config/wake_checks.hpp"
#include "config/wake_values.hpp"
#include "formats/dialect_names.hpp"
#include "formats/release.hpp"

namespace ferry::config {
namespace {

// A value in a message: whole lines of garbage help nobody.
std::string shown(std::string_view value) {
  constexpr std::size_t longest = 80;
  if (value.size() <= longest) return fmt::format("'{}'", value);
  // Not in the middle of a UTF-8 sequence.
  std::size_t end = longest;
  while ((static_cast<unsigned char>(value[end]) & 0xC0U) == 0x80) --end;
  return fmt::format("'{}…'", value.substr(0, end));
}

std::string default_of(std::string_view standard, const std::string& name) {
  std::string text(standard);
  const auto at = text.find("NAME");
  if (at != std::string::npos) text.replace(at, 4, name);
  return text;
}

// A section's discriminator: the key that says which of the other keys belong, and its value (""
// unknown: none is refused and none is required).
struct Discriminator {
  std::string_view key;
  std::string_view value;

  bool excludes(std::string_view only) const {
    return !only.empty() && !value.empty() && !formats::is_listed(only, value);
  }
  bool requires_of(std::string_view only) const {
    return only.empty() || formats::is_listed(only, value);
  }
};

template <typename Target>
class Filler {
 public:
  Filler(const MergedSection& section, const std::string& name, Findings& findings)
      : section_(section), name_(name), findings_(findings) {}

  void fill(std::span<const Key<Target>> keys, Target& target, const Discriminator& discriminator) {
    for (const auto& key : keys) fill(key, target, discriminator);
  }

  void refuse_unknown(std::span<const Key<Target>> keys) {
    for (const auto& [name, entry] : section_.entries) {
      const auto is_it = [&name = name](const Key<Target>& key) { return key.name == name; };
      if (std::any_of(keys.begin(), keys.end(), is_it)) continue;
      std::vector<std::string_view> known;
      for (const auto& key : keys) known.push_back(key.name);
      findings_.add(section_, name,
                    fmt::format("unknown key (known here: {})", fmt::join(known, ", ")));
    }
  }

 private:
  void fill(const Key<Target>& key, Target& target, const Discriminator& discriminator) {
    const auto* entry = section_.find(key.name);
    if (entry != nullptr && discriminator.excludes(key.only)) {
      findings_.add(section_, key.name,
                    fmt::format("belongs to {} = {}, this is {} = {}", discriminator.key, key.only,
                                discriminator.key, discriminator.value));
      return;
    }
    const std::string standard = default_of(key.standard, name_);
    const bool is_empty = entry == nullptr || entry->value.empty();
    if (is_empty && key.need == Need::required) {
      if (discriminator.requires_of(key.only)) {
        findings_.add(section_, key.name, fmt::format("is missing: {}", key.explanation));
      }
      return;
    }
    if (is_empty && standard.empty()) return;
    const std::string& text = entry == nullptr ? standard : entry->value;
    if (!key.fill(key, target, text)) {
      findings_.add(section_, key.name, fmt::format("{} is not {}", shown(text), key.noun));
    }
  }

  const MergedSection& section_;
  const std::string& name_;
  Findings& findings_;
};

template <typename Target>
void fill_section(const MergedSection& section, const std::string& name,
                  std::span<const Key<Target>> keys, Target& target, Findings& findings,
                  const Discriminator& discriminator = {}) {
  Filler<Target> filler(section, name, findings);
  filler.fill(keys, target, discriminator);
  filler.refuse_unknown(keys);
}

void check_client_key(const MergedSection& section, Findings& findings) {
  if (section.value("client_certificate").empty() != section.value("client_key").empty()) {
    const auto* given = section.value("client_key").empty() ? "client_certificate" : "client_key";
    findings.add(section, given, "client_certificate and client_key go together: set both or none");
  }
}

// `folder` in the folder above the one that the URL names, or in the host's root.
std::string beside(const std::string& url, const std::string& folder) {
  const std::size_t host = url.find("://") + 3;
  const std::size_t above = url.size() < 2 ? 0 : url.rfind('/', url.size() - 2);
  return url.substr(0, above < host ? url.size() : above + 1) + folder;
}

void check_trust(const MergedSection& section, const SourceSettings& source, Findings& findings) {
  const bool has_key = !section.value("public_key").empty();
  if (source.trust == Trust::signature) {
    if (!has_key) {
      findings.add(
          section, "public_key",
          "is missing: set it, or say trust = tls to believe any site with a valid certificate");
    }
    return;
  }
  if (has_key) {
    findings.add(section, "trust", "'tls' contradicts public_key: leave one of them out");
  }
  if (source.url.starts_with("http://")) {
    findings.add(section, "url", "trust = tls needs an https:// URL");
  }
}

void check_product_exists(const MergedSection& section, const char* key, const std::string& product,
                          const Settings& settings, Findings& findings) {
  if (product.empty()) return;
  const auto is_it = [&](const ProductSettings& known) { return known.name == product; };
  if (std::any_of(settings.products.begin(), settings.products.end(), is_it)) return;
  findings.add(section, key, fmt::format("there is no section [product.{}]", product));
}

class Interpreter {
 public:
  Interpreter(const std::vector<TextFile>& files, const std::string& host_name)
      : host_name_(host_name), findings_(files), sections_(merge(files, findings_)) {}

  Loaded interpret() {
    // Present or not, these sections have defaults.
    const MergedSection none;
    gateway(none);
    storage(none);
    monitor(none);
    for (const auto& section : sections_) read(section);
    check_references();
    Loaded loaded{std::nullopt, findings_.list()};
    if (loaded.problems.empty()) loaded.settings = std::move(settings_);
    return loaded;
  }

 private:
  void read(const MergedSection& section) {
    if (section.name == "gateway") return gateway(section);
    if (section.name == "storage") return storage(section);
    if (section.name == "monitor") return monitor(section);
    const auto dot = std::min(section.name.find('.'), section.name.size());
    const auto kind = section.name.substr(0, dot);
    if (dot == section.name.size() ||
        (kind != "source" && kind != "transport" && kind != "product" && kind != "wake")) {
      return findings_.add(
          section.place,
          fmt::format("[{}]: unknown section (known: gateway, storage, monitor, source.NAME, "
                      "transport.NAME, product.NAME, wake.NAME)",
                      section.name));
    }
    const auto name = section.name.substr(dot + 1);
    if (!formats::is_name(name)) {
      findings_.add(section.place,
                    fmt::format("[{}]: '{}' is not {}", section.name, name, values::Name::noun));
    }
    if (kind == "source") return source(section, name);
    if (kind == "transport") return transport(section, name);
    if (kind == "wake") return wake(section, name);
    product(section, name);
  }

  void gateway(const MergedSection& section) {
    fill_section(section, section.name, gateway_keys(), settings_.gateway, findings_);
  }

  void storage(const MergedSection& section) {
    fill_section(section, section.name, storage_keys(), settings_.storage, findings_);
  }

  void monitor(const MergedSection& section) {
    fill_section(section, section.name, monitor_keys(), settings_.monitor, findings_);
    check_client_key(section, findings_);
    if (!section.value("password_file").empty() && section.value("user").empty()) {
      findings_.add(section, "password_file", "needs a user as well");
    }
    for (const auto* key : {"ca_file", "client_certificate"}) {
      if (!settings_.monitor.tls && !section.value(key).empty()) {
        findings_.add(section, key, "contradicts tls = no");
      }
    }
  }

  void source(const MergedSection& section, const std::string& name) {
    SourceSettings source;
    source.name = name;
    // A type that is none is one problem, not one for each of its keys.
    const auto type = section.value("type");
    const Discriminator discriminator{"type", values::Type::parse(type) ? type : ""};
    fill_section(section, name, source_keys(), source, findings_, discriminator);
    check_client_key(section, findings_);
    if (type == "https") check_trust(section, source, findings_);
    if (type == "tuf" && source.targets_url.empty() && !source.url.empty()) {
      source.targets_url = beside(source.url, "targets/");
    }
    if (type == "aws-jobs" && source.client_certificate.empty()) {
      findings_.add(section, "client_certificate", "is missing: things are known by theirs");
    }
    settings_.sources.push_back(std::move(source));
  }

  void product(const MergedSection& section, const std::string& name) {
    ProductSettings product;
    product.name = name;
    const auto* dialect = section.find("dialect");
    const std::string_view value = dialect == nullptr ? product.dialect : dialect->value;
    const Discriminator discriminator{"dialect", values::Dialect::parse(value) ? value : ""};
    fill_section(section, name, product_keys(), product, findings_, discriminator);
    if (product.dialect == "json" && product.json_url.empty()) {
      findings_.add(section, "json_url",
                    "must name a field: a device has to be told where to fetch");
    }
    if (product.dialect == "chunked" && product.nothing_to_do != "not-found" &&
        product.nothing_to_do != "empty") {
      findings_.add(section, "nothing_to_do",
                    fmt::format("{} belongs to dialect = json, this is dialect = chunked",
                                shown(product.nothing_to_do)));
    }
    if (product.rollout_first > 0 && product.rollout_percent < 100) {
      findings_.add(section, "rollout_percent", "contradicts rollout_first: set one of them");
    }
    settings_.products.push_back(std::move(product));
  }

  void transport(const MergedSection& section, const std::string& name) {
    TransportSettings transport;
    transport.name = name;
    std::vector<Key<TransportSettings>> keys(transport_keys().begin(), transport_keys().end());
    const auto plugin = plugin_keys(section.value("plugin"));
    if (plugin) {
      keys.insert(keys.end(), plugin->begin(), plugin->end());
      fill_section(section, name, std::span<const Key<TransportSettings>>(keys), transport,
                   findings_);
    } else {
      // What another's plugin understands is known to that plugin alone.
      Filler<TransportSettings>(section, name, findings_).fill(keys, transport, {});
      for (const auto& [key, entry] : section.entries) {
        if (key != "plugin") transport.values[key] = entry.value;
      }
    }
    settings_.transports.push_back(std::move(transport));
  }

  void wake(const MergedSection& section, const std::string& name) {
    WakeSettings wake;
    wake.name = name;
    const auto value = section.value("template");
    const Discriminator discriminator{"template", values::Waking::parse(value) ? value : ""};
    fill_section(section, name, wake_keys(), wake, findings_, discriminator);
    settings_.wakes.push_back(std::move(wake));
  }

  // Marks the sources that are named; of each name that is none, says why.
  void check_mirror(const MergedSection& section) {
    const auto names = values::Names::parse(section.value("mirror"));
    if (!names) return;  // told already
    for (const std::string& name : *names) {
      const auto found =
          std::find_if(settings_.sources.begin(), settings_.sources.end(),
                       [&](const SourceSettings& source) { return source.name == name; });
      if (found == settings_.sources.end()) {
        findings_.add(section, "mirror", fmt::format("there is no section [source.{}]", name));
      } else if (found->type != SourceType::tuf) {
        findings_.add(section, "mirror",
                      fmt::format("[source.{}] is not of type tuf: only what proves itself to "
                                  "others can be passed on",
                                  name));
      } else {
        found->mirrored = true;
      }
    }
  }

  void check_references() {
    if (settings_.gateway.name.empty()) {
      settings_.gateway.name = host_name_;
      if (!values::TopicPart::parse(host_name_)) {
        findings_.add({0, 1},
                      fmt::format("[gateway] name: is missing, and the host name {} is not {}",
                                  shown(host_name_), values::TopicPart::noun));
      }
    }
    check_wakes(sections_, settings_, findings_);
    for (const auto& section : sections_) {
      const bool is_wake = section.name.starts_with("wake.");
      const bool is_transport = section.name.starts_with("transport.");
      if (!is_transport && !is_wake && !section.name.starts_with("source.")) continue;
      if (is_transport && !plugin_keys(section.value("plugin"))) continue;
      check_product_exists(section, "product", std::string(section.value("product")), settings_,
                           findings_);
      if (is_transport && section.value("plugin") == "http") check_mirror(section);
      if (is_transport && section.value("plugin") == "ble") {
        check_pairing(section, settings_, findings_);
      }
      if (is_transport && section.value("plugin") == "mqtt") {
        for (const auto& product : values::products_of_things(section.value("things"))) {
          check_product_exists(section, "things", product, settings_, findings_);
        }
      }
      if (is_transport || is_wake) continue;
      for (const auto& product :
           values::Names::parse(section.value("products")).value_or(std::vector<std::string>())) {
        check_product_exists(section, "products", product, settings_, findings_);
      }
      for (const auto& thing :
           values::Things::parse(section.value("things")).value_or(std::vector<ThingSettings>())) {
        check_product_exists(section, "things", thing.product, settings_, findings_);
      }
    }
  }

  const std::string& host_name_;
  Findings findings_;
  std::vector<MergedSection> sections_;
  Settings settings_;
};

}  // namespace

Loaded interpret(const std::vector<TextFile>& files, const std::string& host_name) {
  return Interpreter(files, host_name).interpret();
}

}  // namespace ferry::config
