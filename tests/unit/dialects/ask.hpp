// Requests and releases for the tests of the dialects.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "transports/dialects/dialect.hpp"

namespace ferry::dialects::test {

inline Profile profile(std::string dialect) {
  Profile result;
  result.name = "meter";
  result.dialect = std::move(dialect);
  return result;
}

// A request of its own strings, and the match it gets.
struct Asked {
  std::vector<Field> parameters;
  std::vector<Field> fields;
  Request request;
  Match match;

  Asked(const Profile& given, std::string_view path, std::vector<Field> query = {},
        std::vector<Field> headers = {})
      : parameters(std::move(query)), fields(std::move(headers)) {
    request.path = path;
    request.query = parameters;
    request.headers = fields;
    request.peer = "10.0.0.7";
    match.profile = &given;
  }
  Ask ask() const { return recognize(match, request); }
};

inline Artifact artifact(std::string role, std::string version, std::string name,
                         std::uint64_t length = 1000) {
  Artifact result;
  result.handle = 7;
  result.length = length;
  result.sha256 = std::string(60, 'a') + "beef";
  result.role = std::move(role);
  result.version = std::move(version);
  result.name = std::move(name);
  if (result.role == "file") result.dst_path = result.name;
  result.digests["sha1"] = "5a1";
  result.digests["sha256/skip-last"] = "padded";
  result.digests["sha256/whole-blocks"] = "floored";
  return result;
}

inline Offer offer(std::vector<Artifact> artifacts) {
  Offer result;
  result.version = "1.0.1";
  result.artifacts = std::move(artifacts);
  return result;
}

}  // namespace ferry::dialects::test
