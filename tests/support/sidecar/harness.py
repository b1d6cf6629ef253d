# SPDX-License-Identifier: Apache-2.0
"""What the double's own tests share: starting a world, small apps behind it, a plain client."""

import http.client
import json
import shutil
import socket
import subprocess
import tempfile
import threading
import time
from typing import Any, Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import urlencode

HERE = Path(__file__).resolve().parent
PYTHON = "/usr/bin/python3"
DEADLINE = 10.0
COMMAND = [PYTHON, "-B", str(HERE)]
Answer = tuple[int, list[tuple[str, str]], bytes]
Route = Callable[[dict], Answer | None]


def call(port: int, method: str, path: str, body: bytes | str | None = None, headers: dict | list | None = None,
         timeout: float = DEADLINE) -> Answer:
    """One request on a connection of its own; the path goes out as it is."""
    link = http.client.HTTPConnection("127.0.0.1", port, timeout=timeout)
    try:
        link.putrequest(method, path, skip_accept_encoding=True)
        fields = list(headers.items()) if isinstance(headers, dict) else list(headers or [])
        body = body.encode() if isinstance(body, str) else body
        if body is not None:
            fields.append(("Content-Length", str(len(body))))
        for name, value in fields:
            link.putheader(name, value)
        link.endheaders(body)
        answer = link.getresponse()
        return answer.status, answer.getheaders(), answer.read()
    finally:
        link.close()


def raw(port: int, data: bytes) -> bytes:
    """Sends bytes and reads until the other side closes."""
    with socket.create_connection(("127.0.0.1", port), timeout=DEADLINE) as sock:
        sock.sendall(data)
        return read_all(sock)


def read_all(sock: socket.socket) -> bytes:
    out = b""
    try:
        while piece := sock.recv(65536):
            out += piece
    except ConnectionError:
        pass
    return out


def header(headers: list, name: str) -> str | None:
    return next((v for n, v in headers if n.lower() == name.lower()), None)


class Double:
    """A running double. `control` speaks to its control port."""

    def __init__(self, config: dict) -> None:
        self.folder = tempfile.mkdtemp(prefix="sidecar-double-")
        path = Path(self.folder, "world.json")
        path.write_text(json.dumps({"time_scale": 0.03, **config}))
        self.process = subprocess.Popen(COMMAND + [str(path)], stdin=subprocess.PIPE,
                                        stdout=subprocess.PIPE, text=True)
        line = self.process.stdout.readline()
        if not line:
            raise RuntimeError(f"the double did not start: {self.process.wait()}")
        self.ready = json.loads(line)
        self.control_port = self.ready["control_port"]

    def port(self, app: str) -> int:
        return self.ready["apps"][app]["http_port"]

    def control(self, method: str, path: str, body=None, /, **query) -> Any:
        """A control call with a JSON answer; query words become the query string."""
        if query:
            path += "?" + urlencode(query)
        data = None if body is None else json.dumps(body)
        status, _, answer = call(self.control_port, method, path, data, timeout=30)
        if status != 200:
            raise AssertionError(f"{method} {path}: {status} {answer!r}")
        return json.loads(answer)

    def log(self, count: int, **wanted) -> list[dict]:
        """Waits for `count` ended entries and returns all that match."""
        found = self.control("GET", "/log", count=count, timeout_ms=8000, **wanted)
        if len(found) < count:
            raise AssertionError(f"{len(found)} of {count} entries for {wanted}")
        return found

    def wait(self, app: str, **state) -> dict:
        found = self.control("GET", "/health", app=app, timeout_ms=8000, **state)[app]
        if any(str(found[k]).lower() != str(v).lower() for k, v in state.items()):
            raise AssertionError(f"{app} is {found}, want {state}")
        return found

    def call(self, app: str, method: str, path: str, body=None, headers=None) -> Answer:
        return call(self.port(app), method, path, body, headers)

    def messages(self, component: str, topic: str) -> list[dict]:
        return self.control("GET", f"/topics/{component}/{topic}")["messages"]

    def close(self) -> None:
        self.process.stdin.close()
        self.process.wait(DEADLINE)
        self.process.stdout.close()
        shutil.rmtree(self.folder)


class App:
    """A callee. `routes` maps a path to a function (request dict) -> (status, headers, body); the rest is 404."""

    def __init__(self, routes: dict | None = None, port: int = 0) -> None:
        self.routes = dict(routes or {})
        self.requests: list[dict] = []
        self.news = threading.Condition()
        app = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def handle_one_request(self) -> None:
                try:
                    super().handle_one_request()
                except (ConnectionError, ValueError):
                    self.close_connection = True

            def serve(self) -> None:
                app.serve(self)

            def __getattr__(self, name: str):
                if name.startswith("do_"):
                    return self.serve
                raise AttributeError(name)

            def log_message(self, *_args) -> None:
                pass

        class Server(ThreadingHTTPServer):
            daemon_threads = True
            request_queue_size = 64

            def handle_error(self, *_args) -> None:
                pass

        self.server = Server(("127.0.0.1", port), Handler)
        self.port = self.server.server_address[1]
        threading.Thread(target=self.server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True).start()

    def serve(self, handler: BaseHTTPRequestHandler) -> None:
        if handler.headers.get("Transfer-Encoding") == "chunked":
            body = b""
            while size := int(handler.rfile.readline(), 16):
                body += handler.rfile.read(size)
                handler.rfile.readline()
            handler.rfile.readline()
        else:
            body = handler.rfile.read(int(handler.headers.get("Content-Length") or 0))
        request = {"method": handler.command, "target": handler.path, "path": handler.path.split("?")[0],
                   "headers": list(handler.headers.items()), "body": body, "handler": handler,
                   "line": handler.requestline}
        with self.news:
            self.requests.append(request)
            self.news.notify_all()
        answer = self.routes.get(request["path"], self.routes.get("*", lambda r: (404, [], b"")))(request)
        if answer is None:
            return
        status, headers, body = answer
        handler.send_response_only(status)
        for name, value in headers:
            handler.send_header(name, value)
        if status not in (204, 304):
            handler.send_header("Content-Length", str(len(body)))
        handler.end_headers()
        if handler.command != "HEAD" and status not in (204, 304):
            handler.wfile.write(body)

    def wait(self, count: int, path: str, timeout: float = DEADLINE) -> list[dict]:
        """Waits until `count` requests for a path have come."""
        def found() -> list[dict]:
            return [r for r in self.requests if r["path"] == path]
        with self.news:
            if not self.news.wait_for(lambda: len(found()) >= count, timeout):
                raise AssertionError(f"{len(found())} of {count} requests for {path}")
            return found()

    def close(self) -> None:
        self.server.shutdown()
        self.server.server_close()


def until(look, what: str = "the condition") -> Any:
    """Asks again until the answer is true, with a deadline; each question is a call to the double."""
    end = time.monotonic() + DEADLINE
    while time.monotonic() < end:
        if found := look():
            return found
    raise AssertionError(f"{what} did not come")


def free_port() -> int:
    """A port nobody listens on just now."""
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        return sock.getsockname()[1]


def subscribes(*entries: dict) -> Route:
    """A /dapr/subscribe route with these entries."""
    return lambda request: (200, [("Content-Type", "application/json")], json.dumps(entries).encode())


def answers(status: int = 200, body: bytes | str = b"", *headers: tuple[str, str]) -> Route:
    body = body.encode() if isinstance(body, str) else body
    return lambda request: (status, list(headers), body)
