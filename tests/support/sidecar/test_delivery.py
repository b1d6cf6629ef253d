# SPDX-License-Identifier: Apache-2.0
"""S6: the delivery tables of section 5, single and bulk, routing, dead letters, expiry."""

import base64
import json
import unittest

from harness import App, Double, answers, header, subscribes, until

ZERO = "00-" + "0" * 32 + "-" + "0" * 16 + "-00"
ACKED, LOST, DEAD = "acked.bus.a", "lost.bus.a", "dead_letter.a"


def rule(match: str, path: str) -> dict:
    return {"match": match, "path": path}


class Base(unittest.TestCase):
    entries: list[dict] = []
    version = "1.18"

    @classmethod
    def setUpClass(cls) -> None:
        cls.app = App({"/dapr/subscribe": subscribes(*({"pubsubname": "bus", **e} for e in cls.entries))})
        cls.double = Double({"apps": [{"id": "a", "app_port": cls.app.port, "app_api_token": "tok"}],
                             "version": cls.version, "components": [{"name": "bus", "type": "inmemory"}]})
        cls.double.wait("a", subscribed=len(cls.entries))

    @classmethod
    def tearDownClass(cls) -> None:
        cls.double.close()
        cls.app.close()

    def setUp(self) -> None:
        self.app.requests.clear()
        self.double.control("POST", "/clear")

    def tearDown(self) -> None:
        """Nothing of this test may still be under way when the next one counts."""
        dead_is_heard = any(e["topic"] == "dead" for e in self.entries)

        def look() -> bool:
            counters = self.double.control("GET", "/counters")
            under_way = counters.get("published.bus", 0) - (0 if dead_is_heard else counters.get(DEAD, 0))
            return counters.get(ACKED, 0) + counters.get(LOST, 0) >= under_way
        until(look, "the end of all deliveries")

    def publish(self, topic: str, body="x", kind: str = "text/plain", query: str = "") -> None:
        self.assertEqual(self.double.call("a", "POST", f"/v1.0/publish/bus/{topic}{query}", body,
                                          {"Content-Type": kind})[0], 204)

    def settled(self, count: int = 1) -> dict:
        """The counters once `count` messages are acked or lost."""
        def look() -> dict | None:
            counters = self.double.control("GET", "/counters")
            return counters if counters.get(ACKED, 0) + counters.get(LOST, 0) >= count else None
        return until(look, "settling")

    def outcome(self, topic: str) -> str:
        counters = self.settled()
        if counters.get(DEAD) and any(e["topic"] == "dead" for e in self.entries):
            counters = self.settled(2)
        dead = "dead+" if counters.get(DEAD) else ""
        return dead + ("acked" if counters.get(ACKED) else "lost")


