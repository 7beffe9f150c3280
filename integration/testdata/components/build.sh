#!/bin/sh
# Builds the components of this folder: build.sh [FOLDER]. Without a folder the committed binaries are replaced. What comes
# out depends on these tools, and on no folder of this machine; TestComponentsMatchSources holds the committed binaries to it:
#
#   pip install ziglang==0.17.1                       # python3 -m ziglang
#   cargo install wasm-tools --version 1.263.0
#   cargo install wit-bindgen-cli --version 0.63.0
#   rustc 1.95.0 with the target wasm32-wasip1
set -eu
cd "$(dirname "$0")"
out=${1:-.}
tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT
crates=${CARGO_HOME:-$HOME/.cargo}/registry/src

cc() { # as a compiler for WASI preview 1
    python3 -m ziglang cc -target wasm32-wasi -std=gnu17 -O2 -s -Wall -Wextra -Werror "$@"
}

library() { # FOLDER WORLD SOURCE...: a component that exports functions
    folder=$1 world=$2
    shift 2
    wit-bindgen c "$folder/world.wit" --world "$world" --out-dir "$tmp" 2> /dev/null
    # The generated code is not held to the warnings.
    python3 -m ziglang cc -target wasm32-wasi -O2 -c -o "$tmp/$world.o" "$tmp/$world.c"
    cc -mexec-model=reactor -I"$tmp" -o "$tmp/$world.core.wasm" "$@" "$tmp/$world.o" "$tmp/${world}_component_type.o"
    wasm-tools component new "$tmp/$world.core.wasm" -o "$out/$world.wasm"
}

library calc calc calc/impl.c calc/echo.c
library flow flow flow/impl.c
library streams streams streams/impl.c
library counters provider counters/provider.c
library counters user counters/user.c
library tasks worker tasks/impl.c
library steps steps steps/impl.c
library gateway gateway gateway/impl.c
library circle asks circle/asks.c
library circle asked circle/asked.c
library wire wire wire/impl.c
wasm-tools compose "$out/user.wasm" -d "$out/provider.wasm" -o "$out/composed.wasm" > /dev/null 2>&1

crate() { # FOLDER
    (cd "$1" && RUSTFLAGS="--remap-path-prefix=$crates=crates --remap-path-prefix=$PWD=$1" \
        cargo build --quiet --release --locked --target wasm32-wasip1 --target-dir "$tmp/target")
}

adapt() { # CORE ADAPTER COMPONENT: of a module of preview 1
    wasm-tools component new "$tmp/$1" --adapt "$adapters/wasi_snapshot_preview1.$2.wasm" -o "$out/$3.wasm"
}

# The adapters from preview 1 are in a crate that a guest in Rust names, and does not use.
crate rust-command
crate rust-echo
adapters=$(echo "$crates"/*/wasi-preview1-component-adapter-provider-50.0.1/artefacts)
cc -o "$tmp/c-command.core.wasm" c-command/main.c
adapt c-command.core.wasm command c-command
adapt target/wasm32-wasip1/release/rust-command.wasm command rust-command
adapt target/wasm32-wasip1/release/rust_echo.wasm reactor rust-echo

for text in text/*.wat; do
    wasm-tools parse "$text" -o "$out/$(basename "$text" .wat).wasm"
done
