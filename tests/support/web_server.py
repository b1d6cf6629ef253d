#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""A web server of a test: `/usr/bin/python3 tests/support/web_server.py --file PATH [flags]`.

Listens on a port of 127.0.0.1 and prints it as its first line. Every request becomes one JSON line of
PATH before it is answered, and then "request" is printed. The line has: head (every byte, as Latin-1),
target, headers (a list of pairs), body (as Latin-1), tls, signed (whether webhook-signature is what
--secret makes of it; null without one), and connection (counted from 1, also those without a request).

What becomes of a request is said by its path:
  /echo           the request's body is the answer, every byte of it, with its head
  /reset          the connection is cut before the request is read
  /close          it is closed after that, without an answer
  /hang           nothing is said
  /half-head      half of the head of a 200, and the end
  /half-body      a 200 with half of its body, and the end
  /drip-head      a 200 whose head comes a byte at a time and never ends
  /drip-body      a 200 whose body comes a byte at a time and never ends
  /endless-body   a 200 with a body without an end, as fast as it is taken; likewise:
  /endless-chunks /endless-head /endless-line /endless-interim
"""

import argparse
import base64
import hashlib
import hmac
import json
import select
import socket
import ssl
import struct
import sys
import threading

DEADLINE = 60
DRIP = 0.02
OK = b"HTTP/1.1 200 OK\r\n"
ENDLESS = {
    "/endless-body": (OK + b"Content-Type: text/plain\r\n\r\n", b"x" * 1000),
    "/endless-chunks": (OK + b"Transfer-Encoding: chunked\r\n\r\n", b"3e8\r\n" + b"x" * 1000 + b"\r\n"),
    "/endless-head": (OK, b"X-Many: " + b"x" * 990 + b"\r\n"),
    "/endless-line": (OK + b"X-Long: ", b"x" * 1000),
    "/endless-interim": (b"", b"HTTP/1.1 103 Early Hints\r\nLink: </x>\r\n\r\n"),
}


def signature_of(secret, headers, body):
    content = f"{headers['webhook-id']}.{headers['webhook-timestamp']}.".encode() + body
    return "v1," + base64.b64encode(hmac.new(secret, content, hashlib.sha256).digest()).decode()


def read_request(stream):
    """The head and the body, or None."""
    head = b""
    while not head.endswith(b"\r\n\r\n"):
        line = stream.readline()
        if not line:
            return None
        head += line
    lines = head.decode("latin-1").split("\r\n")[1:-2]
    headers = [line.split(": ", 1) if ": " in line else [line.rstrip(":"), ""] for line in lines]
    length = int(dict((name.lower(), value) for name, value in headers)["content-length"])
    return head, headers, stream.read(length)


class Server:
    def __init__(self, options):
        self.options = options
        self.secret = bytes.fromhex(options.secret) if options.secret else None
        self.lock = threading.Lock()
        self.tls = None
        if options.certificate:
            self.tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            self.tls.load_cert_chain(options.certificate)

    def keep(self, number, head, headers, body):
        lower = {name.lower(): value for name, value in headers}
        signature = lower.get("webhook-signature")
        line = json.dumps({
            "connection": number,
            "head": head.decode("latin-1"),
            "target": head.split(b" ")[1].decode("latin-1"),
            "headers": headers,
            "body": body.decode("latin-1"),
            "tls": self.tls is not None,
            "signed": signature and self.secret and hmac.compare_digest(
                signature, signature_of(self.secret, lower, body)),
        })
        with self.lock:
            with open(self.options.file, "a", encoding="ascii") as file:
                file.write(line + "\n")
            print("request", flush=True)

    def serve(self, connection, number):
        connection.settimeout(DEADLINE)
        try:
            if self.tls:
                connection = self.tls.wrap_socket(connection, server_side=True)
            with connection, connection.makefile("rb") as stream:
                if not self.tls:
                    start = connection.recv(100, socket.MSG_PEEK)
                    if b" /reset " in start:
                        # A reset instead of an orderly end.
                        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
                    if b" /reset " in start or not start.startswith(b"POST"):
                        return
                request = read_request(stream)
                if request:
                    self.keep(number, *request)
                    self.answer(connection, request[0].split(b" ")[1].decode("latin-1"), request[2])
        except OSError:
            pass  # the other side is gone, or did not like the certificate

    def answer(self, connection, path, body):
        if path == "/echo":
            connection.sendall(body)
        elif path == "/half-head":
            connection.sendall(OK + b"Content-Len")
        elif path == "/half-body":
            connection.sendall(OK + b"Content-Length: 10\r\n\r\nhalf\n")
        elif path == "/hang":
            connection.recv(1)
        elif path == "/drip-head":
            self.drip(connection, OK + b"X-Slow: ")
        elif path == "/drip-body":
            self.drip(connection, OK + b"\r\n")
        elif path in ENDLESS:
            start, more = ENDLESS[path]
            connection.sendall(start)
            while True:
                connection.sendall(more)

    @staticmethod
    def drip(connection, start):
        connection.sendall(start)
        # Readable is only the other side's end.
        while not select.select([connection], [], [], DRIP)[0]:
            connection.sendall(b"x")

    def run(self):
        listener = socket.create_server(("127.0.0.1", 0))
        print(listener.getsockname()[1], flush=True)
        number = 0
        while True:
            connection, _ = listener.accept()
            number += 1
            threading.Thread(target=self.serve, args=(connection, number), daemon=True).start()


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--file", required=True, metavar="PATH", help="where requests are appended")
    parser.add_argument("--certificate", metavar="PEM", help="speak TLS with this key and certificate")
    parser.add_argument("--secret", metavar="HEX", help="check signatures with this key")
    parser.add_argument("--until-eof", action="store_true",
                        help="end with standard input, so that a test that dies leaves nothing behind")
    options = parser.parse_args()
    server = threading.Thread(target=Server(options).run, daemon=True)
    server.start()
    if options.until_eof:
        sys.stdin.buffer.read()
    else:
        server.join()


if __name__ == "__main__":
    main()
