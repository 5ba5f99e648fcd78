#!/bin/sh
# Of the Distributor package: the network stays as it is, and is plain DHCP from the next boot on.
set -eu
if command -v apt-get >/dev/null; then apt-get remove -y enid; else dnf -y remove enid; fi
