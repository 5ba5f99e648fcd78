# An .rpm with nothing in it but the names of what enid's .rpm asks for and Debian's packages bring. Sourced by run.sh.

# $1: the directory that it goes to.
build_stand_ins() {
  local work
  work=$(mktemp -d)
  cat > "$work/stand-ins.spec" <<'SPEC'
Name: stand-ins
Version: 252
Release: 1
Summary: Names of what Debian's packages bring
License: Apache-2.0
BuildArch: noarch
Provides: glibc = 2.36, libstdc++.so.6()(64bit), libgcc_s.so.1()(64bit)
Provides: systemd = 252, systemd-networkd = 252, systemd-resolved = 252, systemd-udev = 252
Provides: dbus = 1.14, dbus-broker = 33, polkit = 122, /bin/sh
%description
Stands in for packages that a Debian tree has by dpkg.
%files
SPEC
  rpmbuild -bb --quiet --define "_topdir $work/top" --define "_rpmdir $1" \
    --define '_build_name_fmt %%{NAME}-%%{VERSION}-%%{RELEASE}.%%{ARCH}.rpm' "$work/stand-ins.spec"
  rm -rf "$work"
}
