#!/bin/sh
# On a Kubernetes node: from now on networkd takes no ENI by itself but the primary. What says so is in /run and names the
# machine's own MAC, so that it is gone with the boot and in no image. Runs as the user enid, whose directory that is.
set -eu
directory=${1:-/run/systemd/network}
# The primary is the one that enid has written a file for as device 0 on card 0, and whose link is there.
for file in "$directory"/*.network; do
  [ -f "$file" ] || continue
  mac=$(sed -n '1s/^# Written by enid for \([0-9a-f:]\{17\}\) .*, device 0, card 0).*/\1/p' "$file")
  [ -n "$mac" ] && cat /sys/class/net/*/address 2>/dev/null | grep -qxF "$mac" || continue
  mkdir -p "$directory/80-ec2.network.d"
  printf '[Match]\nMACAddress=%s\n' "$mac" > "$directory/80-ec2.network.d/primary.conf"
  exit 0
done
echo 'enid has configured no primary yet: networkd goes on taking every ENI' >&2
exit 1
