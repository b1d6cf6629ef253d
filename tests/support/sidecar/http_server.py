# SPDX-License-Identifier: Apache-2.0
"""The listening half: reads requests, calls a handler, writes what it answers."""

import asyncio
import os
import socket
from typing import Awaitable, Callable

from http1 import (REASONS, BodyTooLong, HeadTooLong, Headers, Request, Wire, WireError, chunk_bytes, has_no_body,
                   head_bytes, parse_request)


class Gone(Exception):
    """The connection to the client was given up on purpose (a fault, or the sidecar died)."""


class Responder:
    """Writes one response. `start` + `write` + `end` stream; `answer` sends all at once."""

    def __init__(self, wire: Wire, request: Request) -> None:
        self.wire, self.request = wire, request
        self.started = False
        self.status = 0
        self.headers = Headers()
        self.body = bytearray()
        self.chunked = False
        self.close_after = request.version == "HTTP/1.0" or "close" in request.headers.tokens("connection")
        self.reset_after_headers = False

    async def start(self, status: int, headers: Headers, length: int | None = None, reason: str = "") -> None:
        self.started, self.status = True, status
        fields = Headers(headers)
        if not has_no_body(self.request.method, status):
            if length is not None:
                fields.append(("Content-Length", str(length)))
            elif self.request.version == "HTTP/1.0":
                self.close_after = True
            else:
                self.chunked = True
                fields.append(("Transfer-Encoding", "chunked"))
        if self.close_after:
            fields.append(("Connection", "close"))
        self.headers = fields
        reason = reason or REASONS.get(status, "Status")
        await self.wire.send(head_bytes(f"HTTP/1.1 {status} {reason}", fields))
        if self.reset_after_headers:
            await asyncio.sleep(0.02)
            self.wire.reset()
            raise Gone("reset after headers")

    async def write(self, piece: bytes) -> None:
        if piece and not has_no_body(self.request.method, self.status):
            if len(self.body) < 65536:
                self.body += piece
            await self.wire.send(chunk_bytes(piece) if self.chunked else piece)

    async def end(self) -> None:
        if self.chunked:
            await self.wire.send(b"0\r\n\r\n")

    async def answer(self, status: int, body: bytes = b"", content_type: str | None = None,
                     headers: Headers | None = None) -> None:
        fields = Headers(headers or [])
        if content_type:
            fields.append(("Content-Type", content_type))
        await self.start(status, fields, len(body))
        await self.write(body)
        await self.end()


Handler = Callable[[Request, Responder], Awaitable[None]]


