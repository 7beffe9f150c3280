#!/bin/sh
# Converts the scripts of the component suites to the form that TestComponents reads:
#
#   convert.sh FOLDER COMPONENT-MODEL WASMTIME WASM-TOOLS
#
# FOLDER is made. COMPONENT-MODEL is tests/component-model in the sources of the crate wasm-tools 1.263.0, that project as of
# November 2026. The others are checkouts of these repositories, at these commits:
#
#   github.com/bytecodealliance/wasmtime      e6b33de
#   github.com/bytecodealliance/wasm-tools    a7ef477
#
# wasm-tools 1.263.0 does the work (cargo install wasm-tools --version 1.263.0).
set -eu
out=$1
convert() { # CHECKOUT/FOLDER NAME
    (cd "$1" && find . -name '*.wast' | sort) | while read -r script; do
        dir=$out/$2/$(dirname "$script")
        mkdir -p "$dir"
        json=$dir/$(basename "$script" .wast).json
        # A few scripts have indices in an older form; a few have what the specification has since dropped.
        wasm-tools json-from-wast --pretty --wasm-dir "$dir" -o "$json" "$1/$script" 2> /dev/null ||
            WAST_STRICT_COMPONENT_INDICES=0 wasm-tools json-from-wast --pretty --wasm-dir "$dir" -o "$json" "$1/$script" 2> /dev/null ||
            echo "not converted: $2/${script#./}"
    done
}
convert "$2/test" component-model
convert "$3/tests/misc_testsuite/component-model" wasmtime/component-model
convert "$3/tests/misc_testsuite/component-model-threading" wasmtime/component-model-threading
convert "$4/tests/cli/component-model" wasm-tools
