"""A service of wasi:http that fetches, and serves what it fetched."""

import asyncio
from urllib.parse import urlsplit

from componentize_py_async_support import spawn
from componentize_py_types import Ok
from wit_world import (
    byte_stream,
    exports,
    result_option_wasi_http_types_fields_wasi_http_types_error_code_future as trailers_future,
    result_unit_wasi_http_types_error_code_future as outcome_future,
)
from wit_world.imports import client
from wit_world.imports.wasi_http_types import Fields, Request, Response, Scheme_Http, Scheme_Https


class Handler(exports.Handler):
    async def handle(self, request: Request) -> Response:
        path, _, source = (request.get_path_with_query() or "").partition("?")
        match path:
            case "/ten":
                bodies = await asyncio.gather(*(fetch(f"{source}/{n}") for n in range(1, 11)))
                return respond(200, b"".join(bodies))
            case "/stream":
                return await get(source)  # its body comes as it arrives
            case _:
                return respond(404, b"/ten?BASE, /stream?URL\n")


async def get(url: str) -> Response:
    """Returns a response as soon as its headers are there."""
    parts = urlsplit(url)
    request, _ = Request.new(Fields(), None, no_trailers(), None)
    request.set_scheme(Scheme_Https() if parts.scheme == "https" else Scheme_Http())
    request.set_authority(parts.netloc)
    request.set_path_with_query(parts.path + (f"?{parts.query}" if parts.query else ""))
    return await client.send(request)


async def fetch(url: str) -> bytes:
    _, outcome = outcome_future(lambda: Ok(None))
    stream, _ = Response.consume_body(await get(url), outcome)
    body = bytearray()
    with stream:
        while not stream.writer_dropped:
            body += await stream.read(16 * 1024)
    return bytes(body)


def respond(status: int, body: bytes) -> Response:
    """Returns a response whose body is written once it is on its way."""
    writer, reader = byte_stream()
    response, _ = Response.new(Fields(), reader, no_trailers())
    response.set_status_code(status)

    async def write():
        with writer:
            await writer.write_all(body)

    spawn(write())
    return response


def no_trailers():
    return trailers_future(lambda: Ok(None))[1]
