# SPDX-License-Identifier: Apache-2.0
"""taskd as an app behind a Dapr sidecar: what the sidecar asks and delivers, on the wire."""

import json
import unittest

import support
from http_client import Connection, addresses

TOKEN = {"dapr-api-token": "the token of the app"}
CLOUD_EVENT = {**TOKEN, "Content-Type": "application/cloudevents+json"}


def wrapped(number, data, **changed):
    """An event as Dapr wraps what a service published: id and time are new with each publish."""
    return {"specversion": "1.0", "id": f"envelope-{number}", "source": "backend",
            "type": "com.dapr.event.sent", "datacontenttype": "application/json",
            "topic": "task-events", "pubsubname": "bus", "traceid": "", "traceparent": "",
            "tracestate": "", "time": f"2027-03-01T09:00:{number:02}Z", "data": data, **changed}


def completed(**changed):
    return {"event_id": "e-1", "event_type": "task.completed", "task_id": 17, "user_id": "ada",
            "payload": {"title": "Daily standup", "recurring_pattern": "DAILY",
                        "completed_at": "2027-03-01T09:00:00Z"}, **changed}


def without_id(**changed):
    event = completed(**changed)
    del event["event_id"]
    return event


class AppTestCase(support.TestCase):
    def serve(self, *arguments, token=TOKEN["dapr-api-token"]):
        if token:
            self.home.env["APP_API_TOKEN"] = token
        said = self.home.start("--http-listen", "127.0.0.1:0", "--dapr-pubsub", "bus",
                               "--dapr-topics", "task-events,orders/paid", *arguments)
        self.assertEqual(said, "ready", said)
        self.connection = Connection(next(addresses(self.home)))
        self.addCleanup(self.connection.close)

    def deliver(self, event, path="/dapr/events/task-events", fields=None):
        body = event if isinstance(event, bytes) else json.dumps(event).encode()
        return self.connection.ask("POST", path, CLOUD_EVENT if fields is None else fields, body)

    def assert_told(self, answer, status):
        self.assertEqual((answer.status, answer.json()), (200, {"status": status}), answer.body)

    def events(self, user="ada"):
        page = self.home.result("event.read", after=0, limit=100, user_id=user)
        return [event for event in page["events"] if not event["source"].startswith("/taskd/")]

    def letters(self):
        return self.home.result("dead_letter.list", origin="dapr")["dead_letters"]


