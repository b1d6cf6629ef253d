# SPDX-License-Identifier: Apache-2.0
"""S3: the built-in retry, and policies of section 8 for apps and inbound delivery."""

import json
import tempfile
import threading
import unittest
from pathlib import Path

from harness import App, Double, answers, free_port, raw, subscribes, until

PATH = "/v1.0/invoke/callee/method/p"
YAML = """
apiVersion: dapr.io/v1alpha1
kind: Resiliency
metadata: {name: r}
scopes: [caller]
spec:
  policies:
    retries:
      narrow: {policy: constant, duration: 10ms, maxRetries: 2, matching: {httpStatusCodes: "429,500-599"}}
  targets:
    apps:
      callee: {retry: narrow}
"""


class Base(unittest.TestCase):
    def start(self, resiliency=None, **more) -> None:
        self.app = App({"*": answers(200, "ok")})
        self.double = Double({"apps": [{"id": "callee", "app_port": self.app.port}, {"id": "caller"}],
                              "resiliency": resiliency, **more})
        self.addCleanup(self.app.close)
        self.addCleanup(self.double.close)
        self.double.wait("callee", full=True)

    def spec(self, target: dict, **policies) -> dict:
        return {"policies": policies, "targets": {"apps": {"callee": target}}}

    def post(self, body="x", by: str = "caller", headers=None) -> tuple[int, str]:
        status, _, answer = self.double.call(by, "POST", PATH, body, headers)
        try:
            return status, json.loads(answer).get("errorCode", "")
        except ValueError:
            return status, ""

    def tries(self) -> int:
        return len([r for r in self.app.requests if r["path"] == "/p"])


class BuiltIn(Base):
    def test_a_dead_peer_is_tried_three_times_more(self) -> None:
        self.start()
        self.double.control("POST", "/apps/callee/kill")
        self.assertEqual(self.post(), (500, "ERR_DIRECT_INVOKE"))
        self.assertEqual(len(self.double.log(4, what="peer_unreachable")), 4)

    def test_a_peer_that_comes_back_is_reached(self) -> None:
        self.start(time_scale=0.3)
        self.double.control("POST", "/apps/callee/kill")
        got = []
        thread = threading.Thread(target=lambda: got.append(self.post()))
        thread.start()
        self.double.log(1, what="peer_unreachable")
        self.double.control("POST", "/apps/callee/start")
        thread.join(10)
        self.assertEqual((got, self.tries()), ([(200, "")], 1))

    def test_a_peer_that_dies_after_the_app_ran_makes_it_run_twice(self) -> None:
        self.start(time_scale=0.3)
        self.double.control("POST", "/faults", {"kind": "die_between_app_and_ack", "app": "callee", "nth": 1,
                                                "restart_ms": 10})
        self.assertEqual(self.post(), (200, ""))
        self.assertEqual(self.tries(), 2)

    def test_what_is_not_tried_again(self) -> None:
        self.start()
        self.app.routes["*"] = answers(503)
        self.assertEqual((self.post()[0], self.tries()), (503, 1))
        self.double.control("POST", "/apps/callee/app_port", {"port": free_port()})
        self.double.control("POST", "/clear")
        self.assertEqual(self.post(), (500, "ERR_DIRECT_INVOKE"))
        self.assertEqual(self.post(by="callee"), (500, "ERR_DIRECT_INVOKE"))
        self.assertEqual(len(self.double.log(2, kind="forwarded")), 2)

    def test_a_chunked_body_is_never_tried_again(self) -> None:
        self.start()
        self.double.control("POST", "/apps/callee/kill")
        answer = raw(self.double.port("caller"), f"POST {PATH} HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n"
                     "\r\n1\r\nx\r\n0\r\n\r\n".encode())
        self.assertIn(b" 500 ", answer.split(b"\r\n")[0])
        self.assertEqual(len(self.double.log(1, what="peer_unreachable")), 1)


