// A server and a place to keep metadata in memory, for tests of the client. One thread.
#pragma once

#include <algorithm>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "agent/source/tuf/fetcher.hpp"
#include "agent/source/tuf/keeper.hpp"

namespace ferry::tuf {

// Serves what `files` holds; a URL in `broken` fails with that code once its body, if there is one,
// was given.
class MemoryFetcher final : public Fetcher {
 public:
  std::map<std::string, std::string> files;
  std::map<std::string, ErrorCode> broken;
  std::vector<std::string> asked;

  Status fetch(const std::string& url, std::uint64_t limit, const TakeBody& take) override {
    asked.push_back(url);
    const auto found = files.find(url);
    if (found != files.end()) {
      if (found->second.size() > limit) return fail(ErrorCode::too_large, "larger than allowed");
      Status taken = take(as_bytes(found->second));
      if (!taken) return taken;
    }
    const auto failing = broken.find(url);
    if (failing != broken.end()) return fail(failing->second, "broken");
    return found == files.end() ? Status(fail(ErrorCode::not_found, "no such file")) : Status();
  }
  std::size_t times(const std::string& url) const {
    return static_cast<std::size_t>(std::count(asked.begin(), asked.end(), url));
  }
};

// Keeps nothing of the role `refuses`.
class MemoryKeeper final : public Keeper {
 public:
  std::map<std::string, std::string> held;
  std::string refuses;

  Result<std::string> kept(const std::string& role, std::uint64_t limit) override {
    const auto found = held.find(role);
    if (found != held.end() && found->second.size() <= limit) return found->second;
    if (role == "root") return fail(ErrorCode::io, "no root");
    return std::string();
  }
  Status keep(const std::string& role, std::uint64_t /*version*/, std::string_view bytes) override {
    if (role == refuses) return fail(ErrorCode::disk_full, "no room");
    held[role] = bytes;
    return {};
  }
};

}  // namespace ferry::tuf