class HttpServer:
    """One listener (TCP on the loopback, and maybe a Unix socket) that can be killed and started again on its port."""

    def __init__(self, handler: Handler, head_max: int, body_max: int) -> None:
        self.handler, self.head_max, self.body_max = handler, head_max, body_max
        self.port = 0
        self.held: socket.socket | None = None
        self.servers: list[asyncio.AbstractServer] = []
        self.wires: set[Wire] = set()
        self.tasks: set[asyncio.Task] = set()

    def hold(self) -> None:
        """Binds the port without listening: connects are refused, and nobody else gets the number."""
        sock = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        sock.bind(("127.0.0.1", self.port))
        self.port = sock.getsockname()[1]
        self.held = sock

    async def listen(self, unix_path: str | None = None) -> None:
        if self.held is None:
            self.hold()
        sock, self.held = self.held, None
        self.servers.append(await asyncio.start_server(self.serve, sock=sock))
        if unix_path:
            if os.path.exists(unix_path):
                os.unlink(unix_path)
            self.servers.append(await asyncio.start_unix_server(self.serve, unix_path))

    def kill(self, unix_path: str | None = None) -> None:
        """What the peers of a killed process see: refused connects, resets, no last words."""
        self.hold()
        for server in self.servers:
            server.close()
        self.servers.clear()
        if unix_path and os.path.exists(unix_path):
            os.unlink(unix_path)
        for task in list(self.tasks):
            if task is not asyncio.current_task():
                task.cancel()
        for wire in list(self.wires):
            wire.reset()

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        wire = Wire(reader, writer)
        task = asyncio.current_task()
        self.wires.add(wire)
        self.tasks.add(task)
        try:
            count = 0
            while True:
                count += 1
                if not await self.one(wire, count):
                    break
        except (ConnectionError, OSError, WireError, asyncio.CancelledError):
            pass
        finally:
            self.wires.discard(wire)
            self.tasks.discard(task)
            writer.close()

    async def one(self, wire: Wire, count: int) -> bool:
        """Serves one request; True when the connection may carry another."""
        try:
            block = await wire.head(self.head_max)
            if block is None:
                return False
            request = parse_request(block)
            if request.version == "HTTP/1.1" and not request.headers.has("host"):
                raise WireError("no host")
        except HeadTooLong:
            await self.refuse(wire, 431)
            return False
        except WireError:
            await self.refuse(wire, 400)
            return False
        request.nth_on_connection = count
        responder = Responder(wire, request)
        try:
            await self.take_body(wire, request)
        except WireError:
            if not wire.eof:
                await self.refuse(wire, 400)
            return False
        if request.too_long:
            responder.close_after = True
        streamed = request.stream is not None
        try:
            if streamed:
                await self.handler(request, responder)
            else:
                await self.watched(wire, request, responder)
        except Gone:
            return False
        except BodyTooLong:
            return False
        if request.too_long or request.stream is not None:
            await self.linger(wire)
            return False
        return not responder.close_after

    async def take_body(self, wire: Wire, request: Request) -> None:
        codings = request.headers.tokens("transfer-encoding")
        length = request.headers.get("content-length")
        if codings and (length is not None or codings != ["chunked"]):
            raise WireError("both lengths, or an unknown transfer coding")
        expects = "100-continue" in request.headers.tokens("expect")
        if codings:
            if expects:
                await wire.send(b"HTTP/1.1 100 Continue\r\n\r\n")
            request.stream = wire.chunks()
        elif length is not None:
            if not length.isdigit():
                raise WireError("bad content length")
            if int(length) > self.body_max:
                request.too_long = True
                return
            if expects and int(length):
                await wire.send(b"HTTP/1.1 100 Continue\r\n\r\n")
            request.body = b"".join([piece async for piece in wire.counted(int(length))])

    async def watched(self, wire: Wire, request: Request, responder: Responder) -> None:
        """Runs the handler and gives it up when the client leaves."""
        work = asyncio.ensure_future(self.handler(request, responder))
        watch = asyncio.ensure_future(self.until_eof(wire))
        try:
            await asyncio.wait({work, watch}, return_when=asyncio.FIRST_COMPLETED)
            if not work.done() and not request.too_long:
                work.cancel()
                await asyncio.wait({work})
                raise Gone("client left")
            await work
        except asyncio.CancelledError:
            work.cancel()
            raise
        finally:
            watch.cancel()
            await asyncio.wait({watch})

    async def until_eof(self, wire: Wire) -> None:
        while len(wire.buffer) < 1 << 20:
            if not await wire.fill():
                return
        await asyncio.Event().wait()

    async def refuse(self, wire: Wire, status: int) -> None:
        text = f"{status} {REASONS[status]}".encode()
        fields = Headers([("Content-Type", "text/plain; charset=utf-8"), ("Connection", "close"),
                          ("Content-Length", str(len(text)))])
        await wire.send(head_bytes(f"HTTP/1.1 {status} {REASONS[status]}", fields) + text)
        await self.linger(wire)

    async def linger(self, wire: Wire) -> None:
        """Reads on for a moment, so that the answer is not lost to a reset."""
        wire.buffer.clear()
        try:
            async with asyncio.timeout(0.3):
                while await wire.fill():
                    wire.buffer.clear()
        except TimeoutError:
            pass
