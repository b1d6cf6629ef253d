# SPDX-License-Identifier: Apache-2.0
"""HTTP/1.1 on the wire: heads, bodies and chunks, with the limits of the contract's section 1."""

import asyncio
import socket
import struct
from dataclasses import dataclass, field
from typing import AsyncIterator

HEAD_MAX = 4096
READ_SIZE = 65536
TOKEN = set("!#$%&'*+-.^_`|~0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ")

REASONS = {
    100: "Continue", 200: "OK", 201: "Created", 202: "Accepted", 204: "No Content", 301: "Moved Permanently",
    302: "Found", 304: "Not Modified", 400: "Bad Request", 401: "Unauthorized", 403: "Forbidden", 404: "Not Found",
    409: "Conflict", 422: "Unprocessable Entity", 429: "Too Many Requests",
    431: "Request Header Fields Too Large", 500: "Internal Server Error", 502: "Bad Gateway",
    503: "Service Unavailable", 504: "Gateway Timeout",
}


class WireError(Exception):
    """The other side broke HTTP/1.1, or left in the middle of a message."""


class HeadTooLong(WireError):
    """The header block is longer than this side accepts."""


class BodyTooLong(Exception):
    """The body is longer than this sidecar accepts (section 1)."""


class Headers(list):
    """Header fields in the order they came; names keep their spelling and compare without case."""

    def get(self, name: str, default: str | None = None) -> str | None:
        low = name.lower()
        return next((v for n, v in self if n.lower() == low), default)

    def get_all(self, name: str) -> list[str]:
        low = name.lower()
        return [v for n, v in self if n.lower() == low]

    def has(self, name: str) -> bool:
        return self.get(name) is not None

    def without(self, *names: str) -> "Headers":
        low = {n.lower() for n in names}
        return Headers((n, v) for n, v in self if n.lower() not in low)

    def tokens(self, name: str) -> list[str]:
        """The comma-separated words of all fields of this name, in lower case."""
        return [w.strip().lower() for v in self.get_all(name) for w in v.split(",") if w.strip()]


@dataclass
class Request:
    """One request as it came in. A body of known length is in `body`; a chunked one is read from `stream`."""

    method: str
    target: str
    version: str
    headers: Headers
    body: bytes = b""
    stream: AsyncIterator[bytes] | None = None
    too_long: bool = False
    nth_on_connection: int = 1
    path: str = ""
    query: str | None = None
    notes: dict = field(default_factory=dict)

    async def read(self, limit: int) -> bytes:
        """The whole body; BodyTooLong above the limit."""
        if self.too_long:
            raise BodyTooLong()
        if self.stream is not None:
            parts, size = [], 0
            async for piece in self.stream:
                size += len(piece)
                if size > limit:
                    raise BodyTooLong()
                parts.append(piece)
            self.body, self.stream = b"".join(parts), None
        return self.body


@dataclass
class ResponseHead:
    status: int
    reason: str
    version: str
    headers: Headers


class Wire:
    """One connection with a read buffer."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader, self.writer = reader, writer
        self.buffer = bytearray()
        self.eof = False

    async def fill(self) -> bool:
        """Reads more into the buffer; False at the end of the stream."""
        if self.eof:
            return False
        try:
            data = await self.reader.read(READ_SIZE)
        except (ConnectionError, OSError):
            data = b""
        if not data:
            self.eof = True
            return False
        self.buffer += data
        return True

    async def head(self, limit: int) -> bytes | None:
        """The bytes of one head without the blank line; None when the peer left before the first byte."""
        while True:
            while self.buffer[:2] == b"\r\n":
                del self.buffer[:2]
            end = self.buffer.find(b"\r\n\r\n")
            if end > limit or (end < 0 and len(self.buffer) > limit):
                raise HeadTooLong()
            if end >= 0:
                block = bytes(self.buffer[:end])
                del self.buffer[: end + 4]
                return block
            if not await self.fill():
                if self.buffer:
                    raise WireError("connection closed within a header block")
                return None

    async def line(self) -> bytes:
        while True:
            end = self.buffer.find(b"\r\n")
            if end >= 0:
                text = bytes(self.buffer[:end])
                del self.buffer[: end + 2]
                return text
            if len(self.buffer) > HEAD_MAX or not await self.fill():
                raise WireError("connection closed within a chunk")

    async def counted(self, length: int) -> AsyncIterator[bytes]:
        while length > 0:
            if not self.buffer and not await self.fill():
                raise WireError("connection closed within a body")
            piece = bytes(self.buffer[:length])
            del self.buffer[: len(piece)]
            length -= len(piece)
            yield piece

    async def chunks(self) -> AsyncIterator[bytes]:
        while True:
            word = (await self.line()).split(b";")[0].strip()
            try:
                size = int(word, 16)
            except ValueError as bad:
                raise WireError("bad chunk size") from bad
            if size == 0:
                while await self.line():
                    pass
                return
            async for piece in self.counted(size):
                yield piece
            if await self.line():
                raise WireError("bad chunk end")

    async def to_eof(self) -> AsyncIterator[bytes]:
        while self.buffer or await self.fill():
            piece = bytes(self.buffer)
            self.buffer.clear()
            yield piece

    async def send(self, data: bytes) -> None:
        self.writer.write(data)
        await self.writer.drain()

    def reset(self) -> None:
        """Closes with RST, as a process that dies does."""
        sock = self.writer.get_extra_info("socket")
        try:
            if sock is not None and sock.family != socket.AF_UNIX:
                sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        except OSError:
            pass
        self.writer.transport.abort()

    def close(self) -> None:
        self.writer.close()


def parse_fields(lines: list[bytes]) -> Headers:
    headers = Headers()
    for line in lines:
        name, colon, value = line.decode("latin-1").partition(":")
        if not colon or not name or not set(name) <= TOKEN:
            raise WireError("bad header field")
        headers.append((name, value.strip(" \t")))
    return headers


def parse_request(block: bytes) -> Request:
    lines = block.split(b"\r\n")
    words = lines[0].decode("latin-1").split(" ")
    if len(words) != 3 or not words[2].startswith("HTTP/1.") or not words[0] or not set(words[0]) <= TOKEN:
        raise WireError("bad request line")
    request = Request(words[0], words[1], words[2], parse_fields(lines[1:]))
    target = words[1]
    if target.lower().startswith(("http://", "https://")):
        rest = target.split("://", 1)[1]
        target = "/" + rest.split("/", 1)[1] if "/" in rest else "/"
    if not target.startswith("/") and not (words[0] == "OPTIONS" and target == "*"):
        raise WireError("bad request target")
    request.path, mark, query = target.partition("?")
    request.query = query if mark else None
    return request


def parse_response(block: bytes) -> ResponseHead:
    lines = block.split(b"\r\n")
    words = lines[0].decode("latin-1").split(" ", 2)
    if len(words) < 2 or not words[0].startswith("HTTP/1.") or not words[1].isdigit():
        raise WireError("bad status line")
    return ResponseHead(int(words[1]), words[2] if len(words) > 2 else "", words[0], parse_fields(lines[1:]))


def head_bytes(first: str, headers: Headers) -> bytes:
    lines = [first] + [f"{n}: {v}" for n, v in headers]
    return ("\r\n".join(lines) + "\r\n\r\n").encode("latin-1", "replace")


def chunk_bytes(piece: bytes) -> bytes:
    return b"%x\r\n%s\r\n" % (len(piece), piece)


def has_no_body(method: str, status: int) -> bool:
    return method == "HEAD" or status in (204, 304) or 100 <= status < 200
