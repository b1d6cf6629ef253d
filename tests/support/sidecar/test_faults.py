# SPDX-License-Identifier: Apache-2.0
"""S9: each fault, at the hop where it strikes, and at the call that was asked for; and how the double ends."""

import http.client
import json
import os
import signal
import socket
import subprocess
import tempfile
import unittest
from pathlib import Path

from harness import COMMAND, App, Double, answers, raw, until

PATH = "/v1.0/invoke/callee/method/p"
SOON = 0.3


class Faults(unittest.TestCase):
    @classmethod
    def setUpClass(cls) -> None:
        cls.app = App({"*": answers(200, "ok")})
        cls.double = Double({"apps": [{"id": "callee", "app_port": cls.app.port}, {"id": "caller"}]})
        cls.double.wait("callee", full=True)

    @classmethod
    def tearDownClass(cls) -> None:
        cls.double.close()
        cls.app.close()

    def setUp(self) -> None:
        self.app.requests.clear()
        self.double.control("POST", "/clear")

    def fault(self, kind: str, **more) -> None:
        self.double.control("POST", "/faults", {"kind": kind, **more})

    def status(self, method: str = "GET") -> int:
        return self.double.call("caller", method, PATH)[0]

    def test_refuse(self) -> None:
        self.fault("refuse", nth=1)
        self.assertEqual([self.status(), self.status()], [500, 200])
        self.fault("refuse", hop="peer", nth=1)
        self.assertEqual(self.status(), 200)
        self.fault("refuse", hop="sidecar", app="caller")
        with self.assertRaises((ConnectionError, http.client.HTTPException)):
            self.status()

    def test_reset_after_headers(self) -> None:
        self.fault("reset_after_headers", hop="sidecar")
        answer = raw(self.double.port("caller"), f"GET {PATH} HTTP/1.1\r\nHost: x\r\n\r\n".encode())
        self.assertIn(b" 200 ", answer)
        self.assertNotIn(b"ok", answer.split(b"\r\n\r\n")[1])
        self.double.control("DELETE", "/faults")
        self.fault("reset_after_headers", nth=1)
        self.assertEqual((self.status("POST"), self.status()), (500, 200))

    def test_hang(self) -> None:
        for hop in ("app", "sidecar", "peer"):
            self.double.control("DELETE", "/faults")
            self.fault("hang", hop=hop)
            with socket.create_connection(("127.0.0.1", self.double.port("caller")), timeout=SOON) as sock:
                sock.sendall(f"GET {PATH} HTTP/1.1\r\nHost: x\r\n\r\n".encode())
                with self.assertRaises(TimeoutError):
                    sock.recv(1)
        self.double.log(3, kind="received", error="given up")

    def test_delay(self) -> None:
        self.fault("delay_ms", delay_ms=150, hop="sidecar")
        self.assertEqual(self.status(), 200)
        entry, = self.double.log(1, kind="received", app="caller")
        self.assertGreaterEqual(entry["end"] - entry["start"], 0.15)

    def test_the_nth_call_fails(self) -> None:
        self.fault("fail_nth", nth=2, times=2, status=503, body="{}", method="POST", route="/p")
        self.assertEqual([self.status("POST") for _ in range(5)], [200, 503, 503, 200, 200])
        self.assertEqual(self.status("GET"), 200)
        self.assertEqual(len(self.app.requests), 4)
        self.fault("fail_nth", nth=1, status=429, hop="sidecar", route="/v1.0/metadata")
        self.assertEqual(self.double.call("caller", "GET", "/v1.0/metadata")[0], 429)

    def test_connections_to_the_app_are_kept_and_may_close_just_before_reuse(self) -> None:
        self.status()
        before = self.double.wait("callee", alive=True)
        self.assertEqual(self.status(), 200)
        after = self.double.wait("callee", alive=True)
        self.assertEqual((after["app_connections_opened"], after["app_connections_reused"]),
                         (before["app_connections_opened"], before["app_connections_reused"] + 1))
        self.app.requests.clear()
        self.fault("close_idle", nth=1)
        self.assertEqual((self.status("POST"), len(self.app.requests)), (500, 0))
        self.status()
        self.fault("close_idle", nth=1)
        self.assertEqual(self.status("GET"), 200)

    def test_a_clients_kept_connection_may_close_just_before_reuse(self) -> None:
        self.fault("close_idle", hop="sidecar", nth=2)
        link = http.client.HTTPConnection("127.0.0.1", self.double.port("caller"), timeout=5)
        link.request("GET", PATH)
        link.getresponse().read()
        with self.assertRaises((ConnectionError, http.client.HTTPException)):
            link.request("GET", PATH)
            link.getresponse()
        link.close()

    def test_an_app_that_closed_its_connection_is_noticed(self) -> None:
        self.app.routes["*"] = answers(200, "ok", ("Connection", "close"))
        self.assertEqual([self.status("POST") for _ in range(3)], [200] * 3)
        self.app.routes["*"] = answers(200, "ok")

    def test_dying_with_the_answer_unsent(self) -> None:
        self.fault("die_between_app_and_ack", hop="sidecar", app="caller", nth=1, restart_ms=1)
        with self.assertRaises((ConnectionError, http.client.HTTPException)):
            self.status("POST")
        self.assertEqual(len(self.app.requests), 1)
        until(lambda: self.double.control("GET", "/health")["caller"]["alive"])
        self.assertEqual(self.status(), 200)

    def test_bad_control_requests_are_named(self) -> None:
        for method, path, body in (("POST", "/faults", {"kind": "x"}), ("POST", "/faults", {"kind": "hang", "y": 1}),
                                   ("POST", "/apps/none/kill", None), ("GET", "/nothing", None),
                                   ("POST", "/deliver", {"component": "none", "topic": "t", "data": ""})):
            with self.assertRaises(AssertionError):
                self.double.control(method, path, body)


class Life(unittest.TestCase):
    def start(self) -> subprocess.Popen:
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        path = Path(folder.name, "w.json")
        path.write_text(json.dumps({"apps": [{"id": "a"}]}))
        process = subprocess.Popen(COMMAND + [str(path)], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        self.addCleanup(process.stdout.close)
        self.addCleanup(process.stdin.close)
        json.loads(process.stdout.readline())
        return process

    def test_ends_on_sigterm(self) -> None:
        process = self.start()
        os.kill(process.pid, signal.SIGTERM)
        self.assertEqual(process.wait(10), 0)

    def test_ends_when_stdin_closes(self) -> None:
        process = self.start()
        process.stdin.close()
        self.assertEqual(process.wait(10), 0)

    def test_a_bad_config_is_named(self) -> None:
        for config, named in (({"components": [{"name": "x", "type": "tape"}]}, "'tape'"),
                              ({"apps": [{"id": "a"}], "resiliency": {"targets": {"apps": {"b": {"retry": "r"}}}}}, "'r'"),
                              ({"apps": [{"id": "a"}], "resiliency": {"policies": {"timeouts": {"t": "5 s"}}}}, "'5 s'")):
            with tempfile.NamedTemporaryFile("w", suffix=".json") as file:
                json.dump(config, file)
                file.flush()
                done = subprocess.run(COMMAND + [file.name], stdin=subprocess.PIPE, capture_output=True,
                                      text=True)
            self.assertEqual(done.returncode, 1)
            self.assertIn(named, done.stderr)
