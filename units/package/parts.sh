# The steps of build.sh, each for one of Debian's architectures: amd64 or arm64.

# $1 package, for either architecture: prints where it is unpacked, in the version of the lock file and with its checksum. Kept
# in .cache for the next time; checked before it is unpacked.
fetch_npm_package() {
  local version integrity directory archive part
  version=$(lock_value "$1" version)
  integrity=$(lock_value "$1" integrity)
  directory=.cache/npm/${1//\//-}@$version
  if [ ! -d "$directory" ]; then
    part=$(mktemp -d)
    archive=$(npm pack --silent --pack-destination "$part" "$1@$version" 2>/dev/null)
    if [ "$(node -p "'sha512-' + require('crypto').createHash('sha512').update(require('fs').readFileSync('$part/$archive')).digest('base64')")" != "$integrity" ]; then
      echo "$1@$version is not what it has to be: its checksum differs" >&2
      return 1
    fi
    mkdir -p .cache/npm "$directory.part$$"
    tar -xzf "$part/$archive" -C "$directory.part$$" --strip-components=1
    rm -rf "$part"
    mv "$directory.part$$" "$directory"
  fi
  echo "$directory"
}

# $1: a key of package.json, such as author.name.
package_value() { node -p "require('./package.json').$1"; }
lock_value() { node -p "require('./package-lock.json').packages['node_modules/$1'].$2"; }

# Lays out all files of one architecture in $work/$1.
stage_files() {
  local arch=$1 npm_arch=${1/amd64/x64} triplet stage=$work/$1 node koffi addons=$work/$1.addons
  triplet=$([ "$arch" = arm64 ] && echo aarch64 || echo x86_64)-linux-gnu
  node=$(fetch_npm_package "node-linux-$npm_arch")
  koffi=$(fetch_npm_package "@koromix/koffi-linux-$npm_arch")
  mkdir -p "$addons" "$stage"
  "$triplet-strip" --strip-unneeded -o "$addons/node" "$node/bin/node"
  "$triplet-strip" --strip-unneeded -o "$addons/koffi.node" "$koffi/linux_$npm_arch/koffi.node"
  "$triplet-strip" --strip-unneeded -o "$addons/netlink.node" "node_modules/netlink/prebuilds/linux-$npm_arch/node.napi.node"
  DESTDIR=$stage ENID_RUNTIME=$addons sh units/install.sh
  install -Dm644 units/config.yaml "$stage/etc/enid/config.yaml"
  rm "$stage/usr/share/doc/enid/config.yaml"
  node units/package/notices.mjs "$node" "$koffi" "$addons" --bundled > "$work/$arch.bundled"
  node units/package/notices.mjs "$node" "$koffi" "$addons" | gzip -9n > "$stage/usr/share/doc/enid/third-party-notices.gz"
  gzip -9n < CHANGELOG.md > "$stage/usr/share/doc/enid/changelog.gz"
  find "$stage/usr/share/man" -type f -exec gzip -9n {} +
  find "$stage" -exec touch -hd "@$SOURCE_DATE_EPOCH" {} +
}

# A script of the package. $1: file, $2: first line, $3: what it does with the functions of maintain.sh.
write_script() {
  { [ -z "$2" ] || printf '%s\nset -e\n' "$2"; cat units/package/maintain.sh; printf '%s\n' "$3"; } > "$1"
  chmod 755 "$1"
}

build_deb() {
  local arch=$1 root=$work/$1.deb documents
  cp -a "$work/$arch" "$root"
  mkdir -p "$root/DEBIAN" "$root/usr/share/lintian/overrides"
  documents=$root/usr/share/doc/enid
  cp units/package/copyright "$documents/copyright"
  cp units/package/lintian-overrides "$root/usr/share/lintian/overrides/enid"
  printf 'enid (%s-%s) unstable; urgency=medium\n\n  * See changelog.gz.\n\n -- %s  %s\n' \
    "$version" "$release" "$maintainer" "$(date -Rd "@$SOURCE_DATE_EPOCH")" | gzip -9n > "$documents/changelog.Debian.gz"
  sed "s/@VERSION@/$version-$release/; s/@ARCH@/$arch/; s/@SIZE@/$(du -sk --apparent-size "$work/$arch" | cut -f1)/
    s|@MAINTAINER@|$maintainer|; s|@HOMEPAGE@|$homepage|" \
    units/package/control > "$root/DEBIAN/control"
  echo /etc/enid/config.yaml > "$root/DEBIAN/conffiles"
  write_script "$root/DEBIAN/postinst" '#!/bin/sh' 'case $1 in configure) after_install ${2:+upgrade} ;; abort-remove) after_aborted_removal ;; esac'
  write_script "$root/DEBIAN/prerm" '#!/bin/sh' 'if [ "$1" = remove ]; then before_removal; fi'
  write_script "$root/DEBIAN/postrm" '#!/bin/sh' 'case $1 in remove) after_removal ;; purge) after_purge ;; esac'
  (cd "$root" && find usr etc -type f -print0 | sort -z | xargs -0 md5sum > DEBIAN/md5sums)
  chmod 644 "$root"/DEBIAN/{control,conffiles,md5sums}
  find "$root" -exec touch -hd "@$SOURCE_DATE_EPOCH" {} +
  dpkg-deb --root-owner-group --threads-max=1 -Zxz -z"$level" --build "$root" "$output/enid_${version}-${release}_$arch.deb" >/dev/null
}

build_rpm() {
  local arch=$1 scripts=$work/$1.rpm target
  target=$([ "$arch" = arm64 ] && echo aarch64 || echo x86_64)
  mkdir -p "$scripts"
  # $1 is how many versions will be there afterwards.
  write_script "$scripts/post" '' 'if [ "$1" -gt 1 ]; then after_install upgrade; else after_install; fi'
  write_script "$scripts/preun" '' 'if [ "$1" = 0 ]; then before_removal; fi'
  write_script "$scripts/postun" '' 'if [ "$1" = 0 ]; then after_removal; fi'
  sed -i 's/%/%%/g' "$scripts"/{post,preun,postun}
  cp "$work/$arch.bundled" "$scripts/bundled"
  {
    for directory in /etc/enid /usr/libexec/enid /usr/share/doc/enid /usr/share/licenses/enid; do echo "%dir $directory"; done
    echo /usr/lib/systemd/system-preset/80-enid.preset && echo '%license /usr/share/licenses/enid/LICENSE'
    (cd "$work/$arch" && find . ! -type d | sort) | sed -E 's|^\.||; s|/zsh/vendor-completions/|/zsh/site-functions/|
      s|^/etc/enid/.*|%config(noreplace) &|; s|^/usr/share/doc/enid/third-party-|%license /usr/share/licenses/enid/third-party-|
      s|^/usr/share/doc/.*|%doc &|'
  } > "$scripts/files"
  rpmbuild -bb --quiet --target "$target-linux" --buildroot "$scripts/root" \
    --define "_topdir $scripts/top" --define "_rpmdir $output" --define '_build_name_fmt %%{NAME}-%%{VERSION}-%%{RELEASE}.%%{ARCH}.rpm' \
    --define '_buildhost enid' --define 'use_source_date_epoch_as_buildtime 1' --define 'clamp_mtime_to_source_date_epoch 1' \
    --define "_binary_payload w$level.xzdio" --define "enid_version $version" --define "enid_release $release" \
    --define "enid_stage $work/$arch" --define "enid_source $PWD" --define "enid_scripts $scripts" \
    --define "enid_date $(date -d "@$SOURCE_DATE_EPOCH" '+%a %b %d %Y')" --define "enid_maintainer $maintainer" \
    --define "enid_vendor $(package_value author.name)" --define "enid_homepage $homepage" units/package/enid.spec
}
