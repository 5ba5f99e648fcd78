#!/usr/bin/env bash
# Custom action OnNodeStart of AWS ParallelCluster (HeadNode and queues): `Script: s3://…/on-node-start.sh`, `Args: [URL, VERSION]`.
set -euo pipefail
url=${1:?expected the address of the repositories}
version=${2:-}
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
curl -fsS --retry 5 -o "$work/install.sh" "$url/deploy/install.sh"
ENID_URL=$url ENID_VERSION=$version sh "$work/install.sh" host
