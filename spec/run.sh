#!/usr/bin/env bash
# `npm test`: sets up what is missing, then types, lint, unit tier, build, lab and service tiers. Fails when a tier that could
# run did not.
set -euo pipefail
cd "$(dirname "$0")/.."
. fixtures/setup.sh
. fixtures/machine/tree.sh
results=$(mktemp -d)
fetching=
status=0
times=()

# What is half made is made again by the next run.
clean_up() {
  [ -z "$fetching" ] || kill -- "-$fetching" 2>/dev/null || true
  rm -rf "$results"
}
trap clean_up EXIT

# $1: its name in the summary; the rest: the command. Notes whether it fails, and the time that it takes.
run_step() {
  local name=$1 since=$SECONDS
  shift
  "$@" || status=1
  times+=("$name $((SECONDS - since)) s")
}

# What the lab and the service tier fetch from Debian's mirror is fetched beside the tiers before them. Whatever fails here is
# tried again, and told, by the tier that needs it.
start_fetching() {
  set -m
  {
    { bash fixtures/trixie.sh && bash fixtures/programs.sh; } &
    machine_tree &
    machine_tree trixie &
    distribution_tree bookworm &
    distribution_tree forky &
    wait
  } </dev/null >/dev/null 2>&1 &
  fetching=$!
  set +m
}

run_unit() {
  jest --selectProjects unit --maxWorkers=2 --json --outputFile="$results/unit.json"
}

# Its specs wait for most of their time.
run_lab() {
  bash fixtures/trixie.sh && bash fixtures/programs.sh &&
    jest --selectProjects lab --maxWorkers=3 --json --outputFile="$results/lab.json"
}

run_service() {
  bash spec/service/run.sh --json --outputFile="$results/service.json"
}

install_npm_packages
if [ "$(id -u)" = 0 ]; then
  install_service_packages
  start_fetching
fi
times+=("setup $SECONDS s")
echo "== types"
tsc
echo "== lint, imports, dead code"
npm run --silent lint
export NODE_OPTIONS="--experimental-vm-modules --no-warnings"
echo "== unit tier"
run_step unit run_unit
echo "== build"
NODE_OPTIONS= npm run --silent build
echo "== lab tier (real kernel, networkd, D-Bus, DHCP)"
if [ "$(id -u)" = 0 ]; then
  run_step lab run_lab
  echo "== service tier (real systemd as process 1)"
  run_step service run_service
else
  echo "The lab and service tiers need root and did not run: run \`sudo npm test\`." >&2
  status=1
fi
node -e '
const fs = require("fs");
let passed = 0, failed = 0, pending = 0;
for (const file of fs.readdirSync(process.argv[1])) {
  const result = JSON.parse(fs.readFileSync(`${process.argv[1]}/${file}`, "utf8"));
  passed += result.numPassedTests; failed += result.numFailedTests + result.numRuntimeErrorTestSuites; pending += result.numPendingTests;
}
console.log(`${passed} passed, ${failed} failed${pending ? `, ${pending} skipped` : ""}`);
if (failed > 0 || pending > 0 || passed === 0) process.exit(1);
' "$results" || status=1
(IFS=,; times+=("all $SECONDS s"); echo "${times[*]}" | sed 's/,/, /g')
exit $status
