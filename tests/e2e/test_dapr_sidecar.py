# SPDX-License-Identifier: Apache-2.0
"""taskd and taskctl with a sidecar between them: invocation, events, and what goes wrong there."""

import json
import unittest

import support
from dapr_sidecar import Sidecars
from http_client import addresses

TOKEN = "the token of the app"


def completed(number):
    return {"event_id": f"e-{number}", "event_type": "task.completed", "task_id": number,
            "user_id": "ada", "payload": {"title": "t"}}


class SidecarTestCase(support.TestCase):
    BROKER = "kafka"

    def setUp(self):
        super().setUp()
        self.home.env["APP_API_TOKEN"] = TOKEN
        self.start()
        self.sidecars = Sidecars({
            "apps": [{"id": "taskd", "app_port": self.port, "app_api_token": TOKEN},
                     {"id": "shop", "api_token": "token of the shop"}],
            "components": [{"name": "bus", "type": self.BROKER}]})
        self.addCleanup(self.sidecars.close)
        self.sidecars.wait_subscribed("taskd", 1)

    def start(self):
        # One by one: a bulk would go through the same route.
        said = self.home.start("--http-listen", "127.0.0.1:0", "--dapr-pubsub", "bus",
                               "--dapr-topics", "task-events")
        self.assertEqual(said, "ready")
        self.port = next(addresses(self.home))[1]

    def taskctl(self, *arguments, app="shop", **options):
        env = {**self.home.env, "DAPR_HTTP_PORT": str(self.sidecars.port(app)),
               "DAPR_API_TOKEN": "token of the shop"}
        return self.home.taskctl(*arguments, env=env, **options)

    def deliver(self, *events, **more):
        self.sidecars.ask("/deliver", {"component": "bus", "topic": "task-events",
                                       "events": [{"event": event} for event in events], **more})

    def wrapped(self, data, number=0):
        return {"specversion": "1.0", "id": f"envelope-{number}", "source": "backend",
                "type": "com.dapr.event.sent", "datacontenttype": "application/json",
                "topic": "task-events", "pubsubname": "bus", "data": data}

    def stored(self, count):
        """The ids of tasks of the events that came in, once there are so many."""
        def enough():
            page = self.home.result("event.read", after=0, limit=1000, user_id="ada")
            found = [event["data"]["task_id"] for event in page["events"]
                     if not event["source"].startswith("/taskd/")]
            return found if len(found) >= count else None
        return support.wait_for(enough, f"{count} events")


class Invocation(SidecarTestCase):
    def test_an_app_is_called_through_two_sidecars(self):
        run = self.taskctl("invoke", "taskd", "health/live")
        self.assertEqual((run.returncode, run.stdout), (0, '{"status":"alive"}'), run.stderr)
        run = self.taskctl("invoke", "taskd", "nothing")
        self.assertEqual(run.returncode, 8, run.stderr)  # the app's own 404
        self.assertEqual(json.loads(run.stdout)["status"], 404)
        run = self.taskctl("invoke", "nobody", "x", "--retries", "0")
        self.assertEqual(run.returncode, 10, run.stderr)
        self.assertIn("ERR_DIRECT_INVOKE", run.stderr)

    def test_the_sidecars_token_is_needed(self):
        env = {**self.home.env, "DAPR_HTTP_PORT": str(self.sidecars.port("shop"))}
        run = self.home.taskctl("invoke", "taskd", "health", env=env)
        self.assertEqual(run.returncode, 8, run.stderr)

    def test_a_reset_is_tried_again_under_one_key(self):
        self.sidecars.ask("/faults", {"kind": "reset_after_headers", "hop": "sidecar", "app": "shop",
                                      "route": "/v1.0/invoke/*", "times": 1})
        run = self.taskctl("invoke", "taskd", "v1/rpc", "-d", "{}", "--timeout", "20s")
        self.assertEqual(run.returncode, 8, run.stdout + run.stderr)  # in the end taskd's 401


class Events(SidecarTestCase):
    def test_what_is_published_is_stored_once(self):
        for _ in range(2):
            run = self.taskctl("publish", "bus", "task-events", "--type", "task.completed", "-d",
                               json.dumps(completed(1)))
            self.assertEqual(run.returncode, 0, run.stderr)
        lines = "".join(json.dumps({"specversion": "1.0", "source": "/s", "type": "task.completed",
                                    "data": completed(n)}) + "\n" for n in range(2, 52))
        run = self.taskctl("publish", "bus", "task-events", "-", stdin=lines)
        self.assertEqual(run.returncode, 0, run.stderr)
        self.assertEqual(sorted(self.stored(51)), list(range(1, 52)))

    def test_repeats_and_their_order_change_nothing(self):
        events = [self.wrapped(completed(n), n) for n in range(5)]
        self.deliver(*events, order=[4, 0, 3, 3, 2, 4, 1, 0, 1])
        self.assertEqual(sorted(self.stored(5)), list(range(5)))

    def test_a_sidecar_that_dies_before_its_ack_delivers_again(self):
        self.sidecars.ask("/faults", {"kind": "die_between_app_and_ack", "app": "taskd", "times": 1,
                                      "route": "/dapr/events/*", "restart_ms": 50})
        self.deliver(*[self.wrapped(completed(n), n) for n in range(5)])
        self.assertEqual(sorted(self.stored(5)), list(range(5)))
        support.wait_for(lambda: self.sidecars.counter("killed.taskd"), "the sidecar's death")

    def test_taskd_may_die_at_any_time(self):
        for round_number in range(4):
            self.deliver(*[self.wrapped(completed(10 * round_number + n), 10 * round_number + n)
                           for n in range(10)])
            self.home.kill()
            self.start()
            self.sidecars.ask("/apps/taskd/app_port", {"port": self.port})
        self.assertEqual(sorted(self.stored(40)), list(range(40)))

    def test_poison_does_not_hold_up_what_is_behind_it(self):
        self.deliver(self.wrapped({"event_type": "x"}, 1), self.wrapped(completed(7), 2))
        self.assertEqual(self.stored(1), [7])
        letters = support.wait_for(
            lambda: self.home.result("dead_letter.list", origin="dapr")["dead_letters"], "a letter")
        self.assertIn("userid", letters[0]["reason"])


if __name__ == "__main__":
    unittest.main()
