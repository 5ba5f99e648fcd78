#!/bin/sh
# Keeps enid's .network files, and .netdev files of VRFs, over a boot: systemd-networkd then starts with them and asks for one
# lease, where it would start with 80-ec2.network, be reloaded when enid has read the metadata, and ask for another. What changes
# while the host is off (addresses, prefixes, rules) is not in these files. $1: save or restore.
set -eu
kept=/var/lib/enid/network
used=/run/systemd/network
case $1 in
save)
  rm -f "$kept"/*.network "$kept"/*.netdev
  for file in "$used"/*.network "$used"/*.netdev; do
    [ -e "$file" ] || continue
    if head -n 1 "$file" | grep -q '^# Written by enid for '; then cp "$file" "$kept"; fi
  done
  ;;
restore)
  for file in "$kept"/*.network "$kept"/*.netdev; do
    [ ! -e "$file" ] || [ -e "$used/${file##*/}" ] || cp "$file" "$used"
  done
  ;;
esac
