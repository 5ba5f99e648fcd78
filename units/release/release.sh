#!/usr/bin/env bash
# `npm run release -- --key FILE …`: everything that is published, in dist/release: packages, bills of materials, notes, the static
# repositories apt/ and rpm/, checksums and their signature. Asks no host for anything that is not in node_modules and .cache.
set -euo pipefail
cd "$(dirname "$0")/../.."
. fixtures/setup.sh
. units/package/parts.sh
. units/release/keys.sh
. units/release/repositories.sh

usage() {
  cat <<'TEXT'
npm run release -- --key FILE [option …]
  --key FILE              secret OpenPGP key that signs, as gpg --export-secret-keys writes it
  --passphrase-file FILE  of that key; none: it has no passphrase
  --url URL               where dist/release will be served (default: homepage of package.json)
  --previous DIRECTORY    the release before: its packages stay in the repositories
  --architectures LIST    "amd64 arm64" by default
  --packages DIRECTORY    packages that npm run package has made of this commit, in place of making them now
  --valid-days N          after so many days apt refuses the repository (default: 90)
TEXT
}

key='' passphrase='' url='' previous='' packages='' architectures='amd64 arm64' valid_days=90
while [ $# -gt 0 ]; do
  case $1 in
  --key) key=$2 ;;
  --passphrase-file) passphrase=$2 ;;
  --url) url=$2 ;;
  --previous) previous=$2 ;;
  --architectures) architectures=$2 ;;
  --packages) packages=$2 ;;
  --valid-days) valid_days=$2 ;;
  --help) usage && exit ;;
  *) usage >&2 && exit 1 ;;
  esac
  shift 2
done
[ -f "$key" ] || { echo "expected --key with a file, got \"$key\"" >&2; usage >&2; exit 1; }
[ -z "$previous" ] || [ -d "$previous/apt/pool" ] || { echo "expected a release in $previous" >&2; exit 1; }

install_npm_packages
install_debian_packages "$(missing_packages "apt-ftparchive=apt-utils createrepo_c=createrepo-c gpg=gpg gpg-agent=gpg-agent rpmsign=rpm")"
version=${ENID_VERSION:-$(package_value version)}
url=${url:-$(package_value homepage)}
url=${url%/}
SOURCE_DATE_EPOCH=$(git log -1 --format=%ct)
export SOURCE_DATE_EPOCH LC_ALL=C TZ=UTC
umask 022
use_key "$key" "$passphrase"
trap forget_key EXIT

# A build begins with an empty dist/.
case $(realpath -m "${previous:-/}") in
"$PWD"/dist/*)
  kept=$(mktemp -d)
  trap 'forget_key; rm -rf "$kept"' EXIT
  cp -a "$previous"/{apt,rpm} "$kept"
  previous=$kept
  ;;
esac
if [ -z "$packages" ]; then
  packages=dist/packages
  # shellcheck disable=SC2086 # a list of words
  bash units/package/build.sh $architectures >/dev/null
fi
output=$PWD/dist/release
part=$output.part
rm -rf "$part" && mkdir -p "$part"
cp "$packages"/*.deb "$packages"/*.rpm "$part"
for file in "$part"/*.rpm; do sign_rpm "$file"; done
build_keyring "$part"
for arch in $architectures; do
  node units/release/sbom.mjs "$arch" "$version" > "$part/enid_${version/-/\~}_$arch.cdx.json"
done
node units/release/notes.mjs "$version" > "$part/notes.md"
case $version in *-*) pool=unstable ;; *) pool=stable ;; esac
make_apt "$part" "$pool" "$previous"
make_rpm "$part" "$pool" "$previous"
# deploy/ fetches them from there.
install -Dm644 deploy/install.sh "$part/deploy/install.sh"
install -Dm644 deploy/verify.sh "$part/deploy/verify.sh"
(cd "$part" && sha256sum -- *.deb *.rpm *.json *.md *.asc deploy/* > SHA256SUMS)
sign_detached "$part/SHA256SUMS" "$part/SHA256SUMS.asc"
rm -rf "$output" && mv "$part" "$output"
(cd "$output" && find . -type f ! -path '*/by-hash/*' -printf '%10s %P\n' | sort -k2)
