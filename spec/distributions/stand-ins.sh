# Packages of rpm with nothing in them but the names of what enid's .rpm asks for and Debian's packages bring. Sourced by run.sh.

# $1: the directory that they go to: stand-ins, and stand-in-polkit for hosts that have it.
build_stand_ins() {
  build_stand_in "$1" stand-ins 'glibc = 2.36, libstdc++.so.6()(64bit), libgcc_s.so.1()(64bit), systemd = 252, systemd-networkd = 252,
    systemd-resolved = 252, systemd-udev = 252, dbus = 1.14, dbus-broker = 33, /bin/sh'
  build_stand_in "$1" stand-in-polkit 'polkit = 122'
}

# $1 directory, $2 name, $3 what it provides.
build_stand_in() {
  local work
  work=$(mktemp -d)
  cat > "$work/stand-in.spec" <<SPEC
Name: $2
Version: 252
Release: 1
Summary: Names of what Debian's packages bring
License: Apache-2.0
BuildArch: noarch
Provides: $(echo "$3" | tr -s '\n ' '  ')
%description
Stands in for packages that a Debian tree has by dpkg.
%files
SPEC
  rpmbuild -bb --quiet --define "_topdir $work/top" --define "_rpmdir $1" \
    --define '_build_name_fmt %%{NAME}-%%{VERSION}-%%{RELEASE}.%%{ARCH}.rpm' "$work/stand-in.spec"
  rm -rf "$work"
}
