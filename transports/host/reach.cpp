#include "transports/host/reach.hpp"

#include <algorithm>
#include <array>

namespace ferry::host {
namespace {

struct Row {
  std::string_view plugin;
  Reach reach;
};

constexpr std::array table = {
    Row{"mqtt", Reach::broker},
    Row{"ble", Reach::bluetooth},
};

}  // namespace

Reach reach_of(std::string_view plugin) {
  const auto* row = std::find_if(table.begin(), table.end(),
                                 [&](const Row& known) { return known.plugin == plugin; });
  return row == table.end() ? Reach::called : row->reach;
}

}  // namespace ferry::host
