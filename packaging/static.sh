#!/usr/bin/env bash
# Builds the static binary of the packages: it runs on any Linux of its processor.
#
#   packaging/static.sh [x86_64|aarch64]
#
# Without an argument, for the processor of this machine. Prints the path of the binary. The target
# of Rust has to be there (rustup target add x86_64-unknown-linux-musl), and a compiler of C for
# it: musl-gcc (musl-tools of Debian), or for another processor that of its GNU target, with headers
# (gcc-aarch64-linux-gnu and libc6-dev-arm64-cross of Debian).
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
source packaging/common.bash

build
echo "$binary"
