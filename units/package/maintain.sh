# What the packages' scripts do on the host. Put into each of them by build.sh: a script after the removal has no other file.
unit=enid.service
fallback=/etc/systemd/network/80-ec2.network
# What a removal leaves: for the primary, by its MAC, and for all. Names of nobody else, so that enid takes them for no
# administrator's word (agent/decide/desired/override.ts).
left_for_primary=/etc/systemd/network/79-ec2-primary.network
left_for_all=/etc/systemd/network/81-ec2-all.network
shipped=/usr/lib/systemd/network/80-ec2.network
written=/run/systemd/network
state=/var/lib/enid
# There from a removal to the next installation. What it says: whether enid was enabled.
removed=$state/removed
backup=/var/backups/enid
interfaces=/etc/network/interfaces
network_manager=/etc/NetworkManager/conf.d/90-enid.conf
cloud_init=/etc/cloud/cloud.cfg.d/99-enid-network.cfg
links=/sys/class/net
mark='# Left by the removal of enid.'

has_systemd() { [ -d /run/systemd/system ]; }
# $1: a file.
is_left() { [ -e "$1" ] && head -n 1 "$1" | grep -qxF "$mark"; }
list_left() { for file in "$left_for_primary" "$left_for_all"; do ! is_left "$file" || echo "$file"; done; }
remove_left() { list_left | while read -r file; do rm -f "$file"; done; }

# Another than systemd-networkd that brings links up at the next boot.
has_rival() {
  # After a takeover NetworkManager leaves the ENIs alone.
  [ -e "$network_manager" ] || ! systemctl --quiet is-enabled NetworkManager.service 2>/dev/null || return 0
  ! systemctl --quiet is-enabled dhcpcd.service 2>/dev/null || return 0
  systemctl --quiet is-enabled networking.service 2>/dev/null &&
    grep -rhsE '^[[:space:]]*iface[[:space:]]' "$interfaces" "$interfaces.d" | grep -qvE 'iface[[:space:]]+lo([[:space:]]|$)'
}
has_networkd() { systemctl --quiet is-enabled systemd-networkd.service 2>/dev/null; }
is_masked() { [ "$(readlink "$fallback" 2>/dev/null)" = /dev/null ]; }
unmask() { ! is_masked || rm -f "$fallback"; }

# Presets are the administrator's word on what an installation switches on (systemd.preset(5)).
is_unwanted() { [ "$(systemctl show --property=UnitFilePreset --value "$unit" 2>/dev/null)" = disabled ]; }

# The unit, the bus policy, the catalog and the rules for new links are read by others.
tell_others() {
  journalctl --update-catalog || true
  has_systemd || return 0
  systemctl daemon-reload || true
  busctl --quiet call org.freedesktop.DBus /org/freedesktop/DBus org.freedesktop.DBus ReloadConfig || true
  udevadm control --reload >/dev/null 2>&1 || true
}

# Where the takeover had something in its way. $1: what the removal before had left.
decide_next_boot() {
  if ! has_networkd; then
    return 0
  elif [ -n "$1" ] || ! has_rival; then
    unmask
    systemctl --quiet preset "$unit"
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
  # dpkg tells the version before after a removal, too.
  if [ "$1" = upgrade ] && [ ! -e "$removed" ]; then
    # Costs no connection: enid changes nothing when it stops, and finds all in order when it starts.
    ! has_systemd || systemctl try-restart "$unit" || echo "enid: the new version does not start: systemctl status $unit"
  elif has_systemd; then
    start_first "$(list_left)"
  else
    enable_in_image
  fi
  # While systemd-networkd has the links by these files, they stay: by 80-ec2.network all ENIs have default routes of one metric.
  if ! has_systemd || systemctl --quiet is-active "$unit"; then remove_left; fi
  # Last: what is interrupted before is done again.
  rm -f "$removed"
}

# An image that is being built: nobody is to be taken over from. Beside a manager that the image enables it is another's to decide.
enable_in_image() {
  if ! has_networkd && has_rival; then
    echo "enid: another program configures the network of this image: to have it done by enid, disable that, and
  systemctl enable systemd-networkd.service $unit"
    return 0
  fi
  systemctl --quiet preset "$unit"
  # A preset may hold enid off; and networkd is there for it.
  has_networkd || ! systemctl --quiet is-enabled "$unit" 2>/dev/null || systemctl --quiet enable systemd-networkd.service
}

start_first() {
  if [ -e "$state/takeover/record.json" ] && systemctl --quiet is-active systemd-networkd.service; then
    # Installed again after a removal: whose the ENIs are was decided then.
    systemctl --quiet enable "$unit" || true
    systemctl restart "$unit" || true
  elif is_unwanted; then
    echo "enid: a preset says that it is not enabled; enid takeover does it all the same"
    return 0
  else
    # rpm removes what conflicts after this, apt before.
    systemctl stop 'refresh-policy-routes@*.timer' 2>/dev/null || true
    enid takeover --if-safe || true
    systemctl --quiet is-active "$unit" || decide_next_boot "$1"
  fi
  systemctl --quiet is-active "$unit" || echo "enid: not running yet. To list the obstacles: enid takeover --dry-run"
}

