#!/usr/bin/env bash
# `npm run test:upgrade [-- COMMIT]`: builds the packages of that commit, by its own script, and of this one, and runs
# spec/upgrade. By default the newest release before this commit. Needs root.
set -euo pipefail
cd "$(dirname "$0")/../.."
. fixtures/setup.sh
. fixtures/machine/tree.sh
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
install_service_packages
tree=$PWD/.cache/upgrade/$commit
if [ ! -e "$tree/dist/packages/SHA256SUMS" ]; then
  rm -rf "$tree"
  git clone --quiet . "$tree" && git -C "$tree" checkout --quiet "$commit"
  # Its npm scripts have a node of their own in front.
  ENID_PACKAGE_LEVEL=0 bash "$tree/units/package/build.sh" amd64
fi
packages=$(mktemp -d)
trap 'rm -rf "$packages"' EXIT
mkdir "$packages/this" "$packages/other"
# Its revision is higher, whatever the version of the other one.
ENID_PACKAGE_LEVEL=0 ENID_PACKAGE_RELEASE=2 bash units/package/build.sh amd64
cp dist/packages/*.deb "$packages/this"
cp "$tree"/dist/packages/*.deb "$packages/other"
npm run --silent build
ENID_MACHINE_TREE=$(machine_tree)
export ENID_MACHINE_TREE ENID_UPGRADE_PACKAGES=$packages ENID_OTHER_PROGRAM=$tree/dist/enid.js
export NODE_OPTIONS="--experimental-vm-modules --no-warnings"
jest --selectProjects upgrade --runInBand
