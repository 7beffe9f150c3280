#!/bin/sh
# Builds the runtime tests of wit-bindgen in Rust and C, but for those of asynchronous functions, for TestBindings:
#
#   bindings.sh FOLDER WIT-BINDGEN
#
# FOLDER is made; WIT-BINDGEN is a checkout of github.com/bytecodealliance/wit-bindgen at 084407c. It takes these tools:
#
#   cargo install wit-bindgen-cli --version 0.63.0
#   pip install ziglang==0.17.1                       # python3 -m ziglang, as the C compiler
#   rustc 1.95.0 with the target wasm32-wasip1
set -eu
mkdir -p "$1/sdk/bin"
out=$(cd "$1" && pwd)
for compiler in cc:clang c++:clang++; do
    tool=$out/sdk/bin/wasm32-wasip1-${compiler#*:}
    printf '#!/bin/sh\nexec python3 -m ziglang %s -target wasm32-wasi -fno-sanitize=undefined "$@"\n' "${compiler%:*}" > "$tool"
    chmod +x "$tool"
done
# "true" runs what is composed: that is the test's to do.
skip=
for part in async cancel future incomplete lowered-send method-chaining pending ping-pong simple- stream wakeup yield; do
    skip="$skip --skip $part"
done
cd "$2"
# shellcheck disable=SC2086
exec wit-bindgen test --artifacts "$out/artifacts" --languages rust,c --rust-target wasm32-wasip1 --c-target wasm32-wasip1 \
    --wasi-sdk-path "$out/sdk" --rust-wit-bindgen-version 0.63.0 --runner true $skip tests/runtime
