# SPDX-License-Identifier: Apache-2.0
"""The calling half: a pool of kept connections towards one address (section 3: 64 idle for 90 s, no replay of a POST)."""

import asyncio
import time
import zlib
from typing import AsyncIterator, Callable

from http1 import HeadTooLong, Headers, ResponseHead, Wire, WireError, chunk_bytes, has_no_body, head_bytes, parse_response

IDLE_MAX = 64
IDLE_SECONDS = 90.0
SEEN_MAX = 256 * 1024
REPLAYABLE = {"GET", "HEAD", "OPTIONS", "TRACE"}


class CallFailed(Exception):
    """No usable answer: refused, reset, closed, or not HTTP."""


class AppResponse:
    """An answer whose head has arrived; the body is read from `pieces`."""

    def __init__(self, pool: "Pool", wire: Wire, method: str, status: int, reason: str, headers: Headers,
                 version: str) -> None:
        self.pool, self.wire = pool, wire
        self.status, self.reason, self.headers = status, reason, headers
        self.length: int | None = None
        self.keep = version == "HTTP/1.1" and "close" not in headers.tokens("connection")
        if has_no_body(method, status):
            self.source: AsyncIterator[bytes] | None = None
        elif "chunked" in headers.tokens("transfer-encoding"):
            self.source = wire.chunks()
        elif headers.has("content-length"):
            self.length = int(headers.get("content-length") or 0)
            self.source = wire.counted(self.length)
        else:
            self.keep = False
            self.source = wire.to_eof()
        self.finished = False
        self.seen = bytearray()
        self.on_close: Callable[[bytes], None] = lambda seen: None

    async def pieces(self) -> AsyncIterator[bytes]:
        try:
            if self.source is not None:
                async for piece in self.source:
                    if len(self.seen) < SEEN_MAX:
                        self.seen += piece
                    yield piece
            self.finished = True
        finally:
            self.close()

    async def read(self) -> bytes:
        return b"".join([piece async for piece in self.pieces()])

    def unzip(self) -> None:
        """The caller did not ask for gzip, the sidecar did: it takes it off again (section 3)."""
        self.source = unzipped(self.source)
        self.length = None
        self.headers = self.headers.without("content-encoding")

    def close(self) -> None:
        """Gives the connection back when the body was read to its end, else drops it."""
        if self.wire is None:
            return
        wire, self.wire = self.wire, None
        if self.finished and self.keep and not wire.buffer:
            self.pool.put(wire)
        else:
            self.pool.drop(wire)
        self.on_close(bytes(self.seen))


