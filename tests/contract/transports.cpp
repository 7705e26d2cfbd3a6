#include "tests/contract/transports.hpp"

namespace ferry::contract {
namespace {

// loopback's device lives inside it: it asks when it starts, and whenever the catalog has changed.
class LoopbackVisitor final : public Visitor {
 public:
  void come_by(AgentEnd& agent, const std::string&, bool changed) override {
    if (!first_ && !changed) agent.send(messages::Changed{});
    first_ = false;
  }

 private:
  bool first_ = true;
};

}  // namespace

const std::vector<TransportCase>& transports() {
  static const std::vector<TransportCase> all = {
      {"loopback",
       {{"device", "meter-1"}, {"product", "meter"}, {"version", "1.0.1"}},
       {{"name", "meter"}, {"dialect", "plain"}},
       [] { return std::unique_ptr<Visitor>(std::make_unique<LoopbackVisitor>()); }},
  };
  return all;
}

}  // namespace ferry::contract
