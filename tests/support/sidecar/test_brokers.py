# SPDX-License-Identifier: Apache-2.0
"""S7 and the broker side of S9: what the personalities do with answers, restarts, duplicates and order."""

import json
import threading
import unittest

from harness import App, Double, answers, header, subscribes, until


class Base(unittest.TestCase):
    """Two apps, `a` and `b`, that both subscribe to topic `t` of component `bus`."""

    kind = "inmemory"
    entry: dict = {}
    more: dict = {}

    def setUp(self) -> None:
        self.apps = {}
        for name in ("a", "b"):
            self.apps[name] = App({"/dapr/subscribe": subscribes(
                {"pubsubname": "bus", "topic": "t", "route": "/t", **self.entry}), "/t": answers(200)})
            self.addCleanup(self.apps[name].close)
        self.double = Double({"apps": [{"id": n, "app_port": app.port} for n, app in self.apps.items()] + [{"id": "p"}],
                              "components": [{"name": "bus", "type": self.kind}], **self.more})
        self.addCleanup(self.double.close)
        self.ready()
        self.a = self.apps["a"]

    def ready(self) -> None:
        for name in self.apps:
            self.double.wait(name, subscribed=1)

    def publish(self, *ids: str, query: str = "", topic: str = "t") -> None:
        for one in ids:
            self.assertEqual(self.double.call("p", "POST", f"/v1.0/publish/bus/{topic}{query}", json.dumps({"id": one}),
                                              {"Content-Type": "application/cloudevents+json"})[0], 204)

    def ids(self, count: int, app: str = "a") -> list[str]:
        return [json.loads(r["body"])["id"] for r in self.apps[app].wait(count, "/t")]

    def counter(self, name: str, least: int = 1) -> int:
        return until(lambda: (n := self.double.control("GET", "/counters").get(name, 0)) >= least and n, name)


class InMemory(Base):
    def test_one_delivery_per_group(self) -> None:
        self.publish("1")
        self.ids(1), self.ids(1, "b")
        self.counter("acked.bus.a"), self.counter("acked.bus.b")
        self.assertEqual([len(app.wait(1, "/t")) for app in self.apps.values()], [1, 1])

    def test_what_fails_is_lost(self) -> None:
        self.a.routes["/t"] = answers(500)
        self.publish("1")
        self.counter("lost.bus.a")
        self.a.routes["/t"] = answers(200)
        self.publish("2")
        self.counter("acked.bus.a")
        self.assertEqual(self.ids(2), ["1", "2"])

    def test_what_comes_while_dead_is_lost(self) -> None:
        self.double.control("POST", "/apps/a/kill")
        self.publish("1")
        self.double.control("POST", "/apps/a/start")
        self.ready()
        self.publish("2")
        self.assertEqual(self.ids(1), ["2"])

    def test_duplicates_and_reordering(self) -> None:
        self.double.control("POST", "/faults", [{"kind": "duplicate", "topic": "x", "nth": 1, "copies": 3},
                                                {"kind": "reorder", "topic": "y", "hold": 2}])
        self.publish("1", topic="x")
        self.assertEqual(len(self.double.messages("bus", "x")), 3)
        self.publish("1", "2", topic="y")
        self.assertEqual([json.loads(m["data"])["id"] for m in self.double.messages("bus", "y")], ["2", "1"])
        self.double.control("POST", "/deliver", {"component": "bus", "topic": "z", "order": [1, 0, 1],
                                                 "events": [{"data": "a"}, {"data": "b"}]})
        self.assertEqual([m["data"] for m in self.double.messages("bus", "z")], ["b", "a", "b"])


class Redis(Base):
    kind = "redis"
    more = {"time_scale": 0.005}

    def pending(self, group: str = "a") -> list[int]:
        return self.double.control("GET", "/topics/bus/t")["groups"][group]["pending"]

    def test_acked_whatever_the_answer(self) -> None:
        for status in (200, 500, 404):
            self.double.control("POST", "/clear")
            self.a.routes["/t"] = answers(status)
            self.publish(str(status))
            counters = until(lambda: (c := self.double.control("GET", "/counters")).get("acked.bus.a")
                             or c.get("lost.bus.a"))
            self.assertEqual((counters, self.pending()), (1, []))
        self.assertEqual(self.ids(3), ["200", "500", "404"])

    def test_what_a_handler_holds_too_long_comes_again_meanwhile(self) -> None:
        gate = threading.Event()
        self.addCleanup(gate.set)
        inside = []

        def slow(request: dict):
            inside.append(1)
            gate.wait(10)
            return 200, [], b""
        self.a.routes["/t"] = slow
        self.publish("1")
        self.assertEqual(self.ids(2)[:2], ["1", "1"])
        self.assertGreaterEqual(len(inside), 2)
        self.counter("reclaimed.bus.a")
        gate.set()
        until(lambda: self.pending() == [], "the ack")

    def test_a_sidecar_that_died_before_the_ack_gets_it_again(self) -> None:
        self.double.control("POST", "/faults", {"kind": "die_between_app_and_ack", "app": "a", "nth": 1,
                                                "restart_ms": 10})
        self.publish("1")
        self.assertEqual(self.ids(2), ["1", "1"])
        self.counter("acked.bus.a")

    def test_the_stream_keeps_what_comes_while_dead(self) -> None:
        self.double.control("POST", "/apps/a/kill")
        self.publish("1")
        self.double.control("POST", "/apps/a/start")
        self.assertEqual(self.ids(1), ["1"])


