// From texts to settings: pure, so that tests and the fuzzer reach all of it without files.
#pragma once

#include <string>
#include <vector>

#include "config/merge.hpp"
#include "config/settings.hpp"

namespace ferry::config {

// `host_name` is the gateway's name where the files give none.
Loaded interpret(const std::vector<TextFile>& files, const std::string& host_name);

}  // namespace ferry::config
