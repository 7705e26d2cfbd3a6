// What other gateways, or any client of TUF, may pull from here: the metadata of the sources that a
// transport names, as it came, and the artifacts behind it that are in the store. Lives on the
// agent's loop; what needs the disk goes to the worker.
#pragma once

#include <map>
#include <memory>
#include <set>
#include <string>

#include "agent/catalog/view.hpp"
#include "agent/host_requests.hpp"
#include "agent/worker.hpp"
#include "config/settings.hpp"
#include "storage/store.hpp"

namespace ferry::agent {

class Mirror {
 public:
  using Sources = std::map<std::string, std::set<std::string>>;  // by transport

  Mirror(Worker& worker, storage::Store& store) : worker_(worker), store_(store) {}
  void set_sources(Sources sources) { sources_ = std::move(sources); }

  // Answers "SOURCE/metadata/FILE" by a document and "SOURCE/targets/PATH" by an artifact of
  // `view`. FERRY_NOT_FOUND: it is not here, or the transport may not pass it on;
  // FERRY_UNAVAILABLE: the store cannot be read now.
  void ask(const std::string& transport, const std::string& path,
           std::shared_ptr<const catalog::View> view, HostRequests::MirrorAnswer answer);

 private:
  Worker& worker_;
  storage::Store& store_;
  Sources sources_;
};

Mirror::Sources mirrors_of(const std::vector<config::TransportSettings>& transports);

}  // namespace ferry::agent