class Deliveries(AppTestCase):
    def test_what_the_sidecar_asks_at_its_start(self):
        self.serve("--dapr-dead-letter-topic", "task-dead", "--dapr-bulk-max", "50")
        self.assertEqual(self.connection.ask("GET", "/dapr/config", TOKEN).json(), {})
        bulk = {"enabled": True, "maxMessagesCount": 50, "maxAwaitDurationMs": 100}
        self.assertEqual(self.connection.ask("GET", "/dapr/subscribe", TOKEN).json(), [
            {"pubsubname": "bus", "topic": "orders/paid", "route": "/dapr/events/orders.paid",
             "deadLetterTopic": "task-dead", "bulkSubscribe": bulk},
            {"pubsubname": "bus", "topic": "task-events", "route": "/dapr/events/task-events",
             "deadLetterTopic": "task-dead", "bulkSubscribe": bulk}])
        self.assertEqual(self.connection.ask("GET", "/healthz").status, 200)  # brings no token

    def test_an_event_is_stored_before_the_sidecar_is_told(self):
        self.serve()
        self.assert_told(self.deliver(wrapped(1, completed())), "SUCCESS")
        self.home.kill()
        self.serve()
        [event] = self.events()
        self.assertEqual((event["type"], event["userid"]), ("task.completed", "ada"))
        self.assertEqual(event["data"]["task_id"], 17)  # as it came

    def test_a_repeat_is_the_same_event_whatever_its_envelope(self):
        self.serve()
        for number in range(3):
            self.assert_told(self.deliver(wrapped(number, completed())), "SUCCESS")
        for number in range(3):
            self.assert_told(self.deliver(wrapped(number, without_id(task_id=18))), "SUCCESS")
        self.assert_told(self.deliver(without_id(task_id=19), "/api/events/task-events"), "SUCCESS")
        self.assert_told(self.deliver(without_id(task_id=19), "/api/events/task-events"), "SUCCESS")
        self.assertEqual([event["data"]["task_id"] for event in self.events()], [17, 18, 19])

    def test_an_id_of_another_service_may_be_a_text(self):
        self.serve()
        self.assert_told(self.deliver(wrapped(1, completed(task_id="t-17"))), "SUCCESS")
        self.assertEqual(self.events()[0]["data"]["task_id"], "t-17")

    def test_an_event_of_its_own_type_keeps_its_id(self):
        self.serve()
        own = wrapped(1, {"user_id": "ada", "n": 1}, type="order.paid", source="/shop")
        self.assert_told(self.deliver(own, "/dapr/events/orders.paid"), "SUCCESS")
        self.assert_told(self.deliver(own, "/dapr/events/orders.paid"), "SUCCESS")
        [event] = self.events()
        self.assertEqual((event["id"], event["type"]), ("envelope-1", "order.paid"))

    def test_poison_is_dropped_and_kept_with_its_reason(self):
        self.serve()
        poison = [b"{not json", b"\xff\xfe", b"[]", b"7", b"{}",
                  json.dumps(wrapped(1, {"event_type": "x"})).encode(),
                  json.dumps(wrapped(2, completed(), specversion="0.3")).encode(),
                  json.dumps(wrapped(3, completed(), userid="eve")).encode()]
        for body in poison:
            with self.subTest(body[:40]):
                self.assert_told(self.deliver(body), "DROP")
                self.assert_told(self.deliver(body), "DROP")  # again: the same letter
        letters = self.letters()
        self.assertEqual(len(letters), len(poison), letters)
        self.assertEqual({letter["name"] for letter in letters}, {"task-events"})
        reasons = " ".join(letter["reason"] for letter in letters)
        for word in ("userid", "specversion", "is not accepted"):
            self.assertIn(word, reasons)
        self.assertEqual(self.events(), [])

    def test_the_same_key_with_other_content_is_dropped_and_kept(self):
        self.serve()
        self.assert_told(self.deliver(wrapped(1, completed())), "SUCCESS")
        self.assert_told(self.deliver(wrapped(2, completed(task_id=99))), "DROP")
        self.assertEqual([event["data"]["task_id"] for event in self.events()], [17])

    def test_each_entry_of_a_bulk_has_its_own_answer(self):
        self.serve("--dapr-bulk-max", "10")
        entries = [{"entryId": "a", "event": wrapped(1, completed()),
                    "contentType": "application/cloudevents+json"},
                   {"entryId": "b", "event": wrapped(2, {"no": "user"})},
                   {"entryId": "c"},
                   {"event": wrapped(3, completed(event_id="e-3"))},
                   {"entryId": "d", "event": wrapped(4, completed(event_id="e-4"))}]
        bulk = {"id": "b-1", "type": "com.dapr.event.sent.bulk", "topic": "task-events",
                "pubsubname": "bus", "entries": entries}
        answer = self.deliver(bulk, fields={**TOKEN, "Content-Type": "application/json"})
        self.assertEqual(answer.status, 200)
        # What has no id can't be told of; the sidecar delivers it again.
        self.assertEqual(answer.json(), {"statuses": [
            {"entryId": "a", "status": "SUCCESS"}, {"entryId": "b", "status": "DROP"},
            {"entryId": "c", "status": "DROP"}, {"entryId": "d", "status": "SUCCESS"}]})
        self.assertEqual(len(self.events()), 2)

    def test_what_is_too_large_is_dropped_alone(self):
        self.serve("--dapr-bulk-max", "10")
        # A body that fits, and a message for it that does not.
        room = (4 << 20) - 8 - len(json.dumps(wrapped(1, completed(note=""))))
        wide = wrapped(1, completed(note="x" * room))
        self.assert_told(self.deliver(wide), "DROP")
        large = {"user_id": "ada", "note": "x" * 300000}
        entries = [{"entryId": str(n), "event": wrapped(n, large)} for n in range(13)]
        entries.append({"entryId": "good", "event": wrapped(20, completed(event_id="e-20"))})
        bulk = {"type": "com.dapr.event.sent.bulk", "topic": "task-events", "entries": entries}
        answer = self.deliver(bulk, fields={**TOKEN, "Content-Type": "application/json"})
        statuses = [entry["status"] for entry in answer.json()["statuses"]]
        self.assertEqual(statuses, ["DROP"] * 13 + ["SUCCESS"])
        self.assertEqual(len(self.letters()), 14)

    def test_a_quota_is_for_later(self):
        self.serve("--quota-event-bytes", "1")
        self.assert_told(self.deliver(wrapped(1, completed())), "SUCCESS")
        self.assert_told(self.deliver(wrapped(2, completed(event_id="e-2"))), "RETRY")
        self.assertEqual(self.letters(), [])


