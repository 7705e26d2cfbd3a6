#include "ctl/commands.hpp"

#include <fmt/format.h>

#include <cstdio>

#include "base/signature.hpp"
#include "ctl/fields.hpp"
#include "ctl/format.hpp"
#include "ctl/views.hpp"

namespace ferry::ctl {
namespace {

Time now() {
  return SystemClock().now();
}

using View = std::string (*)(const Json&, Time);

Exit show(const Options& options, const std::string& path, View view) {
  Client client(options.socket);
  const auto reply = client.get(path);
  if (!reply) return report(reply.error());
  fmt::print("{}", options.json ? reply->text : view(reply->json, now()));
  return Exit::ok;
}

}  // namespace

Exit report(const Problem& problem) {
  fmt::print(stderr, "ferryctl: {}\n", printable(problem.message));
  return problem.exit;
}

Exit show_status(const Options& options) {
  return show(options, "/v1/status", &status_view);
}

Exit show_sources(const Options& options) {
  return show(options, "/v1/sources", &sources_view);
}

Exit show_releases(const Options& options) {
  return show(options, "/v1/releases", &releases_view);
}

Exit show_devices(const Options& options, const std::string& device) {
  if (device.empty()) return show(options, "/v1/devices", &devices_view);
  return show(options, "/v1/devices/" + Client::encoded(device), &device_view);
}

Exit show_deliveries(const Options& options) {
  return show(options, "/v1/deliveries", &deliveries_view);
}

Exit show_wakes(const Options& options) {
  return show(options, "/v1/wakes", &wakes_view);
}

Exit assign(const Options& options, const AssignOptions& what) {
  Json body = {{"version", what.version}, {"downgrade", what.downgrade}};
  if (!what.product.empty()) body["product"] = what.product;
  Client client(options.socket);
  const auto reply = client.post("/v1/devices/" + Client::encoded(what.device) + "/assign", body);
  if (!reply) return report(reply.error());
  fmt::print("{}", options.json ? reply->text : device_view(reply->json, now()));
  return Exit::ok;
}

Exit order(const Options& options, std::uint64_t delivery, const std::string& what) {
  Client client(options.socket);
  const auto reply =
      client.post(fmt::format("/v1/deliveries/{}/{}", delivery, what), Json::object());
  if (!reply) return report(reply.error());
  fmt::print("{}", options.json ? reply->text : delivery_view(reply->json, now()));
  return Exit::ok;
}

Exit order_release(const Options& options, const std::string& product, const std::string& version,
                   const std::string& what) {
  Client client(options.socket);
  const auto reply = client.post(
      "/v1/releases/" + Client::encoded(product) + "/" + Client::encoded(version) + "/" + what,
      Json::object());
  if (!reply) return report(reply.error());
  const char* done = what == "retry"   ? "goes on"
                     : what == "pin"   ? "is pinned: it is never evicted"
                     : what == "unpin" ? "is not pinned"
                                       : "is evicted";
  if (options.json) {
    fmt::print("{}", reply->text);
  } else {
    fmt::print("{} {} {}\n", printable(product), printable(version), done);
  }
  return Exit::ok;
}

namespace {

Json publish_json(const PublishReport& done) {
  return {{"sequence", done.sequence},
          {"releases", done.releases},
          {"published", done.published},
          {"urgent", done.urgent},
          {"withdrawn", done.withdrawn},
          {"artifacts_copied", done.artifacts_copied},
          {"bytes_copied", done.bytes_copied},
          {"patches", done.patches},
          {"key_id", done.key_id},
          {"skipped", done.skipped}};
}

std::string publish_text(const PublishOptions& what, const PublishReport& done) {
  std::string text;
  for (const auto& version : done.published)
    text += fmt::format("published {} {}\n", what.product, version);
  for (const auto& version : done.urgent)
    text += fmt::format("urgent {} {}\n", what.product, version);
  for (const auto& version : done.withdrawn)
    text += fmt::format("withdrawn {} {}\n", what.product, version);
  text += fmt::format("{}: index {} names {} releases, {}; {} artifacts copied, {}",
                      what.site.string(), done.sequence, done.releases,
                      done.key_id.empty() ? "not signed" : "signed by key " + done.key_id,
                      done.artifacts_copied, human_size(done.bytes_copied));
  if (what.patches) text += fmt::format("; {} patches", done.patches);
  text += "\n";
  return text;
}

}  // namespace

Exit publish_site(const Options& options, const TufPublishOptions& what, bool tuf) {
  const auto done = tuf ? publish_tuf(what) : publish(what);
  if (!done) return report({Exit::failure, done.error().message});
  for (const auto& entry : done->skipped) {
    fmt::print(stderr, "ferryctl: skipped {}\n", printable(entry));
  }
  if (options.json) {
    fmt::print("{}\n", formats::to_text(publish_json(*done)));
  } else {
    fmt::print("{}", publish_text(what, *done));
  }
  return Exit::ok;
}

Exit keygen(const Options& options, const std::filesystem::path& file) {
  const auto key = generate_key_file(file);
  if (!key) return report({Exit::failure, key.error().message});
  if (options.json) {
    const Json made = {{"public_key", key->base64()}, {"key_id", key->key_id()}};
    fmt::print("{}\n", formats::to_text(made));
  } else {
    fmt::print("public_key = {}\n", key->base64());
  }
  return Exit::ok;
}

}  // namespace ferry::ctl
