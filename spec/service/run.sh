#!/usr/bin/env bash
# The service tier alone: makes the Debian system that it boots, if it is not there, and runs the specs. Needs root.
# `ENID_TIER=release` runs the release tier instead: what a release is, installed from its repositories.
set -euo pipefail
cd "$(dirname "$0")/../.."
. fixtures/setup.sh
. fixtures/machine/tree.sh
require_root "The service tier"
install_npm_packages
install_service_packages
[ -e dist/enid.js ] || npm run --silent build
trees=$(mktemp -d)
trap 'rm -rf "$trees"' EXIT
# Beside each other: each waits for the mirror most of the time.
pids=()
for release in "$machine_suite" trixie; do
  machine_tree "$release" >"$trees/$release" &
  pids+=($!)
done
tier=${ENID_TIER:-service}
names="bookworm forky"
[ "$tier" = service ] || names="$names bookworm-rpm bookworm-recipes"
for name in $names; do
  distribution_tree "$name" >"$trees/short-$name" &
  pids+=($!)
done
for pid in "${pids[@]}"; do wait "$pid"; done
ENID_MACHINE_TREE=$(cat "$trees/$machine_suite")
ENID_MACHINE_TREE_257=$(cat "$trees/trixie")
# The short form of the matrix (spec/service/package.spec.ts), and what the release tier asks.
ENID_MATRIX=
for name in $names; do ENID_MATRIX="$ENID_MATRIX $name=$(cat "$trees/short-$name")"; done
ENID_MATRIX=${ENID_MATRIX# }
ENID_MACHINE_TREE_BROKER=$(cat "$trees/short-bookworm")
export ENID_MACHINE_TREE ENID_MACHINE_TREE_257 ENID_MACHINE_TREE_BROKER ENID_MATRIX
export NODE_OPTIONS="--experimental-vm-modules --no-warnings"
# The specs of the release tier build in dist/.
workers=$([ "$tier" = release ] && echo 1 || echo 2)
jest --selectProjects "$tier" --maxWorkers="$workers" "$@"
