#!/bin/sh
# For a node AMI of EKS or Karpenter, on top of deploy/install.sh image: the VPC CNI keeps its ENIs, enid has the others. As
# docs/containers.md, "Kubernetes": the profile and the unit that come with the package.
set -eu
share=/usr/share/doc/enid
[ -e "$share/cni.yaml" ] || { echo "expected $share/cni.yaml of the package" >&2; exit 1; }
install -Dm644 "$share/cni.yaml" /etc/enid/config.d/50-cni.yaml
install -Dm755 "$share/cni-enis.sh" /usr/local/lib/enid/cni-enis.sh
sed 's|/usr/share/doc/enid/cni-enis.sh|/usr/local/lib/enid/cni-enis.sh|' "$share/cni-enis.service" > /etc/systemd/system/cni-enis.service
systemctl enable cni-enis.service
enid config check
