#!/bin/sh
# Whether enid has the host's network in order: waits up to $1 seconds (120), then says what is missing. Exit code 0: all is configured.
set -eu
seconds=${1:-120}
while [ "$seconds" -gt 0 ]; do
  # 0: nothing is left to change.
  if systemctl is-active --quiet enid.service && enid plan > /dev/null 2>&1; then break; fi
  sleep 1
  seconds=$((seconds - 1))
done
enid status
enid plan || exit 1
# 2: warnings, which are to be read and not to stop a roll-out.
code=0
enid doctor || code=$?
[ "$code" -ne 3 ] && [ "$code" -ne 1 ]