# The network stays as it is; the next boot is plain DHCP by files like the one that enid came with, now the administrator's.
before_removal() {
  mkdir -p "$state"
  [ -e "$removed" ] || { systemctl is-enabled "$unit" 2>/dev/null || true; } > "$removed"
  ! has_systemd || systemctl stop "$unit" || true
  systemctl --quiet disable "$unit" || true
  # enid.service has started it at each boot.
  has_networkd || has_rival || ! systemctl --quiet is-active systemd-networkd.service ||
    systemctl --quiet enable systemd-networkd.service || true
  if ! has_networkd; then
    return 0
  elif is_masked; then
    # Beside another it goes with the package, and so does what it holds off. The other may be gone by now.
    ! has_rival || return 0
    unmask
  elif [ -e "$fallback" ]; then
    return 0
  fi
  mkdir -p "${left_for_all%/*}"
  [ -e "$left_for_primary" ] || write_left_for_primary
  [ -e "$left_for_all" ] || write_left "$left_for_all" < "$shipped"
}

# Whole or not at all: without a [Match] it would be no file for any link. $1: the file; its text is read.
write_left() {
  { echo "$mark" && echo '# Without the line above it is yours: enid never removes it then.' && cat; } > "$1.part" && mv "$1.part" "$1"
}

# $1: a file of those that the user enid may write. No link is followed, no FIFO waited for, nothing read without end.
read_written() { dd if="$1" iflag=nofollow,nonblock bs=65536 count=1 2>/dev/null || true; }

# Equal metrics on all ENIs would leave it to the order of the leases by which of them replies go. Those who write these files
# are not root: nothing but a MAC, and of a link of this host, is taken from them.
write_left_for_primary() {
  for file in "$written"/*.network "$state"/network/*.network; do
    text=$(read_written "$file")
    # Only the primary is device 0 on card 0. Its other settings may be configured.
    case $text in '# Written by enid for '*', device 0, card 0).'*) ;; *) continue ;; esac
    match=$(printf '%s\n' "$text" | grep -m 1 -xE '(Permanent)?MACAddress=[0-9a-f]{2}(:[0-9a-f]{2}){5}') || continue
    grep -qsxF "${match#*=}" "$links"/*/address || continue
    sed "s/^Driver=.*/$match/; s/^RouteMetric=.*/RouteMetric=512/; /^#/d" "$shipped" | write_left "$left_for_primary"
    return 0
  done
}

# dpkg gave the removal up after before_removal.
after_aborted_removal() {
  remove_left
  if [ -e "$removed" ] && grep -qx enabled "$removed"; then
    if has_systemd; then systemctl --quiet enable --now "$unit" || true; else systemctl --quiet enable "$unit"; fi
  fi
  rm -f "$removed"
}

after_removal() {
  tell_others
  # There is no file left that it would hold off; another package's is to count.
  unmask
}

purge_fallback() {
  unmask
  if ! has_networkd; then
    remove_left
  else
    list_left | sed 's/.*/enid: & stays: without it systemd-networkd may have no file for the links/'
  fi
}

# What a takeover put aside is the administrator's; its settings for others hold them off the links that networkd has.
purge_takeover() {
  if [ -n "$(ls -A "$state/takeover/files" 2>/dev/null)" ]; then
    number=
    while [ -e "$backup$number" ]; do number=.$((${number#.} + 1)); done
    mkdir -p "${backup%/*}"
    mv "$state/takeover" "$backup$number"
    echo "enid: the network's configuration before enid is in $backup$number now"
  fi
  for file in "$network_manager" "$cloud_init"; do
    if [ ! -e "$file" ]; then
      continue
    elif has_networkd; then
      echo "enid: $file stays: it leaves the links to systemd-networkd"
    else
      rm -f "$file"
    fi
  done
}

# The files for networkd become root's, and the directory is closed first. What is no such file, or has a second name elsewhere,
# goes: it must not be root's. find and chown -R follow no link, not even one that takes a folder's place meanwhile.
purge_written() {
  [ -d "$written" ] || return 0
  chown root:root "$written"
  chmod 0755 "$written"
  find "$written" -xdev -depth -mindepth 1 -user enid ! -type d ! \( -type f -links 1 \
    \( -name '*.network' -o -name '*.netdev' -o -path '*.network.d/*.conf' \) \) -delete || true
  chown -R -P -h --from=enid root:root "$written" || true
}

# What is persistent goes. /run/systemd/network/70-* stays until the next boot: without it, networkd would drop the network.
after_purge() {
  purge_fallback
  purge_takeover
  rm -rf /etc/enid /run/enid "$state"
  ! getent passwd enid >/dev/null || purge_written
  if getent passwd enid >/dev/null; then userdel enid; fi
  if getent group enid >/dev/null; then groupdel enid; fi
}