class Single(Base):
    entries = [{"topic": "plain", "route": "/plain"}, {"topic": "kept", "route": "/kept", "deadLetterTopic": "dead"},
               {"topic": "raw", "route": "/raw", "metadata": {"rawPayload": "true"}}, {"topic": "dead", "route": "/dead"},
               {"topic": "noslash", "route": "noslash"}]
    ROWS = [
        (answers(200), "acked", "acked"), (answers(204), "acked", "acked"), (answers(201, "no json"), "acked", "acked"),
        (answers(200, "{}"), "acked", "acked"), (answers(200, '{"status":""}'), "acked", "acked"),
        (answers(200, '{"status":"SUCCESS"}'), "acked", "acked"), (answers(200, "[1]"), "acked", "acked"),
        (answers(200, '{"status":"RETRY"}'), "lost", "dead+acked"),
        (answers(200, '{"status":"DROP"}'), "acked", "dead+acked"),
        (answers(200, '{"status":"success"}'), "lost", "dead+acked"),
        (answers(200, '{"status":"Drop"}'), "lost", "dead+acked"),
        (answers(200, '{"status":"ok"}'), "lost", "dead+acked"),
        (answers(404), "acked", "dead+acked"), (answers(404, '{"status":"SUCCESS"}'), "acked", "dead+acked"),
        (answers(302), "lost", "dead+acked"), (answers(400), "lost", "dead+acked"), (answers(500), "lost", "dead+acked"),
        (answers(500, '{"status":"SUCCESS"}'), "lost", "dead+acked"), (answers(503), "lost", "dead+acked"),
    ]

    def test_answers(self) -> None:
        for number, (answer, plain, kept) in enumerate(self.ROWS):
            for topic, wanted in (("plain", plain), ("kept", kept)):
                with self.subTest(row=number, topic=topic):
                    self.setUp()
                    self.app.routes["/" + topic] = answer
                    self.app.routes["/dead"] = answers(200)
                    self.publish(topic)
                    self.app.wait(1, "/" + topic)
                    self.assertEqual(self.outcome(topic), wanted)
                    self.assertEqual(len([r for r in self.app.requests if r["path"] == "/" + topic]), 1)

    def test_a_connection_error_is_a_retry(self) -> None:
        self.double.control("POST", "/faults", {"kind": "refuse", "route": "/plain"})
        self.publish("plain")
        self.assertEqual(self.outcome("plain"), "lost")

    def test_what_the_app_gets(self) -> None:
        self.app.routes["/plain"] = answers(200)
        self.publish("plain", '{"a":1}', "application/json", "?metadata.one=two")
        seen = self.app.wait(1, "/plain")[0]
        self.assertEqual(seen["method"], "POST")
        for name, value in (("content-type", "application/cloudevents+json"), ("pubsubname", "bus"), ("one", "two"),
                            ("traceparent", ZERO), ("dapr-api-token", "tok"), ("dapr-caller-app-id", None)):
            self.assertEqual(header(seen["headers"], name), value)
        self.assertEqual(json.loads(seen["body"])["data"], {"a": 1})

    def test_the_events_trace_is_a_header(self) -> None:
        trace = "00-" + "a" * 32 + "-" + "b" * 16 + "-01"
        self.publish("noslash", '{"id":"1","traceparent":"%s"}' % trace, "application/cloudevents+json")
        self.assertEqual(header(self.app.wait(1, "/noslash")[0]["headers"], "traceparent"), trace)

    def test_the_dead_letter_is_the_unchanged_event(self) -> None:
        self.app.routes["/kept"] = answers(500)
        self.app.routes["/dead"] = answers(200)
        self.publish("kept", '{"id":"1","x":"<>"}', "application/cloudevents+json", "?metadata.m=n")
        dead = self.app.wait(1, "/dead")[0]
        self.assertEqual(dead["body"], self.app.wait(1, "/kept")[0]["body"])
        self.assertEqual(json.loads(dead["body"])["topic"], "kept")
        self.assertEqual(header(dead["headers"], "m"), "n")

    def test_an_expired_event_is_dropped_and_so_is_its_dead_letter(self) -> None:
        event = {"id": "1", "expiration": "2001-01-01T00:00:00Z"}
        self.double.control("POST", "/deliver", {"component": "bus", "topic": "kept", "event": event})
        self.settled(2)
        self.assertEqual(len(self.double.log(2, what="expired")), 2)
        self.assertEqual([r["path"] for r in self.app.requests], [])

    def test_raw_subscription(self) -> None:
        self.app.routes["/raw"] = answers(200)
        self.double.control("POST", "/deliver", {"component": "bus", "topic": "raw", "data_base64": "AP8=", "copies": 2})
        one, two = [json.loads(r["body"]) for r in self.app.wait(2, "/raw")]
        self.assertEqual((one["data_base64"], one["datacontenttype"]), ("AP8=", "application/octet-stream"))
        self.assertNotEqual(one["id"], two["id"])

    def test_no_event_is_not_delivered(self) -> None:
        self.double.control("POST", "/deliver", {"component": "bus", "topic": "plain", "data": "no json"})
        self.assertEqual(self.outcome("plain"), "lost")
        self.assertEqual(self.app.requests, [])


class Old(Base):
    version = "1.16"
    entries = [{"topic": "kept", "route": "/kept", "deadLetterTopic": "dead"}]

    def test_before_1_17_a_404_is_dropped_without_dead_letter(self) -> None:
        self.publish("kept")
        self.assertEqual(self.outcome("kept"), "acked")


class Routing(Base):
    entries = [{"topic": "t", "deadLetterTopic": "dead", "routes": {"rules": [
        rule('event.type == "one"', "/one"), rule('event.type != "x" && event.data.n > 5', "/big"),
        rule('has(event.subject) && event.subject in ["s1", "s2"]', "/subject"),
        rule('event.source == "p" || event.data.q == true', "/or"), rule("event.type.startsWith('pre')", "/pre")]}},
        {"topic": "d", "route": "/route", "routes": {"rules": [rule("event.type == 'one'", "/one")], "default": "/def"}}]

    def path(self, topic: str, **event) -> str | None:
        self.setUp()
        self.app.routes["*"] = answers(200)
        self.publish(topic, json.dumps({"id": "1", "type": "x", **event}), "application/cloudevents+json")
        self.settled()
        return next((r["path"] for r in self.app.requests), None)

    def test_rules(self) -> None:
        for event, path in (({"type": "one"}, "/one"), ({"type": "y", "data": {"n": 6}}, "/big"),
                            ({"type": "y", "data": {"n": 5}}, None), ({"subject": "s2"}, "/subject"),
                            ({"subject": "s3"}, None), ({"source": "p"}, "/or"), ({"data": {"q": True}}, "/or"),
                            ({"type": "prefix"}, "/pre")):
            self.assertEqual(self.path("t", **event), path, event)

    def test_no_match_goes_to_the_dead_letter_topic(self) -> None:
        self.assertIsNone(self.path("t"))
        self.assertEqual(self.double.control("GET", "/counters").get(DEAD), 1)

    def test_default(self) -> None:
        self.assertEqual(self.path("d", type="one"), "/one")
        self.assertEqual(self.path("d"), "/def")


