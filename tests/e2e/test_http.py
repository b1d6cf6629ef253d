# SPDX-License-Identifier: Apache-2.0
"""HTTP against the real daemon: probes, calls, tokens, hostile clients, the end."""

import ctypes
import glob
import json
import os
import re
import select
import signal
import socket
import stat
import subprocess
import time
import unittest

import support
from http_client import JSON, Connection, addresses

GET = b"GET /health HTTP/1.1\r\nHost: localhost\r\n\r\n"


class HttpTestCase(support.TestCase):
    def setUp(self):
        super().setUp()
        self.path = os.path.join(self.home.path, "http.sock")

    def serve(self, *flags, listen=None):
        listen = listen or f"127.0.0.1:0,unix:{self.path}"
        self.assertEqual(self.home.start("--http-listen", listen, *flags), "ready")
        self.tcp = next(addresses(self.home), None)

    def connect(self, where=None):
        connection = Connection(where or self.path)
        self.addCleanup(connection.close)
        return connection

    def token(self, *arguments, env=None):
        run = self.home.taskctl("token", "create", *arguments, "--quiet", env=env)
        self.assertEqual(run.returncode, 0, run.stderr)
        return run.stdout.strip()

    def assert_healthy(self, where=None):
        with Connection(where or self.path) as connection:
            self.assertEqual(connection.ask("GET", "/health").status, 200)

    def assert_problem(self, answer, status):
        self.assertIsNotNone(answer)
        self.assertEqual(answer.status, status, answer.body)
        self.assertEqual(answer.fields["content-type"], "application/problem+json")
        self.assertEqual(answer.json()["status"], status)
        self.assertTrue(answer.json()["detail"])


