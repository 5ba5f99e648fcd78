#!/usr/bin/env bash
# `npm run test:upgrade [-- COMMIT]`: builds the program of that commit, with the packages of today, and runs spec/upgrade. Needs root.
# By default the newest release before this commit.
set -euo pipefail
cd "$(dirname "$0")/../.."
. fixtures/setup.sh
[ $# -le 1 ] || { echo "expected a commit or tag to go to and come back from, got $*" >&2; exit 1; }

# Before there is a release: the last commit before CHANGELOG began the section that it is at.
last_release() {
  local begin
  git describe --tags --abbrev=0 --match 'v[0-9]*' HEAD^ 2>/dev/null && return
  begin=$(git log --reverse --format=%H -S"$(grep -m1 '^## ' CHANGELOG.md)" -- CHANGELOG.md | head -n 1)
  [ -n "$begin" ] || { echo "expected a tag v… or the history of CHANGELOG.md in this clone: name a commit" >&2; return 1; }
  git rev-parse --verify "$begin^"
}

other=${1:-$(last_release)}
commit=$(git rev-parse --verify "$other^{commit}")
echo "To $other and back"
set_up_lab "The upgrade"
tree=$PWD/.cache/upgrade/$commit
if [ ! -e "$tree/dist/enid.js" ]; then
  rm -rf "$tree" && mkdir -p "$tree"
  git archive "$commit" | tar -x -C "$tree"
  ln -s "$PWD/node_modules" "$tree/node_modules"
  (cd "$tree" && node build.mjs)
fi
export ENID_OTHER_PROGRAM=$tree/dist/enid.js NODE_OPTIONS="--experimental-vm-modules --no-warnings"
jest --selectProjects upgrade --runInBand
