// The http plugin over real sockets with a folder of files behind it: the smallest host that lets
// tests see what only a host sees (what was acknowledged) and play what an agent rarely does (away,
// silent, corrupt).
//
//   http_harness PLUGIN FOLDER [KEY=VALUE | PRODUCT.KEY=VALUE]...
//
// FOLDER/PRODUCT holds releases as a directory source has them: VERSION/…, firmware_VERSION.bin,
// archive_VERSION.tar. What happens is told on standard output, one JSON object a line. Commands on
// standard input: away, back, mute (asks are not answered), corrupt, heal, changed; its end ends
// the program.
#include <dlfcn.h>
#include <fmt/format.h>

#include <algorithm>
#include <atomic>
#include <cstdio>
#include <deque>
#include <filesystem>
#include <fstream>
#include <iostream>
#include <iterator>
#include <map>
#include <mutex>
#include <sstream>
#include <thread>

#include "base/digest.hpp"
#include "formats/json.hpp"
#include "formats/padding.hpp"
#include "transports/transport.h"

namespace fs = std::filesystem;

namespace {

using ferry::formats::Json;

struct File {
  std::string product, version, name, role, dst_path, content, sha256;
};

std::vector<int> numbers(const std::string& version) {
  std::vector<int> parts;
  std::istringstream in(version);
  for (std::string part; std::getline(in, part, '.');) parts.push_back(std::atoi(part.c_str()));
  return parts;
}

// What a ferry_artifact points into; lives until the process ends.
struct Shown {
  std::deque<std::string> texts;
  std::deque<std::vector<ferry_digest>> digests;
  const char* keep(std::string text) { return texts.emplace_back(std::move(text)).c_str(); }
};

class Harness {
 public:
  Harness(fs::path folder, int count, char** settings) : folder_(std::move(folder)) {
    for (int i = 0; i < count; ++i) {
      const std::string text = settings[i];
      const std::size_t equals = text.find('=');
      const std::string key = text.substr(0, equals), value = text.substr(equals + 1);
      const std::size_t dot = key.find('.');
      if (dot == std::string::npos) {
        settings_[key] = value;
      } else {
        products_[key.substr(0, dot)][key.substr(dot + 1)] = value;
      }
    }
    for (const auto& entry : fs::directory_iterator(folder_)) {
      products_[entry.path().filename()];
    }
    for (const auto& [name, keys] : products_) names_.push_back(name);
  }

  ferry_host functions();
  void tell(const Json& event) {
    const std::lock_guard lock(output_);
    std::cout << event.dump() << std::endl;
  }

  const ferry_transport* transport = nullptr;
  std::atomic<bool> away = false, mute = false, corrupt = false;

  const char* setting(const std::string& key) const { return find(settings_, key); }
  const char* product(std::size_t index) const {
    return index < names_.size() ? names_[index].c_str() : nullptr;
  }
  const char* product_setting(const std::string& product, const std::string& key) const {
    const auto found = products_.find(product);
    return found == products_.end() ? nullptr : find(found->second, key);
  }
  void offer(const ferry_device& device, const char* const* want, std::size_t count,
             ferry_offer_callback callback, void* user);
  void find_artifact(const std::string& product, const std::string& version,
                     const std::string& name, ferry_artifact_callback callback, void* user);
  int read(std::uint64_t handle, std::uint64_t offset, void* out, std::size_t length);
  void progress(const ferry_device& device, std::uint64_t handle, std::uint64_t offset,
                std::uint64_t length);

 private:
  static const char* find(const std::map<std::string, std::string>& keys, const std::string& key) {
    const auto found = keys.find(key);
    return found == keys.end() ? nullptr : found->second.c_str();
  }
  std::vector<std::string> versions(const std::string& product) const;
  std::vector<std::uint64_t> load(const std::string& product, const std::string& version);
  ferry_artifact shown(std::uint64_t handle, const std::vector<std::string>& want);
  void post(std::function<void()> task);

