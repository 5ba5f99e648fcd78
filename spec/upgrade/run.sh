#!/usr/bin/env bash
# `npm run test:upgrade -- COMMIT`: builds the program of that commit, with the packages of today, and runs spec/upgrade. Needs root.
set -euo pipefail
cd "$(dirname "$0")/../.."
. fixtures/setup.sh
[ $# = 1 ] || { echo "expected a commit or tag to go to and come back from" >&2; exit 1; }
set_up_lab "The upgrade"
commit=$(git rev-parse --verify "$1^{commit}")
tree=$PWD/.cache/upgrade/$commit
if [ ! -e "$tree/dist/enid.js" ]; then
  rm -rf "$tree" && mkdir -p "$tree"
  git archive "$commit" | tar -x -C "$tree"
  ln -s "$PWD/node_modules" "$tree/node_modules"
  (cd "$tree" && node build.mjs)
fi
export ENID_OTHER_PROGRAM=$tree/dist/enid.js NODE_OPTIONS="--experimental-vm-modules --no-warnings"
jest --selectProjects upgrade --runInBand