class Policies(Base):
    def test_a_policy_retries_every_status_outside_2xx_and_3xx(self) -> None:
        self.start(self.spec({"retry": "r"}, retries={"r": {"duration": "10ms", "maxRetries": 2}}))
        for status, tries in ((200, 1), (302, 1), (404, 3), (422, 3), (500, 3)):
            self.app.requests.clear()
            self.app.routes["*"] = answers(status, "{}")
            self.assertEqual((self.post()[0], self.tries()), (status, tries))

    def test_a_policy_replaces_the_built_in_retry(self) -> None:
        self.start(self.spec({"retry": "r"}, retries={"r": {"duration": 10, "maxRetries": 0}}))
        self.double.control("POST", "/apps/callee/kill")
        self.assertEqual(self.post()[0], 500)
        self.assertEqual(len(self.double.log(1, what="peer_unreachable")), 1)

    def test_yaml_with_matching_and_scopes(self) -> None:
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder, "r.yaml")
            path.write_text(YAML)
            self.start(str(path))
        for status, tries in ((404, 1), (429, 3), (503, 3)):
            self.app.requests.clear()
            self.app.routes["*"] = answers(status)
            self.assertEqual((self.post()[0], self.tries()), (status, tries))
        self.app.requests.clear()
        self.post(by="callee")
        self.assertEqual(self.tries(), 1)

    def test_default_policies_count_by_name(self) -> None:
        self.start({"policies": {"retries": {"DefaultAppRetryPolicy": {"duration": "1ms", "maxRetries": 1}}}})
        self.app.routes["*"] = answers(500)
        self.assertEqual((self.post()[0], self.tries()), (500, 2))

    def test_exponential(self) -> None:
        self.start(self.spec({"retry": "r"}, retries={"r": {"policy": "exponential", "maxRetries": 2}}))
        self.app.routes["*"] = answers(500)
        self.assertEqual((self.post()[0], self.tries()), (500, 3))

    def test_timeout_is_per_attempt(self) -> None:
        self.start(self.spec({"retry": "r", "timeout": "t"}, timeouts={"t": 400},
                             retries={"r": {"duration": "1ms", "maxRetries": 1}}))
        self.double.control("POST", "/faults", {"kind": "hang", "app": "callee"})
        self.assertEqual(self.post(), (500, "ERR_DIRECT_INVOKE"))
        self.assertEqual(len(self.double.log(2, kind="forwarded", error="given up")), 2)
        self.double.control("POST", "/clear")
        self.double.control("POST", "/faults", {"kind": "hang", "app": "callee", "nth": 1})
        self.assertEqual(self.post()[0], 200)

    def test_breaker_opens_fails_at_once_and_heals(self) -> None:
        self.start(self.spec({"circuitBreaker": "b"}, circuitBreakers={
            "b": {"timeout": "10s", "trip": "consecutiveFailures >= 2"}}))
        self.app.routes["*"] = answers(500)
        self.assertEqual([self.post()[1] for _ in range(4)], ["", "", "ERR_DIRECT_INVOKE", "ERR_DIRECT_INVOKE"])
        self.assertEqual(self.tries(), 2)
        self.app.routes["*"] = answers(200)
        until(lambda: self.post()[0] == 200, "half-open")
        self.assertEqual((self.post()[0], self.tries()), (200, 4))


class Inbound(unittest.TestCase):
    def start(self, retry: dict) -> None:
        self.app = App({"/dapr/subscribe": subscribes({"pubsubname": "bus", "topic": "t", "route": "/t",
                                                       "deadLetterTopic": "dead"})})
        self.double = Double({"apps": [{"id": "a", "app_port": self.app.port}],
                              "components": [{"name": "bus", "type": "inmemory"}],
                              "resiliency": {"policies": {"retries": {"r": {"duration": "1ms", **retry}}},
                                             "targets": {"components": {"bus": {"inbound": {"retry": "r"}}}}}})
        self.addCleanup(self.app.close)
        self.addCleanup(self.double.close)
        self.double.wait("a", subscribed=1)

    def attempts(self, answer) -> int:
        self.app.routes["/t"] = answer
        self.app.requests.clear()
        self.double.control("POST", "/clear")
        self.double.call("a", "POST", "/v1.0/publish/bus/t", "x")
        self.double.log(1, what="dead_letter")
        return len([r for r in self.app.requests if r["path"] == "/t"])

    def test_retry_then_dead_letter(self) -> None:
        self.start({"maxRetries": 2})
        self.assertEqual(self.attempts(answers(500)), 3)
        self.assertEqual(self.attempts(answers(200, '{"status":"RETRY"}')), 3)
        self.assertEqual(self.attempts(answers(200, '{"status":"DROP"}')), 1)

    def test_matching_looks_at_statuses_only(self) -> None:
        self.start({"maxRetries": 1, "matching": {"httpStatusCodes": "500-599"}})
        self.assertEqual(self.attempts(answers(500)), 2)
        self.assertEqual(self.attempts(answers(400)), 1)
        self.assertEqual(self.attempts(answers(200, '{"status":"RETRY"}')), 2)
