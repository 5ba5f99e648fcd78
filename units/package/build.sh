#!/usr/bin/env bash
# `npm run package [-- amd64|arm64 …]`: dist/packages/ with a .deb and an .rpm for each architecture, with node inside.
# The same commit gives the same bytes. ENID_PACKAGE_RELEASE is the package's own revision; ENID_PACKAGE_LEVEL (0 to 9) the
# level of xz, for tests that cannot wait; ENID_VERSION another version than package.json's, for tests of upgrades.
set -euo pipefail
cd "$(dirname "$0")/../.."
. fixtures/setup.sh
. units/package/parts.sh

version=${ENID_VERSION:-$(package_value version)}
# 0.2.0-rc.1 comes before 0.2.0: as dpkg and rpm write that (deb-version(7)). A hyphen would begin the package's own revision.
version=${version/-/\~}
maintainer="$(package_value author.name) <$(package_value author.email)>"
homepage=$(package_value homepage)
release=${ENID_PACKAGE_RELEASE:-1}
level=${ENID_PACKAGE_LEVEL:-6}
SOURCE_DATE_EPOCH=$(git log -1 --format=%ct)
export SOURCE_DATE_EPOCH LC_ALL=C TZ=UTC
umask 022
[ $# -gt 0 ] || set -- amd64 arm64
output=$PWD/dist/packages
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

install_npm_packages
programs="dpkg-deb=dpkg rpmbuild=rpm rpm2cpio=rpm2cpio cpio=cpio strip=binutils xz=xz-utils"
case " $* " in *" arm64 "*) programs="$programs aarch64-linux-gnu-strip=binutils-aarch64-linux-gnu" ;; esac
case " $* " in *" amd64 "*) programs="$programs x86_64-linux-gnu-strip=binutils-x86-64-linux-gnu" ;; esac
install_debian_packages "$(missing_packages "$programs")"
npm run --silent build
rm -rf "$output" && mkdir -p "$output"

pids=()
for arch; do
  (stage_files "$arch"; build_deb "$arch"; build_rpm "$arch") &
  pids+=($!)
done
for pid in "${pids[@]}"; do wait "$pid"; done
(cd "$output" && sha256sum -- *.deb *.rpm | tee SHA256SUMS && ls -l -- *.deb *.rpm)