class Declared(unittest.TestCase):
    def test_programmatic_replaces_declared(self) -> None:
        def resource(topic: str, **more) -> dict:
            return {"kind": "Subscription", "apiVersion": "dapr.io/v2alpha1", "metadata": {"name": topic},
                    "spec": {"pubsubname": "bus", "topic": topic, "routes": {"default": "/declared"}}, **more}
        app = App({"/dapr/subscribe": subscribes({"pubsubname": "bus", "topic": "t", "route": "/own"})})
        double = Double({"apps": [{"id": "a", "app_port": app.port}], "components": [{"name": "bus", "type": "inmemory"}],
                         "subscriptions": [resource("t"), resource("u"), resource("v", scopes=["other"])]})
        try:
            double.wait("a", subscribed=2)
            found = json.loads(double.call("a", "GET", "/v1.0/metadata")[2])["subscriptions"]
            self.assertEqual({s["topic"]: (s["rules"][0]["path"], s["type"]) for s in found},
                             {"t": ("/own", "PROGRAMMATIC"), "u": ("/declared", "DECLARATIVE")})
        finally:
            double.close()
            app.close()


class BulkDelivery(Base):
    bulk = {"enabled": True, "maxMessagesCount": 2, "maxAwaitDurationMs": 20000}
    entries = [{"topic": "t", "route": "/t", "bulkSubscribe": bulk, "deadLetterTopic": "dead"},
               {"topic": "raw", "route": "/raw", "bulkSubscribe": bulk, "metadata": {"rawPayload": "true"}},
               {"topic": "few", "route": "/few", "bulkSubscribe": {**bulk, "maxAwaitDurationMs": 100}}]

    def answered(self, make) -> str:
        """Two events; `make(ids)` gives status and body. One letter per entry: acked, dead-lettered, lost."""
        self.setUp()

        def handler(request: dict):
            ids = [e["entryId"] for e in json.loads(request["body"])["entries"]]
            status, body = make(ids)
            return status, [], body.encode() if isinstance(body, str) else json.dumps(body).encode()
        self.app.routes["/t"] = handler
        self.double.control("POST", "/deliver", {"component": "bus", "topic": "t", "events": [
            {"event": {"id": "1"}}, {"event": {"id": "2"}}]})
        self.settled(2)
        dead = [e["topic"] for e in self.double.control("GET", "/log", what="dead_letter")]
        return f"{len(dead)} dead of {len(json.loads(self.app.wait(1, '/t')[0]['body'])['entries'])}"

    def test_answers(self) -> None:
        def statuses(*words):
            return lambda ids: (200, {"statuses": [{"entryId": i, **({} if w is None else {"status": w})}
                                                   for i, w in zip(ids, words)]})
        for make, dead in (
                (statuses("SUCCESS", "SUCCESS"), 0), (statuses("SUCCESS", "RETRY"), 1), (statuses("SUCCESS"), 1),
                (statuses("SUCCESS", ""), 1), (statuses("SUCCESS", None), 1), (statuses("success", "SUCCESS"), 1),
                (statuses("DROP", "SUCCESS"), 1), (lambda ids: (200, ""), 2), (lambda ids: (200, "no json"), 2),
                (lambda ids: (200, {}), 2), (lambda ids: (200, {"status": "SUCCESS"}), 2), (lambda ids: (200, []), 2),
                (lambda ids: (500, {"statuses": [{"entryId": i, "status": "SUCCESS"} for i in ids]}), 2),
                (lambda ids: (404, ""), 0)):
            self.assertEqual(self.answered(make), f"{dead} dead of 2")

    def test_envelope(self) -> None:
        self.app.routes["/t"] = answers(404)
        self.publish("t", '{"a":1}', "application/json", "?metadata.m=n")
        self.publish("t", "x")
        seen = self.app.wait(1, "/t")[0]
        self.assertEqual(header(seen["headers"], "content-type"), "application/json")
        self.assertEqual(header(seen["headers"], "dapr-api-token"), "tok")
        body = json.loads(seen["body"])
        self.assertEqual((body["type"], body["topic"], body["pubsubname"]), ("com.dapr.event.sent.bulk", "t", "bus"))
        self.assertEqual(set(body), {"id", "type", "topic", "pubsubname", "metadata", "entries"})
        first = body["entries"][0]
        self.assertEqual((first["event"]["data"], first["contentType"], first["metadata"]["m"]),
                         ({"a": 1}, "application/cloudevents+json", "n"))

    def test_raw_entries_are_base64(self) -> None:
        self.double.control("POST", "/deliver", {"component": "bus", "topic": "raw", "data": "ab", "copies": 2})
        entry = json.loads(self.app.wait(1, "/raw")[0]["body"])["entries"][0]
        self.assertEqual(base64.b64decode(entry["event"]), b"ab")

    def test_the_await_duration_ends_a_batch(self) -> None:
        self.publish("few")
        self.assertEqual(len(json.loads(self.app.wait(1, "/few")[0]["body"])["entries"]), 1)