class Access(AppTestCase):
    def test_only_the_sidecar_may_ask(self):
        self.serve()
        wrong = [{}, {"dapr-api-token": "the token of the app2"}, {"dapr-api-token": ""},
                 {"Authorization": "Bearer " + TOKEN["dapr-api-token"]}]
        for fields in wrong:
            for method, path in (("GET", "/dapr/config"), ("GET", "/dapr/subscribe"),
                                 ("POST", "/dapr/events/task-events"),
                                 ("POST", "/api/events/task-events")):
                with self.subTest(path, fields=fields):
                    body = b"{}" if method == "POST" else None
                    self.assertEqual(
                        self.connection.ask(method, path, fields, body).status, 401)
        self.assertEqual(self.events(), [])
        self.assertEqual(self.letters(), [])

    def test_the_sidecars_token_opens_nothing_else(self):
        self.serve()
        for path in ("/v1/events", "/metrics"):
            self.assertEqual(self.connection.ask("GET", path, TOKEN).status, 401)

    def test_without_a_token_it_does_not_start_unless_that_is_wanted(self):
        said = self.home.start("--http-listen", "127.0.0.1:0", "--dapr-pubsub", "bus",
                               "--dapr-topics", "task-events")
        self.assertIn("APP_API_TOKEN", said)
        self.serve("--dapr-allow-no-token", "true", token=None)
        self.assert_told(self.deliver(wrapped(1, completed()), fields={}), "SUCCESS")

    def test_a_wrong_configuration_names_its_key(self):
        self.home.env["APP_API_TOKEN"] = "t"
        for arguments, key in ((["--dapr-topics", ""], "dapr.topics"),
                               (["--dapr-topics", "a b"], "dapr.topics"),
                               (["--dapr-topics", "a"], "http.listen")):
            with self.subTest(arguments):
                listen = [] if key == "http.listen" else ["--http-listen", "127.0.0.1:0"]
                said = self.home.start("--dapr-pubsub", "bus", *arguments, *listen)
                self.assertIn(key, said)

    def test_without_the_role_there_are_no_such_paths(self):
        self.home.start("--http-listen", "127.0.0.1:0")
        connection = Connection(next(addresses(self.home)))
        self.addCleanup(connection.close)
        for method, path in (("GET", "/dapr/config"), ("GET", "/dapr/subscribe"),
                             ("POST", "/dapr/events/x"), ("POST", "/api/events/task-events")):
            self.assertEqual(connection.ask(method, path, TOKEN, b"{}" if method == "POST" else None)
                             .status, 404)


if __name__ == "__main__":
    unittest.main()
