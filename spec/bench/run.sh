#!/usr/bin/env bash
# `npm run bench`: sets up what is missing, builds, and measures on the simulated VPC. Options: see main.ts.
set -euo pipefail
cd "$(dirname "$0")/../.."
. fixtures/setup.sh
set_up_lab "The benchmark" >&2
bash fixtures/programs.sh >&2
exec node --import tsx spec/bench/main.ts "$@"
