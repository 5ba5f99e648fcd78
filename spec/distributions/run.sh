#!/usr/bin/env bash
# `npm run test:distributions [-- PART …] [--write]`: builds the packages, makes the trees that are not there (about a minute each)
# and has spec/distributions/main.ts boot each host. Needs root; of `npm test` only the short form is a part.
set -euo pipefail
cd "$(dirname "$0")/../.."
. fixtures/setup.sh
. fixtures/machine/tree.sh
. spec/distributions/stand-ins.sh
require_root "The matrix"
install_npm_packages
install_service_packages
install_debian_packages "$(missing_packages rpmbuild=rpm)"
packages=$(mktemp -d)
trap 'rm -rf "$packages"' EXIT
ENID_PACKAGE_LEVEL=0 bash units/package/build.sh amd64
cp dist/packages/*.deb dist/packages/*.rpm "$packages"
chmod 755 "$packages"
build_stand_ins "$packages"
export ENID_MATRIX= ENID_MATRIX_PACKAGES=$packages
for name in bullseye bookworm bookworm-backports bookworm-rpm trixie forky; do
  ENID_MATRIX+="$name=$(distribution_tree $name) "
done
node --import tsx spec/distributions/main.ts "$@"
