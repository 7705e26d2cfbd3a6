// What keeps a source from spending more on its link than its section allows: window, rate and
// budget.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "agent/source/http_client.hpp"
#include "agent/source/ledger.hpp"

namespace ferry::source {

// The period around `now`: days, weeks from Monday, and months, in UTC. Pure.
struct PeriodSpan {
  Time begin{};
  Time end{};
};
PeriodSpan span_of(config::Period period, Time now);

// Over which interface packets for everywhere go, by the text of /proc/net/route and where that
// knows none of /proc/net/ipv6_route; "" for none. Pure.
std::string default_interface(std::string_view route, std::string_view ipv6_route);

// On the source's thread, but for use().
class Thrift final : public Meter {
 public:
  Thrift(const config::SourceSettings& settings, const Context& context, Ledger& ledger)
      : settings_(settings), context_(context), ledger_(ledger) {}

  // Why nothing may be fetched now: "waits: window 22:00-05:00".
  std::optional<std::string> held() const;
  // From any thread; nothing when there is no budget.
  std::optional<BudgetUse> use() const;

  Result<std::uint64_t> admit() override;
  Status received(std::size_t bytes) override;

 private:
  bool is_metered() const;
  std::optional<std::string> held_where_metered() const;

  const config::SourceSettings& settings_;
  const Context& context_;
  Ledger& ledger_;
  bool metered_ = true;  // the interface of the request under way
};

}  // namespace ferry::source
