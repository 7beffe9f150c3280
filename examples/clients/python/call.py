"""Calls a function that a component exports, and prints what it returns as JSON.

    python call.py COMPONENT.wasm FUNCTION [ARG...]

Each ARG is JSON. Variants, results and options with a value are objects with one key, such as {"line": ...}, {"ok": ...} and
{"some": ...}; enums and cases without a value are strings. REACTORD_ADDR and the others are as for run.py.
"""

import json
import os
import sys
import uuid

import grpc
from google.rpc.error_details_pb2 import BadRequest, ErrorInfo

from reactor.v1.module_pb2 import DescribeModuleRequest, UploadModuleRequest
from reactor.v1.value_pb2 import FunctionCall, Value
from reactor.v1.workload_pb2 import SubmitWorkloadRequest, WaitWorkloadRequest, WorkloadSpec
from run import Client, connect, detail, retrying


class Caller(Client):
    """Calls functions of components on one daemon."""

    def call(self, binary, export, args):
        """Calls a function with values of Python, and returns what it returns and the status of the ended workload."""
        upload = UploadModuleRequest(content=binary)
        module = retrying(lambda: self.modules.UploadModule(upload, metadata=self.metadata)).module
        describe = DescribeModuleRequest(module=module.digest)
        described = retrying(lambda: self.modules.DescribeModule(describe, metadata=self.metadata))
        types = Types(described.types)
        function = next((f for f in described.functions if export in (f.export, f.export.rpartition("#")[2])), None)
        if function is None:
            raise ValueError(f"there is no function {export}: {', '.join(f.export for f in described.functions)}")
        if len(args) != len(function.params):
            raise ValueError(f"{export} takes {len(function.params)} arguments, not {len(args)}")
        call = FunctionCall(
            export=function.export, args=[types.value(p.type, arg) for p, arg in zip(function.params, args)]
        )
        # The call is a workload. Under an id of our own it can be submitted again: the function is called once.
        submit = SubmitWorkloadRequest(id=f"call-{uuid.uuid4()}", spec=WorkloadSpec(module=module.digest, call=call))
        retrying(lambda: self.workloads.SubmitWorkload(submit, metadata=self.metadata))
        wait = WaitWorkloadRequest(id=submit.id)
        status = retrying(lambda: self.workloads.WaitWorkload(wait, metadata=self.metadata)).workload.status
        return (types.native(status.result) if status.HasField("result") else None), status


class Types:
    """Converts between values of Python and messages."""

    def __init__(self, types):
        self.types = types

    def value(self, index, native):
        """Returns the message for a value of Python, which is of a type."""
        t = self.types[index]
        message = Value()
        if t.kind == "bool":
            message.bool = native
        elif t.kind in ("u8", "u16", "u32", "u64"):
            message.uint = native
        elif t.kind in ("s8", "s16", "s32", "s64"):
            message.int = native
        elif t.kind in ("f32", "f64"):
            message.f64 = native
        elif t.kind in ("string", "char"):
            message.text = native
        elif t.kind == "list":
            message.list.items.extend(self.value(t.element, item) for item in native)
            message.list.SetInParent()
        elif t.kind == "tuple":
            message.tuple.items.extend(self.value(f.type, item) for f, item in zip(t.fields, native, strict=True))
        elif t.kind == "record":
            message.record.SetInParent()
            for f in t.fields:
                if f.name in native:
                    message.record.fields[f.name].CopyFrom(self.value(f.type, native[f.name]))
        elif t.kind == "flags":
            message.flags.labels.extend(native)
            message.flags.SetInParent()
        elif t.kind == "map":
            message.map.SetInParent()
            for key, item in native:
                message.map.entries.add(key=self.value(t.key, key), value=self.value(t.element, item))
        else:  # a variant, an enum, an option or a result
            name, payload = (native, None) if isinstance(native, str) else next(iter(native.items()))
            message.variant.case = name
            case = next((c for c in t.cases if c.name == name), None)
            if case and case.HasField("type"):
                message.variant.value.CopyFrom(self.value(case.type, payload))
        return message

    def native(self, message):
        """Returns the value of Python for a message."""
        kind = message.WhichOneof("kind")
        part = getattr(message, kind)
        if kind in ("list", "tuple"):
            return [self.native(item) for item in part.items]
        if kind == "record":
            return {name: self.native(field) for name, field in part.fields.items()}
        if kind == "variant":
            return {part.case: self.native(part.value)} if part.HasField("value") else part.case
        if kind in ("flags", "bytes"):
            return list(part.labels if kind == "flags" else part)
        if kind == "map":
            return [[self.native(entry.key), self.native(entry.value)] for entry in part.entries]
        return part


def main():
    address = os.environ.get("REACTORD_ADDR")
    if len(sys.argv) < 3 or not address:
        sys.exit(__doc__)
    try:
        with open(sys.argv[1], "rb") as file:
            binary = file.read()
        channel, metadata = connect(address, os.environ.get("REACTORD_TOKEN"), os.environ.get("REACTORCTL_TLS_CA"))
        with channel:
            result, status = Caller(channel, metadata).call(binary, sys.argv[2], [json.loads(a) for a in sys.argv[3:]])
    except grpc.RpcError as error:
        faults = detail(error, BadRequest)
        for violation in faults.field_violations if faults else []:
            print(f"{violation.field}: {violation.description}", file=sys.stderr)
        info = detail(error, ErrorInfo)
        print(f"{info.reason if info else error.code().name}: {error.details()}", file=sys.stderr)
        sys.exit(125)
    except (OSError, ValueError, TypeError) as error:
        print(error, file=sys.stderr)
        sys.exit(125)
    if not status.HasField("exit_code"):
        print(status.message, file=sys.stderr)
        sys.exit(1)
    print(json.dumps(result, sort_keys=True))


if __name__ == "__main__":
    main()