  fs::path folder_;
  std::map<std::string, std::string> settings_;
  std::map<std::string, std::map<std::string, std::string>> products_;
  std::vector<std::string> names_;
  std::deque<File> files_;  // handle = index + 1
  std::map<std::string, std::vector<std::uint64_t>> loaded_;
  Shown shown_;
  std::mutex output_;
};

void Harness::post(std::function<void()> task) {
  auto* kept = new std::function<void()>(std::move(task));
  transport->post(
      transport->context,
      [](void* argument) {
        const std::unique_ptr<std::function<void()>> run(
            static_cast<std::function<void()>*>(argument));
        (*run)();
      },
      kept);
}

// "firmware_1.0.1.bin" → "1.0.1"; a folder is named by its version alone.
std::string version_in(std::string name) {
  for (const std::string role : {"firmware_", "archive_"}) {
    if (name.starts_with(role)) return name.substr(role.size(), name.size() - role.size() - 4);
  }
  return name;
}

std::vector<std::string> Harness::versions(const std::string& product) const {
  std::vector<std::string> found;
  std::error_code none;
  for (const auto& entry : fs::directory_iterator(folder_ / product, none)) {
    found.push_back(version_in(entry.path().filename()));
  }
  std::sort(found.begin(), found.end(),
            [](const auto& a, const auto& b) { return numbers(a) < numbers(b); });
  return found;
}

std::vector<std::uint64_t> Harness::load(const std::string& product, const std::string& version) {
  const auto [place, fresh] = loaded_.try_emplace(product + "/" + version);
  if (!fresh) return place->second;
  const auto add = [&, list = &place->second](const fs::path& path, const std::string& name,
                                              const std::string& role) {
    if (!fs::is_regular_file(path)) return;
    std::ifstream in(path, std::ios::binary);
    File file{product, version, name, role, role == "file" ? name : "", {}, {}};
    file.content.assign(std::istreambuf_iterator<char>(in), {});
    file.sha256 = ferry::Sha256::of(ferry::as_bytes(file.content)).hex();
    files_.push_back(std::move(file));
    list->push_back(files_.size());
  };
  const fs::path root = folder_ / product;
  std::error_code none;
  for (const auto& entry : fs::recursive_directory_iterator(root / version, none)) {
    add(entry.path(), entry.path().lexically_relative(root / version).string(), "file");
  }
  const std::string image = "firmware_" + version + ".bin", archive = "archive_" + version + ".tar";
  add(root / image, image, "firmware");
  add(root / archive, archive, "archive");
  return place->second;
}

std::string digest(const std::string& content, const std::string& kind) {
  using ferry::Algorithm;
  const std::size_t plus = kind.find('+'), minus = kind.find('-');
  const std::string name = kind.substr(0, std::min(plus, minus));
  std::string padded = content;
  if (plus != std::string::npos) padded.append(std::stoul(kind.substr(plus + 1)), '\xFF');
  if (minus != std::string::npos) padded.resize(padded.size() - std::stoul(kind.substr(minus + 1)));
  ferry::Digester digester(name == "sha1"  ? Algorithm::sha1
                           : name == "md5" ? Algorithm::md5
                                           : Algorithm::sha256);
  digester.update(ferry::as_bytes(padded));
  return digester.hex();
}

ferry_artifact Harness::shown(std::uint64_t handle, const std::vector<std::string>& want) {
  const File& file = files_[handle - 1];
  auto& digests = shown_.digests.emplace_back();
  for (const auto& kind : want) {
    const std::string computable = ferry::formats::digest_kind(kind, file.content.size());
    digests.push_back({shown_.keep(kind), shown_.keep(digest(file.content, computable))});
  }
  return {sizeof(ferry_artifact), handle,
          file.content.size(),    file.sha256.c_str(),
          file.role.c_str(),      file.version.c_str(),
          file.name.c_str(),      file.dst_path.c_str(),
          digests.size(),         digests.data()};
}

void Harness::offer(const ferry_device& device, const char* const* want, std::size_t count,
                    ferry_offer_callback callback, void* user) {
  const std::string product = device.product;
  const std::string current = device.version == nullptr ? "" : device.version;
  tell({{"event", "offer"}, {"device", device.id}, {"product", product}, {"version", current}});
  const std::vector<std::string> kinds(want, want + count);
  if (mute) return;
  post([=, this] {
    const auto all = versions(product);
    if (away) return callback(user, FERRY_UNAVAILABLE, nullptr);
    if (all.empty() || numbers(all.back()) <= numbers(current)) {
      return callback(user, FERRY_NOT_FOUND, nullptr);
    }
    // Of each role the newest release that has it.
    std::map<std::string, std::vector<ferry_artifact>> newest;
    for (const auto& version : all) {
      if (numbers(version) <= numbers(current)) continue;
      std::map<std::string, std::vector<ferry_artifact>> roles;
      for (const auto handle : load(product, version)) {
        roles[files_[handle - 1].role].push_back(shown(handle, kinds));
      }
      for (auto& [role, list] : roles) newest[role] = std::move(list);
    }
    std::vector<ferry_artifact> artifacts;
    for (const auto& [role, list] : newest) {
      artifacts.insert(artifacts.end(), list.begin(), list.end());
    }
    std::vector<ferry_base_file> base;
    const bool known = std::find(all.begin(), all.end(), current) != all.end();
    for (const auto handle : known ? load(product, current) : std::vector<std::uint64_t>()) {
      const File& file = files_[handle - 1];
      if (file.role == "file") base.push_back({file.dst_path.c_str(), file.sha256.c_str()});
    }
    const ferry_offer offer{sizeof offer,     1,
                            product.c_str(),  all.back().c_str(),
                            current.c_str(),  artifacts.size(),
                            artifacts.data(), known ? 1 : 0,
                            base.size(),      base.data()};
    callback(user, FERRY_OK, &offer);
  });
}

void Harness::find_artifact(const std::string& product, const std::string& version,
                            const std::string& name, ferry_artifact_callback callback, void* user) {
  tell({{"event", "find"}, {"product", product}, {"version", version}, {"name", name}});
  if (mute) return;
  post([=, this] {
    if (away) return callback(user, FERRY_UNAVAILABLE, nullptr);
    for (const auto handle : load(product, version)) {
      if (files_[handle - 1].name != name) continue;
      const ferry_artifact artifact = shown(handle, {});
      return callback(user, FERRY_OK, &artifact);
    }
    callback(user, FERRY_NOT_FOUND, nullptr);
  });
}

int Harness::read(std::uint64_t handle, std::uint64_t offset, void* out, std::size_t length) {
  if (length > 64U * 1024U) std::abort();  // a plugin reads at most this at a time
  const std::string& content = files_.at(handle - 1).content;
  if (offset + length > content.size()) return FERRY_INVALID;
  // The second half of a corrupt artifact cannot be read.
  if (corrupt && offset + length > content.size() / 2) return FERRY_CORRUPT;
  std::copy_n(content.data() + offset, length, static_cast<char*>(out));
  return FERRY_OK;
}

void Harness::progress(const ferry_device& device, std::uint64_t handle, std::uint64_t offset,
                       std::uint64_t length) {
  tell({{"event", "progress"},
        {"device", device.id},
        {"product", device.product},
        {"name", files_.at(handle - 1).name},
        {"offset", offset},
        {"length", length}});
}

Harness& of(void* context) {
  return *static_cast<Harness*>(context);
}

ferry_host Harness::functions() {
  ferry_host host{};
  host.size = sizeof host;
  host.context = this;
  host.log = [](void* c, int level, const char* text) {
    of(c).tell({{"event", "log"}, {"level", level}, {"text", text}});
  };
  host.setting = [](void* c, const char* key) { return of(c).setting(key); };
  host.product = [](void* c, std::size_t index) { return of(c).product(index); };
  host.product_setting = [](void* c, const char* product, const char* key) {
    return of(c).product_setting(product, key);
  };
  host.state = [](void* c, const char* state, const char* detail) {
    of(c).tell({{"event", "state"}, {"state", state}, {"detail", detail}});
  };
  host.device_seen = [](void* c, const ferry_device* device) {
    of(c).tell({{"event", "seen"}, {"device", device->id}, {"product", device->product}});
  };
  host.offer = [](void* c, const ferry_device* device, const char* const* want, std::size_t count,
                  ferry_offer_callback callback,
                  void* user) { of(c).offer(*device, want, count, callback, user); };
  host.find = [](void* c, const char* product, const char* version, const char* name,
                 ferry_artifact_callback callback,
                 void* user) { of(c).find_artifact(product, version, name, callback, user); };
  host.read = [](void* c, std::uint64_t handle, std::uint64_t offset, void* out,
                 std::size_t length) { return of(c).read(handle, offset, out, length); };
  host.progress = [](void* c, const ferry_device* device, std::uint64_t handle,
                     std::uint64_t offset,
                     std::uint64_t length) { of(c).progress(*device, handle, offset, length); };
  host.outcome = [](void*, const ferry_device*, std::uint64_t, int, const char*,
                    ferry_done_callback, void*) {};
  return host;
}

void obey(Harness& harness, const std::string& command) {
  if (command == "away") harness.away = true;
  if (command == "back") harness.away = harness.mute = false;
  if (command == "mute") harness.mute = true;
  if (command == "corrupt") harness.corrupt = true;
  if (command == "heal") harness.corrupt = false;
  if (command == "changed") {
    harness.transport->post(
        harness.transport->context,
        [](void* transport) {
          const auto* given = static_cast<const ferry_transport*>(transport);
          given->changed(given->context);
        },
        const_cast<ferry_transport*>(harness.transport));
  }
  harness.tell({{"event", "obeyed"}, {"command", command}});
}

}  // namespace

int main(int argc, char** argv) {
  if (argc < 3) {
    fmt::print(stderr, "usage: http_harness PLUGIN FOLDER [KEY=VALUE | PRODUCT.KEY=VALUE]...\n");
    return 2;
  }
  void* library = dlopen(argv[1], RTLD_NOW | RTLD_LOCAL);
  auto* entry = library == nullptr
                    ? nullptr
                    : reinterpret_cast<ferry_transport_entry>(dlsym(library, "ferry_transport_v1"));
  if (entry == nullptr) {
    fmt::print(stderr, "http_harness: {}\n", dlerror());
    return 2;
  }
  Harness harness(argv[2], argc - 3, argv + 3);
  const ferry_host host = harness.functions();
  harness.transport = entry(&host);
  if (harness.transport == nullptr) return 1;
  // It lives until the process ends, which the leak sanitizer must be able to see: a compiler
  // leaves out what nobody reads.
  static const ferry_transport* volatile kept = harness.transport;
  int result = 0;
  std::thread plugin([&] { result = kept->run(kept->context); });
  for (std::string command; std::getline(std::cin, command);) obey(harness, command);
  harness.transport->stop(harness.transport->context);
  plugin.join();
  return result;
}
