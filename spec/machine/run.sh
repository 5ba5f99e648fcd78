#!/usr/bin/env bash
# `npm run test:machine [-- bookworm|trixie …]`: builds the package twice (the second to upgrade to), makes the machines' disks
# if they are not there, and runs the specs in each. Needs root; not part of `npm test`, because nothing here has KVM.
set -euo pipefail
cd "$(dirname "$0")/../.."
. fixtures/setup.sh
. fixtures/machine/tree.sh
. fixtures/machine/image.sh
require_root "The machine tier"
install_npm_packages
install_lab_packages
install_debian_packages "$(missing_packages "debootstrap=debootstrap qemu-img=qemu-utils mke2fs=e2fsprogs")"
bash fixtures/trixie.sh qemu-system-x86
[ $# -gt 0 ] || set -- bookworm trixie
ENID_MACHINE_PACKAGES=$(mktemp -d)
trap 'rm -rf "$ENID_MACHINE_PACKAGES"' EXIT
for release in 2 1; do
  ENID_PACKAGE_LEVEL=0 ENID_PACKAGE_RELEASE=$release bash units/package/build.sh amd64
  cp dist/packages/*.deb "$ENID_MACHINE_PACKAGES"
done
export ENID_MACHINE_PACKAGES NODE_OPTIONS="--experimental-vm-modules --no-warnings"
status=0
for suite; do
  # Only one run at a time makes an image; another one waits for it.
  mkdir -p /var/cache/enid-machine
  ENID_MACHINE_IMAGE=$(exec 9> /var/cache/enid-machine/images.lock && flock 9 && machine_image "$suite")
  export ENID_MACHINE_IMAGE
  echo "== $suite"
  jest --selectProjects machine --runInBand --reporters=default --reporters=./spec/machine/progress.mjs || status=1
done
exit $status
