# SPDX-License-Identifier: Apache-2.0
"""S2: the three forms of an invocation, what is dropped and added, and answers byte for byte."""

import base64
import gzip
import json
import socket
import subprocess
import tempfile
import threading
import unittest

from harness import App, Double, answers, call, header, raw

ZERO = "00-" + "0" * 32 + "-" + "0" * 16 + "-00"


def basic(text: str) -> str:
    return "Basic " + base64.b64encode(text.encode()).decode()


class Invoking(unittest.TestCase):
    @classmethod
    def setUpClass(cls) -> None:
        cls.app = App({"*": answers(200, "callee")})
        cls.other = App({"*": answers(200, "other")})
        cls.double = Double({"apps": [
            {"id": "callee", "app_port": cls.app.port}, {"id": "other", "app_port": cls.other.port},
            {"id": "caller"}, {"id": "strict", "api_token": "side"},
            {"id": "guarded", "app_port": cls.app.port, "app_api_token": "inner", "deny": ["strict"]}],
            "http_endpoints": {"outside": f"http://127.0.0.1:{cls.app.port}"}})
        cls.double.wait("callee", full=True)
        cls.double.wait("other", full=True)
        cls.double.wait("guarded", full=True)

    @classmethod
    def tearDownClass(cls) -> None:
        cls.double.close()
        cls.app.close()
        cls.other.close()

    def setUp(self) -> None:
        self.app.requests.clear()
        self.app.routes = {"*": answers(200, "callee")}

    def sent(self, path: str, headers=None, method: str = "GET", body=None, by: str = "caller") -> dict:
        """Invokes and returns what the callee saw."""
        self.app.requests.clear()
        status, _, answer = self.double.call(by, method, path, body, headers)
        self.assertEqual((status, answer), (200, b"callee"), path)
        return self.app.requests[-1]

    def error(self, path: str, status: int = 500, headers=None, by: str = "caller", method: str = "GET") -> None:
        found, fields, body = self.double.call(by, method, path, headers=headers)
        self.assertEqual((found, json.loads(body)["errorCode"]), (status, "ERR_DIRECT_INVOKE"), path)

    def test_three_forms(self) -> None:
        for path, headers in (("/v1.0/invoke/callee/method/p/q?x=1&y=%20+", {}),
                              ("/p/q?x=1&y=%20+", {"dapr-app-id": "callee"}),
                              ("/p/q?x=1&y=%20+", {"Authorization": basic("dapr-app-id:callee")})):
            seen = self.sent(path, headers)
            self.assertEqual(seen["target"], "/p/q?x=1&y=%20+")
            self.assertIsNone(header(seen["headers"], "dapr-app-id"))

    def test_basic_auth_is_forwarded(self) -> None:
        value = basic("dapr-app-id:callee")
        self.assertEqual(header(self.sent("/p", {"Authorization": value})["headers"], "authorization"), value)

    def test_other_basic_auth_is_no_address(self) -> None:
        self.error("/p", 404, {"Authorization": basic("user:callee")})

    def test_header_goes_before_basic_auth_before_path(self) -> None:
        seen = self.sent("/v1.0/invoke/other/method/p", {"dapr-app-id": "callee"})
        self.assertEqual(seen["target"], "/v1.0/invoke/other/method/p")
        self.sent("/p", {"dapr-app-id": "callee", "Authorization": basic("dapr-app-id:other")})
        self.sent("/v1.0/invoke/other/method/p", {"Authorization": basic("dapr-app-id:callee")})

    def test_an_api_route_is_served_whatever_the_header_says(self) -> None:
        status, _, body = self.double.call("caller", "GET", "/v1.0/metadata", headers={"dapr-app-id": "callee"})
        self.assertEqual((status, json.loads(body)["id"]), (200, "caller"))

    def test_app_ids(self) -> None:
        self.sent("/v1.0/invoke/callee.default/method/p")
        self.error("/v1.0/invoke/callee.elsewhere/method/p")
        self.error("/v1.0/invoke/callee.a.b/method/p")
        self.error("/v1.0/invoke/nobody/method/p")

    def test_outside_addresses(self) -> None:
        for app in (f"http://127.0.0.1:{self.app.port}", "outside", f"http%3A%2F%2F127.0.0.1%3A{self.app.port}"):
            seen = self.sent(f"/v1.0/invoke/{app}/method/p?x")
            self.assertEqual(seen["target"], "/p?x")
            self.assertIsNone(header(seen["headers"], "dapr-caller-app-id"))

    def test_methods(self) -> None:
        for method in ("GET", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE"):
            self.assertEqual(self.sent("/v1.0/invoke/callee/method/p", method=method)["method"], method)
        self.assertEqual(self.sent("/v1.0/invoke/callee/method/p", method="BREW")["method"], "POST")
        status, _, body = self.double.call("caller", "HEAD", "/v1.0/invoke/callee/method/p")
        self.assertEqual((status, body, self.app.requests[-1]["method"]), (200, b"", "HEAD"))

    def test_method_paths_are_decoded_and_cleaned(self) -> None:
        for path, seen in (("a%2Fb", "/a/b"), ("a//b/", "/a/b"), ("a/../b", "/b"), ("a/%2e%2e/b", "/b"), ("a%20b", "/a%20b"),
                           ("%c3%a4", "/%C3%A4"), ("a+b", "/a+b"), ("a%2Bb", "/a+b"), ("..%2f..%2fa", "/a"),
                           ("a;b=1,2:3@4", "/a;b=1,2:3@4")):
            self.assertEqual(self.sent("/v1.0/invoke/callee/method/" + path)["target"], seen, path)

    def test_bad_method_paths_are_500(self) -> None:
        for path in ("a%23b", "a%3Fb", "a%00b", "a%0Ab", "a%1fb", "a%7fb", "a%", "a%zz", "a%25"):
            self.error("/v1.0/invoke/callee/method/" + path)

    def test_dropped_and_kept_header_fields(self) -> None:
        seen = self.sent("/v1.0/invoke/callee/method/p", [
            ("Connection", "keep-alive, X-Hop"), ("X-Hop", "1"), ("Keep-Alive", "5"), ("TE", "trailers"), ("Upgrade", "x"),
            ("Proxy-Connection", "x"), ("trace-bin", "x"), ("grpc-timeout", "1S"), ("Idempotency-Key", "k"),
            ("Authorization", "Bearer t"), ("X-Two", "1"), ("X-Two", "2"), ("traceparent", "00-" + "a" * 32 + "-" + "b" * 16
                                                                            + "-01"), ("tracestate", "s=1"),
            ("dapr-api-token", "mine"), ("Cookie", "c=1")])["headers"]
        names = [n.lower() for n, _ in seen]
        for name in ("x-hop", "keep-alive", "te", "upgrade", "proxy-connection", "trace-bin", "grpc-timeout"):
            self.assertNotIn(name, names)
        for name, value in (("dapr-grpc-timeout", "1S"), ("idempotency-key", "k"), ("authorization", "Bearer t"),
                            ("cookie", "c=1"), ("tracestate", "s=1"), ("dapr-api-token", "mine"),
                            ("host", f"127.0.0.1:{self.app.port}"),
                            ("traceparent", "00-" + "a" * 32 + "-" + "b" * 16 + "-01")):
            self.assertEqual(header(seen, name), value, name)
        self.assertEqual([v for n, v in seen if n.lower() == "x-two"], ["1", "2"])

    def test_the_sidecars_own_token_is_dropped(self) -> None:
        seen = self.sent("/v1.0/invoke/callee/method/p", {"dapr-api-token": "side"}, by="strict")
        self.assertIsNone(header(seen["headers"], "dapr-api-token"))

    def test_the_app_token_replaces_the_callers(self) -> None:
        seen = self.sent("/v1.0/invoke/guarded/method/p", {"dapr-api-token": "forged"})
        self.assertEqual([v for n, v in seen["headers"] if n.lower() == "dapr-api-token"], ["inner"])

    def test_remote_calls_name_caller_and_callee(self) -> None:
        seen = self.sent("/v1.0/invoke/callee/method/p")["headers"]
        for name, value in (("dapr-caller-app-id", "caller"), ("dapr-caller-namespace", "default"),
                            ("dapr-callee-app-id", "callee"), ("X-Forwarded-For", "127.0.0.1"), ("traceparent", ZERO)):
            self.assertEqual(header(seen, name), value)
        self.assertIsNotNone(header(seen, "X-Forwarded-Host"))
        self.assertIn("for=", header(seen, "Forwarded"))

    def test_self_invocation_carries_none_of_these(self) -> None:
        seen = self.sent("/v1.0/invoke/callee/method/p", by="callee")["headers"]
        for name in ("dapr-caller-app-id", "dapr-caller-namespace", "dapr-callee-app-id", "X-Forwarded-For",
                     "X-Forwarded-Host", "Forwarded", "traceparent"):
            self.assertIsNone(header(seen, name), name)

    def test_a_forged_caller_stays_beside_the_real_one(self) -> None:
        seen = self.sent("/v1.0/invoke/callee/method/p", {"dapr-caller-app-id": "forged"})["headers"]
        self.assertEqual([v for n, v in seen if n.lower() == "dapr-caller-app-id"], ["forged", "caller"])

    def test_denied_caller_is_403(self) -> None:
        self.error("/v1.0/invoke/guarded/method/p", 403, {"dapr-api-token": "side"}, by="strict")

    def test_every_status_comes_back_unchanged(self) -> None:
        for status in (200, 201, 204, 301, 302, 304, 400, 401, 404, 409, 418, 422, 429, 500, 503, 599):
            self.app.routes["*"] = answers(status, b"\x00\xffbody", ("Content-Type", "application/problem+json"),
                                           ("Location", "/elsewhere"), ("Set-Cookie", "a"), ("Set-Cookie", "b"),
                                           ("X-Bin-bin", "x"), ("Connection", "X-Hop"), ("X-Hop", "1"))
            self.app.requests.clear()
            found, fields, body = self.double.call("caller", "POST", "/v1.0/invoke/callee/method/p", "x")
            self.assertEqual(found, status)
            self.assertEqual(body, b"" if status in (204, 304) else b"\x00\xffbody")
            self.assertEqual(header(fields, "content-type"), "application/problem+json")
            self.assertEqual(header(fields, "location"), "/elsewhere")
            self.assertEqual([v for n, v in fields if n == "Set-Cookie"], ["a", "b"])
            self.assertIsNone(header(fields, "x-hop"))
            self.assertIsNone(header(fields, "x-bin-bin"))
            self.assertEqual(len(self.app.requests), 1)

    def test_gzip_that_the_sidecar_asked_for_is_taken_off_again(self) -> None:
        app = App({"*": answers(200, gzip.compress(b"plain"), ("Content-Encoding", "gzip"))})
        double = Double({"apps": [{"id": "a", "app_port": app.port, "add_accept_encoding": True}]})
        try:
            double.wait("a", booted=True)
            status, fields, body = double.call("a", "GET", "/v1.0/invoke/a/method/p")
            self.assertEqual((status, body, header(fields, "content-encoding")), (200, b"plain", None))
            _, fields, body = double.call("a", "GET", "/v1.0/invoke/a/method/p", headers={"Accept-Encoding": "gzip"})
            self.assertEqual((header(fields, "content-encoding"), gzip.decompress(body)), ("gzip", b"plain"))
        finally:
            double.close()
            app.close()

    def test_a_large_answer_comes_in_chunks(self) -> None:
        blob = bytes(range(256)) * 2000
        self.app.routes["*"] = answers(200, blob)
        _, fields, body = self.double.call("caller", "GET", "/v1.0/invoke/callee/method/p")
        self.assertEqual(body, blob)
        self.assertEqual(header(fields, "transfer-encoding"), "chunked")

    def test_response_headers_over_the_limit_are_a_sidecar_error(self) -> None:
        self.app.routes["*"] = answers(200, b"", ("X-Long", "y" * 4200))
        self.error("/v1.0/invoke/callee/method/p")

    def test_a_chunked_request_is_streamed(self) -> None:
        with socket.create_connection(("127.0.0.1", self.double.port("caller")), timeout=10) as sock:
            sock.sendall(b"POST /v1.0/invoke/callee/method/streamed HTTP/1.1\r\nHost: x\r\nConnection: close\r\n"
                         b"Transfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n")
            self.double.log(1, kind="forwarded", path="/streamed", done="")
            sock.sendall(b"2\r\nde\r\n0\r\n\r\n")
            self.assertIn(b" 200 ", sock.recv(65536))
        self.assertEqual(self.app.wait(1, "/streamed")[0]["body"], b"abcde")

    def test_server_sent_events_are_passed_at_once(self) -> None:
        go = threading.Event()

        def stream(request: dict) -> None:
            handler = request["handler"]
            handler.wfile.write(b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n\r\ndata: one\n\n")
            handler.wfile.flush()
            go.wait(10)
            handler.wfile.write(b"data: two\n\n")
            handler.close_connection = True
        self.app.routes["*"] = stream
        with socket.create_connection(("127.0.0.1", self.double.port("caller")), timeout=10) as sock:
            sock.sendall(b"GET /v1.0/invoke/callee/method/p HTTP/1.1\r\nHost: x\r\n\r\n")
            seen = b""
            while b"data: one" not in seen:
                seen += sock.recv(65536)
            self.assertNotIn(b"data: two", seen)
            go.set()
            while b"0\r\n\r\n" not in seen:
                seen += sock.recv(65536)
        self.assertIn(b"data: two", seen)

    def test_a_client_that_leaves_ends_the_call(self) -> None:
        self.double.control("POST", "/faults", {"kind": "hang", "app": "callee", "route": "/left"})
        with socket.create_connection(("127.0.0.1", self.double.port("caller")), timeout=10) as sock:
            sock.sendall(b"GET /v1.0/invoke/callee/method/left HTTP/1.1\r\nHost: x\r\n\r\n")
        self.double.log(1, kind="forwarded", path="/left", error="given up")

    def test_http_1_0_gets_no_chunks(self) -> None:
        self.app.routes["*"] = answers(200, b"z" * 5000)
        answer = raw(self.double.port("caller"), b"GET /v1.0/invoke/callee/method/p HTTP/1.0\r\n\r\n")
        self.assertTrue(answer.endswith(b"\r\n\r\n" + b"z" * 5000))

    def test_curl_agrees(self) -> None:
        out = subprocess.run(["curl", "-s", "-w", "%{http_code}", "-H", "dapr-app-id: callee", "--data-binary", "@-",
                              f"http://127.0.0.1:{self.double.port('caller')}/p?q=1"], input=b"b" * (2 << 20),
                             capture_output=True, timeout=20).stdout
        self.assertEqual(out, b"callee200")
        self.assertEqual(len(self.app.requests[-1]["body"]), 2 << 20)

    def test_unix_socket(self) -> None:
        with tempfile.TemporaryDirectory() as folder:
            double = Double({"apps": [{"id": "a"}], "socket_dir": folder})
            try:
                self.assertEqual(double.ready["apps"]["a"]["socket"], folder + "/dapr-a-http.socket")
                with socket.socket(socket.AF_UNIX) as sock:
                    sock.connect(folder + "/dapr-a-http.socket")
                    sock.sendall(b"GET /v1.0/healthz HTTP/1.1\r\nHost: x\r\n\r\n")
                    self.assertIn(b" 204 ", sock.recv(1000))
            finally:
                double.close()

    def test_concurrency_is_queued_in_the_sidecar(self) -> None:
        gate, inside, most = threading.Event(), [], []

        def slow(request: dict):
            inside.append(1)
            most.append(len(inside))
            gate.wait(10)
            inside.pop()
            return 200, [], b""
        app = App({"/p": slow})
        double = Double({"apps": [{"id": "a", "app_port": app.port, "max_concurrency": 2}]})
        try:
            double.wait("a", full=True)
            threads = [threading.Thread(target=call, args=(double.port("a"), "GET", "/v1.0/invoke/a/method/p"))
                       for _ in range(5)]
            for thread in threads:
                thread.start()
            app.wait(2, "/p")
            double.wait("a", queued=3)
            gate.set()
            for thread in threads:
                thread.join(10)
            self.assertEqual((max(most), len(most)), (2, 5))
        finally:
            double.close()
            app.close()
