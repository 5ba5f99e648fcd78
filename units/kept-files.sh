#!/bin/sh
# Keeps enid's .network files, and .netdev files of VRFs, over a boot: systemd-networkd then starts with them and asks for one
# lease, where it would start with 80-ec2.network, be reloaded when enid has read the metadata, and ask for another. What changes
# while the host is off (addresses, prefixes, rules) is not in these files. $1: save or restore.
set -eu
# What else this user may have laid there stops nothing: no link is followed, no FIFO waited for, nothing read without end. A file
# of ours has some thousand bytes.
read_file() { dd if="$1" iflag=nofollow,nonblock bs=65536 count=1 2>/dev/null || true; }
is_ours() { read_file "$1" | head -n 1 | grep -q '^# Written by enid for '; }
is_same() { [ "$(read_file "$1")" = "$(read_file "$2")" ]; }
kept=/var/lib/enid/network
used=/run/systemd/network
case $1 in
save)
  for file in "$used"/*.network "$used"/*.netdev; do
    is_ours "$file" || continue
    ! is_same "$file" "$kept/${file##*/}" || continue
    # In one piece or not at all: what a crash cuts short would be a stranger's file to enid.
    read_file "$file" > "$kept/part"
    sync "$kept/part"
    mv "$kept/part" "$kept/${file##*/}"
  done
  for file in "$kept"/*; do
    used_file=$used/${file##*/}
    is_ours "$used_file" || rm -f "$file"
  done
  ;;
restore)
  for file in "$kept"/*.network "$kept"/*.netdev; do
    [ -e "$used/${file##*/}" ] || ! is_ours "$file" || read_file "$file" > "$used/${file##*/}"
  done
  ;;
esac
