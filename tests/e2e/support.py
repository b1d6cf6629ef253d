# SPDX-License-Identifier: Apache-2.0
"""A private daemon: real binaries, sockets and store in a directory of its own. Standard library
and python3-zmq only; run by /usr/bin/python3, which Debian's packages are installed for."""

import json
import os
import re
import select
import shutil
import signal
import subprocess
import tempfile
import time
import unittest

import zmq

BIN = os.environ.get("TASKD_BIN_DIR", "build/dev")
SOURCE = os.environ.get(
    "TASKD_SOURCE_DIR", os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", ".."))
TASKD = os.path.join(BIN, "taskd")
TASKCTL = os.path.join(BIN, "taskctl")
DEADLINE = 30.0  # seconds that any single wait may take; generous, machines are noisy


def wait_for(condition, what, deadline=DEADLINE):
    """Polls something that has no descriptor to wait on, such as a file of another process."""
    until = time.monotonic() + deadline
    while True:
        value = condition()
        if value:
            return value
        if time.monotonic() > until:
            raise AssertionError(f"not within {deadline} s: {what}")
        select.select([], [], [], 0.02)


def is_sanitized():
    """Whether taskd is built with sanitizers, which need memory and system calls of their own."""
    with open(os.path.join(BIN, "CMakeCache.txt"), encoding="utf-8") as file:
        return re.search(r"^TASKD_SANITIZE:\w+=.", file.read(), re.M) is not None


class Home:
    """Scratch directories, and the daemon that lives in them."""

    def __init__(self):
        self.path = tempfile.mkdtemp(prefix="taskd-e2e-")
        self.endpoint = os.path.join(self.path, "run", "taskd")
        self.store = os.path.join(self.path, "state", "taskd", "taskd.db")
        self.process = None
        self.context = None
        self.env = {
            "PATH": os.environ.get("PATH", "/usr/bin:/bin"),
            "HOME": self.path,
            "XDG_RUNTIME_DIR": os.path.join(self.path, "run"),
            "XDG_STATE_HOME": os.path.join(self.path, "state"),
            "XDG_CONFIG_HOME": os.path.join(self.path, "config"),
            "TZ": "Europe/Berlin",
            "LANG": "C.UTF-8",
        }
        for name in ("ASAN_OPTIONS", "UBSAN_OPTIONS", "TSAN_OPTIONS", "LSAN_OPTIONS"):
            if name in os.environ:
                self.env[name] = os.environ[name]
        os.makedirs(self.env["XDG_RUNTIME_DIR"], mode=0o700)

    # ---- the daemon in the foreground ------------------------------------------------------------

    def start(self, *arguments):
        """Starts taskd and waits until it says that it is ready."""
        ready, report = os.pipe()
        os.set_inheritable(report, True)
        # --background-fd is how taskctl learns that its daemon serves; it logs beside the store.
        self.process = subprocess.Popen(
            [TASKD, "--background-fd", str(report), *arguments], env=self.env, close_fds=False,
            stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        os.close(report)
        if not select.select([ready], [], [], DEADLINE)[0]:
            raise AssertionError("taskd did not get ready")
        line = os.read(ready, 4096).decode()
        os.close(ready)
        if line != "ready\n":
            self.process.wait(DEADLINE)
            self.process = None
        return line.strip()

    def kill(self, number=signal.SIGKILL):
        """Ends the daemon that start() started; gives its exit status."""
        self.process.send_signal(number)
        status = self.process.wait(DEADLINE)
        self.process = None
        return status

    def pid(self):
        """Of whoever holds the store, also a daemon that taskctl started."""
        with open(self.store + ".lock", encoding="ascii") as file:
            return int(file.read())

    def log(self):
        path = os.path.join(self.path, "state", "taskd", "taskd.log")
        if not os.path.exists(path):
            return ""
        with open(path, encoding="utf-8") as file:
            return file.read()

    # ---- clients ----------------------------------------------------------------------------------

    def socket(self, kind, name):
        if self.context is None:
            self.context = zmq.Context()
        socket = self.context.socket(kind)
        socket.linger = 0
        if kind == zmq.SUB:
            socket.subscribe(b"")
        socket.connect(f"ipc://{self.endpoint}/{name}.sock")
        return socket

    def call(self, method, **params):
        """One request on a fresh socket; the whole reply."""
        socket = self.socket(zmq.REQ, "requests")
        request = {"jsonrpc": "2.0", "id": 1, "method": method, "params": params}
        socket.send(json.dumps(request).encode())
        if not socket.poll(DEADLINE * 1000):
            raise AssertionError(f"no reply to {method}")
        reply = json.loads(socket.recv())
        socket.close()
        return reply

    def result(self, method, **params):
        reply = self.call(method, **params)
        if "result" not in reply:
            raise AssertionError(f"{method}: {reply}")
        return reply["result"]

    def taskctl(self, *arguments, stdin="", env=None):
        """Runs taskctl; .returncode, .stdout, .stderr."""
        return subprocess.run([TASKCTL, *arguments], env={**self.env, **(env or {})}, input=stdin,
                              capture_output=True, text=True, timeout=DEADLINE * 2, check=False)

    # ---- the end ----------------------------------------------------------------------------------

    def close(self):
        if self.process is not None and self.process.poll() is None:
            self.kill(signal.SIGTERM)
        elif os.path.exists(self.endpoint + "/requests.sock") and os.path.exists(TASKCTL):
            self.taskctl("shutdown")  # one that taskctl started
        if self.context is not None:
            self.context.destroy(linger=0)
        shutil.rmtree(self.path, ignore_errors=True)


class TestCase(unittest.TestCase):
    """A test with a home of its own."""

    def setUp(self):
        self.home = Home()
        self.addCleanup(self.home.close)
