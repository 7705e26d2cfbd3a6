// usage: power_driver work FOLDER MARKS SECONDS [SYNCHRONOUS]
//        power_driver check FOLDER MARKS
#include <cstdlib>
#include <string>

#include "storage/durability.hpp"
#include "tests/fault/power/promises.hpp"

int main(int argc, char** argv) {
  const std::string what = argc > 3 ? argv[1] : "";
  if (what == "work" && argc > 4) {
    if (argc > 5) ferry::storage::synchronous_mode() = argv[5];
    return ferry::power::work(argv[2], argv[3], std::atoi(argv[4]));
  }
  if (what == "check") return ferry::power::check(argv[2], argv[3]);
  return 2;
}
