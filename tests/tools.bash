# What the scripts of the tests share: they install what they need, or say that it cannot be had.
# Sourced by them, in a folder of theirs.

# EX_TEMPFAIL of sysexits.h: the status of a step, or a script, whose tool the machine cannot have.
# tests/run counts it as skipped.
skipped=75

skip() { # REASON
  echo "$0: skipped: $1" >&2
  return "$skipped"
}

# Installs packages if a check fails.
need() { # CHECK PACKAGE...
  local check=$1 as_root=()
  shift
  eval "$check" >/dev/null 2>&1 && return
  [ "$(id -u)" -eq 0 ] || as_root=(sudo)
  if ! command -v apt-get >/dev/null || ! command -v "${as_root[0]:-env}" >/dev/null; then
    skip "please install $*: here is no apt-get, or no sudo, to do it"
    return
  fi
  # Steps run beside others: one waits for the packages of the other.
  "${as_root[@]}" flock "${TMPDIR:-/tmp}/switchboard-apt-get.lock" sh -c '
    apt-get update -q && DEBIAN_FRONTEND=noninteractive apt-get install -qy \
      --no-install-recommends -o DPkg::Lock::Timeout=300 "$@"' apt-get "$@" || true
  eval "$check" >/dev/null 2>&1 || skip "apt-get did not install $*"
}

need_python() {
  need "python3 -c 'import ensurepip, venv'" python3 python3-venv
}

# Installs a part of the toolchain if it is missing: `component add NAME`, `target add NAME...`.
need_of_rustup() { # COMMAND add NAME...
  command -v rustup >/dev/null || { skip "rustup is missing, for: rustup $*"; return; }
  rustup "$@" || skip "rustup cannot do this: rustup $*"
}

# The arguments for the targets of tests/ that need no interpreter, but for the simulation. Those of
# `programs` need one.
targets_alone() {
  local file name
  for file in tests/*.rs tests/*/main.rs; do
    name=$(basename "${file%/main.rs}" .rs)
    case $name in programs | simulation | trial) ;; *) echo "--test=$name" ;; esac
  done
}

# The features of Cargo.toml, a line each.
features_of_cargo_toml() {
  sed -n '/^\[features\]/,/^\[[^f]/s/^\([a-z]*\) = .*/\1/p' Cargo.toml
}

# Runs the simulation, with some optimization of this crate: that takes a fifth of the time.
simulate() { # ARGUMENT...
  cargo test --locked --config profile.dev.opt-level=1 \
    --config 'profile.dev.package."*".opt-level=0' --test simulation "$@"
}

# A command of cargo with all features and optimization. Linking across crates would take longer than
# all that runs.
full() { # COMMAND [ARGUMENT...]
  local command=$1
  shift
  cargo "$command" --locked --release --all-features --config profile.release.lto=false \
    --config profile.release.codegen-units=16 --target-dir target/full "$@"
}

# Builds target/full/release/switchboard.
full_release() {
  full build
}
