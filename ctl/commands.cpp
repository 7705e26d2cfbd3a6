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

Exit assign(const Options& options, const AssignOptions& what) {
  Json body = {{"version", what.version}, {"downgrade", what.downgrade}};
  if (!what.product.empty()) body["product"] = what.product;
  Client client(options.socket);
  const auto reply = client.post("/v1/devices/" + Client::encoded(what.device) + "/assign", body);
  if (!reply) return report(reply.error());
  fmt::print("{}", options.json ? reply->text : device_view(reply->json, now()));
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
