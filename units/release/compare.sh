#!/usr/bin/env bash
# Whether two releases have the same packages: `bash units/release/compare.sh DIRECTORY DIRECTORY`. A .deb, a bill of materials and
# the notes by their bytes; an .rpm by the digests of its header and payload, since the signature beside them has a time.
set -euo pipefail
list() { (cd "$1" && find . -maxdepth 1 -type f \( -name '*.deb' -o -name '*.rpm' -o -name '*.cdx.json' -o -name notes.md \) -printf '%P\n' | sort); }
digests() { rpm -qp --nosignature --queryformat '%{NEVRA} %{SHA256HEADER} %{PAYLOADDIGEST} %{PAYLOADDIGESTALT}\n' "$1"; }
diff <(list "$1") <(list "$2")
[ -n "$(list "$1")" ] || { echo "expected packages in $1" >&2; exit 1; }
status=0
for name in $(list "$1"); do
  case $name in
  *.rpm) read_content() { digests "$1"; } ;;
  *) read_content() { cat "$1"; } ;;
  esac
  if cmp -s <(read_content "$1/$name") <(read_content "$2/$name"); then
    echo "same: $name"
  else
    echo "differs: $name"
    status=1
  fi
done
exit $status
