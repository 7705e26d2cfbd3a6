#include "config/settings.hpp"

namespace ferry::config {

std::map<std::string, std::string> product_values(const ProductSettings& product) {
  std::map<std::string, std::string> values = {
      {"name", product.name},
      {"dialect", product.dialect},
      {"match_path", product.match_path},
      {"match_query", product.match_query},
      {"match_header", product.match_header},
      {"match_address", product.match_address},
      {"allow_downgrade", product.allow_downgrade ? "yes" : "no"},
      {"device_id", product.device_id},
      {"device_version", product.device_version},
      {"nothing_to_do", product.nothing_to_do},
      {"block_check", product.block_check},
      {"pairing", product.pairing == Pairing::passkey ? "passkey" : "none"},
  };
  if (product.dialect == "esphome") values["chip_family"] = product.chip_family;
  if (product.dialect == "json") {
    values["json_version"] = product.json_version;
    values["json_url"] = product.json_url;
    values["json_hash"] = product.json_hash;
    values["json_hash_kind"] = product.json_hash_kind;
    values["json_size"] = product.json_size;
  }
  return values;
}

}  // namespace ferry::config
