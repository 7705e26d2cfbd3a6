#!/bin/bash
# Proves that a fresh Debian 12 needs nothing but this tree: fresh_machine.sh FOLDER COMMAND... makes a Debian in
# FOLDER that has nothing but apt, clones the tree into it as it is committed, and runs `./dev COMMAND...` there. Needs
# root, mmdebstrap, and a folder on a real disk; a folder that is there already is used again, and is no proof then.
set -euo pipefail
[ $# -ge 2 ] || { sed -n '2,4s/^# //p' "$0" >&2; exit 2; }
tree=$(git -C "$(dirname "$(readlink -f "$0")")" rev-parse --show-toplevel)
root=$(readlink -f "$1")
shift

if [ ! -e "$root/ferry" ]; then
  mmdebstrap --variant=apt --include=ca-certificates bookworm "$root"
  git clone -q --no-local "$tree" "$root/ferry"
  rm -rf "$root/ferry/.git/hooks"
  # Where a proxy looks into TLS, the machine's own certificates are part of it.
  if [ -n "${NODE_EXTRA_CA_CERTS:-}" ]; then cp "$NODE_EXTRA_CA_CERTS" "$root/etc/ssl/certs/ca-certificates.crt"; fi
  cp /etc/resolv.conf "$root/etc/resolv.conf"
fi
# The mounts go with the namespace.
exec unshare --mount --propagation slave bash -euc '
  root=$1
  shift
  mount --rbind /dev "$root/dev"
  mount --rbind /sys "$root/sys"
  mount -t proc proc "$root/proc"
  mount -t tmpfs tmpfs "$root/run"
  exec chroot "$root" /usr/bin/env -i HOME=/root TERM=dumb PATH=/usr/sbin:/usr/bin:/sbin:/bin \
    NODE_EXTRA_CA_CERTS=/etc/ssl/certs/ca-certificates.crt /ferry/dev "$@"' fresh "$root" "$@"
