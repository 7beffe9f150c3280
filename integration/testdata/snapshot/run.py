"""Calls an export of a module in Wasmtime: run.py FILE EXPORT [NUMBER...], or run.py --check."""

import sys

from wasmtime import Engine, Linker, Module, Store, WasiConfig

if sys.argv[1] != "--check":
    engine = Engine()
    linker = Linker(engine)
    linker.define_wasi()
    store = Store(engine)
    wasi = WasiConfig()
    wasi.inherit_stdout()
    store.set_wasi(wasi)
    instance = linker.instantiate(store, Module.from_file(engine, sys.argv[1]))
    result = instance.exports(store)[sys.argv[2]](store, *map(int, sys.argv[3:]))
    if result is not None:
        print(result)
