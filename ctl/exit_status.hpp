// How ferryctl ends; scripts compare these, ferryctl(1) lists them.
#pragma once

namespace ferry::ctl {

enum class Exit : int {
  ok = 0,
  failure = 1,
  usage = 2,
  not_running = 3,
  no_permission = 4,
  not_found = 5,
};

}  // namespace ferry::ctl
