"""Runs guests of a WASI command in Wasmtime, each in a thread, and prints the memory of each in bytes when all wait.

usage: wasmtime_waiting.py MODULE GUESTS
"""

import os
import sys
import threading
import time

import wasmtime


def used():
    """The process's memory: shared pages count once."""
    with open("/proc/self/smaps_rollup") as f:
        return next(int(line.split()[1]) * 1024 for line in f if line.startswith("Pss:"))


def main():
    module_path, guests = sys.argv[1], int(sys.argv[2])
    engine = wasmtime.Engine()
    module = wasmtime.Module.from_file(engine, module_path)
    linker = wasmtime.Linker(engine)
    linker.define_wasi()

    def run():
        store = wasmtime.Store(engine)
        store.set_wasi(wasmtime.WasiConfig())
        linker.instantiate(store, module).exports(store)["_start"](store)

    threading.stack_size(256 << 10)
    for n in (1, guests):
        for _ in range(n):
            threading.Thread(target=run, daemon=True).start()
        last = 0
        while used() != last:  # until nothing changes any more
            last = used()
            time.sleep(2)
        if n == 1:
            before = last
    print((last - before) // guests, flush=True)
    os._exit(0)  # the threads never end


main()