async def unzipped(source: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
    inflate = zlib.decompressobj(31)
    async for piece in source:
        if plain := inflate.decompress(piece):
            yield plain
    if plain := inflate.flush():
        yield plain


class MadeResponse:
    """An answer that no app gave: the fault `fail_nth` puts it in the app's place."""

    def __init__(self, status: int, body: bytes, headers: Headers) -> None:
        self.status, self.reason, self.headers, self.body = status, "", headers, body
        self.length: int | None = len(body)

    async def pieces(self) -> AsyncIterator[bytes]:
        if self.body:
            yield self.body

    async def read(self) -> bytes:
        return self.body

    def close(self) -> None:
        pass


class Pool:
    """Connections to one host and port."""

    def __init__(self, host: str, port: int, head_max: int, idle_seconds: float = IDLE_SECONDS) -> None:
        self.host, self.port, self.head_max, self.idle_seconds = host, port, head_max, idle_seconds
        self.idle: list[tuple[float, Wire]] = []
        self.live: set[Wire] = set()
        self.opened = 0
        self.reused = 0
        self.spoil_next = False

    def put(self, wire: Wire) -> None:
        if len(self.idle) >= IDLE_MAX:
            self.drop(wire)
        else:
            self.idle.append((time.monotonic(), wire))

    def drop(self, wire: Wire) -> None:
        self.live.discard(wire)
        wire.close()

    def take(self) -> Wire | None:
        """The connection used last, unless it was seen to close or stood too long."""
        while self.idle:
            since, wire = self.idle.pop()
            if time.monotonic() - since < self.idle_seconds and not wire.reader.at_eof() and not wire.buffer \
                    and not wire.writer.is_closing():
                return wire
            self.drop(wire)
        return None

    def close(self) -> None:
        self.idle.clear()
        for wire in list(self.live):
            wire.reset()
        self.live.clear()

    async def connect(self) -> Wire:
        try:
            wire = Wire(*await asyncio.open_connection(self.host, self.port))
        except OSError as bad:
            raise CallFailed(f"connect {self.host}:{self.port}: {bad.strerror or bad}") from bad
        self.opened += 1
        self.live.add(wire)
        return wire

    async def call(self, method: str, target: str, headers: Headers, body: bytes = b"",
                   stream: AsyncIterator[bytes] | None = None, reset_after_head: bool = False) -> AppResponse:
        """Sends one request and waits for the head of the answer."""
        wire = self.take()
        reused = wire is not None
        if wire is None:
            wire = await self.connect()
        else:
            self.reused += 1
        if self.spoil_next:
            self.spoil_next = False
            wire.reset()
            if reused and method in REPLAYABLE:
                wire, reused = await self.connect(), False
            else:
                raise CallFailed("idle connection was closed just before reuse")
        try:
            return await self.exchange(wire, method, target, headers, body, stream, reset_after_head)
        except CallFailed:
            if not reused or method not in REPLAYABLE or wire.buffer:
                raise
        return await self.exchange(await self.connect(), method, target, headers, body, None, reset_after_head)

    async def exchange(self, wire: Wire, method: str, target: str, headers: Headers, body: bytes,
                       stream: AsyncIterator[bytes] | None, reset_after_head: bool) -> AppResponse:
        done = False
        upload: asyncio.Task | None = None
        try:
            fields = Headers([("Host", f"{self.host}:{self.port}")] + headers)
            if stream is not None:
                fields.append(("Transfer-Encoding", "chunked"))
            elif body or method in ("POST", "PUT", "PATCH"):
                fields.append(("Content-Length", str(len(body))))
            head = head_bytes(f"{method} {target} HTTP/1.1", fields)
            if reset_after_head:
                await wire.send(head)
                wire.reset()
                raise CallFailed("connection reset after the request's headers")
            upload = asyncio.ensure_future(self.upload(wire, head, body, stream))
            answer = asyncio.ensure_future(self.answer_head(wire))
            for task in (upload, answer):
                task.add_done_callback(lambda t: t.cancelled() or t.exception())
            try:
                await asyncio.wait({upload, answer}, return_when=asyncio.FIRST_COMPLETED)
                if not answer.done() and upload.done() and upload.exception():
                    if not isinstance(upload.exception(), (ConnectionError, OSError)):
                        raise upload.exception()
                head_in = await answer
            finally:
                if not answer.done():
                    answer.cancel()
            response = AppResponse(self, wire, method, head_in.status, head_in.reason, head_in.headers,
                                   head_in.version)
            if not upload.done():
                response.keep = False
            done = True
            return response
        except HeadTooLong as bad:
            raise CallFailed("response headers exceed the limit") from bad
        except (WireError, ConnectionError, OSError) as bad:
            raise CallFailed(f"app connection failed: {bad}") from bad
        finally:
            if upload is not None and not upload.done():
                upload.cancel()
            if not done:
                self.drop(wire)

    async def upload(self, wire: Wire, head: bytes, body: bytes, stream: AsyncIterator[bytes] | None) -> None:
        await wire.send(head + body)
        if stream is not None:
            async for piece in stream:
                await wire.send(chunk_bytes(piece))
            await wire.send(b"0\r\n\r\n")

    async def answer_head(self, wire: Wire) -> ResponseHead:
        while True:
            block = await wire.head(self.head_max)
            if block is None:
                raise WireError("closed before the answer")
            head = parse_response(block)
            if head.status >= 200 or head.status == 101:
                return head
