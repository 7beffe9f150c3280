#!/bin/sh
# Builds the components that are committed: build-components.sh [FOLDER]. Without a folder they are replaced. What comes out
# depends on these tools, and on no folder of this machine; TestBuiltComponentsMatchSources holds the committed binaries to it:
#
#   rustc 1.96.0 as Debian builds it (rustc-web, cargo-web, rust-web-src), with the standard library built along:
#     RUSTC_BOOTSTRAP=1 CARGO_UNSTABLE_BUILD_STD=std,panic_abort
#   cargo install wasm-tools --version 1.263.0
#
# Any other rustc with the target wasm32-unknown-unknown makes components that do the same.
set -eu
cd "$(dirname "$0")"
out=${1:-}
tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT
target=${CARGO_TARGET_DIR:-$tmp/target}
std=$(rustc --print sysroot)/lib/rustlib/src/rust
(cd web && cargo fetch --quiet --locked)
crates=$(echo "${CARGO_HOME:-$HOME/.cargo}"/registry/src/*)

crate() { # FOLDER TARGET
    (cd "$1" && RUSTFLAGS="--remap-path-prefix=$std=rust --remap-path-prefix=$crates=crates --remap-path-prefix=$PWD=$1" \
        cargo build --quiet --release --locked --target "$2" --target-dir "$target")
}

component() { # CORE COMPONENT [OPTION...]
    core=$1 built=${out:-.}/$2
    shift 2
    mkdir -p "$(dirname "$built")"
    wasm-tools component new "$core" "$@" -o "$built"
}

crate web wasm32-unknown-unknown
component "$target/wasm32-unknown-unknown/release/everywhere.wasm" web/everywhere.wasm
