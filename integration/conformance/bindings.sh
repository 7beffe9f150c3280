#!/bin/sh
# Builds the runtime tests of wit-bindgen in Rust and C, for TestBindings:
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
# The tests are of a commit whose option --async=-F the release has as --sync=F.
cp -r "$2/tests/runtime" "$out/tests"
find "$out/tests" \( -name '*.c' -o -name '*.rs' \) -exec sed -i '1,9s/--async=-/--sync=/' {} +
rm -r "$out/tests/rust/method-chaining" # has an option that no release has
cd "$out"
# "true" runs what is composed: that is the test's to do.
exec wit-bindgen test --artifacts "$out/artifacts" --languages rust,c --rust-target wasm32-wasip1 --c-target wasm32-wasip1 \
    --wasi-sdk-path "$out/sdk" --rust-wit-bindgen-version 0.63.0 --runner true tests
