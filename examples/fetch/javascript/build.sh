#!/bin/sh
# Builds fetch.wasm, which is not committed since it has all of SpiderMonkey in it: build.sh [FOLDER]. It takes cargo, for the crate
# that has the WIT of WASI, and componentize-js: npm install -g @bytecodealliance/componentize-js@0.23.0
set -eu
cd "$(dirname "$0")"
out=$(cd "${1:-.}" && pwd)
(cd ../rust && cargo fetch --quiet --locked)
tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT
cp -r "${CARGO_HOME:-$HOME/.cargo}"/registry/src/*/wasip2-2.0.1*/wit/deps world.wit "$tmp"
sed -i.orig 's/0\.2\.12/0.2.10/g' "$tmp"/deps/*.wit # the engine is of 0.2.10, which lacks one function
rm "$tmp"/deps/*.orig
componentize-js fetch.js --wit "$tmp" --world-name fetch --out "$out/fetch.wasm"
