# What the packages' scripts do on the host. Put into each of them by build.sh: a script after the removal has no other file.
unit=enid.service
fallback=/etc/systemd/network/80-ec2.network
interfaces=/etc/network/interfaces
mark='# Left by the removal of enid.'

has_systemd() { [ -d /run/systemd/system ]; }
is_left() { [ -e "$fallback" ] && head -n 1 "$fallback" | grep -qxF "$mark"; }

# Another than systemd-networkd that brings links up at the next boot.
has_rival() {
  for other in NetworkManager dhcpcd; do
    ! systemctl --quiet is-enabled "$other.service" 2>/dev/null || return 0
  done
  systemctl --quiet is-enabled networking.service 2>/dev/null &&
    grep -rhsE '^[[:space:]]*iface[[:space:]]' "$interfaces" "$interfaces.d" | grep -qvE 'iface[[:space:]]+lo([[:space:]]|$)'
}
has_networkd() { systemctl --quiet is-enabled systemd-networkd.service 2>/dev/null; }
is_masked() { [ "$(readlink "$fallback" 2>/dev/null)" = /dev/null ]; }

# The unit, the bus policy, the catalog and the rules for new links are read by others.
tell_others() {
  journalctl --update-catalog || true
  has_systemd || return 0
  systemctl daemon-reload || true
  busctl --quiet call org.freedesktop.DBus /org/freedesktop/DBus org.freedesktop.DBus ReloadConfig || true
  udevadm control --reload >/dev/null 2>&1 || true
}

# Where the takeover had something in its way.
decide_next_boot() {
  if ! has_networkd; then
    return 0
  elif ! has_rival; then
    systemctl --quiet enable "$unit"
  elif [ ! -e "$fallback" ]; then
    # networkd, which is there for other links, would take the ENIs, too. A takeover lifts this again.
    mkdir -p "${fallback%/*}"
    ln -sf /dev/null "$fallback"
  fi
}

# $1: "upgrade" where a version was there before.
after_install() {
  systemd-sysusers enid.conf
  tell_others
  has_systemd && systemd-tmpfiles --create enid.conf
  if [ "$1" = upgrade ] && ! is_left; then
    # Costs no connection: enid changes nothing when it stops, and finds all in order when it starts.
    ! has_systemd || systemctl try-restart "$unit" || true
    return 0
  fi
  ! is_left || rm -f "$fallback"
  # A host that is being built: nobody is to be taken over from, and it may well be another's to decide.
  if ! has_systemd; then
    ! has_networkd || systemctl --quiet enable "$unit"
    return 0
  fi
  # Installed again after a removal: whose the ENIs are was decided then.
  if [ -e /var/lib/enid/takeover/record.json ] && systemctl --quiet is-active systemd-networkd.service; then
    systemctl --quiet enable --now "$unit" || true
    return 0
  fi
  enid takeover --if-safe || true
  systemctl --quiet is-active "$unit" || decide_next_boot
  systemctl --quiet is-active "$unit" || echo "enid: it does not run yet. What is in the way: enid takeover --dry-run"
}

# The network stays as it is; the next boot is plain DHCP by the file that enid came with, now the administrator's.
before_removal() {
  ! has_systemd || systemctl stop "$unit" || true
  systemctl --quiet disable "$unit" || true
  if [ ! -e "$fallback" ]; then
    mkdir -p "${fallback%/*}"
    { echo "$mark"; cat /usr/lib/systemd/network/80-ec2.network; } > "$fallback"
  fi
}

purge_fallback() {
  ! is_masked || rm -f "$fallback"
  is_left || return 0
  if has_networkd; then
    echo "enid: $fallback stays: without it systemd-networkd may have no file for the links"
  else
    rm -f "$fallback"
  fi
}

# What is persistent goes. /run/systemd/network/70-* stays until the next boot: without it, networkd would drop the network.
after_purge() {
  purge_fallback
  rm -rf /etc/enid /run/enid /var/lib/enid
  chown -h --from=enid root:root /run/systemd/network /run/systemd/network/* /run/systemd/network/*/* 2>/dev/null || true
  [ ! -d /run/systemd/network ] || chmod 0755 /run/systemd/network
  if getent passwd enid >/dev/null; then userdel enid; fi
  if getent group enid >/dev/null; then groupdel enid; fi
}
