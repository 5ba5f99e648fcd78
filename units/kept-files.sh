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
# The instance, as Nitro tells it before there is any network: an image or a moved volume is another one's, and its files are not
# for it. Empty on Xen; a file is put in force for its MAC alone in any case.
instance=$(cat /sys/class/dmi/id/board_asset_tag 2>/dev/null || :)
case $instance in i-*) ;; *) instance= ;; esac
case $1 in
save)
  for file in "$used"/*.network "$used"/*.netdev; do
    is_ours "$file" || continue
    # In one piece or not at all: what a crash cuts short would be a stranger's file to enid.
    { read_file "$file"; [ -z "$instance" ] || echo "# Kept on $instance"; } > "$kept/part"
    ! is_same "$kept/part" "$kept/${file##*/}" || continue
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
    if [ -e "$used/${file##*/}" ] || ! is_ours "$file"; then continue; fi
    owner=$(read_file "$file" | sed -n 's/^# Kept on //p')
    if [ -n "$owner" ] && [ "$owner" != "$instance" ]; then continue; fi
    read_file "$file" | sed '/^# Kept on /d' > "$used/${file##*/}"
  done
  ;;
esac
