#!/usr/bin/env bash
# `npm run test:node [-- VERSION …]`: the unit tier, and the main job in the lab, on other versions of Node.js than the one that
# is shipped; by default the newest of each release line that `engines` names, and of the one to come. Meant for each night.
set -euo pipefail
cd "$(dirname "$0")/.."
. fixtures/setup.sh
set_up_lab "The lab"
[ $# -gt 0 ] || set -- 22 26
export NODE_OPTIONS="--experimental-vm-modules --no-warnings"
status=0
for wanted; do
  package=node-linux-$(node -p process.arch)
  directory=.cache/other-node/$wanted
  rm -rf "$directory" && mkdir -p "$directory"
  NODE_OPTIONS= npm pack --silent --pack-destination "$directory" "$package@$wanted" >/dev/null
  tar -xzf "$directory"/*.tgz -C "$directory" --strip-components=1
  ENID_OTHER_NODE=$("$directory/bin/node" -v)
  export ENID_OTHER_NODE
  echo "== Node.js $ENID_OTHER_NODE"
  PATH="$PWD/$directory/bin:$PATH" jest --selectProjects unit || status=1
  PATH="$PWD/$directory/bin:$PATH" jest --runInBand spec/lab/main-job spec/lab/notify --selectProjects lab || status=1
done
exit $status
