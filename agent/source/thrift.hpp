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

// What is fetched: what the site has to say, or a release.
enum class Purpose { look, release, urgent };

// On the source's thread, but for use().
class Thrift final : public Meter {
 public:
  Thrift(const config::SourceSettings& settings, const Context& context, Ledger& ledger)
      : settings_(settings), context_(context), ledger_(ledger) {}

  // Why nothing may be fetched for that purpose now: "waits: window 22:00-05:00". When the budget
  // is used up, a site with urgent releases is still looked at, now and then.
  std::optional<std::string> held(Purpose purpose) const;
  // What the requests from now on are for. The same as at first until it is called: to look.
  void fetches(Purpose purpose) { purpose_ = purpose; }
  // From any thread; nothing when there is no budget.
  std::optional<BudgetUse> use() const;

  Result<std::uint64_t> admit() override;
  Status received(std::size_t bytes) override;

 private:
  bool is_metered() const;
  std::optional<std::string> held_where_metered(Purpose purpose) const;
  bool may_exceed(Purpose purpose) const { return settings_.urgent && purpose != Purpose::release; }

  const config::SourceSettings& settings_;
  const Context& context_;
  Ledger& ledger_;
  bool metered_ = true;  // the interface of the request under way
  Purpose purpose_ = Purpose::look;
};

}  // namespace ferry::source
