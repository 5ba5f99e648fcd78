#!/usr/bin/env bash
# Signs the repositories of a release again, so that they do not expire: `bash units/release/refresh.sh DIRECTORY --key FILE
# [--passphrase-file FILE] [--valid-days N]`. Nothing else of the release changes.
set -euo pipefail
cd "$(dirname "$0")/../.."
. units/release/keys.sh
. units/release/repositories.sh
directory=$(realpath "$1")
shift
key='' passphrase='' valid_days=90
while [ $# -gt 0 ]; do
  case $1 in
  --key) key=$2 ;;
  --passphrase-file) passphrase=$2 ;;
  --valid-days) valid_days=$2 ;;
  *) echo "expected --key, --passphrase-file or --valid-days, got \"$1\"" >&2 && exit 1 ;;
  esac
  shift 2
done
export LC_ALL=C TZ=UTC
umask 022
use_key "$key" "$passphrase"
trap forget_key EXIT
index_apt "$directory/apt"
index_rpm "$directory/rpm"
