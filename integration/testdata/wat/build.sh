#!/bin/sh
# Assembles the guests of this folder: build.sh [FOLDER]. Without a folder the committed binaries
# are replaced.
set -eu
cd "$(dirname "$0")"
for text in *.wat; do
    wat2wasm --debug-names -o "${1:-.}/${text%.wat}.wasm" "$text"
done
