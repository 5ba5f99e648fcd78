# What the packages' scripts do on the host. Put into each of them by build.sh: a script after the removal has no other file.
unit=enid.service
fallback=/etc/systemd/network/80-ec2.network
mark='# Left by the removal of enid.'

has_systemd() { [ -d /run/systemd/system ]; }
is_left() { [ -e "$fallback" ] && head -n 1 "$fallback" | grep -qxF "$mark"; }

# The link of the default route; nothing where there is none.
primary_link() {
  awk '$2 == "00000000" && $8 == "00000000" { print $1; exit }' /proc/net/route
  awk '$1 == "00000000000000000000000000000000" && $2 == "00" && $10 != "lo" { print $10; exit }' /proc/net/ipv6_route
}

# Only where networkd has the primary already: two programs on one link would fight for it.
is_safe_to_start() {
  systemctl --quiet is-active systemd-networkd.service || return 1
  link=$(primary_link 2>/dev/null | head -n 1)
  [ -n "$link" ] || return 1
  networkctl --no-legend --no-pager list "$link" | grep -q ' configured *$' || return 1
  ! systemctl --quiet is-active "policy-routes@$link.service"
}

# Whether the next boot would bring the network up without the file that enid left.
has_other_manager() {
  for file in /etc/netplan/*.yaml /etc/systemd/network/*.network; do
    [ ! -e "$file" ] || [ "$file" = "$fallback" ] || return 0
  done
  for other in networking NetworkManager dhcpcd; do
    ! systemctl --quiet is-enabled "$other.service" 2>/dev/null || return 0
  done
  return 1
}

# The unit, the bus policy, the catalog and the rules for new links are read by others.
tell_others() {
  journalctl --update-catalog || true
  has_systemd || return 0
  systemctl daemon-reload || true
  busctl --quiet call org.freedesktop.DBus /org/freedesktop/DBus org.freedesktop.DBus ReloadConfig || true
  udevadm control --reload >/dev/null 2>&1 || true
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
  if ! systemctl --quiet is-enabled systemd-networkd.service 2>/dev/null; then
    echo "enid: systemd-networkd is not enabled, so enid is not either. When nothing else manages the network any more:"
    echo "enid:   systemctl enable --now systemd-networkd enid"
    return 0
  fi
  systemctl --quiet enable "$unit"
  has_systemd || return 0
  if is_safe_to_start; then
    # networkd.conf.d/50-enid.conf counts from networkd's next start, and has to before enid has it reload.
    systemctl restart systemd-networkd.service
    systemctl start "$unit" || echo "enid: it did not start: journalctl -u enid"
  else
    echo "enid: another program configures the primary link: enid starts with the next boot, or by: systemctl start enid"
    echo "enid: what it would do, and what is in the way: enid plan; enid doctor"
  fi
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

# What is persistent goes. /run/systemd/network/70-* stays until the next boot: without it, networkd would drop the network.
after_purge() {
  if is_left; then
    if has_other_manager; then rm -f "$fallback"; else echo "enid: $fallback stays: nothing else would bring the network up"; fi
  fi
  rm -rf /etc/enid /run/enid
  chown -h --from=enid root:root /run/systemd/network /run/systemd/network/* /run/systemd/network/*/* 2>/dev/null || true
  [ ! -d /run/systemd/network ] || chmod 0755 /run/systemd/network
  if getent passwd enid >/dev/null; then userdel enid; fi
  if getent group enid >/dev/null; then groupdel enid; fi
}
