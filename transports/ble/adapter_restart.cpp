#include "transports/ble/adapter_restart.hpp"

namespace ferry::ble {
namespace {

constexpr int enough_failures = 4;
constexpr int most_restarts = 4;
constexpr std::chrono::minutes first_pause{5};

}  // namespace

bool AdapterRestart::due(TimePoint now) {
  if (failures_ < enough_failures || restarts_ >= most_restarts || now < not_before_) return false;
  failures_ = 0;
  not_before_ = now + first_pause * (1 << restarts_);
  ++restarts_;
  return true;
}

}  // namespace ferry::ble
