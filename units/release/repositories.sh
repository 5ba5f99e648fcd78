# shellcheck shell=bash disable=SC2154 # url and valid_days are of who sources this
# Static repositories for apt and dnf in the release's directory: files alone, for any web server or bucket. Sourced by release.sh
# and refresh.sh, with keys.sh, $url, $valid_days, $output of the release and SOURCE_DATE_EPOCH. A release is in the suites stable
# and unstable, a candidate in unstable. Versions of before stay: who pins one or goes back finds it.

suites='stable unstable'
keyring=enid-archive-keyring

# $1: the release's directory. Of its commit's day: a later release's is newer.
build_keyring() {
  local root version
  root=$(mktemp -d)
  version=$(date -d "@$SOURCE_DATE_EPOCH" +%Y.%m.%d)
  mkdir -p "$root/DEBIAN" "$root/usr/share/keyrings" "$root/usr/share/doc/$keyring"
  export_key "$root/usr/share/keyrings/$keyring.gpg"
  cp units/package/copyright "$root/usr/share/doc/$keyring/copyright"
  cat > "$root/DEBIAN/control" <<CONTROL
Package: $keyring
Version: $version
Architecture: all
Maintainer: $(package_value author.name) <$(package_value author.email)>
Section: misc
Priority: optional
Homepage: $(package_value homepage)
Description: key that signs enid's packages
 The OpenPGP key of enid's apt repository, for Signed-By in its .sources file.
 An upgrade of this package brings the next key before it is used.
CONTROL
  find "$root" -exec touch -hd "@$SOURCE_DATE_EPOCH" {} +
  dpkg-deb --root-owner-group --threads-max=1 -Zxz --build "$root" "$1/${keyring}_${version}_all.deb" >/dev/null
  rm -rf "$root"
  export_key "$1/enid.asc"
}

# $1: the release's directory, $2: stable or unstable, $3: the directory of the release before, or nothing.
make_apt() {
  local apt=$1/apt
  mkdir -p "$apt/pool/stable" "$apt/pool/unstable"
  if [ -n "$3" ]; then
    cp -a "$3/apt/pool" "$apt/"
    # Who has read the index of before may still be fetching.
    (cd "$3/apt" && find dists -path '*/by-hash/*' -type f -mtime -30 -exec cp -a --parents {} "$apt/" \;)
  fi
  cp "$1"/enid_*.deb "$apt/pool/$2/"
  rm -f "$apt"/pool/*/"$keyring"_*.deb
  cp "$1/$keyring"_*.deb "$apt/pool/stable/"
  export_key "$apt/$keyring.gpg"
  write_sources > "$apt/enid.sources"
  index_apt "$apt"
}

write_sources() {
  cat <<SOURCES
Types: deb
URIs: $url/apt
Suites: stable
Components: main
Signed-By: /usr/share/keyrings/$keyring.gpg
SOURCES
}

# $1: apt/. Indexes and signatures from the packages in pool/.
index_apt() {
  local suite arch directory
  for suite in $suites; do
    for arch in amd64 arm64; do
      directory=$1/dists/$suite/main/binary-$arch
      mkdir -p "$directory/by-hash/SHA256"
      (cd "$1" && for pool in stable $([ "$suite" = stable ] || echo unstable); do
        apt-ftparchive --arch "$arch" -o APT::FTPArchive::MD5=false -o APT::FTPArchive::SHA1=false packages "pool/$pool"
      done) > "$directory/Packages"
      gzip -9nkf "$directory/Packages"
      for file in Packages Packages.gz; do
        cp "$directory/$file" "$directory/by-hash/SHA256/$(sha256sum < "$directory/$file" | cut -d' ' -f1)"
      done
    done
    write_release "$1" "$suite" > "$1/Release.part"
    mv "$1/Release.part" "$1/dists/$suite/Release"
    sign_inline "$1/dists/$suite/Release" "$1/dists/$suite/InRelease"
    sign_detached "$1/dists/$suite/Release" "$1/dists/$suite/Release.gpg"
  done
}

# $1: apt/, $2: suite.
write_release() {
  local field options=(-o APT::FTPArchive::MD5=false -o APT::FTPArchive::SHA1=false)
  for field in Origin=enid Label=enid Suite="$2" Codename="$2" Components=main 'Architectures=amd64 arm64' Acquire-By-Hash=yes \
    ValidTime=$((valid_days * 86400)); do
    options+=(-o "APT::FTPArchive::Release::$field")
  done
  # Who has both suites gets a candidate only by asking for it, and the ones after it then.
  [ "$2" = stable ] || options+=(-o APT::FTPArchive::Release::NotAutomatic=yes -o APT::FTPArchive::Release::ButAutomaticUpgrades=yes)
  apt-ftparchive "${options[@]}" release "$1/dists/$2"
}

# As make_apt.
make_rpm() {
  local rpm=$1/rpm suite arch file
  for suite in $suites; do mkdir -p "$rpm/$suite/x86_64" "$rpm/$suite/aarch64"; done
  if [ -n "$3" ]; then (cd "$3/rpm" && find . -name '*.rpm' -exec cp -a --parents {} "$rpm/" \;); fi
  for suite in unstable $([ "$2" = unstable ] || echo stable); do
    for file in "$1"/*.rpm; do
      arch=${file%.rpm}
      cp "$file" "$rpm/$suite/${arch##*.}/"
    done
  done
  export_key "$rpm/enid.asc"
  for suite in $suites; do write_repo "$suite" > "$rpm/enid$([ "$suite" = stable ] || echo "-$suite").repo"; done
  index_rpm "$rpm"
}

write_repo() {
  cat <<REPO
[enid]
name=enid ($1)
baseurl=$url/rpm/$1/\$basearch
enabled=1
gpgcheck=1
repo_gpgcheck=1
gpgkey=$url/rpm/enid.asc
REPO
}

# $1: rpm/.
index_rpm() {
  local directory
  for directory in "$1"/*/*/; do
    createrepo_c --quiet --no-database --update --revision "$(date +%s)" "$directory"
    sign_detached "${directory}repodata/repomd.xml" "${directory}repodata/repomd.xml.asc"
  done
}
