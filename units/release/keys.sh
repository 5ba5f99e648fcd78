# shellcheck shell=bash
# The key that signs a release, in a keyring of its own. Sourced by release.sh and refresh.sh.

# $1: file with the secret key; $2: file with its passphrase, or nothing. Sets GNUPGHOME and $fingerprint.
use_key() {
  GNUPGHOME=$(mktemp -d)
  export GNUPGHOME
  : > "$GNUPGHOME/none"
  passphrase_options=(--pinentry-mode loopback --passphrase-file "$(realpath "${2:-$GNUPGHOME/none}")")
  gpg --batch --quiet "${passphrase_options[@]}" --import "$1"
  fingerprint=$(gpg --batch --with-colons --list-secret-keys | awk -F: '$1 == "fpr" { print $10; exit }')
  [ -n "$fingerprint" ] || { echo "expected a secret key in $1" >&2; return 1; }
}

forget_key() {
  gpgconf --kill all || true
  rm -rf "$GNUPGHOME"
}

sign() { gpg --batch --quiet --yes --digest-algo SHA512 --local-user "$fingerprint" "${passphrase_options[@]}" "$@"; }
# $1: file, $2: where the signature goes.
sign_detached() { sign --armor --detach-sign --output "$2" "$1"; }
sign_inline() { sign --clearsign --output "$2" "$1"; }

# Header and payload stay: only the signature's header is another.
sign_rpm() {
  # rpm's own default is gpg2, which Debian's gpg is not called.
  rpmsign --define "__gpg $(command -v gpg)" --define "_gpg_name $fingerprint" --define "_gpg_path $GNUPGHOME" \
    --define "_gpg_sign_cmd_extra_args ${passphrase_options[*]}" --define '_gpg_digest_algo sha512' --addsign "$1" >/dev/null
}

# For apt (the binary form) and for rpm and people (the armoured one). $1: the file; its name says which.
export_key() {
  case $1 in
  *.asc) gpg --batch --armor --export "$fingerprint" > "$1" ;;
  *) gpg --batch --export "$fingerprint" > "$1" ;;
  esac
}
