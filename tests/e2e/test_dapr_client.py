# SPDX-License-Identifier: Apache-2.0
"""taskctl invoke and publish: what goes to the sidecar, what comes back, and what is tried again.

The sidecar here answers what a test told it; it knows nothing of Dapr's own rules."""

import http.server
import json
import os
import pty
import socket
import threading
import unittest
import urllib.parse

import support


class Sidecar:
    """Answers each path with the next of its prepared answers, the last one for ever."""

    def __init__(self):
        self.requests = []
        self.answers = {}
        self.ready = [204]
        outer = self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def handle_any(self):
                body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
                path = self.path.split("?")[0]
                if path == "/v1.0/healthz/outbound":
                    status = outer.ready.pop(0) if len(outer.ready) > 1 else outer.ready[0]
                    return self.reply(status, {}, b"")
                outer.requests.append((self.command, self.path, dict(self.headers), body))
                answers = outer.answers.get(path, [(200, {}, b"")])
                answer = answers.pop(0) if len(answers) > 1 else answers[0]
                if answer == "cut":
                    self.connection.shutdown(socket.SHUT_RDWR)
                    self.close_connection = True
                    return None
                return self.reply(*answer)

            def reply(self, status, headers, body):
                self.send_response(status)
                for name, value in headers.items():
                    self.send_header(name, value)
                if status != 204:
                    self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                if status != 204 and self.command != "HEAD":
                    self.wfile.write(body)

            do_GET = do_POST = do_PUT = do_PATCH = do_DELETE = do_HEAD = do_OPTIONS = handle_any

            def log_message(self, *_):
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.port = self.server.server_port
        self.thread = threading.Thread(target=self.server.serve_forever, args=(0.02,))
        self.thread.start()

    def close(self):
        self.server.shutdown()
        self.thread.join()
        self.server.server_close()


def method(path):
    return "/v1.0/invoke/billing/method/" + path


def error(code, message="no"):
    return json.dumps({"errorCode": code, "message": message}).encode()


class ClientTestCase(support.TestCase):
    def setUp(self):
        super().setUp()
        self.sidecar = Sidecar()
        self.addCleanup(self.sidecar.close)

    def taskctl(self, *arguments, stdin="", **env):
        env = {"DAPR_HTTP_PORT": str(self.sidecar.port), **env}
        return self.home.taskctl(*arguments, stdin=stdin, env={**self.home.env, **env})

    def invoke(self, *arguments, **options):
        return self.taskctl("invoke", "billing", *arguments, **options)

    def assert_ends(self, run, status, said=""):
        self.assertEqual(run.returncode, status, run.stdout + run.stderr)
        self.assertIn(said, run.stderr)


