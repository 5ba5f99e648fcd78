#!/bin/sh
# Keeps enid's .network files, and .netdev files of VRFs, over a boot: systemd-networkd then starts with them and asks for one
# lease, where it would start with 80-ec2.network, be reloaded when enid has read the metadata, and ask for another. What changes
# while the host is off (addresses, prefixes, rules) is not in these files. $1: save or restore.
set -eu
is_ours() { head -n 1 "$1" | grep -q '^# Written by enid for '; }
kept=/var/lib/enid/network
used=/run/systemd/network
case $1 in
save)
  for file in "$used"/*.network "$used"/*.netdev; do
    [ -e "$file" ] && is_ours "$file" || continue
    ! cmp -s "$file" "$kept/${file##*/}" 2>/dev/null || continue
    # In one piece or not at all: what a crash cuts short would be a stranger's file to enid.
    cp "$file" "$kept/part"
    sync "$kept/part"
    mv "$kept/part" "$kept/${file##*/}"
  done
  for file in "$kept"/*; do
    used_file=$used/${file##*/}
    if [ ! -e "$used_file" ] || ! is_ours "$used_file"; then rm -f "$file"; fi
  done
  ;;
restore)
  for file in "$kept"/*.network "$kept"/*.netdev; do
    [ ! -e "$file" ] || [ -e "$used/${file##*/}" ] || ! is_ours "$file" || cp "$file" "$used"
  done
  ;;
esac
