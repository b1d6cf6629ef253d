# SPDX-License-Identifier: Apache-2.0
"""invoke and publish --durable, wait, and the circuit that taskctl shares with the daemon. The
sidecar answers what a test told it."""

import json
import os
import unittest

import support
from test_dapr_client import Sidecar

QUICK = """
[policies.retries.DefaultRetryPolicy]
policy = "constant"
duration = "50ms"
maxRetries = -1

[policies.circuitBreakers.forgiving]
trip = "consecutiveFailures > 100"

[targets.apps.patient]
circuitBreaker = "forgiving"

[policies.timeouts]
short = "300ms"

[policies.retries.twice]
policy = "constant"
duration = "20ms"
maxRetries = 1

[targets.apps.hasty]
retry = "twice"
timeout = "short"
"""


def path_of(app, method):
    return f"/v1.0/invoke/{app}/method/{method}"


class Durable(support.TestCase):
    def setUp(self):
        super().setUp()
        self.sidecar = Sidecar()
        self.addCleanup(self.sidecar.close)
        folder = os.path.join(self.home.path, "config", "taskd")
        os.makedirs(folder)
        with open(os.path.join(folder, "taskd.toml"), "w", encoding="utf-8") as file:
            file.write(QUICK)
        self.home.env.update({"TASKD_DAPR_PORT": str(self.sidecar.port),
                              "DAPR_HTTP_PORT": str(self.sidecar.port)})

    def keep(self, *arguments, status=0):
        run = self.home.taskctl(*arguments, "--durable", "--quiet")
        self.assertEqual(run.returncode, status, run.stderr)
        return run.stdout.strip()

    def wait(self, delivery, *arguments, status=0):
        run = self.home.taskctl("wait", delivery, *arguments)
        self.assertEqual(run.returncode, status, run.stdout + run.stderr)
        return run

    def test_a_call_is_made_until_it_succeeds(self):
        path = path_of("billing", "api/invoices")
        self.sidecar.answers[path] = [(503, {}, b"busy"), "cut", (200, {}, b'{"paid":true}')]
        said = self.home.taskctl("invoke", "billing", "api/invoices", "-d", '{"task":"t42"}',
                                 "--query", "dry=1", "-H", "x-tier: 1", "--durable")
        self.assertEqual(said.returncode, 0, said.stderr)
        self.assertRegex(said.stdout, r"^taskd keeps POST api/invoices of billing and tries for 1d: "
                                      r"delivery [0-9a-f-]{36}\n$")
        delivery = said.stdout.split()[-1]
        run = self.wait(delivery[:14])
        self.assertRegex(run.stdout, r"succeeded after 3 tries: invoke billing POST api/invoices\n  since .*\n"
                                     r".* answered 503.*\n.* the connection ended .*\n.* answered 200.*\n")
        self.assertIn('{"paid":true}', run.stdout)
        sent = [one for one in self.sidecar.requests if one[1].split("?")[0] == path]
        self.assertEqual(len(sent), 3)
        for verb, target, headers, body in sent:
            self.assertEqual((verb, target, body), ("POST", path + "?dry=1", b'{"task":"t42"}'))
            self.assertEqual((headers["x-tier"], headers["Content-Type"]), ("1", "application/json"))
            self.assertEqual(headers["Idempotency-Key"], delivery)
            self.assertRegex(headers["baggage"], "^user_id=")

    def test_the_exit_status_of_wait_tells_who_said_no(self):
        answers = [(422, {}, b"no"), (200, {}, b"")]
        self.sidecar.answers[path_of("billing", "x")] = answers
        delivery = self.keep("invoke", "billing", "x")
        self.assertIn("answered 422", self.wait(delivery, status=8).stdout)
        letters = self.home.result("dead_letter.list")["dead_letters"]
        self.assertEqual([letter["name"] for letter in letters], [delivery])
        self.assertEqual(self.home.taskctl("dead-letters", "retry", letters[0]["id"]).returncode, 0)
        self.wait(delivery)
        self.sidecar.answers[path_of("hasty", "x")] = [(500, {}, b"")]
        self.assertIn("answered 500", self.wait(self.keep("invoke", "hasty", "x"), status=9).stdout)
        self.sidecar.answers[path_of("nobody", "x")] = [
            (403, {}, b'{"errorCode":"ERR_DIRECT_INVOKE","message":"denied"}')]
        run = self.wait(self.keep("invoke", "nobody", "x"), status=10)
        self.assertIn("the sidecar answered 403 ERR_DIRECT_INVOKE: denied", run.stdout)

    def test_waiting_has_an_end(self):
        self.sidecar.answers[path_of("patient", "x")] = [(503, {}, b"")]
        delivery = self.keep("invoke", "patient", "x")
        run = self.wait(delivery, "--timeout", "1s", status=7)
        self.assertIn("not within 1s: delivery", run.stderr)
        self.wait("0000aaaa", status=3)
        self.wait("x", status=2)

    def test_it_survives_kill_9(self):
        self.sidecar.answers[path_of("patient", "x")] = [(503, {}, b"")]
        self.home.start()
        delivery = self.keep("invoke", "patient", "x", "-d", "{}")
        support.wait_for(lambda: self.sidecar.requests, "an attempt")
        self.home.kill()
        self.sidecar.answers[path_of("patient", "x")] = [(200, {}, b"")]
        self.home.start()
        self.wait(delivery)
        keys = {headers["Idempotency-Key"] for _, _, headers, _ in self.sidecar.requests}
        self.assertEqual(keys, {delivery})

    def test_one_key_is_one_call(self):
        self.sidecar.answers[path_of("billing", "x")] = [(200, {}, b"")]
        first = self.keep("invoke", "billing", "x", "-d", "{}", "--idempotency-key", "k1")
        self.assertEqual(self.keep("invoke", "billing", "x", "-d", "{}", "--idempotency-key", "k1"),
                         first)
        self.keep("invoke", "billing", "x", "-d", "[]", "--idempotency-key", "k1", status=4)
        self.wait(first)
        self.assertEqual(len(self.sidecar.requests), 1)
        self.assertEqual(self.sidecar.requests[0][2]["Idempotency-Key"], "k1")

    def test_publish(self):
        run = self.home.taskctl("publish", "bus", "orders", "--type", "order.paid", "-d",
                                '{"order":7}', "--metadata", "partitionKey=ada", "--durable", "-q")
        self.assertEqual(run.returncode, 0, run.stderr)
        self.wait(run.stdout.strip())
        verb, target, headers, body = self.sidecar.requests[-1]
        self.assertEqual((verb, target), ("POST",
                                          "/v1.0/publish/bus/orders?metadata.partitionKey=ada"))
        self.assertEqual(headers["Content-Type"], "application/cloudevents+json")
        self.assertEqual(json.loads(body)["data"], {"order": 7})
        lines = "".join(json.dumps({"specversion": "1.0", "type": "a", "id": str(i), "source": "s",
                                    "data": i}) + "\n" for i in range(120))
        self.sidecar.answers["/v1.0/publish/bulk/bus/orders"] = [(404, {}, b"")]
        run = self.home.taskctl("publish", "bus", "orders", "-", "--durable", "-q", stdin=lines)
        self.assertEqual(run.returncode, 0, run.stderr)
        for delivery in run.stdout.split():
            self.wait(delivery)
        bulks = [json.loads(body) for _, target, _, body in self.sidecar.requests
                 if target == "/v1.0-alpha1/publish/bulk/bus/orders"]
        self.assertEqual(sorted(len(bulk) for bulk in bulks), [20, 100])

    def test_wrong_input_is_refused_before_anything_is_kept(self):
        self.home.start()
        for arguments, words in (
                (("invoke", "a", "x", "--durable", "--retries", "1"), "does not go with --durable"),
                (("invoke", "a", "x", "--durable", "--dry-run"), "does not go with --durable"),
                (("invoke", "a", "x", "--durable", "--keep-trying", "soon"), "soon"),
                (("invoke", "a", "x", "--durable", "--keep-trying", "60d"), "up to 30 days"),
                (("invoke", "a", "x", "--keep-trying", "1h"), "goes with --durable"),
                (("invoke", "a", "../x", "--durable"), "would leave the app")):
            run = self.home.taskctl(*arguments)
            self.assertEqual(run.returncode, 2, (arguments, run.stderr))
            self.assertIn(words, run.stderr)
        self.assertEqual(self.home.result("delivery.list")["deliveries"], [])
        self.assertEqual(self.sidecar.requests, [])

    def test_taskctl_shares_the_circuit_with_the_daemon(self):
        self.sidecar.answers[path_of("billing", "x")] = [(503, {}, b"")]
        self.home.start()
        for _ in range(5):
            run = self.home.taskctl("invoke", "billing", "x", "--retries", "0")
            self.assertEqual(run.returncode, 9, run.stderr)
        run = self.home.taskctl("invoke", "billing", "x")
        self.assertEqual(run.returncode, 10, run.stderr)
        self.assertRegex(run.stderr, r"billing was not called: its circuit is open after 5 failures "
                                     r"in a row; again in \d+ s")
        self.assertEqual(len(self.sidecar.requests), 5)
        delivery = self.keep("invoke", "billing", "x")
        state = self.home.result("delivery.get", delivery=delivery)
        self.assertEqual((state["state"], state["attempts"]), ("pending", 0))
        status = self.home.taskctl("status")
        self.assertRegex(status.stdout, r"circuit billing +open, 5 failures, \d+ calls not made")
        # Another app is not concerned.
        self.assertEqual(self.home.taskctl("invoke", "other", "x").returncode, 0)
        self.home.kill()
        self.assertEqual(self.home.taskctl("invoke", "billing", "x", "--retries", "0").returncode, 9)


if __name__ == "__main__":
    unittest.main()
