#include "transports/host/plugin.hpp"

#include <dlfcn.h>

#include <system_error>

namespace ferry::host {
namespace {

#define FERRY_TEXT_OF(symbol) #symbol
#define FERRY_NAME_OF(symbol) FERRY_TEXT_OF(symbol)
constexpr const char* entry_name = FERRY_NAME_OF(FERRY_TRANSPORT_ENTRY);

}  // namespace

Result<std::filesystem::path> plugin_file(const std::filesystem::path& folder,
                                          const std::string& name) {
  if (name.empty() || name.size() > 64 ||
      name.find_first_not_of("abcdefghijklmnopqrstuvwxyz0123456789_-") != name.npos) {
    return fail(ErrorCode::invalid,
                "plugin '" + name + "': a name is made of a-z, 0-9, '_' and '-'");
  }
  std::filesystem::path file = folder / (name + ".so");
  std::error_code problem;
  if (!std::filesystem::is_regular_file(file, problem)) {
    return fail(ErrorCode::not_found, "plugin '" + name + "': there is no " + file.string());
  }
  return file;
}

Result<ferry_transport_entry> load_plugin(const std::filesystem::path& file) {
  void* library = ::dlopen(file.c_str(), RTLD_NOW | RTLD_LOCAL);
  if (library == nullptr) return fail(ErrorCode::invalid, std::string("plugin: ") + ::dlerror());
  void* symbol = ::dlsym(library, entry_name);
  if (symbol == nullptr) {
    return fail(ErrorCode::invalid, "plugin " + file.string() + ": does not export " + entry_name +
                                        "; was it built for another version of Ferry?");
  }
  return reinterpret_cast<ferry_transport_entry>(symbol);
}

}  // namespace ferry::host
