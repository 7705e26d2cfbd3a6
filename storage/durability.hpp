// How hard commits are pressed to the medium. Internal to storage/. Always "FULL": only the
// power-cut lane sets something weaker, to prove that it would notice.
#pragma once

#include <string>

namespace ferry::storage {

inline std::string& synchronous_mode() {
  static std::string mode = "FULL";
  return mode;
}

}  // namespace ferry::storage
