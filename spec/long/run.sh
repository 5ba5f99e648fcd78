#!/usr/bin/env bash
# `npm run test:long`: sets up what is missing, then the part of the lab that takes minutes.
set -euo pipefail
cd "$(dirname "$0")/../.."
. fixtures/setup.sh
set_up_lab "The long part of the lab"
bash fixtures/trixie.sh
npm run --silent build
NODE_OPTIONS="--experimental-vm-modules --no-warnings" jest --selectProjects long --runInBand "$@"
