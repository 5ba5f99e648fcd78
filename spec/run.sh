#!/usr/bin/env bash
# `npm test`: sets up what is missing, then types, lint, unit tier, build, lab and service tiers. Fails when a tier that could run did not.
set -euo pipefail
cd "$(dirname "$0")/.."
. fixtures/setup.sh
install_npm_packages
echo "== types"
tsc
echo "== lint, imports, dead code"
npm run --silent lint
export NODE_OPTIONS="--experimental-vm-modules --no-warnings"
results=$(mktemp -d)
trap 'rm -rf "$results"' EXIT
status=0
echo "== unit tier, with coverage"
jest --selectProjects unit --coverage --coverageReporters=text-summary --json --outputFile="$results/unit.json" || status=1
echo "== build"
NODE_OPTIONS= npm run --silent build
echo "== lab tier (real kernel, networkd, D-Bus, DHCP)"
if [ "$(id -u)" = 0 ]; then
  install_lab_packages
  bash fixtures/trixie.sh
  bash fixtures/programs.sh
  jest --selectProjects lab --runInBand --json --outputFile="$results/lab.json" || status=1
  echo "== service tier (real systemd as process 1)"
  bash spec/service/run.sh --json --outputFile="$results/service.json" || status=1
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
exit $status
