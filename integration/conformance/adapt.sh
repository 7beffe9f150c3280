#!/bin/sh
# Makes commands of WASI 0.2 of the preview 1 programs of wasi-testsuite, for TestSuite:
#
#   adapt.sh FOLDER WASI-TESTSUITE ADAPTER
#
# FOLDER is made, laid out as WASI-TESTSUITE is, which holds the built programs (branch prod/testsuite-base does). ADAPTER is
# wasi_snapshot_preview1.command.wasm of the crate wasi-preview1-component-adapter-provider 50.0.1. wasm-tools 1.263.0 does
# the work (cargo install wasm-tools --version 1.263.0).
set -eu
for suite in "$2"/tests/*/testsuite/wasm32-wasip1; do
    out=$1/${suite#"$2"/}
    mkdir -p "$out"
    cp -R "$suite"/. "$out"
    for program in "$out"/*.wasm; do
        wasm-tools component new "$program" --adapt "wasi_snapshot_preview1=$3" -o "$program.component"
        mv "$program.component" "$program"
    done
done
