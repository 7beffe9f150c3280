#!/bin/sh
# Builds the services of this folder: build.sh [FOLDER]. Without a folder the committed binaries are replaced. What comes out
# depends on these tools, and on no folder of this machine; TestServicesMatchSources holds the committed binaries to it:
#
#   rustc 1.96.0 as Debian builds it (rustc-web, cargo-web, rust-web-src), with the standard library built along:
#     RUSTC_BOOTSTRAP=1 CARGO_UNSTABLE_BUILD_STD=std,panic_abort
#   cargo install wasm-tools --version 1.263.0
#
# Any other rustc with the target wasm32-wasip1 makes services that do the same.
set -eu
cd "$(dirname "$0")"
out=$(cd "${1:-.}" && pwd)
tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT
target=${CARGO_TARGET_DIR:-$tmp/target}
std=$(rustc --print sysroot)/lib/rustlib/src/rust
(cd ../../../examples/fetch/rust && cargo fetch --quiet --locked) # a crate that it names has the adapters from preview 1
for crate in service proxy; do
    (cd "$crate" && cargo fetch --quiet --locked)
done
crates=$(echo "${CARGO_HOME:-$HOME/.cargo}"/registry/src/*)
adapters=$crates/wasi-preview1-component-adapter-provider-50.0.1/artefacts

service() { # CRATE ADAPTER
    (cd "$1" && RUSTFLAGS="--remap-path-prefix=$std=rust --remap-path-prefix=$crates=crates --remap-path-prefix=$PWD=$1" \
        cargo build --quiet --release --locked --target wasm32-wasip1 --target-dir "$target")
    wasm-tools component new "$target/wasm32-wasip1/release/$1.wasm" \
        --adapt "wasi_snapshot_preview1=$adapters/wasi_snapshot_preview1.$2.wasm" -o "$out/$1.wasm"
}
service service reactor
service proxy proxy
