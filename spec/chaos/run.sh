#!/usr/bin/env bash
# `npm run chaos`: sets up what is missing, then plays random stories on the simulated VPC.
set -euo pipefail
cd "$(dirname "$0")/../.."
. fixtures/setup.sh
set_up_lab "The chaos run"
bash fixtures/trixie.sh
exec tsx spec/chaos/main.ts "$@"
