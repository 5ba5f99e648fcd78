#!/bin/sh
# Installs enid from its repository: on a running host, or in an image that is being built. Run as root; a second run changes nothing.
#   ENID_URL        where the release directory is served: has apt/ and rpm/ below it
#   ENID_VERSION    such as 0.2.0-1; none: the newest
#   ENID_SUITE      stable (default) or unstable
#   ENID_KEY_SHA256 of apt/enid-archive-keyring.gpg or rpm/enid.asc; none: HTTPS alone says whose the key is
#   $1              host (default) or image: then enid and systemd-networkd have to be enabled in the end
set -eu
url=${ENID_URL:?expected the address of the repositories}
version=${ENID_VERSION:-}
suite=${ENID_SUITE:-stable}
what=${1:-host}
keyring=/usr/share/keyrings/enid-archive-keyring.gpg
part=

fail() { echo "enid: $*" >&2; exit 1; }
clean_up() { [ -z "$part" ] || rm -f "$part"; }
trap clean_up EXIT

# $1: address, $2: file. Whole or not at all.
fetch() {
  part=$2.part
  mkdir -p "${2%/*}"
  curl --fail --silent --show-error --location --retry 5 --output "$part" "$1" || fail "failed to fetch $1"
  mv "$part" "$2"
  part=
}

# $1: the key's file.
check_key() {
  [ -n "${ENID_KEY_SHA256:-}" ] || return 0
  echo "$ENID_KEY_SHA256  $1" | sha256sum --check --status || { rm -f "$1"; fail "expected the key with SHA-256 $ENID_KEY_SHA256, got another"; }
}

install_by_apt() {
  export DEBIAN_FRONTEND=noninteractive
  [ -s "$keyring" ] || fetch "$url/apt/enid-archive-keyring.gpg" "$keyring"
  check_key "$keyring"
  printf 'Types: deb\nURIs: %s/apt\nSuites: %s\nComponents: main\nSigned-By: %s\n' "$url" "$suite" "$keyring" \
    > /etc/apt/sources.list.d/enid.sources
  apt-get update -q || fail 'the repository was refused'
  apt-get install -q -y --no-install-recommends --allow-downgrades "enid${version:+=$version}" enid-archive-keyring
}

install_by_dnf() {
  key=/etc/pki/rpm-gpg/RPM-GPG-KEY-enid
  [ -s "$key" ] || fetch "$url/rpm/enid.asc" "$key"
  check_key "$key"
  rpm --import "$key"
  printf '[enid]\nname=enid\nbaseurl=%s/rpm/%s/$basearch\nenabled=1\ngpgcheck=1\nrepo_gpgcheck=1\ngpgkey=file://%s\n' "$url" "$suite" "$key" \
    > /etc/yum.repos.d/enid.repo
  dnf -y install --allowerasing "enid${version:+-$version}" && return 0
  [ -n "$version" ] && dnf -y downgrade "enid-$version"
}

if command -v apt-get >/dev/null; then
  install_by_apt
elif command -v dnf >/dev/null; then
  install_by_dnf
else
  fail 'expected apt-get or dnf'
fi
[ "$what" = image ] || exit 0

# At the first boot cloud-init would write files of its own for the ENIs, which come before enid's.
if [ -d /etc/cloud ]; then
  mkdir -p /etc/cloud/cloud.cfg.d
  echo 'network: {config: disabled}' > /etc/cloud/cloud.cfg.d/99-enid-network.cfg
fi
for unit in enid.service systemd-networkd.service; do
  systemctl is-enabled --quiet "$unit" || fail "expected $unit to be enabled in the image: another program has its network; see docs/deploy.md"
done
