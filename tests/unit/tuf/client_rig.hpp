// What the tests of the client share: a repository on a server in memory, and the client over it.
#pragma once

#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "agent/source/tuf/updater.hpp"
#include "tests/unit/tuf/memory.hpp"
#include "tests/unit/tuf/signing.hpp"

namespace ferry::tuf {

// At first all of it is good, served, and nothing but the root is kept.
class Client : public testing::Test, protected SignedRepository {
 protected:
  MemoryFetcher server;
  MemoryKeeper keeper;
  Limits limits;

  Client() {
    root["consistent_snapshot"] = true;
    keeper.held["root"] = root_text();
    publish();
  }
  static std::string url(const std::string& name) { return "https://host/metadata/" + name; }
  static std::string versioned(const std::string& role, const Json& content) {
    return url(content["version"].dump() + "." + role + ".json");
  }
  void publish() {
    server.files[url("timestamp.json")] = time_text();
    server.files[versioned("snapshot", snapshot)] = list_text();
    server.files[versioned("targets", targets)] = file_text();
  }
  Updater client(unsigned rotations = 256) {
    Repository repository;
    repository.metadata_url = url("");
    repository.limits = limits;
    repository.root_rotations = rotations;
    return Updater(std::move(repository), server, keeper);
  }
  Updater fresh() {
    Updater updater = client();
    EXPECT_EQ(why(updater.refresh(now)), "accepted");
    return updater;
  }
  // Next versions of snapshot and timestamp, for a change of targets or of roles below them.
  void announce() {
    for (Json* part : {&timestamp, &snapshot}) {
      (*part)["version"] = (*part)["version"].get<unsigned>() + 1;
    }
    timestamp["meta"]["snapshot.json"]["version"] = snapshot["version"];
    publish();
  }
  // `delegator`, targets or a role below it, lets `role` speak of all paths.
  void delegate(Json& delegator, const Signer& signer, const std::string& role) {
    Json& delegations = delegator["delegations"];
    delegations["keys"][signer.id] = signer.entry();
    delegations["roles"].push_back({{"name", role},
                                    {"keyids", {signer.id}},
                                    {"threshold", 1},
                                    {"terminating", false},
                                    {"paths", {"*"}}});
    snapshot["meta"][role + ".json"]["version"] = 1;
  }
  static Json files_part(const std::vector<std::string>& paths) {
    Json role = part("targets", 1);
    role["targets"] = Json::object();
    for (const std::string& path : paths) role["targets"][path] = file_entry();
    return role;
  }
  static Json file_entry() {
    return {{"length", 3}, {"hashes", {{"sha256", Sha256::of(as_bytes("abc")).hex()}}}};
  }
  void serve(const std::string& role, const Signer& signer, const Json& content) {
    server.files[versioned(role, content)] = signed_by({signer}, content);
  }
};

}  // namespace ferry::tuf
