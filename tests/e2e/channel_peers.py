# SPDX-License-Identifier: Apache-2.0
"""Who is at the other end of a channel: a mail server, a web server and a desktop, which answer as
a test tells them. They listen on ports of 127.0.0.1 and on sockets in the test's own directory."""

import asyncio
import collections
import email
import email.policy
import http.server
import json
import logging
import os
import queue
import ssl
import subprocess
import threading
import warnings

from aiosmtpd.smtp import SMTP

import support

NOTIFICATIONS = os.path.join(support.SOURCE, "tests", "support", "notification_server.py")

# What clients do wrong is what the tests are about.
logging.getLogger("mail.log").setLevel(logging.CRITICAL + 1)
warnings.filterwarnings("ignore", module="aiosmtpd")


def make_authority(folder, name):
    """A certificate authority and a server's certificate of it: the paths of both, as PEM."""
    path = os.path.join(folder, name)
    authority, server = path + ".ca", path + ".pem"
    new_key = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes"]

    def openssl(*words):
        subprocess.run(["openssl", *words], check=True, capture_output=True,
                       stdin=subprocess.DEVNULL)

    openssl("req", "-x509", *new_key, "-days", "2", "-subj", f"/CN={name}",
            "-keyout", authority + ".key", "-out", authority)
    openssl("req", *new_key, "-subj", "/CN=127.0.0.1", "-keyout", server, "-out", path + ".csr")
    with open(path + ".ext", "w", encoding="ascii") as file:
        file.write("subjectAltName=IP:127.0.0.1\n")
    openssl("x509", "-req", "-in", path + ".csr", "-CA", authority, "-CAkey", authority + ".key",
            "-CAcreateserial", "-days", "2", "-extfile", path + ".ext", "-out", path + ".crt")
    with open(server, "a", encoding="ascii") as file, open(path + ".crt", encoding="ascii") as more:
        file.write(more.read())
    return authority, server


class Plan:
    """What a server answers: the replies that were planned, one each, and then the usual one. They
    are as the server has them; HOLD keeps the client waiting for good."""

    HOLD = "hold"

    def __init__(self):
        self.lock = threading.Lock()
        self.replies = collections.deque()
        self.always = None
        self.taken = []

    def next_reply(self, request):
        """Writes the request down."""
        with self.lock:
            self.taken.append(request)
            return self.replies.popleft() if self.replies else self.always

    def requests(self):
        with self.lock:
            return list(self.taken)


class Mail:
    """One message, as it came and as Python's own reader has it."""

    def __init__(self, envelope, tls):
        self.sender, self.to, self.tls = envelope.mail_from, envelope.rcpt_tos, tls
        self.raw = envelope.content
        self.message = email.message_from_bytes(envelope.content, policy=email.policy.default)

    def __getitem__(self, name):
        return self.message[name]

    def part(self, subtype):
        found, = [part for part in self.message.walk()
                  if part.get_content_type() == "text/" + subtype]
        return found.get_content().replace("\r\n", "\n")


class MailServer(Plan):
    """Replies are lines of SMTP for a message: "451 later"; 250 is the usual one."""

    def __init__(self, certificate=None):
        super().__init__()
        self.tls = None
        if certificate:
            self.tls = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
            self.tls.load_cert_chain(certificate)
        self.loop = asyncio.new_event_loop()
        self.thread = threading.Thread(target=self.run, daemon=True)
        self.port, self.server, ready = 0, None, threading.Event()
        self.loop.call_soon(lambda: self.loop.create_task(self.listen(ready)))
        self.thread.start()
        if not ready.wait(support.DEADLINE):
            raise AssertionError("the mail server did not get ready")
        self.url = f"smtp://127.0.0.1:{self.port}"

    def run(self):
        # What clients do wrong, such as to hang up in the middle, is what the tests are about.
        self.loop.set_exception_handler(lambda loop, context: None)
        self.loop.run_forever()

    async def listen(self, ready):
        self.server = await self.loop.create_server(
            lambda: SMTP(self, hostname="localhost", tls_context=self.tls, loop=self.loop),
            "127.0.0.1", self.port)
        self.port = self.server.sockets[0].getsockname()[1]
        ready.set()

    async def handle_DATA(self, server, session, envelope):
        reply = self.next_reply(Mail(envelope, session.ssl is not None))
        if reply == self.HOLD:
            await asyncio.Event().wait()
        return reply or "250 kept"

    def close(self):
        async def end():
            self.server.close()
            rest = [task for task in asyncio.all_tasks() if task is not asyncio.current_task()]
            for task in rest:
                task.cancel()
            await asyncio.gather(*rest, return_exceptions=True)

        asyncio.run_coroutine_threadsafe(end(), self.loop).result(support.DEADLINE)
        self.loop.call_soon_threadsafe(self.loop.stop)
        self.thread.join(support.DEADLINE)
        self.loop.close()


