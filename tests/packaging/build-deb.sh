#!/bin/bash
# Builds the Debian packages from the files of this tree: build-deb.sh FOLDER. They land in FOLDER; a copy
# of the tree in FOLDER/work keeps the objects, so that the next run compiles what changed.
set -euo pipefail
cd "$(dirname "$(readlink -f "$0")")/../.."
[ $# -eq 1 ] || { echo "usage: $0 FOLDER" >&2; exit 2; }
mkdir -p "$1/work/ferry"
folder=$(readlink -f "$1")
tree=$folder/work/ferry

# debian/ goes as well: what debhelper remembers there would make it skip steps.
find "$tree" -mindepth 1 -maxdepth 1 ! -name 'obj-*' -exec rm -rf {} +
rm -f "$folder"/*.deb "$folder"/*.changes "$folder"/*.buildinfo "$folder"/work/*.*
git ls-files -z --cached --others --exclude-standard | while IFS= read -r -d '' file; do
  if [ -e "$file" ]; then printf '%s\0' "$file"; fi
done | tar --null --no-recursion -T - -cf - | tar -C "$tree" -xf -

if command -v ccache >/dev/null; then
  # debhelper gives builds a home of their own.
  CCACHE_DIR=$(ccache --get-config cache_dir)
  export CCACHE_DIR CMAKE_C_COMPILER_LAUNCHER=ccache CMAKE_CXX_COMPILER_LAUNCHER=ccache
fi
# No packages of debugging information are made here, so that none is compiled either.
export DEB_CFLAGS_APPEND=-g0 DEB_CXXFLAGS_APPEND=-g0
export DEB_BUILD_OPTIONS="parallel=${FERRY_JOBS:-$(nproc)} terse noautodbgsym"
(cd "$tree" && dpkg-buildpackage --no-sign --build=binary --no-pre-clean) >"$folder/build.log" 2>&1 || {
  tail -n 60 "$folder/build.log" >&2
  echo "build-deb.sh: the packages do not build; all of it is in $folder/build.log" >&2
  exit 1
}
mv "$folder"/work/*.deb "$folder"/work/*.changes "$folder"/work/*.buildinfo "$folder/"
ls "$folder"/*.deb
