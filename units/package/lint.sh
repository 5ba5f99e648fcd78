#!/usr/bin/env bash
# Lets Debian's lintian and rpmlint judge the packages that are given, or those in dist/packages; fails on any word of theirs
# that lintian-overrides and rpmlint.toml do not give a reason for.
set -euo pipefail
cd "$(dirname "$0")/../.."
. fixtures/setup.sh
install_debian_packages "$(missing_packages "lintian=lintian rpmlint=rpmlint")"
[ $# -gt 0 ] || set -- dist/packages/*.deb dist/packages/*.rpm
for file; do
  case $file in
  *.deb) lintian --allow-root --fail-on error,warning --tag-display-limit 0 "$file" ;;
  *.rpm) rpmlint --config units/package/rpmlint.toml "$file" | grep -E '^enid|checked;' ;;
  esac
done
