#!/usr/bin/env bash
# The service tier alone: makes the Debian system that it boots, if it is not there, and runs the specs. Needs root.
set -euo pipefail
cd "$(dirname "$0")/../.."
. fixtures/setup.sh
. fixtures/machine/tree.sh
require_root "The service tier"
install_npm_packages
install_service_packages
[ -e dist/enid.js ] || npm run --silent build
newer=$(mktemp)
trap 'rm -f "$newer"' EXIT
# Beside each other: each waits for the mirror most of the time.
machine_tree trixie >"$newer" &
ENID_MACHINE_TREE=$(machine_tree)
wait $!
ENID_MACHINE_TREE_257=$(cat "$newer")
export ENID_MACHINE_TREE ENID_MACHINE_TREE_257
export NODE_OPTIONS="--experimental-vm-modules --no-warnings"
jest --selectProjects service --runInBand "$@"