class Routes(HttpTestCase):
    def test_probes_and_what_they_say(self):
        self.serve()
        connection = self.connect()
        health = connection.ask("GET", "/health")
        self.assertEqual(health.json()["status"], "healthy")
        self.assertEqual(health.json()["service"], "taskd")
        self.assertRegex(health.json()["timestamp"], r"^20\d\d-\d\d-\d\dT[\d:.]+Z$")
        self.assertEqual(connection.ask("GET", "/health/live").json(), {"status": "alive"})
        self.assertEqual(connection.ask("GET", "/health/ready").json(), {"status": "ready"})
        self.assertEqual(connection.ask("GET", "/healthz").body, b"ok\n")
        for fields in (health.fields, connection.ask("GET", "/nothing").fields):
            self.assertEqual(fields["cache-control"], "no-store")
            self.assertEqual(fields["x-content-type-options"], "nosniff")
            self.assertIn("GMT", fields["date"])
        head = connection.ask("HEAD", "/health")
        self.assertEqual((head.status, head.body), (200, b""))
        self.assertGreater(int(head.fields["content-length"]), 10)
        self.assert_healthy(self.tcp)

    def test_paths_and_methods_that_are_not_there(self):
        self.serve()
        connection = self.connect()
        for path in ("/", "/v1", "/v1/rpc/", "/health/x", "//health", "/%68ealth", "/health/../x"):
            self.assert_problem(connection.ask("GET", path), 404)
        for method, path, allow in (("POST", "/health", "GET, HEAD"), ("GET", "/v1/rpc", "POST"),
                                    ("OPTIONS", "/v1/rpc", "POST"), ("TRACE", "/health", "GET, HEAD"),
                                    ("DELETE", "/metrics", "GET, HEAD")):
            answer = connection.ask(method, path, body=b"")
            self.assert_problem(answer, 405)
            self.assertEqual(answer.fields["allow"], allow)

    def test_a_call_is_the_same_as_over_zeromq(self):
        """Every method there is, as messages.h declares them, with empty parameters."""
        self.serve()
        methods = set()
        for header in glob.glob(os.path.join(support.SOURCE, "ipc", "*.h")):
            with open(header, encoding="utf-8") as file:
                methods |= set(re.findall(r'string_view method = "([a-z_.]+)"', file.read()))
        self.assertGreater(len(methods), 20)
        connection = self.connect()
        # The live bus is behind the kernel's filter, which a token says nothing about.
        refused = connection.rpc("bus.endpoint").json()["error"]
        self.assertEqual(refused["data"]["reason"], "failed_precondition")
        for method in sorted(methods - {"admin.shutdown", "bus.endpoint"}):
            with self.subTest(method):
                over_http = connection.rpc(method)
                over_zeromq = self.home.call(method)
                self.assertEqual(over_http.json().get("error"), over_zeromq.get("error"))
                self.assertEqual(over_http.status == 200, "result" in over_zeromq)
                if "result" in over_zeromq:
                    self.assertEqual(over_http.json()["result"].keys(),
                                     over_zeromq["result"].keys())

    def test_the_status_says_what_the_error_says(self):
        self.serve()
        connection = self.connect()
        self.assertEqual(connection.rpc("task.add", summary="one").status, 200)
        self.assertEqual(connection.rpc("task.add", summary="").status, 400)
        self.assertEqual(connection.rpc("task.get", task="99").status, 404)
        self.assertEqual(connection.rpc("task.complete", task="1").status, 200)
        self.assertEqual(connection.rpc("task.complete", task="1").status, 409)
        missing = connection.rpc("task.get", task="99")
        self.assertEqual(missing.fields["content-type"], "application/json")
        self.assertEqual(missing.json()["error"]["data"]["reason"], "not_found")

    def test_batches_notifications_and_bodies_that_are_none(self):
        self.serve()
        connection = self.connect()

        def post(body, fields=None):
            return connection.ask("POST", "/v1/rpc", {**JSON, **(fields or {})}, body)
        add = {"jsonrpc": "2.0", "method": "task.add", "params": {"summary": "n"}}
        done = post(json.dumps(add).encode())
        self.assertEqual((done.status, done.body), (204, b""))
        self.assertNotIn("content-length", done.fields)
        # What 204 says is on the disk: it survives.
        self.home.kill(signal.SIGKILL)
        self.serve()
        connection = self.connect()
        self.assertEqual(connection.rpc("task.list").json()["result"]["total"], 1)
        batch = post(json.dumps([{**add, "id": 1}, add, {**add, "method": "x", "id": 2}]).encode())
        self.assertEqual(batch.status, 200)
        self.assertEqual([reply["id"] for reply in batch.json()], [1, 2])
        self.assertEqual(post(b"").status, 400)
        self.assertEqual(post(b"[]").status, 400)
        self.assertEqual(post(b"{").json()["error"]["code"], -32700)
        self.assertEqual(post(b"[" * 1_000_000).status, 400)
        self.assertEqual(post(b'{"a":' * 100_000).status, 400)
        self.assertEqual(post(b"\xff\xfe").status, 400)
        for kind in ("text/plain", "application/x-www-form-urlencoded", "multipart/form-data", "",
                     "application/jsonp", None):
            self.assert_problem(post(b"{}", {"Content-Type": kind}), 415)
        self.assertEqual(post(json.dumps({**add, "id": 1}).encode(),
                              {"Content-Type": "Application/JSON; charset=utf-8"}).status, 200)

    def test_a_long_poll_waits_and_health_does_not(self):
        self.serve("--http-threads", "6")
        polls = [self.connect() for _ in range(2)]
        body = json.dumps({"jsonrpc": "2.0", "id": 1, "method": "event.read",
                           "params": {"after": 0, "wait_ms": 60_000}}).encode()
        for poll in polls:
            poll.send(b"POST /v1/rpc HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\n"
                      b"Content-Length: %d\r\n\r\n%s" % (len(body), body))
        support.wait_for(lambda: 'taskd_polls_parked 2' in self.metrics(), "both are parked")
        third = self.connect().rpc("task.list")
        self.assert_problem(third, 503)
        self.assertEqual(third.fields["retry-after"], "1")
        self.assert_healthy()
        self.home.result("task.add", summary="news")
        for poll in polls:
            self.assertEqual(poll.answer().json()["result"]["events"][0]["type"], "task.created")

    def metrics(self):
        with Connection(self.path) as connection:
            return connection.ask("GET", "/metrics").body.decode()

    def test_metrics_keep_to_the_conventions(self):
        self.serve()
        self.connect().rpc("task.add", summary="x")
        text = self.metrics()
        types = dict(re.findall(r"^# TYPE (\S+) (\S+)$", text, re.M))
        helps = dict(re.findall(r"^# HELP (\S+) (.+)$", text, re.M))
        self.assertEqual(types.keys(), helps.keys())
        for name, kind in types.items():
            self.assertRegex(name, r"^(taskd|process)_[a-z_]+$")
            self.assertEqual(name.endswith("_total"), kind == "counter", name)
        for line in text.splitlines():
            self.assertRegex(line, r'^(#.*|[a-z_]+(\{([a-z]+="[^"]*",?)+\})? [-+0-9.eInf]+)$')
        self.assertIn('taskd_requests_total{method="task.add",outcome="ok"} 1', text)
        stats = json.loads(self.home.taskctl("admin", "stats", "-o", "json").stdout)
        names = {sample["name"] for sample in stats["samples"]}
        for name, kind in types.items():
            self.assertIn(name + "_count" if kind == "histogram" else name, names)
        shown = self.home.taskctl("admin", "stats").stdout
        self.assertIn("taskd_commit_duration_seconds_count", shown)
        self.assertNotIn("_bucket", shown)


