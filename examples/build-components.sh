#!/bin/sh
# Builds the components that are committed: build-components.sh [FOLDER]. Without a folder they are replaced. What comes out
# depends on these tools, and on no folder of this machine; TestBuiltComponentsMatchSources holds the committed binaries to it:
#
#   rustc 1.96.0 as Debian builds it (rustc-web, cargo-web, rust-web-src), with the standard library built along:
#     RUSTC_BOOTSTRAP=1 CARGO_UNSTABLE_BUILD_STD=std,panic_abort
#   cargo install wasm-tools --version 1.263.0
#   cargo install wit-bindgen-cli --version 0.63.0
#   pip install ziglang==0.17.1                       # python3 -m ziglang
#
# Any other rustc with the targets wasm32-wasip1 and wasm32-unknown-unknown makes components that do the same.
set -eu
cd "$(dirname "$0")"
out=${1:-}
tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT
target=${CARGO_TARGET_DIR:-$tmp/target}
std=$(rustc --print sysroot)/lib/rustlib/src/rust
(cd fetch/rust && cargo fetch --quiet --locked)
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

# A crate that the one in Rust names, and does not use, has the adapter from preview 1.
adapter=$crates/wasi-preview1-component-adapter-provider-50.0.1/artefacts/wasi_snapshot_preview1.reactor.wasm
crate fetch/rust wasm32-wasip1
component "$target/wasm32-wasip1/release/fetch.wasm" fetch/rust/fetch.wasm --adapt "$adapter"

# Another crate has the WIT of WASI.
cp -r "$crates"/wasip3-0.10.0*/wit/deps middleware/wit
crate middleware wasm32-wasip1
component "$target/wasm32-wasip1/release/middleware.wasm" middleware/middleware.wasm --adapt "$adapter"
mkdir "$tmp/c"
cp -r "$crates"/wasip3-0.10.0*/wit/deps fetch/c/world.wit "$tmp/c"
wit-bindgen c "$tmp/c" --world fetch --out-dir "$tmp/c" > /dev/null 2>&1
cc() { python3 -m ziglang cc -target wasm32-wasi -O2 "$@"; }
cc -c -o "$tmp/c/world.o" "$tmp/c/fetch.c" # the generated code is not held to the warnings
cc -std=gnu17 -s -Wall -Wextra -Werror -mexec-model=reactor -Wl,-z,stack-size=65536 -I"$tmp/c" -o "$tmp/c.wasm" \
    fetch/c/fetch.c "$tmp/c/world.o" "$tmp/c/fetch_component_type.o"
component "$tmp/c.wasm" fetch/c/fetch.wasm
