#!/bin/sh
# Builds c-sleeper and c-hog: build-c.sh [FOLDER]. Without a folder the committed binaries are
# replaced. The compiler is zig's (pip install ziglang==0.17.1), whose output does not depend on
# the machine; TestBinariesMatchSources holds the committed binaries to it.
set -eu
cd "$(dirname "$0")"
for guest in sleeper hog; do
    # No C library and no start file; one page of memory, 2 KiB of it for the stack.
    python3 -m ziglang cc -target wasm32-wasi -std=c11 -O2 -s -Wall -Wextra -Werror -nostdlib \
        -Wl,--no-entry -Wl,--export=_start -Wl,-z,stack-size=2048 \
        -Wl,--initial-memory=65536 -Wl,--max-memory=65536 \
        -o "${1:-c-$guest}/$guest.wasm" "c-$guest/$guest.c"
done
