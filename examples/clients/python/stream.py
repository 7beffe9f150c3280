"""Calls a function that takes or returns streams and futures, and prints what it returns as it comes.

    python stream.py [--first N] COMPONENT.wasm FUNCTION [ARG...] < INPUT

Each ARG is JSON: for a stream a list of its items, for a future its value; - is a stream<u8> of the standard input. The bytes of
a stream are written as they are, and other items one a line, as JSON. --first N cancels the call after N items.
"""

import asyncio
import itertools
import json
import os
import queue
import sys

import grpc
from google.rpc.error_details_pb2 import ErrorInfo

from call import Types
from reactor.v1.module_pb2 import DescribeModuleRequest, UploadModuleRequest
from reactor.v1.value_pb2 import FunctionCall, Value
from reactor.v1.workload_pb2 import (
    CallCancel,
    CallFunctionRequest,
    CallFuture,
    CallItems,
    CallRequest,
    CallWindow,
    WorkloadSpec,
)
from run import Client, connect, detail, retrying

WINDOW_BYTES, WINDOW_ITEMS = 64 << 10, 1024


class Call:
    """One call. Async iterators are its streams, and awaitables its futures, both as arguments and in what it returns."""

    def __init__(self, workloads, metadata, types):
        self.types = StreamTypes(types, self)
        self.requests = queue.SimpleQueue()  # that gRPC sends
        self.stream = workloads.Call(iter(self.requests.get, None), metadata=metadata)
        self.result = asyncio.get_running_loop().create_future()
        self.ended = self.fault = None  # how the guest has ended; why a stream of ours has failed
        self.named = []  # streams and futures of the message that is sent next
        self.sources, self.channels, self.numbers = {}, {}, itertools.count(1)

    def begin(self, module, export, params, args):
        """Opens the call, and then receives what comes. The streams of the arguments are sent meanwhile."""
        values = [self.types.value(p.type, arg) for p, arg in zip(params, args, strict=True)]
        spec = WorkloadSpec(module=module, call=FunctionCall(export=export, args=values))
        self.send(open=CallFunctionRequest(spec=spec))
        self.receiving = asyncio.create_task(self.receive())

    def send(self, **part):
        named, self.named = self.named, []
        self.requests.put(CallRequest(**part))
        for source in named:
            self.sources[source.number] = source
            source.task = asyncio.create_task(source.send())
            source.task.add_done_callback(self.sent)

    def sent(self, task):
        if not task.cancelled() and task.exception():
            self.fault = task.exception()
            self.stream.cancel()

    async def receive(self):
        try:
            while (response := await asyncio.to_thread(next, self.stream, None)) is not None:
                self.take(response)
        finally:
            self.requests.put(None)
            if not self.result.done():  # the guest has failed before it returned, or the call: end tells
                self.result.set_result(None)
            for channel in self.channels.values():
                channel.queue.put_nowait(None)
            for source in self.sources.values():
                source.task.cancel()

    def take(self, response):
        kind = response.WhichOneof("part")
        part = getattr(response, kind)
        if kind == "result":
            self.result.set_result(self.types.native(part.value) if part.HasField("value") else None)
        elif kind in ("items", "future"):
            self.channel(part.channel).queue.put_nowait(part)
        elif kind == "window":
            self.sources[part.channel].grant(part.bytes)
        elif kind == "stop":
            self.sources[part.channel].task.cancel()
        else:
            self.ended = part.status

    def channel(self, number):
        return self.channels.setdefault(number, Channel(self, number))

    def cancel(self):
        """Asks the guest to end. After a second it is ended."""
        self.send(cancel=CallCancel())

    async def end(self):
        """Waits until the guest has ended, and returns how."""
        try:
            await self.receiving
        except grpc.RpcError as error:
            raise self.fault or error
        return self.ended


class Source:
    """A stream or future of ours, which the component reads."""

    def __init__(self, call, kind, native):
        self.call, self.kind, self.native, self.number = call, kind, native, next(call.numbers)
        self.room, self.granted = WINDOW_BYTES, asyncio.Event()

    def grant(self, size):
        self.room += size
        self.granted.set()

    async def send(self):
        call, types = self.call, self.call.types
        if self.kind.kind == "future":
            call.send(future=CallFuture(channel=self.number, value=types.value(self.kind.element, await self.native)))
            return
        async for item in self.native:
            self.granted.clear()
            if isinstance(item, bytes):
                while item:
                    if self.room == 0:
                        self.granted.clear()
                        await self.granted.wait()
                    piece, item = item[: self.room], item[self.room :]
                    self.room -= len(piece)
                    call.send(items=CallItems(channel=self.number, bytes=piece))
            else:  # who does not count bytes sends an item, and waits for its window
                call.send(items=CallItems(channel=self.number, values=[types.value(self.kind.element, item)]))
                await self.granted.wait()
        call.send(items=CallItems(channel=self.number, end=True))