class Invoke(ClientTestCase):
    def test_a_call_is_what_its_options_say(self):
        self.sidecar.answers[method("a")] = [(200, {}, b"\x00body\n")]
        run = self.invoke("a")
        self.assert_ends(run, 0)
        self.assertEqual(run.stdout, "\x00body\n")  # byte for byte
        verb, path, headers, body = self.sidecar.requests[-1]
        self.assertEqual((verb, path, body), ("GET", method("a"), b""))
        self.assertNotIn("Idempotency-Key", headers)
        self.assertRegex(headers["traceparent"], r"^00-[0-9a-f]{32}-[0-9a-f]{16}-01$")
        self.assertNotIn("baggage", headers)

        trace = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"
        run = self.invoke("a", "-d", '{"x": 1}', "--query", "q=1 +&", "-H", "X-One: two", "--as",
                          "ada lovelace", DAPR_API_TOKEN="secret", TRACEPARENT=trace)
        self.assert_ends(run, 0)
        verb, path, headers, body = self.sidecar.requests[-1]
        self.assertEqual((verb, path, body), ("POST", method("a") + "?q=1%20%2B%26", b'{"x": 1}'))
        self.assertEqual(headers["Content-Type"], "application/json")
        self.assertEqual(headers["X-One"], "two")
        self.assertEqual(headers["dapr-api-token"], "secret")
        self.assertEqual(urllib.parse.unquote(headers["baggage"]), "user_id=ada lovelace")
        self.assertEqual(headers["traceparent"][:36], trace[:36])
        self.assertTrue(headers["Idempotency-Key"])

        for verb in ("PUT", "patch", "DELETE"):
            self.assert_ends(self.invoke("a", "-X", verb, "--idempotency-key", "k"), 0)
            self.assertEqual(self.sidecar.requests[-1][0], verb.upper())
            self.assertEqual(self.sidecar.requests[-1][2]["Idempotency-Key"], "k")
        self.assert_ends(self.invoke("a", "-X", "HEAD"), 0)

    def test_the_body_may_be_a_file_or_standard_input(self):
        path = os.path.join(self.home.path, "body")
        with open(path, "wb") as file:
            file.write(b"\x00\xff" * 100000)
        self.assert_ends(self.invoke("a", "-d", "@" + path, "-H", "content-type:image/x"), 0)
        self.assertEqual(len(self.sidecar.requests[-1][3]), 200000)
        self.assert_ends(self.invoke("a", "-d", "-", stdin="[1]"), 0)
        self.assertEqual(self.sidecar.requests[-1][3], b"[1]")

    def test_the_exit_status_tells_who_said_no(self):
        rows = [(204, b"", 0), (302, b"", 0), (400, b"why", 8), (404, b"{}", 8), (409, b"", 8),
                (422, b"", 8), (500, b"oops", 9), (503, b"", 9),
                (500, error("ERR_DIRECT_INVOKE"), 10), (403, error("ERR_DIRECT_INVOKE"), 10),
                (500, error("MY_ERROR"), 9)]
        for status, body, expected in rows:
            with self.subTest(status, body=body):
                self.sidecar.answers[method("a")] = [(status, {}, body)]
                run = self.invoke("a", "--retries", "0")
                self.assert_ends(run, expected)
                shown = "" if expected == 10 else body.decode()
                self.assertEqual(run.stdout, shown)
        self.assertIn("ERR_DIRECT_INVOKE: no", self.invoke_error("ERR_DIRECT_INVOKE"))

    def invoke_error(self, code):
        self.sidecar.answers[method("a")] = [(500, {}, error(code))]
        return self.invoke("a", "--retries", "0").stderr

    def test_every_answer_of_the_sidecar(self):
        # The table of errors of Dapr's contract: who said it, and so the exit status.
        rows = [(401, None, 8), (400, None, 8), (404, "ERR_DIRECT_INVOKE", 10),
                (500, "ERR_DIRECT_INVOKE", 10), (403, "ERR_DIRECT_INVOKE", 10)]
        for status, code, expected in rows:
            with self.subTest(status=status, code=code):
                body = error(code) if code else b"some words"
                self.sidecar.answers[method("x")] = [(status, {}, body)]
                self.assert_ends(self.invoke("x", "--retries", "0"), expected)
        rows = [(401, None), (400, None), (404, "ERR_PUBSUB_NOT_FOUND"), (404, "ERR_TOPIC_NAME_EMPTY"),
                (404, "ERR_PUBSUB_EMPTY"), (403, "ERR_PUBSUB_FORBIDDEN"),
                (400, "ERR_PUBSUB_REQUEST_METADATA"), (400, "ERR_PUBSUB_EVENTS_SER"),
                (500, "ERR_PUBSUB_CLOUD_EVENTS_SER"), (500, "ERR_PUBSUB_PUBLISH_MESSAGE"),
                (404, "ERR_DIRECT_INVOKE"), (500, "ERR_HEALTH_NOT_READY")]
        for status, code in rows:
            with self.subTest(status=status, code=code):
                body = error(code) if code else b"some words"
                self.sidecar.answers["/v1.0/publish/bus/t"] = [(status, {}, body)]
                run = self.taskctl("publish", "bus", "t", "-d", "1", "--type", "a", "--retries", "0")
                self.assert_ends(run, 10, code or "some words")

    def test_what_may_help_is_tried_again_under_one_key(self):
        self.sidecar.answers[method("a")] = ["cut", (503, {"Retry-After": "0"}, b"no"),
                                             (200, {}, b"yes")]
        run = self.invoke("a", "-d", "1", "-v")
        self.assert_ends(run, 0, "attempt 2: status 503")
        self.assertEqual(run.stdout, "yes")  # and nothing of what came before
        self.assertEqual(len({request[2]["Idempotency-Key"] for request in self.sidecar.requests}),
                         1)
        self.assertEqual(len(self.sidecar.requests), 3)

        self.sidecar.requests.clear()
        self.sidecar.answers[method("b")] = [(404, {}, b"")]
        self.assert_ends(self.invoke("b"), 8)
        self.assertEqual(len(self.sidecar.requests), 1)

    def test_it_waits_for_a_sidecar_that_is_starting(self):
        self.sidecar.ready = [500, 500, 204]
        self.assert_ends(self.invoke("a", "-v"), 0, "waiting for the sidecar")

    def test_without_a_sidecar_or_an_answer(self):
        with socket.socket() as unused:
            unused.bind(("127.0.0.1", 0))
            run = self.invoke("a", "--retries", "0",
                              DAPR_HTTP_PORT=str(unused.getsockname()[1]))
            self.assert_ends(run, 6, "nothing listens there")
        self.sidecar.answers[method("a")] = ["cut"]
        self.assert_ends(self.invoke("a", "--retries", "0"), 7, "may have been carried out")
        with socket.create_server(("127.0.0.1", 0)) as silent:
            run = self.invoke("a", "--retries", "0", "--timeout", "1s",
                              DAPR_HTTP_PORT=str(silent.getsockname()[1]))
            self.assert_ends(run, 7, "no answer within")
            self.assertNotIn("carried out", run.stderr)  # only its health was asked

    def test_a_unix_socket(self):
        path = os.path.join(self.home.path, "dapr-a-http.socket")
        answer = b"HTTP/1.1 200 OK\r\nContent-Length: 3\r\nConnection: close\r\n\r\nyes"

        def serve(listener):
            for _ in range(2):  # readiness, then the call
                connection, _ = listener.accept()
                connection.recv(65536)
                connection.sendall(answer)
                connection.close()

        with socket.socket(socket.AF_UNIX) as listener:
            listener.bind(path)
            listener.listen()
            thread = threading.Thread(target=serve, args=(listener,))
            thread.start()
            run = self.invoke("a", "--sidecar", "unix:" + path)
            thread.join()
        self.assert_ends(run, 0)
        self.assertEqual(run.stdout, "yes")

    def test_status_and_headers_on_request(self):
        self.sidecar.answers[method("a")] = [(404, {"X-Why": "gone"}, b'{"a":1}')]
        run = self.invoke("a", "-i")
        self.assertTrue(run.stdout.startswith("HTTP/1.1 404\n"), run.stdout)
        self.assertIn("X-Why: gone\n", run.stdout)
        self.assertTrue(run.stdout.endswith('\n\n{"a":1}'), run.stdout)
        run = self.invoke("a", "-o", "json")
        self.assert_ends(run, 8)
        shown = json.loads(run.stdout)
        self.assertEqual((shown["status"], shown["from"], shown["body"], shown["attempts"]),
                         (404, "app", {"a": 1}, 1))
        self.assertEqual(shown["headers"]["x-why"], "gone")

    def test_a_terminal_is_not_driven_by_an_app(self):
        self.sidecar.answers[method("a")] = [(200, {}, b"\x1b[31mred\n")]
        master, slave = pty.openpty()
        try:
            run = support.subprocess.run(
                [support.TASKCTL, "invoke", "billing", "a"], stdout=slave,
                env={**self.home.env, "DAPR_HTTP_PORT": str(self.sidecar.port)}, check=False)
            self.assertEqual(run.returncode, 0)
            self.assertEqual(os.read(master, 1000), b"\\x1b[31mred\r\n")
        finally:
            os.close(master)
            os.close(slave)

    def test_wrong_input_is_refused_before_anything_is_sent(self):
        for arguments, said in ((["a", "-d", "{"], "not JSON"), (["a", "-X", "FLY"], "verb"),
                                (["../x"], "method"), (["a%2Fb"], "method"),
                                (["a", "-H", "no colon"], "header"),
                                (["a", "-H", "Host: x"], "Host"),
                                (["a", "-H", "X: a\r\nY: b"], "control"),
                                (["a", "--query", "x"], "query"), (["a", "-X", "GET", "-d", "1"], "GET"),
                                (["a", "--retries", "-1"], "retries"),
                                (["a", "--sidecar", "localhost"], "sidecar"),
                                (["a", "-d", "@/nonexistent"], "data")):
            with self.subTest(arguments):
                self.assert_ends(self.invoke(*arguments), 2, said)
        self.assert_ends(self.invoke("a", DAPR_HTTP_ENDPOINT="x"), 2, "DAPR_HTTP_ENDPOINT")
        self.assertEqual(self.sidecar.requests, [])

    def test_a_dry_run_shows_a_curl_command_that_does_the_same(self):
        run = self.invoke("a", "-d", '{"it": "it\'s"}', "--dry-run", DAPR_API_TOKEN="secret")
        self.assert_ends(run, 0)
        self.assertNotIn("secret", run.stdout)
        self.assertEqual(self.sidecar.requests, [])
        shell = support.subprocess.run(["sh", "-c", run.stdout + ""], check=False,
                                       capture_output=True, text=True,
                                       env={**self.home.env, "DAPR_API_TOKEN": "secret"})
        if shell.returncode == 127:
            self.skipTest("there is no curl")
        verb, path, headers, body = self.sidecar.requests[-1]
        self.assertEqual((verb, path, body), ("POST", method("a"), b'{"it": "it\'s"}'))
        self.assertEqual(headers["dapr-api-token"], "secret")