class Access(HttpTestCase):
    def test_only_this_machines_names_are_answered_to(self):
        self.serve("--http-hosts", "tasks.example")
        for host, status in (("localhost", 200), ("127.0.0.1:9", 200), ("[::1]", 200),
                             ("tasks.example", 200), ("evil.example", 421),
                             ("127.0.0.1.evil.example", 421), ("", 421)):
            answer = self.connect(self.tcp).ask("GET", "/health", {"Host": host})
            self.assertEqual(answer.status, status, host)
        self.assertEqual(self.connect().ask("GET", "/health", {"Host": "any.example"}).status, 200)

    def test_a_page_of_another_origin_is_refused(self):
        self.serve("--http-origins", "https://ci.example")
        for where in (self.tcp, self.path):
            for origin, status in (("https://ci.example", 200), ("https://evil.example", 403),
                                   ("null", 403)):
                answer = self.connect(where).ask("GET", "/health", {"Origin": origin})
                self.assertEqual(answer.status, status, origin)

    def test_over_tcp_nobody_is_anybody_without_a_token(self):
        self.serve()
        answer = self.connect(self.tcp).rpc("task.list")
        self.assert_problem(answer, 401)
        self.assertTrue(answer.fields["www-authenticate"].startswith("Bearer "))
        self.assertEqual(self.connect(self.tcp).ask("GET", "/metrics").status, 401)
        for wrong in ("x", "", "taskd_" + "A" * 43, "\x00", "a" * 10_000):
            status = self.connect(self.tcp).rpc("task.list", token=wrong).status
            self.assertEqual(status, 400 if wrong == "\x00" else 401)

    def test_a_token_works_until_it_is_revoked(self):
        self.serve()
        secret = self.token("ci")
        connection = self.connect(self.tcp)
        self.assertEqual(connection.rpc("task.add", token=secret, summary="a").status, 200)
        listed = json.loads(self.home.taskctl("token", "list", "-o", "json").stdout)["tokens"]
        self.assertEqual([token["name"] for token in listed], ["ci"])
        self.assertNotIn("secret", listed[0])
        # What it may not: name another user, administrate, read all users' counters, make tokens.
        for method, params in (("task.list", {"user_id": "other"}), ("admin.shutdown", {}),
                               ("admin.stats", {}), ("admin.token_create", {"name": "more"})):
            self.assertEqual(connection.rpc(method, token=secret, **params).status, 403, method)
        metrics = connection.ask("GET", "/metrics", {"Authorization": "Bearer " + secret})
        self.assert_problem(metrics, 403)
        self.assertEqual(self.home.taskctl("token", "revoke", "ci").returncode, 0)
        self.assertEqual(connection.rpc("task.list", token=secret).status, 401)
        self.assertEqual(self.home.taskctl("token", "revoke", "ci").returncode, 3)
        # The secret is in no file of the daemon's.
        for found in glob.glob(self.home.path + "/**/*", recursive=True):
            if stat.S_ISREG(os.lstat(found).st_mode):
                with open(found, "rb") as file:
                    self.assertNotIn(secret.encode(), file.read(), found)

    def test_a_token_can_revoke_itself_and_its_reply_is_the_last(self):
        self.serve()
        secret = self.token("self")
        connection = self.connect(self.tcp)
        for _ in range(20):
            self.assertEqual(connection.rpc("task.list", token=secret).status, 200)
        self.assertEqual(connection.rpc("admin.token_revoke", token=secret, id="self").status, 200)
        self.assertEqual(connection.rpc("task.list", token=secret).status, 401)

    def test_a_token_survives_a_restart_and_ends_with_its_time(self):
        self.serve()
        lasting = self.token("lasting")
        brief = self.token("brief", "--ttl", "2s")
        self.assertEqual(self.connect(self.tcp).rpc("task.list", token=brief).status, 200)
        self.home.kill(signal.SIGKILL)
        self.serve()
        self.assertEqual(self.connect(self.tcp).rpc("task.list", token=lasting).status, 200)
        connection = self.connect(self.tcp)
        support.wait_for(lambda: connection.rpc("task.list", token=brief).status == 401,
                         "the token ends")

    def test_a_lost_secret_is_not_told_again(self):
        self.serve()
        first = self.home.taskctl("token", "create", "once", "--idempotency-key", "k")
        self.assertIn("taskd_", first.stdout)
        again = self.home.taskctl("token", "create", "once", "--idempotency-key", "k")
        self.assertEqual((again.returncode, again.stdout), (4, ""))
        self.assertIn("only once", again.stderr)

    def test_two_users_tokens_see_their_own(self):
        self.serve()
        tokens = {user: self.token("t", "--as", user) for user in ("ada", "bob")}
        connection = self.connect(self.tcp)
        added = connection.rpc("task.add", token=tokens["ada"], summary="secret plan").json()
        task = added["result"]["task"]
        self.assertEqual(task["user_id"], "ada")
        for reference in (task["id"], task["id"][:8]):
            theirs = connection.rpc("task.get", token=tokens["bob"], task=reference)
            self.assertEqual(theirs.status, 404)
            self.assertNotIn("secret plan", theirs.body.decode())
        self.assertEqual(connection.rpc("task.list", token=tokens["bob"]).json()["result"]["total"], 0)
        ids = connection.rpc("admin.token_list", token=tokens["ada"]).json()["result"]["tokens"]
        self.assertEqual(connection.rpc("admin.token_revoke", token=tokens["bob"],
                                        id=ids[0]["id"]).status, 404)
        self.assertEqual(connection.rpc("task.list", token=tokens["ada"], user_id="bob").status, 403)

    def test_a_service_names_users_and_reads_the_counters(self):
        self.serve()
        secret = self.token("scraper", "--service")
        connection = self.connect(self.tcp)
        added = connection.rpc("task.add", token=secret, summary="a", user_id="ada").json()
        self.assertEqual(added["result"]["task"]["user_id"], "ada")
        metrics = connection.ask("GET", "/metrics", {"Authorization": "Bearer " + secret})
        self.assertEqual(metrics.status, 200)
        for method in ("admin.shutdown", "admin.stats"):
            self.assertEqual(connection.rpc(method, token=secret).status, 403)

    def test_the_administrators_own_token_comes_from_a_file(self):
        path = os.path.join(self.home.path, "http-token")
        secret = "s" * 32
        with open(path, "w", encoding="ascii") as file:
            file.write(secret + "\n")
        os.chmod(path, 0o640)
        line = self.home.start("--http-listen", "127.0.0.1:0", "--http-token-file", path)
        self.assertIn("can be read by others", line)
        os.chmod(path, 0o400)
        self.serve("--http-token-file", path)
        self.assertEqual(self.connect(self.tcp).rpc("task.list", token=secret).status, 200)
        self.home.kill(signal.SIGTERM)
        self.home.env["CREDENTIALS_DIRECTORY"] = self.home.path
        self.serve()
        self.assertEqual(self.connect(self.tcp).rpc("task.list", token=secret).status, 200)

    def test_public_metrics_are_public_and_the_rest_is_not(self):
        self.serve("--http-metrics-public", "true")
        self.assertEqual(self.connect(self.tcp).ask("GET", "/metrics").status, 200)
        self.assertEqual(self.connect(self.tcp).rpc("task.list").status, 401)

    @unittest.skipUnless(os.getuid() == 0, "needs root, to be somebody else")
    def test_another_uid_on_the_unix_socket_is_nobody(self):
        self.serve()
        os.chmod(self.home.path, 0o755)
        script = ("import sys\nsys.path.insert(0, sys.argv[1])\n"
                  "from http_client import Connection\n"
                  "try:\n c = Connection(sys.argv[2])\n"
                  "except PermissionError:\n print('denied')\n sys.exit()\n"
                  "print(c.ask('GET', '/health').status, c.rpc('task.list').status,"
                  " c.ask('GET', '/metrics').status)\n")

        def as_nobody():
            return subprocess.run(
                ["setpriv", "--reuid", "65534", "--regid", "65534", "--clear-groups",
                 "/usr/bin/python3", "-B", "-c", script, os.path.dirname(support.__file__), self.path],
                capture_output=True, text=True, check=True, timeout=support.DEADLINE).stdout.strip()
        self.assertEqual(as_nobody(), "denied")
        os.chmod(self.path, 0o666)  # as a system daemon has it: then the uid decides
        self.assertEqual(as_nobody(), "200 401 401")


