#!/bin/sh
# Lays out what a package installs, below DESTDIR: sh units/install.sh, after `npm run build`. Enables and starts nothing.
# ENID_RUNTIME: a directory with a node that is installed, too, and with the native addons for it; otherwise the host's node.
set -eu
cd "$(dirname "$0")/.."
root=${DESTDIR:-}
put() { install -Dm"$1" "$2" "$root$3"; }
runtime=${ENID_RUNTIME:-dist}
for file in netlink.node koffi.node; do put 644 "$runtime/$file" "/usr/libexec/enid/$file"; done
put 755 dist/enid.js /usr/libexec/enid/enid.js
if [ -n "${ENID_RUNTIME:-}" ]; then
  put 755 "$runtime/node" /usr/libexec/enid/node
  sed -i '1s|.*|#!/usr/libexec/enid/node|' "$root/usr/libexec/enid/enid.js"
fi
mkdir -p "$root/usr/bin" && ln -sf ../libexec/enid/enid.js "$root/usr/bin/enid"
put 755 units/kept-files.sh /usr/libexec/enid/kept-files
for unit in enid.service enid-restore.service enid-reload.socket enid-reload@.service enid-online@.service; do
  put 644 "units/$unit" "/usr/lib/systemd/system/$unit"
done
put 644 units/sysusers.d/enid.conf /usr/lib/sysusers.d/enid.conf
put 644 units/tmpfiles.d/enid.conf /usr/lib/tmpfiles.d/enid.conf
put 644 units/polkit/50-enid.rules /usr/share/polkit-1/rules.d/50-enid.rules
put 644 units/polkit/org.enid1.policy /usr/share/polkit-1/actions/org.enid1.policy
put 644 units/dbus/org.enid1.conf /usr/share/dbus-1/system.d/org.enid1.conf
put 644 units/dbus/org.enid1.service /usr/share/dbus-1/system-services/org.enid1.service
put 644 units/catalog/enid.catalog /usr/lib/systemd/catalog/enid.catalog
put 644 units/networkd.conf.d/50-enid.conf /usr/lib/systemd/networkd.conf.d/50-enid.conf
put 644 units/network/80-ec2.network /usr/lib/systemd/network/80-ec2.network
for rules in 80-net-setup-link_enid 90-enid-ena; do put 644 units/udev/$rules.rules /usr/lib/udev/rules.d/$rules.rules; done
put 644 units/config.yaml /usr/share/doc/enid/config.yaml
put 644 units/profiles/cni.yaml /usr/share/doc/enid/cni.yaml
put 644 units/profiles/cni-enis.sh /usr/share/doc/enid/cni-enis.sh
put 644 units/profiles/cni-enis.service /usr/share/doc/enid/cni-enis.service
for page in dist/man/*; do [ ! -e "$page" ] || put 644 "$page" "/usr/share/man/man${page##*.}/${page##*/}"; done
[ ! -d dist/completions ] || {
  put 644 dist/completions/bash /usr/share/bash-completion/completions/enid
  put 644 dist/completions/zsh /usr/share/zsh/vendor-completions/_enid
  put 644 dist/completions/fish /usr/share/fish/vendor_completions.d/enid.fish
}