class Publish(ClientTestCase):
    PATH = "/v1.0/publish/bus/orders%2Fpaid"
    BULK = "/v1.0/publish/bulk/bus/orders%2Fpaid"
    ALPHA = "/v1.0-alpha1/publish/bulk/bus/orders%2Fpaid"

    def publish(self, *arguments, **options):
        return self.taskctl("publish", "bus", "orders/paid", *arguments, **options)

    def test_an_event_keeps_its_id_over_attempts(self):
        self.sidecar.answers[self.PATH] = [(503, {"Retry-After": "0"}, b""), (204, {}, b"")]
        run = self.publish("--type", "order.paid", "-d", '{"n":1}', "--metadata", "ttlInSeconds=60",
                           "--as", "ada")
        self.assert_ends(run, 0)
        self.assertIn("Published order.paid to orders/paid on bus", run.stdout)
        self.assertEqual(len(self.sidecar.requests), 2)
        verb, path, headers, body = self.sidecar.requests[0]
        self.assertEqual((verb, path), ("POST", self.PATH + "?metadata.ttlInSeconds=60"))
        self.assertEqual(headers["Content-Type"], "application/cloudevents+json")
        event = json.loads(body)
        self.assertEqual((event["specversion"], event["type"], event["userid"], event["data"]),
                         ("1.0", "order.paid", "ada", {"n": 1}))
        self.assertIn(event["id"], run.stdout)
        self.assertEqual(self.sidecar.requests[1][3], body)

    def test_raw_data_has_no_envelope(self):
        self.assert_ends(self.publish("--type", "t", "-d", "plain", "--content-type", "text/plain",
                                      "--raw"), 0)
        _, path, headers, body = self.sidecar.requests[-1]
        self.assertEqual((path, body), (self.PATH + "?metadata.rawPayload=true", b"plain"))
        self.assertEqual(headers["Content-Type"], "text/plain")

    def test_a_file_goes_out_in_bulk_and_the_same_file_is_the_same_events(self):
        lines = "".join(json.dumps({"specversion": "1.0", "source": "/s", "type": "t", "data": n})
                        + "\n" for n in range(250))
        ids = []
        for _ in range(2):
            self.sidecar.requests.clear()
            run = self.publish("-", stdin=lines)
            self.assert_ends(run, 0)
            self.assertIn("Published 250 events", run.stdout)
            entries = [entry for request in self.sidecar.requests
                       for entry in json.loads(request[3])]
            self.assertEqual([len(json.loads(request[3])) for request in self.sidecar.requests],
                             [100, 100, 50])
            self.assertEqual([entry["event"]["data"] for entry in entries], list(range(250)))
            self.assertEqual(len({entry["entryId"] for entry in entries}), 250)
            ids.append([entry["event"]["id"] for entry in entries])
        self.assertEqual(ids[0], ids[1])

    def test_an_older_sidecar_has_bulk_elsewhere(self):
        self.sidecar.answers[self.BULK] = [(404, {}, error("ERR_PUBSUB_NOT_FOUND"))]
        event = '{"specversion":"1.0","source":"/s","type":"t"}\n'
        self.assert_ends(self.publish("-", stdin=event), 0)
        self.assertEqual([request[1] for request in self.sidecar.requests], [self.BULK, self.ALPHA])

    def test_what_was_not_published_is_said_line_by_line(self):
        failed = {"failedEntries": [{"entryId": "2", "error": "broker full"}],
                  "errorCode": "ERR_PUBSUB_PUBLISH_MESSAGE"}
        self.sidecar.answers[self.BULK] = [(500, {}, json.dumps(failed).encode())]
        event = '{"specversion":"1.0","source":"/s","type":"t"}\n'
        run = self.publish("-", "--retries", "0", stdin=event + event)
        self.assert_ends(run, 10, "line 2: not published: broker full")
        self.assertIn("Published 1 event ", run.stdout)
        self.sidecar.answers[self.BULK] = [(204, {}, b"")]
        run = self.publish("-", stdin=event + "{no\n" + event)
        self.assert_ends(run, 2, "line 2")
        self.assertIn("Published 2 events", run.stdout)


if __name__ == "__main__":
    unittest.main()
