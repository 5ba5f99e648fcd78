#!/usr/bin/env bash
# Makes a package for SSM Distributor from a release: `bash distributor.sh dist/release OUTPUT`. It goes to a bucket, and from there
# `aws ssm create-document --document-type Package --attachments Key=SourceUrl,Values=s3://BUCKET/PATH --content file://manifest.json`.
set -euo pipefail
release=$(realpath "$1") output=$(realpath -m "$2")
here=$(realpath "$(dirname "$0")")
mkdir -p "$output"
rm -f "$output"/*.zip "$output/manifest.json"

# $1: the package's file, $2: name of the archive.
pack() {
  local work
  work=$(mktemp -d)
  cp "$1" "$work/"
  cp "$here/package-install.sh" "$work/install.sh"
  cp "$here/package-uninstall.sh" "$work/uninstall.sh"
  (cd "$work" && python3 -m zipfile -c "$output/$2" ./*)
  rm -rf "$work"
}
for file in "$release"/enid_*_{amd64,arm64}.deb "$release"/enid-*.{x86_64,aarch64}.rpm; do
  [ -e "$file" ] || continue
  case $file in
  *_amd64.deb | *_arm64.deb) arch=${file%.deb} arch=${arch##*_} ;;
  *) arch=${file%.rpm} arch=${arch##*.} ;;
  esac
  pack "$file" "enid_$arch.zip"
done
version=$(basename "$(ls "$release"/enid_*.deb | head -n 1)" | cut -d_ -f2)
python3 - "$output" "${version//\~/-}" <<'PYTHON'
import hashlib, json, pathlib, sys
output = pathlib.Path(sys.argv[1])
archives = {p.name: hashlib.sha256(p.read_bytes()).hexdigest() for p in sorted(output.glob("*.zip"))}
of = {"x86_64": {"deb": "enid_amd64.zip", "rpm": "enid_x86_64.zip"}, "arm64": {"deb": "enid_arm64.zip", "rpm": "enid_aarch64.zip"}}
def files(kind):
    return {"_any": {arch: {"file": names[kind]} for arch, names in of.items() if names[kind] in archives}}
manifest = {
    "schemaVersion": "2.0", "publisher": "The enid project", "version": sys.argv[2],
    "packages": {"debian": files("deb"), "ubuntu": files("deb"), "amazon": files("rpm"), "redhat": files("rpm")},
    "files": {name: {"checksums": {"sha256": digest}} for name, digest in archives.items()},
}
(output / "manifest.json").write_text(json.dumps(manifest, indent=2) + "\n")
PYTHON
