#!/bin/sh
# Builds fetch.wasm, which is not committed since it has all of CPython in it: build.sh [FOLDER]. It takes cargo, for the crate that
# has the WIT of WASI, and componentize-py: pip install componentize-py==0.25.1
set -eu
cd "$(dirname "$0")"
out=$(cd "${1:-.}" && pwd)
(cd ../rust && cargo fetch --quiet --locked)
tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT
cp -r "${CARGO_HOME:-$HOME/.cargo}"/registry/src/*/wasip3-0.10.0*/wit/deps world.wit "$tmp"
componentize-py --wit-path "$tmp" --world fetch componentize app -o "$out/fetch.wasm"