class Hostile(HttpTestCase):
    def test_every_attack_is_refused_and_ends_the_connection(self):
        self.serve()
        head = b"POST /v1/rpc HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
        # What a smuggler hides behind the first request; it must never be answered.
        hidden = GET
        attacks = {
            "two lengths": (400, head + b"Content-Length: 2\r\nContent-Length: 2\r\n\r\n{}"),
            "length and chunks": (400, head + b"Content-Length: 2\r\n"
                                  b"Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n"),
            "a coding of blanks": (400, head + b"Transfer-Encoding : chunked\r\n\r\n0\r\n\r\n"),
            "another coding": (501, head + b"Transfer-Encoding: xchunked\r\n\r\n0\r\n\r\n"),
            "bare CR": (400, b"GET /health HTTP/1.1\r\nHost: localhost\rX: y\r\n\r\n"),
            "bare LF": (400, b"GET /health HTTP/1.1\nHost: localhost\n\n"),
            "NUL": (400, b"GET /health HTTP/1.1\r\nHost: local\0host\r\n\r\n"),
            "a folded line": (400, b"GET /health HTTP/1.1\r\nHost: localhost\r\n X: y\r\n\r\n"),
            "no Host": (400, b"GET /health HTTP/1.1\r\n\r\n"),
            "two Hosts": (400, b"GET /health HTTP/1.1\r\nHost: localhost\r\nHost: b\r\n\r\n"),
            "absolute-form": (400, b"GET http://169.254.169.254/ HTTP/1.1\r\nHost: localhost\r\n\r\n"),
            "a tunnel": (400, b"CONNECT evil.example:443 HTTP/1.1\r\nHost: localhost\r\n\r\n"),
            "a bad chunk": (400, head + b"Transfer-Encoding: chunked\r\n\r\nzz\r\n"),
            "a chunk that is too long": (400, head +
                                         b"Transfer-Encoding: chunked\r\n\r\n1\r\n{}\r\n0\r\n\r\n"),
            "a huge chunk": (413, head + b"Transfer-Encoding: chunked\r\n\r\nffffffffffffffff\r\n"),
            "a huge length": (413, head + b"Content-Length: 4194305\r\n\r\n"),
            "no length": (411, head + b"\r\n"),
            "huge fields": (431, b"GET /health HTTP/1.1\r\nHost: localhost\r\nX: " + b"x" * 20_000),
            "many fields": (431, b"GET /health HTTP/1.1\r\nHost: localhost\r\n" + b"X: y\r\n" * 100 +
                            b"\r\n"),
            "a long target": (431, b"GET /" + b"x" * 20_000),
            "a method that is none": (501, b"HACK /health HTTP/1.1\r\nHost: localhost\r\n\r\n"),
            "HTTP/2": (505, b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"),
            "HTTP/3.0": (505, b"GET /health HTTP/3.0\r\nHost: localhost\r\n\r\n"),
            "HTTP/0.9": (400, b"GET /health\r\n\r\n"),
            "TLS": (400, b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + b"\0" * 500),
            "ZeroMQ": (400, b"\xff\0\0\0\0\0\0\0\x01\x7f\x03\0NULL" + b"\0" * 48),
        }
        for where in (self.tcp, self.path):
            for what, (status, data) in attacks.items():
                with self.subTest(what):
                    connection = self.connect(where)
                    connection.send(data + hidden)
                    self.assert_problem(connection.answer(), status)
                    self.assertTrue(connection.is_closed())
        self.assert_healthy(self.tcp)
        self.assertEqual(self.home.result("task.list")["total"], 0)

    def test_bodies_at_the_bound(self):
        self.serve()
        filler = b" " * (4 * 1024 * 1024 - 2)
        self.assertEqual(self.connect().ask("POST", "/v1/rpc", JSON, b"{" + filler + b"}").status, 400)
        self.assert_problem(self.connect().ask("POST", "/v1/rpc", JSON, b"{ " + filler + b"}"), 413)

    def test_every_truncation_waits_or_errs_and_harms_nobody(self):
        self.serve()
        body = json.dumps({"jsonrpc": "2.0", "id": 1, "method": "task.add",
                           "params": {"summary": "x"}}).encode()
        whole = (b"POST /v1/rpc HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
                 b"Transfer-Encoding: chunked\r\n\r\n%x\r\n%s\r\n0\r\n\r\n" % (len(body), body))
        for length in range(len(whole)):
            connection = Connection(self.path)
            connection.send(whole[:length])
            self.assertEqual(select.select([connection.socket], [], [], 0)[0], [])
            connection.close()
        self.assertEqual(self.home.result("task.list")["total"], 0)
        connection = self.connect()
        for byte in whole:
            connection.send(bytes([byte]))
        self.assertEqual(connection.answer().status, 200)

    def test_clients_that_send_slowly_starve_nobody(self):
        self.serve("--http-connections-max", "64")
        drips = []
        for _ in range(200):
            drips.append(self.connect(self.tcp))
            drips[-1].send(b"POST /v1/rpc HTTP/1.1\r\nHost: localhost\r\nX-")
        started = time.monotonic()
        for _ in range(20):
            self.assert_healthy(self.tcp)
        self.assertLess(time.monotonic() - started, 5)

    def test_two_hundred_idle_connections_cost_nobody_a_place(self):
        self.serve()
        idle = [self.connect(self.tcp) for _ in range(200)]
        for connection in idle:
            self.assertEqual(connection.ask("GET", "/health").status, 200)
        started = time.monotonic()
        for _ in range(50):
            self.assert_healthy(self.tcp)
        self.assertLess(time.monotonic() - started, 10)
        for connection in idle:
            self.assertEqual(connection.ask("GET", "/health/live").status, 200)
        threads = os.listdir(f"/proc/{self.home.process.pid}/task")
        self.assertLess(len(threads), 60, "a connection has no thread of its own")

    def test_a_request_that_never_ends_is_told_so(self):
        self.serve("--http-timeout", "300ms")
        slow = self.connect()
        slow.send(b"POST /v1/rpc HTTP/1.1\r\nHost: a\r\nContent-Length: 10\r\n\r\n")
        self.assert_problem(slow.answer(), 408)
        self.assertTrue(slow.is_closed())

    def test_a_reader_that_stands_still_is_cut(self):
        self.serve("--http-timeout", "500ms")
        notes = "x" * 60_000
        connection = self.connect()
        for _ in range(40):
            self.assertEqual(connection.rpc("task.add", summary="s", notes=notes).status, 200)
        stuck = socket.socket(socket.AF_UNIX)
        stuck.connect(self.path)
        self.addCleanup(stuck.close)
        body = b'{"jsonrpc":"2.0","id":1,"method":"task.list","params":{"limit":1000}}'
        stuck.sendall(b"POST /v1/rpc HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\n"
                      b"Content-Length: %d\r\n\r\n%s" % (len(body), body))

        def open_connections():
            with Connection(self.path) as asking:
                answer = asking.ask("GET", "/metrics").body.decode()
            return float(re.search(r"^taskd_http_connections_open (\S+)$", answer, re.M)[1])
        connection.close()
        support.wait_for(lambda: open_connections() <= 1, "the stuck one is closed")
        self.assert_healthy()

    @unittest.skipUnless(os.getuid() == 0, "needs root, to mount a small disk")
    def test_a_full_disk_is_not_ready_and_comes_back(self):
        disk = os.path.join(self.home.path, "disk")
        os.mkdir(disk)
        if subprocess.run(["mount", "-t", "tmpfs", "-o", "size=3m", "none", disk],
                          check=False).returncode != 0:
            self.skipTest("mount is not permitted here")
        self.addCleanup(subprocess.run, ["umount", "-l", disk], check=False)
        self.serve("--store-path", disk + "/t.db")
        connection = self.connect()
        statuses = []
        for _ in range(200):
            statuses.append(connection.rpc("task.add", summary="s", notes="x" * 60_000).status)
            if statuses[-1] != 200:
                break
        self.assertEqual(statuses[-1], 507)
        self.assertEqual(connection.ask("GET", "/healthz").status, 503)
        ready = connection.ask("GET", "/health/ready")
        if ready.status == 503:  # a small write may fit again at once
            self.assertEqual(ready.json()["status"], "not ready")
            self.assertIn("disk is full", ready.json()["error"])
        self.assertEqual(connection.ask("GET", "/health").status, 200)
        self.assertEqual(connection.rpc("task.list").status, 200)
        subprocess.run(["mount", "-o", "remount,size=64m", disk], check=True)
        support.wait_for(lambda: connection.ask("GET", "/health/ready").status == 200,
                         "ready again without a write of anybody's")
        self.assertEqual(connection.rpc("task.add", summary="again").status, 200)


    def test_a_loop_that_hangs_is_not_ready_while_health_still_answers(self):
        self.serve()
        main = self.home.process.pid  # its first thread is the loop
        tracer = ctypes.CDLL(None, use_errno=True)
        attach, detach, any_thread = 16, 17, 0x40000000
        if tracer.ptrace(attach, main, None, None) != 0:
            self.skipTest("may not stop a thread here")
        try:
            os.waitpid(main, any_thread)
            call = self.connect()
            body = b'{"jsonrpc":"2.0","id":1,"method":"task.list"}'
            call.send(b"POST /v1/rpc HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\n"
                      b"Content-Length: %d\r\n\r\n%s" % (len(body), body))
            probe = self.connect()
            self.assertEqual(probe.ask("GET", "/health/ready").status, 200)
            support.wait_for(lambda: probe.ask("GET", "/health/ready").status == 503, "it shows")
            self.assertIn("has not turned", probe.ask("GET", "/health/ready").json()["error"])
            for path in ("/health", "/health/live", "/metrics"):
                self.assertEqual(probe.ask("GET", path).status, 200, path)
        finally:
            tracer.ptrace(detach, main, None, None)
        self.assertEqual(call.answer().status, 200)
        self.assertEqual(probe.ask("GET", "/health/ready").status, 200)


class Life(HttpTestCase):
    def test_other_machines_are_let_in_by_name_only(self):
        line = self.home.start("--http-listen", "0.0.0.0:0")
        self.assertIn("can be reached from other machines", line)
        line = self.home.start("--http-listen", "somewhere:80")
        self.assertIn("has no IP address", line)
        self.home.start("--http-listen", "0.0.0.0:0", "--http-allow-remote", "true",
                        "--http-metrics-public", "true")
        port = int(self.home.result("admin.stats")["http"][0].split(":")[1])
        where = ("127.0.0.1", port)
        self.assert_healthy(where)
        self.assertEqual(self.connect(where).ask("GET", "/healthz").status, 200)
        self.assertEqual(self.connect(where).ask("GET", "/metrics").status, 401)

    def test_two_daemons_never_share_a_unix_socket(self):
        self.serve()
        other = support.Home()
        self.addCleanup(other.close)
        line = other.start("--http-listen", "unix:" + self.path)
        self.assertIn(f"pid {self.home.process.pid}", line)
        self.assert_healthy()
        self.assertEqual(self.home.kill(signal.SIGTERM), 0)
        self.assertFalse(os.path.exists(self.path))

    def test_kill_and_restart_with_clients_attached(self):
        self.serve(listen=f"unix:{self.path}")
        done = 0
        for round_number in range(5):
            idle = [self.connect() for _ in range(10)]
            half = [self.connect() for _ in range(10)]
            for connection in half:
                connection.send(b"GET /health HT")
            writer = self.connect()
            for number in range(10):
                key = f"{round_number}-{number}"
                self.assertEqual(writer.rpc("task.add", summary=key, idempotency_key=key).status, 200)
                done += 1
            writer.send(b"POST /v1/rpc HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\n"
                        b"Content-Length: 2\r\n\r\n{}")
            self.home.kill(signal.SIGKILL)
            for connection in idle + half:
                self.assertTrue(connection.is_closed())
            self.serve(listen=f"unix:{self.path}")  # the stale socket file is replaced
            again = self.connect().rpc("task.add", summary=f"{round_number}-0",
                                       idempotency_key=f"{round_number}-0").json()
            self.assertTrue(again["result"]["replayed"])
            self.assertEqual(self.connect().rpc("task.list").json()["result"]["total"], done)

    def test_term_ends_it_within_ten_seconds_with_stuck_clients(self):
        self.serve()
        notes = "x" * 60_000
        for _ in range(20):
            self.home.result("task.add", summary="s", notes=notes)
        idle = [self.connect() for _ in range(20)]
        half = [self.connect() for _ in range(20)]
        for connection in half:
            connection.send(b"POST /v1/rpc HTTP/1.1\r\nHost: a\r\nContent-Length: 9\r\n\r\n{")

        def post(connection, method, params):
            body = json.dumps({"jsonrpc": "2.0", "id": 1, "method": method,
                               "params": params}).encode()
            connection.send(b"POST /v1/rpc HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\n"
                            b"Content-Length: %d\r\n\r\n%s" % (len(body), body))
        stuck = [self.connect() for _ in range(5)]
        for connection in stuck:
            post(connection, "task.list", {"limit": 1000})
        polls = [self.connect() for _ in range(5)]
        for connection in polls:
            post(connection, "event.read", {"after": 20, "wait_ms": 60_000})
        support.wait_for(lambda: any(
            sample["name"] == "taskd_polls_parked" and sample["value"] == 5
            for sample in self.home.result("admin.stats")["samples"]), "the polls are parked")
        started = time.monotonic()
        self.assertEqual(self.home.kill(signal.SIGTERM), 0)
        self.assertLess(time.monotonic() - started, 10)
        # Who waited for an answer was given one.
        for connection in polls:
            answer = connection.answer()
            self.assertEqual(answer.status, 503)
            self.assertEqual(answer.fields["connection"], "close")
            self.assertEqual(answer.json()["error"]["data"]["reason"], "unavailable")
        for connection in idle + half:
            self.assertTrue(connection.is_closed())


if __name__ == "__main__":
    unittest.main()
