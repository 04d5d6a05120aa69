# What the scripts of this folder share. Sourced by them, in the folder of the repository.

# The features of the binary in packages. `default` stands for those of Cargo.toml.
features=default,deflate,tls

version=$(sed -n 's/^version = "\(.*\)"/\1/p' Cargo.toml)
processor=${1:-$(uname -m)}
target=$processor-unknown-linux-musl
case $processor in
  x86_64) architecture=amd64 ;;
  aarch64) architecture=arm64 ;;
  *) echo "$0: there are packages for x86_64 and aarch64, not for $processor" >&2; exit 2 ;;
esac
built=${CARGO_TARGET_DIR:-target}
packages=$built/packages
# The time of all files in packages, so that the same sources give the same bytes.
SOURCE_DATE_EPOCH=${SOURCE_DATE_EPOCH:-$(git log -1 --format=%ct 2>/dev/null || stat -c %Y Cargo.toml)}
export SOURCE_DATE_EPOCH
umask 022

# Builds the static binary, and has its path in `binary`.
build() {
  # rustc's own linker, since that of this machine may link for this machine only.
  local linker=CARGO_TARGET_${target^^}_LINKER
  linker=${linker//-/_}
  # TLS has some C. The compiler of this machine is musl-gcc (musl-tools of Debian).
  local compiler=CC_${target//-/_}
  if [ "$processor" != "$(uname -m)" ]; then
    [ -n "${!linker-}" ] || export "$linker=rust-lld"
    [ -n "${!compiler-}" ] || export "$compiler=$processor-linux-gnu-gcc"
  fi
  cargo build --locked --profile shipped --features "$features" --target "$target" >&2
  binary=$built/$target/shipped/switchboard
}

# A folder with what all packages have: the binary, its configuration, and its licenses.
stage() { # FOLDER
  rm -rf "$1"
  install -D "$binary" "$1/usr/bin/switchboard"
  install -Dm644 server.conf "$1/etc/switchboard/server.conf"
  install -d "$1/usr/share/doc/switchboard"
  copyright >"$1/usr/share/doc/switchboard/copyright"
  notices >"$1/usr/share/doc/switchboard/notices"
}

# The file `copyright` as Debian has it.
copyright() {
  echo "Format: https://www.debian.org/doc/packaging-manuals/copyright-format/1.0/"
  echo "Upstream-Name: switchboard"
  echo "Comment: The binary is linked with libraries of others. Their licenses are in the file notices."
  echo
  echo "Files: *"
  sed -n 's/^Copyright (c) /Copyright: /p' LICENSE-MIT
  echo "License: Expat or Apache-2.0"
  echo
  echo "License: Expat"
  sed -n '/^Permission/,${s/^$/./;s/^/ /;p}' LICENSE-MIT
  echo
  echo "License: Apache-2.0"
  echo " On Debian systems, the text is in /usr/share/common-licenses/Apache-2.0."
}

# The licenses of all that is linked into the binary.
notices() {
  local crate folder folders file files
  cat packaging/notices.txt
  folders=$(cargo metadata --locked --format-version 1 --features "$features" \
    --filter-platform "$target" | grep -o '"manifest_path":"[^"]*/Cargo.toml"' | cut -d'"' -f4)
  while read -r crate; do
    folder=$(grep -F -- "/$crate/Cargo.toml" <<<"$folders")
    folder=${folder%/Cargo.toml}
    # Each of them may be used by the MIT license, if it has more than one.
    files=("$folder"/LICENSE-MIT*)
    [ -e "${files[0]}" ] || files=("$folder"/LICENSE* "$folder"/COPYING*)
    [ -e "${files[0]}" ] || { echo "$0: $crate has no license" >&2; return 1; }
    printf '\n%s\n\n' "== $crate"
    for file in "${files[@]}"; do [ ! -e "$file" ] || cat "$file"; done
  done < <(cargo tree --locked --target "$target" --features "$features" \
    --edges normal,no-proc-macro --prefix none --no-dedupe --format '{p}' | sed -n \
    's/^\([^ ]*\) v\([^ ]*\)$/\1-\2/p' | LC_ALL=C sort -u)
}
