#include "agent/source/trusted_time.hpp"

namespace ferry::source {

Time build_time() {
  return from_unix_ms(FERRY_BUILT * 1000LL);
}

}  // namespace ferry::source
