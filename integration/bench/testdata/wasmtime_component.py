"""Calls a function of a component in Wasmtime and prints how long that takes in ns, as a median.

usage: wasmtime_component.py call|start COMPONENT EXPORT ARGUMENTS COUNT

EXPORT is FUNCTION or INTERFACE#FUNCTION, and ARGUMENTS is JSON. "call" calls in one instance. "start" makes an instance for
each call, and counts the time from there.
"""

import json
import statistics
import sys
import time

import wasmtime
from wasmtime import component


def main():
    mode, path, export, arguments, count = sys.argv[1:]
    arguments = json.loads(arguments)
    engine = wasmtime.Engine()
    loaded = component.Component.from_file(engine, path)
    linker = component.Linker(engine)
    linker.add_wasip2()
    interface, _, name = export.rpartition("#")

    def start():
        store = wasmtime.Store(engine)
        store.set_wasi(wasmtime.WasiConfig())
        instance = linker.instantiate(store, loaded)
        place = loaded.get_export_index(interface) if interface else None
        function = instance.get_func(store, loaded.get_export_index(name, place))
        return store, function

    store, function = start()
    took = []
    for _ in range(int(count)):
        began = time.perf_counter_ns()
        if mode == "start":
            store, function = start()
        function(store, *arguments)
        took.append(time.perf_counter_ns() - began)
        function.post_return(store)
    print(round(statistics.median(took)))


main()
