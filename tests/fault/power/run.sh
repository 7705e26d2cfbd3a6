#!/bin/sh
# The power-cut lane by hand and in `./dev soak`: run.sh --build BUILD_FOLDER [--states 5000] [--seed N]
set -eu
here=$(dirname "$(readlink -f "$0")")
build=
for argument in "$@"; do
  if [ "$build" = next ]; then build=$argument; break; fi
  [ "$argument" = --build ] && build=next
done
[ -d "$build" ] || { echo "run.sh: --build FOLDER: where Ferry was configured with its tests" >&2; exit 2; }
cmake --build "$build" --target power_driver power_log_disk
# Of two --build the last one counts: the programs lie below the build folder.
exec "$here/power_cut.py" "$@" --build "$build/tests/fault/power"