class Kafka(Base):
    kind = "kafka"

    def test_broker_headers(self) -> None:
        self.publish("1", query="?metadata.partitionKey=k")
        seen = self.a.wait(1, "/t")[0]["headers"]
        self.assertEqual((header(seen, "__key"), header(seen, "__topic"), header(seen, "__offset")), ("k", "t", "0"))
        self.assertTrue(header(seen, "__partition").isdigit() and header(seen, "__timestamp").isdigit())

    def test_one_key_is_one_partition_in_order(self) -> None:
        self.publish(*"123456789", query="?metadata.partitionKey=k")
        self.assertEqual(self.ids(9), list("123456789"))
        self.assertEqual(len({m["partition"] for m in self.double.messages("bus", "t")}), 1)

    def test_partition_number(self) -> None:
        self.publish("1", query="?metadata.partitionNumber=2")
        self.assertEqual(self.double.messages("bus", "t")[0]["partition"], 2)

    def test_a_failing_message_blocks_its_partition_only(self) -> None:
        def fails_one(request: dict):
            return (500 if json.loads(request["body"])["id"] == "bad" else 200), [], b""
        self.a.routes["/t"] = fails_one
        self.publish("bad", "behind", query="?metadata.partitionNumber=0")
        self.publish("other", query="?metadata.partitionNumber=1")
        seen = self.ids(8)
        self.assertGreater(seen.count("bad"), 5)
        self.assertIn("other", seen)
        self.assertNotIn("behind", seen)
        self.a.routes["/t"] = answers(200)
        until(lambda: "behind" in self.ids(1), "the unblocked message")

    def test_offsets_survive_a_restart(self) -> None:
        self.publish("1", query="?metadata.partitionNumber=0")
        self.counter("acked.bus.a")
        self.double.control("POST", "/apps/a/kill")
        self.publish("2", query="?metadata.partitionNumber=0")
        self.double.control("POST", "/apps/a/start")
        self.assertEqual(self.ids(2), ["1", "2"])

    def test_a_sidecar_that_died_before_the_ack_gets_it_again(self) -> None:
        self.double.control("POST", "/faults", {"kind": "die_between_app_and_ack", "app": "a", "nth": 1,
                                                "restart_ms": 10})
        self.publish("1")
        self.assertEqual(self.ids(2), ["1", "1"])
        self.counter("acked.bus.a")

    def test_a_new_group_starts_at_the_newest(self) -> None:
        late = App({"/dapr/subscribe": subscribes({"pubsubname": "bus", "topic": "old", "route": "/t"}),
                    "/t": answers(200)})
        self.addCleanup(late.close)
        self.publish("1", topic="old")
        self.double.control("POST", "/apps/b/kill")
        self.double.control("POST", "/apps/b/app_port", {"port": late.port})
        self.double.control("POST", "/apps/b/start")
        self.double.wait("b", subscribed=1)
        self.publish("2", topic="old")
        self.assertEqual([json.loads(r["body"])["id"] for r in late.wait(1, "/t")], ["2"])


class KafkaBulk(Base):
    kind = "kafka"
    entry = {"bulkSubscribe": {"enabled": True, "maxMessagesCount": 2, "maxAwaitDurationMs": 1000}}

    def test_only_the_entry_to_retry_comes_again(self) -> None:
        calls = []

        def handler(request: dict):
            entries = json.loads(request["body"])["entries"]
            calls.append([e["event"]["id"] for e in entries])
            words = ["RETRY" if e["event"]["id"] == "1" and len(calls) == 1 else "SUCCESS" for e in entries]
            return 200, [], json.dumps({"statuses": [{"entryId": e["entryId"], "status": w}
                                                     for e, w in zip(entries, words)]}).encode()
        self.a.routes["/t"] = handler
        self.double.control("POST", "/deliver", {"component": "bus", "topic": "t", "metadata": {"partitionNumber": "0"},
                                                 "events": [{"event": {"id": "1"}}, {"event": {"id": "2"}}]})
        self.counter("acked.bus.a", 2)
        self.assertEqual(calls, [["1", "2"], ["1"]])
