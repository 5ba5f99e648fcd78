#!/bin/sh
# Of the Distributor package: installs what lies beside it.
set -eu
cd "$(dirname "$0")"
for file in ./enid_*.deb ./enid-*.rpm; do
  case $file in
  *'*'*) ;;
  *.deb) DEBIAN_FRONTEND=noninteractive apt-get install -y --no-install-recommends --allow-downgrades "$file" ;;
  *.rpm) dnf -y install --allowerasing "$file" || dnf -y downgrade "$file" ;;
  esac
done
