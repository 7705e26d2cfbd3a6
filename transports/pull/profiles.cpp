#include "transports/pull/profiles.hpp"

#include <fmt/format.h>

namespace ferry::pull {

Result<std::vector<dialects::Profile>> read_profiles(const plugin::Host& host,
                                                     const std::string& fallback) {
  std::vector<dialects::Profile> profiles;
  bool found = fallback.empty();
  for (const std::string& name : host.products()) {
    const auto value = [&](const char* key) {
      return host.product_setting(name, key).value_or("");
    };
    dialects::Profile profile;
    profile.name = name;
    profile.dialect = value("dialect");
    profile.match_path = value("match_path");
    profile.match_query = value("match_query");
    profile.match_header = value("match_header");
    profile.match_address = value("match_address");
    profile.device_id = value("device_id");
    profile.device_version = value("device_version");
    profile.nothing_to_do = value("nothing_to_do");
    profile.block_check = value("block_check");
    profile.chip_family = value("chip_family");
    profile.json_version = value("json_version");
    profile.json_url = value("json_url");
    profile.json_hash = value("json_hash");
    profile.json_hash_kind = value("json_hash_kind");
    profile.json_size = value("json_size");
    if (profile.dialect.empty()) profile.dialect = "plain";
    if (const Status fine = dialects::check(profile); !fine) return fail(fine.error());
    found = found || name == fallback;
    profiles.push_back(std::move(profile));
  }
  if (!found) {
    return fail(ErrorCode::invalid,
                fmt::format("product: there is no section [product.{}]", fallback));
  }
  return profiles;
}

}  // namespace ferry::pull
