#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""A mail server of a test: `/usr/bin/python3 tests/support/smtp_server.py --file PATH [flags]`.

Listens on a port of 127.0.0.1 and prints it as its first line. Every message becomes one JSON line
of PATH before it is acknowledged: from, to (a list), data (as it came), and what Python's own reader
makes of it: headers, subject, text. Python tests import it and use SmtpServer.
"""

import argparse
import asyncio
import email
import email.policy
import json
import logging
import os
import select
import signal
import ssl
import subprocess
import sys
import threading
import warnings

from aiosmtpd.smtp import SMTP, AuthResult

DEADLINE = 20


class Keeper:
    """Writes down what is handed in; refuses recipients or messages if asked to."""

    def __init__(self, path, reply_rcpt, reply_data):
        self.path, self.reply_rcpt, self.reply_data = path, reply_rcpt, reply_data

    async def handle_RCPT(self, server, session, envelope, address, options):
        if self.reply_rcpt:
            return f"{self.reply_rcpt} no mailbox for \x1b[31m{address}"
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, server, session, envelope):
        if self.reply_data:
            return f"{self.reply_data} not this one"
        message = email.message_from_bytes(envelope.content, policy=email.policy.default)
        line = json.dumps({
            "from": envelope.mail_from,
            "to": envelope.rcpt_tos,
            "data": envelope.content.decode("utf-8", "backslashreplace"),
            "headers": [[name, str(value)] for name, value in message.items()],
            "subject": str(message["Subject"]),
            "text": (message.get_body(("plain",)) or message).get_content().replace("\r\n", "\n"),
            "tls": session.ssl is not None,
            "login": session.authenticated,
        })
        with open(self.path, "a", encoding="ascii") as file:
            file.write(line + "\n")
        return "250 kept"


class Hanging(asyncio.Protocol):
    """Takes the connection and says nothing, ever."""


def protocol_of(options):
    if options.hang:
        return Hanging
    tls = None
    if options.certificate:
        tls = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        tls.load_cert_chain(options.certificate)
    login = options.login.encode().split(b":", 1) if options.login else None

    def authenticator(server, session, envelope, mechanism, data):
        return AuthResult(success=[data.login, data.password] == login, handled=False)

    keeper = Keeper(options.file, options.reply_rcpt, options.reply_data)
    return lambda: SMTP(keeper, hostname="localhost", tls_context=tls, authenticator=authenticator,
                        auth_required=login is not None, auth_require_tls=False,
                        loop=asyncio.get_running_loop())


async def serve(options):
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    if options.until_eof:
        threading.Thread(target=lambda: (sys.stdin.buffer.read(), loop.call_soon_threadsafe(stop.set)),
                         daemon=True).start()
    server = await loop.create_server(protocol_of(options), "127.0.0.1", 0)
    print(server.sockets[0].getsockname()[1], flush=True)
    await stop.wait()
    os._exit(0)  # open connections and the reader of stdin don't matter any more


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--file", required=True, metavar="PATH", help="where messages are appended")
    parser.add_argument("--reply-rcpt", metavar="CODE", help="answer every RCPT with it: 451, 550")
    parser.add_argument("--reply-data", metavar="CODE", help="answer every message with it: 452, 554")
    parser.add_argument("--hang", action="store_true", help="take connections and say nothing")
    parser.add_argument("--certificate", metavar="PEM", help="offer STARTTLS with this key and certificate")
    parser.add_argument("--login", metavar="USER:PASSWORD", help="demand it")
    parser.add_argument("--until-eof", action="store_true",
                        help="end with standard input, so that a test that dies leaves nothing behind")
    # What clients do wrong is what the tests are about.
    logging.disable(logging.CRITICAL)
    warnings.simplefilter("ignore")
    asyncio.run(serve(parser.parse_args()))


class SmtpServer:
    """One as a child process: `with SmtpServer(path) as server: ... server.port ... server.messages()`."""

    def __init__(self, path, *flags):
        self.path = path
        self.process = subprocess.Popen(
            ["/usr/bin/python3", "-B", os.path.abspath(__file__), "--file", path, "--until-eof", *flags],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        if not select.select([self.process.stdout], [], [], DEADLINE)[0]:
            self.close()
            raise AssertionError("the mail server did not get ready")
        self.port = int(self.process.stdout.readline())
        self.url = f"smtp://127.0.0.1:{self.port}"

    def messages(self):
        if not os.path.exists(self.path):
            return []
        with open(self.path, encoding="ascii") as file:
            return [json.loads(line) for line in file]

    def close(self):
        self.process.terminate()
        self.process.wait(DEADLINE)
        self.process.stdin.close()
        self.process.stdout.close()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()


if __name__ == "__main__":
    main()
