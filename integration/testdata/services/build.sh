#!/bin/sh
# Builds the services of this folder, with Rust and its target wasm32-wasip1, and wasm-tools 1.263. The adapter is that of Wasmtime 50
# (wasi_snapshot_preview1.reactor.wasm); ADAPTER says where it is.
set -eu
cd "$(dirname "$0")/service"
cargo build --release --locked --target wasm32-wasip1
wasm-tools component new target/wasm32-wasip1/release/service.wasm --adapt "wasi_snapshot_preview1=$ADAPTER" -o ../service.wasm
