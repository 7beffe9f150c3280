"""Calls exports of components in Wasmtime (pip install wasmtime==50.0.1), as an oracle.

Each line of standard input is a call, {"component": PATH, "export": "INTERFACE#FUNCTION", "args": [CONSTANT...]}, and gets a line of output:
{"result": CONSTANT} or {"error": TEXT}. Constants are those of `wasm-tools json-from-wast`.
"""

import json
import math
import struct
import sys

import wasmtime
import wasmtime.component as component
from wasmtime.component import _types as types

# By default a variant's value comes without its case where the value tells it.
types.VariantLikeType._tagged = lambda self: True

INTEGERS = {types.S8: "s8", types.U8: "u8", types.S16: "s16", types.U16: "u16", types.S32: "s32", types.U32: "u32",
            types.S64: "s64", types.U64: "u64"}
FLOATS = {types.F32: ("f32", "<f", "<I"), types.F64: ("f64", "<d", "<Q")}


def to_python(t, c):
    """Returns a constant as a value of a type."""
    v = c["value"]
    kind = type(t)
    if kind in INTEGERS:
        return int(v)
    if kind in FLOATS:
        _, number, bits = FLOATS[kind]
        return struct.unpack(number, struct.pack(bits, int(v)))[0]
    if kind is types.ListType:
        items = [to_python(t.element, item) for item in v]
        return bytes(items) if isinstance(t.element, types.U8) else items
    if kind is types.TupleType:
        return tuple(to_python(e, item) for e, item in zip(t.elements, v))
    if kind is types.RecordType:
        record = types.Record()
        for (name, field), (_, item) in zip(t.fields, v):
            setattr(record, name, to_python(field, item))
        return record
    if kind is types.FlagsType:
        return set(v)
    if isinstance(t, types.VariantLikeType):
        if kind is types.VariantType:
            case, payload = v["case"], v["payload"]
        elif kind is types.OptionType:
            case, payload = ("none", None) if v is None else ("some", v)
        else:
            (case, payload), = v.items()
            case = case.lower()
        payload_type = dict(t._cases())[case]
        return types.Variant(case, None if payload_type is None else to_python(payload_type, payload))
    return v


def to_constant(t, v):
    """Returns a value of a type as a constant."""
    kind = type(t)
    if kind in INTEGERS:
        return {"type": INTEGERS[kind], "value": str(v)}
    if kind in FLOATS:
        name, number, bits = FLOATS[kind]
        return {"type": name, "value": str(struct.unpack(bits, struct.pack(number, math.nan if v != v else v))[0])}
    if kind is types.ListType:
        return {"type": "list", "value": [to_constant(t.element, item) for item in v]}
    if kind is types.TupleType:
        return {"type": "tuple", "value": [to_constant(e, item) for e, item in zip(t.elements, v)]}
    if kind is types.RecordType:
        return {"type": "record", "value": [[name, to_constant(field, getattr(v, name))] for name, field in t.fields]}
    if kind is types.FlagsType:
        return {"type": "flags", "value": sorted(v)}
    if isinstance(t, types.VariantLikeType):
        payload_type = dict(t._cases())[v.tag]
        payload = None if payload_type is None else to_constant(payload_type, v.payload)
        if kind is types.VariantType:
            return {"type": "variant", "value": {"case": v.tag, "payload": payload}}
        if kind is types.OptionType:
            return {"type": "option", "value": payload}
        return {"type": "result", "value": {v.tag.capitalize(): payload}}
    name = {types.Bool: "bool", types.Char: "char", types.String: "string", types.EnumType: "enum"}[kind]
    return {"type": name, "value": v}


def call(instance, store, export, args):
    index = None
    for part in export.split("#"):
        index = instance.get_export_index(store, part, index)
    f = instance.get_func(store, index)
    t = f.type(store)
    result = f(store, *(to_python(p, a) for (_, p), a in zip(t.params, args)))
    f.post_return(store)
    return to_constant(t.result, result)


def main():
    engine = wasmtime.Engine()
    path, store, instance = None, None, None
    for line in sys.stdin:
        request = json.loads(line)
        try:
            if request["component"] != path:
                path = request["component"]
                store = wasmtime.Store(engine)
                instance = component.Linker(engine).instantiate(store, component.Component.from_file(engine, path))
            answer = {"result": call(instance, store, request["export"], request["args"])}
        except Exception as e:
            path = None
            answer = {"error": repr(e)}
        print(json.dumps(answer), flush=True)


main()
