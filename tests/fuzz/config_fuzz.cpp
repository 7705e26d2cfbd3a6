// Configuration texts: whatever they are, there are settings or problems, and never both.
#include <cstdlib>

#include "config/interpret.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace ferry::config;
  // The first byte 0x01 splits a drop-in off.
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  const auto split = text.find('\x01');
  std::vector<TextFile> files = {{"ferry.ini", std::string(text.substr(0, split))}};
  if (split != std::string_view::npos) {
    files.push_back({"conf.d/site.ini", std::string(text.substr(split + 1))});
  }
  const auto loaded = interpret(files, "gateway");
  if (loaded.settings.has_value() != loaded.problems.empty()) std::abort();
  if (!loaded.settings) return 0;
  // What was accepted is complete.
  for (const auto& source : loaded.settings->sources) {
    const bool is_site = source.type == SourceType::https;
    const bool is_tuf = source.type == SourceType::tuf;
    if (is_site || is_tuf ? !source.url.ends_with('/') : source.path.empty()) std::abort();
    if (is_tuf && (source.root.empty() || !source.targets_url.ends_with("/"))) std::abort();
    if (is_site && (source.trust == Trust::signature) == source.public_key.empty()) std::abort();
  }
  for (const auto& product : loaded.settings->products) {
    if (product_values(product).at("name").empty()) std::abort();
  }
  if (loaded.settings->monitor.enabled == loaded.settings->monitor.host.empty()) std::abort();
  return 0;
}