class WebRequest:
    def __init__(self, path, headers, body):
        self.path, self.headers, self.body = path, headers, body

    def json(self):
        return json.loads(self.body)


class WebServer(Plan):
    """Replies are (status, headers), or a threading.Event to wait for before the next one; 204 is
    the usual one."""

    def __init__(self, certificate=None):
        super().__init__()
        plan = self
        self.ended = threading.Event()

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_POST(self):
                body = self.rfile.read(int(self.headers["Content-Length"]))
                headers = {name.lower(): value for name, value in self.headers.items()}
                reply = plan.next_reply(WebRequest(self.path, headers, body))
                if isinstance(reply, threading.Event):
                    reply.wait(support.DEADLINE)
                    reply = plan.replies.popleft()
                if reply == plan.HOLD:
                    plan.ended.wait()
                    return
                status, more = reply or (204, {})
                self.send_response(status)
                for name, value in more.items():
                    self.send_header(name, value)
                self.send_header("Content-Length", "0")
                self.end_headers()

            def log_message(self, *_):
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        self.server.handle_error = lambda *_: None
        scheme = "http"
        if certificate:
            tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            tls.load_cert_chain(certificate)
            self.server.socket = tls.wrap_socket(self.server.socket, server_side=True)
            scheme = "https"
        self.url = f"{scheme}://127.0.0.1:{self.server.server_address[1]}"
        self.thread = threading.Thread(target=self.server.serve_forever, args=(0.02,), daemon=True)
        self.thread.start()

    def close(self):
        self.ended.set()
        self.server.shutdown()
        self.server.server_close()
        self.thread.join(support.DEADLINE)


class Screen:
    """A session bus of the test's own, and a notification service on it."""

    CONFIG = """<busconfig><type>session</type><listen>unix:path={path}</listen><auth>EXTERNAL</auth>
<policy context="default"><allow send_destination="*" eavesdrop="true"/><allow eavesdrop="true"/>
<allow own="*"/></policy></busconfig>"""

    def __init__(self, folder):
        path = os.path.join(folder, "test-bus")
        self.address = f"unix:path={path}"
        config = path + ".conf"
        with open(config, "w", encoding="ascii") as file:
            file.write(self.CONFIG.format(path=path))
        self.lines = queue.Queue()
        self.service = self.reader = None
        # It ends with the test, however that ends.
        self.bus = subprocess.Popen(
            ["setpriv", "--pdeathsig", "TERM", "dbus-daemon", f"--config-file={config}", "--nofork",
             "--nopidfile", "--print-address=1"],
            stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
        try:
            self.bus.stdout.readline()
            self.service = subprocess.Popen(
                ["/usr/bin/python3", "-B", NOTIFICATIONS, "--address", self.address],
                stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
            self.reader = threading.Thread(target=self.read, daemon=True)
            self.reader.start()
            self.next("did")
        except BaseException:
            self.close()
            raise

    def read(self):
        for line in self.service.stdout:
            self.lines.put(json.loads(line))

    def next(self, key, value=None):
        """The next line of this kind: a call that came in, or a command that is done."""
        while True:
            try:
                line = self.lines.get(timeout=support.DEADLINE)
            except queue.Empty:
                raise AssertionError(f"the notification service saw no {key} {value or ''}") from None
            if key in line and value in (None, line[key]):
                return line

    def command(self, name, **words):
        self.service.stdin.write(json.dumps({"do": name, **words}) + "\n")
        self.service.stdin.flush()

    def close(self):
        if self.service:
            self.service.stdin.close()
            self.service.wait(support.DEADLINE)
            self.reader.join(support.DEADLINE)
            self.service.stdout.close()
        self.bus.terminate()
        self.bus.wait(support.DEADLINE)
        self.bus.stdout.close()