class Channel:
    """A stream or future of the component: async for gives the items of a stream, await the value of a future."""

    def __init__(self, call, number):
        self.call, self.number, self.queue = call, number, asyncio.Queue()

    async def __aiter__(self):
        ended = False
        while not ended and (part := await self.queue.get()) is not None:
            ended = part.end
            if part.bytes:
                yield part.bytes
            for value in part.values:
                yield self.call.types.native(value)
            if not ended and self.queue.empty():  # all was taken, so a whole window is free
                window = CallWindow(channel=self.number, items=WINDOW_ITEMS, bytes=WINDOW_BYTES)
                self.call.send(window=window)

    def __await__(self):
        part = yield from self.queue.get().__await__()
        if part is None or not part.HasField("value"):
            raise EOFError("the future has no value")
        return self.call.types.native(part.value)


class StreamTypes(Types):
    """Types, also of streams and futures, whose values are channels."""

    def __init__(self, types, call):
        super().__init__(types)
        self.call = call

    def value(self, index, native):
        t = self.types[index]
        if t.kind not in ("stream", "future"):
            return super().value(index, native)
        source = Source(self.call, t, native)
        self.call.named.append(source)
        return Value(channel=source.number)

    def native(self, message):
        if message.WhichOneof("kind") == "channel":
            return self.call.channel(message.channel)
        return super().native(message)


async def standard_input():
    """The standard input, as it comes."""
    loop = asyncio.get_running_loop()
    while piece := await loop.run_in_executor(None, os.read, 0, 32 << 10):
        yield piece


async def items(values):
    for value in values:
        yield value


async def known(value):
    return value


def argument(kind, text):
    """The value of an argument of the command line."""
    if text == "-":
        return standard_input()
    value = json.loads(text)
    return {"stream": items, "future": known}.get(kind, lambda value: value)(value)


async def show(kind, value, first):
    """Prints what a function has returned, and returns whether there may be more."""
    if kind != "stream":
        print(json.dumps(await value if kind == "future" else value))
        return False
    count = 0
    async for item in value:
        if isinstance(item, bytes):
            sys.stdout.buffer.write(item)
        else:
            print(json.dumps(item))
        sys.stdout.flush()
        count += 1
        if count == first:
            return True
    return False


async def run(address, component, export, texts, first):
    token, authority = os.environ.get("REACTORD_TOKEN"), os.environ.get("REACTORCTL_TLS_CA")
    with open(component, "rb") as file:
        upload = UploadModuleRequest(content=file.read())
    channel, metadata = connect(address, token, authority)
    with channel:
        client = Client(channel, metadata)
        digest = retrying(lambda: client.modules.UploadModule(upload, metadata=metadata)).module.digest
        described = client.modules.DescribeModule(DescribeModuleRequest(module=digest), metadata=metadata)
        function = next((f for f in described.functions if export in (f.export, f.export.rpartition("#")[2])), None)
        if function is None or len(texts) != len(function.params):
            raise ValueError(f"there is no function {export} with {len(texts)} arguments")
        call = Call(client.workloads, metadata, described.types)
        args = [argument(described.types[p.type].kind, text) for p, text in zip(function.params, texts)]
        call.begin(digest, function.export, function.params, args)
        result = await call.result
        if result is not None and await show(described.types[function.result].kind, result, first):
            call.cancel()
            await call.end()
            return 0
        status = await call.end()
    if not status.HasField("exit_code"):
        print(status.message, file=sys.stderr)
        return 1
    return 0


def main():
    words, first = sys.argv[1:], None
    if words[:1] == ["--first"]:
        first, words = int(words[1]), words[2:]
    address = os.environ.get("REACTORD_ADDR")
    if len(words) < 2 or not address:
        sys.exit(__doc__)
    try:
        sys.exit(asyncio.run(run(address, words[0], words[1], words[2:], first)))
    except grpc.RpcError as error:
        info = detail(error, ErrorInfo)
        print(f"{info.reason if info else error.code().name}: {error.details()}", file=sys.stderr)
        sys.exit(125)
    except (OSError, ValueError, TypeError) as error:
        print(error, file=sys.stderr)
        sys.exit(125)


if __name__ == "__main__":
    main()
