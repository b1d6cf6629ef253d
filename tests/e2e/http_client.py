# SPDX-License-Identifier: Apache-2.0
"""HTTP by hand: raw bytes on a socket, so that what no library would send can be sent."""

import json
import re
import socket

import support

JSON = {"Content-Type": "application/json"}


class Answer:
    def __init__(self, text):
        head, _, self.body = text.partition(b"\r\n\r\n")
        lines = head.decode("latin-1").split("\r\n")
        self.status = int(lines[0].split(" ")[1])
        self.fields = {}
        for line in lines[1:]:
            name, _, value = line.partition(":")
            self.fields[name.lower()] = value.strip()

    def json(self):
        return json.loads(self.body)


class Connection:
    """One connection; `where` is a path, or host and port."""

    def __init__(self, where, timeout=support.DEADLINE):
        family = socket.AF_UNIX if isinstance(where, str) else socket.AF_INET
        self.socket = socket.socket(family, socket.SOCK_STREAM)
        self.socket.settimeout(timeout)
        try:
            self.socket.connect(where)
        except OSError:
            self.socket.close()
            raise
        self.buffer = b""

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def close(self):
        self.socket.close()

    def send(self, data):
        """Sends what the other side takes: it may refuse and close while we are still at it."""
        try:
            self.socket.sendall(data if isinstance(data, bytes) else data.encode("latin-1"))
        except (BrokenPipeError, ConnectionResetError):
            pass

    def more(self):
        try:
            data = self.socket.recv(65536)
        except ConnectionResetError:
            data = b""
        self.buffer += data
        return bool(data)

    def answer(self, has_body=True):
        """The next answer, or None at the end of the stream."""
        while b"\r\n\r\n" not in self.buffer:
            if not self.more():
                return None
        end = self.buffer.index(b"\r\n\r\n") + 4
        found = re.search(rb"\r\ncontent-length: *(\d+)\r\n", self.buffer[:end], re.I)
        length = int(found[1]) if found and has_body else 0
        while len(self.buffer) < end + length:
            if not self.more():
                return None
        text, self.buffer = self.buffer[:end + length], self.buffer[end + length:]
        return Answer(text)

    def is_closed(self):
        """Waits for the end; nothing may come before it."""
        return not self.more() and self.buffer == b""

    def ask(self, method, path, fields=None, body=None):
        fields = {"Host": "localhost", **(fields or {})}
        if body is not None:
            fields["Content-Length"] = str(len(body))
        head = f"{method} {path} HTTP/1.1\r\n" + "".join(
            f"{name}: {value}\r\n" for name, value in fields.items() if value is not None)
        self.send(head.encode("latin-1") + b"\r\n" + (body or b""))
        return self.answer(method != "HEAD")

    def rpc(self, method, token=None, **params):
        fields = dict(JSON)
        if token is not None:
            fields["Authorization"] = "Bearer " + token
        request = {"jsonrpc": "2.0", "id": 1, "method": method, "params": params}
        return self.ask("POST", "/v1/rpc", fields, json.dumps(request).encode())


def addresses(home):
    """Where the daemon says that HTTP listens: the port of 127.0.0.1, if any."""
    for name in home.result("admin.stats")["http"]:
        if name.startswith("127.0.0.1:"):
            yield "127.0.0.1", int(name.split(":")[1])


class EventStream(Connection):
    """Server-Sent Events by hand: `answer` is the head, then frames come."""

    def __init__(self, where, path="/v1/events", fields=None, version="1.1",
                 timeout=support.DEADLINE):
        super().__init__(where, timeout)
        fields = {"Host": "localhost", "Accept": "text/event-stream", **(fields or {})}
        self.send(f"GET {path} HTTP/{version}\r\n" + "".join(
            f"{name}: {value}\r\n" for name, value in fields.items()) + "\r\n")
        self.head = self.answer()
        self.is_chunked = self.head is not None and "transfer-encoding" in self.head.fields
        self.ended_well = False  # with the chunk that says so
        self.text = b""

    def _take(self, count):
        while len(self.buffer) < count:
            if not self.more():
                return None
        data, self.buffer = self.buffer[:count], self.buffer[count:]
        return data

    def _read_on(self):
        if not self.is_chunked:
            if not self.buffer and not self.more():
                return False
            self.text, self.buffer = self.text + self.buffer, b""
            return True
        while b"\r\n" not in self.buffer:
            if not self.more():
                return False
        size = int(self.buffer.split(b"\r\n", 1)[0], 16)
        self._take(self.buffer.index(b"\r\n") + 2)
        data = self._take(size + 2)
        if data is None:
            return False
        assert data.endswith(b"\r\n")
        self.text += data[:-2]
        self.ended_well = size == 0
        return size > 0

    def frame(self):
        """The next frame's fields, a comment's name being empty; None at the end."""
        while b"\n\n" not in self.text:
            if not self._read_on():
                return None
        frame, _, self.text = self.text.partition(b"\n\n")
        fields = {}
        for line in frame.decode().split("\n"):
            name, _, value = line.partition(":")
            assert name not in fields and value.startswith(" "), line
            fields[name] = value[1:]
        return fields

    def event(self):
        """The next event, past comments and `retry`; None at the end of the stream."""
        while True:
            frame = self.frame()
            if frame is None:
                return None
            if "data" in frame:
                event = json.loads(frame["data"])
                assert frame == {"id": str(event["userseq"]), "data": frame["data"]}, frame.keys()
                return event

    def events(self, count):
        return [self.event() for _ in range(count)]
