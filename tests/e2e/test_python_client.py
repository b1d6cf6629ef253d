# SPDX-License-Identifier: Apache-2.0
"""A client of taskd as somebody outside would write it, from taskd-protocol(7) alone, and tests that
try what the manual states. Where daemon and manual differ the test says what the manual says and is
marked as an expected failure."""

import collections
import datetime
import json
import re
import signal
import threading
import time
import unittest

import zmq

import support

UTC = datetime.timezone.utc
TIME = re.compile(r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$")
# The table of taskd-protocol(7), ERRORS.
CODES = {
    "invalid_argument": {-32602, -32700, -32600, -32601},
    "not_found": {-32001},
    "conflict": {-32002},
    "failed_precondition": {-32003},
    "permission_denied": {-32004},
    "unauthenticated": {-32005},
    "unavailable": {-32006},
    "deadline_exceeded": {-32007},
    "unknown": {-32008},
    "resource_exhausted": {-32009},
    "data_loss": {-32010},
    "internal": {-32603},
}


# ---- the client, from the manual -----------------------------------------------------------------


class Refused(Exception):
    """An error reply."""

    def __init__(self, error):
        super().__init__(error["message"])
        self.error = error


class Client:
    """Requests and replies over one socket; DEALER, or REQ for one at a time."""

    def __init__(self, home, kind=zmq.DEALER):
        self.socket = home.socket(kind, "requests")
        self.ids = 0
        self.early = {}

    def close(self):
        self.socket.close()

    def request(self, method, **params):
        self.ids += 1
        return {"jsonrpc": "2.0", "id": self.ids, "method": method, "params": params}

    def send_bytes(self, *frames):
        self.socket.send_multipart(list(frames))

    def send(self, message):
        self.send_bytes(json.dumps(message).encode())

    def frames(self, deadline=support.DEADLINE):
        if not self.socket.poll(deadline * 1000):
            raise AssertionError("no reply")
        return self.socket.recv_multipart()

    def receive(self, deadline=support.DEADLINE):
        frames = self.frames(deadline)
        assert len(frames) == 1, frames
        return json.loads(frames[0])

    def reply_to(self, number, deadline=support.DEADLINE):
        """The reply with that id; others that come before are kept."""
        while number not in self.early:
            reply = self.receive(deadline)
            self.early[reply["id"]] = reply
        return self.early.pop(number)

    def call(self, method, **params):
        request = self.request(method, **params)
        self.send(request)
        return self.reply_to(request["id"])

    def result(self, method, **params):
        reply = self.call(method, **params)
        if "error" in reply:
            raise Refused(reply["error"])
        return reply["result"]

    def batch(self, *requests):
        self.send(list(requests))
        return self.receive()


class Subscriber:
    """Misses nothing: subscribe, read until next equals head, then live; read again on any doubt."""

    def __init__(self, home, client, after=0, hwm=None):
        self.client = client
        endpoint = client.result("bus.endpoint")["endpoint"]
        # home.socket() would subscribe and connect too, but the manual tells to ask for the endpoint.
        self.socket = home.context.socket(zmq.SUB)
        self.socket.linger = 0
        if hwm is not None:
            self.socket.rcvhwm = hwm
        self.socket.connect(endpoint)
        self.socket.subscribe(b"")
        self.after = after
        self.events = []
        self.heads = 0
        self.dropped = 0
        self.reread = 0
        self.datarefs = 0
        self.read()

    def read(self):
        while True:
            page = self.client.result("event.read", after=self.after, limit=1000)
            self.events += page["events"]
            self.after = page["next"]
            if page["next"] == page["head"]:
                return

    def take(self, deadline=support.DEADLINE):
        """One message of the bus; after a silence, and the manual's minute is one, reads the log."""
        if not self.socket.poll(min(deadline, 60) * 1000):
            self.read()
            return
        topic, number, body = self.socket.recv_multipart()
        number = int(number)
        if topic == b"taskd.head":
            assert json.loads(body) == {"head": number}, body
            self.heads += 1
            if number > self.after:
                self.reread += 1
                self.read()
            return
        event = json.loads(body)
        assert event["type"].encode() == topic and event["userseq"] == number, body
        if number <= self.after:
            self.dropped += 1
        elif number > self.after + 1:
            self.reread += 1
            self.read()
        else:
            if "data" not in event:
                assert event["dataref"], body
                self.datarefs += 1
                event = self.client.result("event.read", after=number - 1, limit=1)["events"][0]
            self.events.append(event)
            self.after = number

    def until(self, condition, what, deadline=support.DEADLINE):
        end = time.monotonic() + deadline
        while not condition():
            left = end - time.monotonic()
            if left <= 0:
                raise AssertionError(f"not within {deadline} s: {what}")
            self.take(left)

    def until_type(self, kind, task=None):
        def found():
            return [e for e in self.events
                    if e["type"] == kind and (task is None or e["subject"] == task)]
        self.until(found, f"{kind} of {task}")
        return found()[-1]


# ---- tests ---------------------------------------------------------------------------------------


def rfc3339(instant):
    return instant.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.") + f"{instant.microsecond // 1000:03}Z"


def soon(seconds):
    return rfc3339(datetime.datetime.now(UTC) + datetime.timedelta(seconds=seconds))


def parse(text):
    return datetime.datetime.fromisoformat(text.replace("Z", "+00:00"))


class ClientTest(support.TestCase):
    def setUp(self):
        super().setUp()
        self.assertEqual(self.home.start(), "ready")
        self.client = self.connect()

    def connect(self, kind=zmq.DEALER):
        client = Client(self.home, kind)
        self.addCleanup(client.close)
        return client

    def subscribe(self, **options):
        subscriber = Subscriber(self.home, self.client, **options)
        self.addCleanup(subscriber.socket.close)
        return subscriber

    def bus(self, topic):
        socket = self.home.socket(zmq.SUB, "events")
        self.addCleanup(socket.close)
        socket.unsubscribe(b"")
        socket.subscribe(topic)
        return socket

    def add(self, summary="x", **params):
        return self.client.result("task.add", summary=summary, **params)

    def head(self):
        return self.client.result("admin.health")["event_head"]

    def events(self, after=0, **params):
        return self.client.result("event.read", after=after, limit=1000, **params)["events"]

    def alive(self):
        """The daemon is the one that was started, and answers."""
        self.assertIsNone(self.home.process.poll())
        client = self.connect(zmq.REQ)
        health = client.result("admin.health")
        client.close()
        self.assertEqual(health["pid"], self.home.process.pid)
        self.assertEqual(health["status"], "ok")

    def check_refusal(self, reply, reason, field=None, code=None):
        self.assertIn("error", reply)
        self.assertNotIn("result", reply)
        self.assertEqual(reply["jsonrpc"], "2.0")
        error = reply["error"]
        self.assertEqual(error["data"]["reason"], reason, error)
        self.assertIn(error["code"], CODES[reason], error)
        self.assertTrue(error["message"])
        if code is not None:
            self.assertEqual(error["code"], code, error)
        if field is not None:
            self.assertEqual(error["data"].get("field"), field, error)
        return error

    def refuse(self, reason, field, method, code=None, **params):
        return self.check_refusal(self.client.call(method, **params), reason, field, code)


class Messages(ClientTest):
    """REQUESTS: sockets, frames, batches, notifications."""

    def test_req_and_dealer(self):
        request = json.dumps(self.client.request("bus.endpoint")).encode()
        rep = self.connect(zmq.REQ)
        for _ in range(3):
            rep.send_bytes(request)
            self.assertIn("result", rep.receive())
        self.client.send_bytes(request)  # DEALER, one frame: one frame back
        self.assertEqual(len(self.client.frames()), 1)
        self.client.send_bytes(b"", request)  # the delimiter is mirrored
        frames = self.client.frames()
        self.assertEqual(len(frames), 2)
        self.assertEqual(frames[0], b"")
        self.assertIn("result", json.loads(frames[1]))

    def test_ids_are_mirrored(self):
        for number in (0, -7, 2**53, "text", "", "ü\n"):
            self.client.send({"jsonrpc": "2.0", "id": number, "method": "bus.endpoint"})
            reply = self.client.receive()
            self.assertEqual(reply["id"], number)
            self.assertEqual(reply["jsonrpc"], "2.0")
            self.assertIn("result", reply)

    def test_order_of_one_client(self):
        for number in range(200):
            self.client.send(self.client.request("task.add", summary=f"n{number}"))
        numbers = [self.client.receive()["result"]["task"]["number"] for _ in range(200)]
        self.assertEqual(numbers, list(range(1, 201)))
        tasks = self.client.result("task.list", sort="number", limit=1000)["tasks"]
        self.assertEqual([t["summary"] for t in tasks], [f"n{n}" for n in range(200)])

    def test_clients_at_once(self):
        failures = []

        def work(index):
            client = self.connect(zmq.REQ)
            try:
                for number in range(20):
                    client.result("task.add", summary=f"c{index}-{number}",
                                  idempotency_key=f"c{index}-{number}")
            except BaseException as error:  # pylint: disable=broad-except
                failures.append(error)
            finally:
                client.close()

        threads = [threading.Thread(target=work, args=(index,)) for index in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        self.assertEqual(failures, [])
        page = self.client.result("task.list", sort="number", limit=1000)
        self.assertEqual(page["total"], 160)
        self.assertEqual([t["number"] for t in page["tasks"]], list(range(1, 161)))

    def test_batches(self):
        c = self.client
        replies = c.batch(*[c.request("task.add", summary=f"b{n}") for n in range(100)])
        self.assertEqual(len(replies), 100)
        self.assertEqual([r["result"]["task"]["number"] for r in replies], list(range(1, 101)))
        single = c.request("task.get", task="1")
        self.assertEqual([r["id"] for r in c.batch(single)], [single["id"]])
        # One wrong request does not spoil the others; a notification has no entry.
        good, bad = c.request("task.get", task="2"), c.request("task.get", task="999")
        silent = {"jsonrpc": "2.0", "method": "task.add", "params": {"summary": "silent"}}
        replies = {r["id"]: r for r in c.batch(bad, silent, good)}
        self.assertEqual(set(replies), {good["id"], bad["id"]})
        self.assertEqual(replies[good["id"]]["result"]["task"]["number"], 2)
        self.check_refusal(replies[bad["id"]], "not_found", "task")
        self.assertEqual(c.result("task.get", task="101")["task"]["summary"], "silent")
        for size in (0, 101):
            c.send([c.request("task.add", summary="never") for _ in range(size)])
            error = self.check_refusal(c.receive(), "invalid_argument", code=-32600)
            self.assertIn("100", error["message"])
        self.assertEqual(c.result("task.list", text="never")["total"], 0)

    def test_notifications(self):
        c = self.client
        c.send({"jsonrpc": "2.0", "method": "task.add", "params": {"summary": "silent"}})
        c.send({"jsonrpc": "2.0", "method": "no.such", "params": {}})
        c.send({"jsonrpc": "2.0", "method": "task.add", "params": {}})
        c.send([{"jsonrpc": "2.0", "method": "task.add", "params": {"summary": "silent 2"}}])
        request = c.request("task.list", sort="number")
        c.send(request)
        reply = c.receive()  # the first and only reply
        self.assertEqual(reply["id"], request["id"])
        self.assertEqual([t["summary"] for t in reply["result"]["tasks"]], ["silent", "silent 2"])

    def test_unknown_fields_are_ignored(self):
        task = self.add("x", no_such_field={"a": [1]}, traceparent="00-ab-cd-01")["task"]
        self.assertEqual(task["summary"], "x")
        self.client.send({**self.client.request("admin.health"), "extra": True})
        self.assertIn("result", self.client.receive())

    def test_not_requests(self):
        c = self.client
        for bytes_ in (b'{"jsonrpc":"2.0"', b"x", b"{} {}", b"\xff\xfe",
                       b'{"jsonrpc":"2.0","id":1,"method":"task.add","params":{"summary":"\xff"}}',
                       b'{"jsonrpc":"2.0","id":1,"method":"task.add","params":{"summary":"\xed\xa0\x80"}}'):
            c.send_bytes(bytes_)
            reply = c.receive()
            self.assertIsNone(reply["id"])
            self.check_refusal(reply, "invalid_argument", "json", -32700)
        for message in (5, None, "x", {}, {"jsonrpc": "1.0", "id": 1, "method": "admin.health"},
                        {"jsonrpc": "2.0", "id": 1}, {"jsonrpc": "2.0", "id": 1, "method": 5}):
            c.send(message)
            self.check_refusal(c.receive(), "invalid_argument", code=-32600)
        for params in ([], "x", 5):
            c.send({"jsonrpc": "2.0", "id": 1, "method": "admin.health", "params": params})
            self.check_refusal(c.receive(), "invalid_argument", "params", -32602)
        error = self.refuse("invalid_argument", "method", "task.ad", -32601)
        self.assertIn("task.add", error["data"]["hint"])
        self.assertEqual(self.client.result("task.list")["total"], 0)
        self.alive()


class Limits(ClientTest):
    """REQUESTS, LIMITS."""

    def test_nesting(self):
        text = '{"jsonrpc":"2.0","id":1,"method":"admin.health","params":{"x":%s}}'
        for lists, accepted in ((70, True), (71, False), (100000, False)):
            self.client.send_bytes((text % ("[" * lists + "]" * lists)).encode())
            reply = self.client.receive()
            if accepted:
                self.assertIn("result", reply)
            else:
                self.assertIn("72", self.check_refusal(reply, "invalid_argument")["message"])
        self.alive()

    def test_lengths(self):
        notes = "é" * 32768
        self.assertEqual(self.add("é" * 512, notes=notes)["task"]["notes"], notes)
        tags = [f"t{n:02}" for n in range(31)] + ["t" * 64]
        self.assertEqual(sorted(self.add("x", tags=tags, project="p" * 64)["task"]["tags"]), sorted(tags))
        due = "2031-01-31 09:00"
        spans = [f"{n + 1}m" for n in range(16)]
        self.assertEqual(len(self.add("x", due=due, remind=spans)["reminders"]), 16)
        head = self.head()
        for field, bound, params in (
                ("summary", "1024", {"summary": "é" * 512 + "x"}),
                ("notes", "65536", {"notes": notes + "x"}),
                ("tags", "32", {"tags": tags + ["more"]}),
                ("tags", "64", {"tags": ["t" * 65]}),
                ("project", "64", {"project": "p" * 65}),
                ("remind", "16", {"due": due, "remind": spans + ["99m"]}),
                ("idempotency_key", "255", {"idempotency_key": "k" * 256}),
                ("idempotency_key", None, {"idempotency_key": ""}),
                ("priority", "9", {"priority": 10}),
                ("priority", "0", {"priority": -1}),
                ("summary", None, {"summary": ""})):
            error = self.check_refusal(self.client.call("task.add", **{"summary": "x", **params}),
                                       "invalid_argument", field, -32602)
            if bound:
                self.assertIn(bound, error["message"])
        self.assertEqual(self.head(), head)
        self.add("x", idempotency_key="k" * 255)

    def test_pages_and_waits(self):
        for method in ("task.list", "series.list", "delivery.list", "event.read", "event.list"):
            self.client.result(method, limit=1000)
            error = self.refuse("invalid_argument", "limit", method, limit=1001)
            self.assertIn("1000", error["message"])
            self.refuse("invalid_argument", "limit", method, limit="10")
        self.add()
        self.assertEqual(len(self.client.result("event.read", wait_ms=60000)["events"]), 1)
        error = self.refuse("invalid_argument", "wait_ms", "event.read", wait_ms=60001)
        self.assertIn("60", error["message"])

    def test_channels(self):
        for number in range(32):
            self.client.result("channel.set", name=f"c{number}", kind="exec", argv=["/bin/true"])
        error = self.refuse("resource_exhausted", None, "channel.set", name="more", kind="exec",
                            argv=["/bin/true"])
        self.assertIn("32", error["message"])
        self.client.result("channel.set", name="c31", kind="exec", argv=["/bin/false"])
        self.client.result("channel.remove", name="c0")
        self.client.result("channel.set", name="more", kind="exec", argv=["/bin/true"])
        self.assertEqual(len(self.client.result("channel.list")["channels"]), 32)

    def test_long_polls(self):
        c = self.client
        for number in range(257):
            c.send({"jsonrpc": "2.0", "id": number, "method": "event.read",
                    "params": {"after": 0, "wait_ms": 60000}})
        error = self.check_refusal(c.receive(), "resource_exhausted", "wait_ms")
        self.assertIn("256", error["message"])
        other = self.connect()
        other.result("task.add", summary="wake")
        replies = [c.receive() for _ in range(256)]
        self.assertEqual({r["id"] for r in replies}, set(range(256)))
        for reply in replies:
            self.assertEqual([e["userseq"] for e in reply["result"]["events"]], [1])
        # They are free again.
        poll = c.request("event.read", after=1, wait_ms=60000)
        c.send(poll)
        c.result("bus.endpoint")  # the poll was run before this, and waits now
        other.result("task.add", summary="wake again")
        self.assertEqual(len(c.reply_to(poll["id"])["result"]["events"]), 1)

    def test_frames(self):
        c = self.client
        request = json.dumps(c.request("admin.health")).encode()
        # Not a message of the protocol: not answered, and no harm.
        for frames in ((request, request, request), (b"", request, b"x"), (b"", b"", request),
                       (b"x", request)):
            c.send_bytes(*frames)
        last = c.request("bus.endpoint")
        c.send(last)
        self.assertIn("result", c.reply_to(last["id"]))
        self.alive()
        padded = request + b" " * ((4 << 20) - len(request))
        c.send_bytes(padded)
        self.assertIn("result", c.receive())
        c.send_bytes(b"")
        self.check_refusal(c.receive(), "invalid_argument", code=-32700)
        for size in ((4 << 20) + 1, 5 << 20):
            big = self.connect()
            big.send_bytes(b" " * size)
            self.alive()  # whatever becomes of that client
            big.close()
        self.alive()



class Keys(ClientTest):
    """REQUESTS: idempotency_key, deadline_ms, user_id."""

    def test_replay(self):
        params = {"summary": "once", "tags": ["a", "b"], "due": "2031-01-31 09:00", "tz": "UTC",
                  "idempotency_key": "k"}
        first = self.client.call("task.add", **params)
        head = self.head()
        again = self.connect(zmq.REQ).call("task.add", **params)  # of another connection too
        self.assertNotIn("replayed", first["result"])
        self.assertIs(again["result"].pop("replayed"), True)
        self.assertEqual(again["result"], first["result"])
        for extra in ({"traceparent": "00-1"}, {"deadline_ms": 30000}, {"tz_default": "Asia/Tokyo"}):
            self.assertIs(self.client.result("task.add", **params, **extra)["replayed"], True)
        reordered = dict(reversed(list(params.items())))
        self.assertIs(self.client.result("task.add", **reordered)["replayed"], True)
        # The first reply, not the present state.
        self.client.result("task.complete", task="1", idempotency_key="c")
        self.client.result("task.reopen", task="1")
        after = self.client.result("task.complete", task="1", idempotency_key="c")
        self.assertIs(after["replayed"], True)
        self.assertEqual(after["task"]["status"], "completed")
        self.assertEqual(self.client.result("task.get", task="1")["task"]["status"], "needs-action")
        self.assertEqual([e["userseq"] for e in self.events(head)], [head + 1, head + 2])
        self.assertEqual(self.client.result("task.list", statuses=[])["total"], 1)

    def test_words_are_read_once(self):
        params = {"summary": "soon", "due": "in 20 minutes", "tz": "UTC", "idempotency_key": "k"}
        first = self.client.result("task.add", **params)
        self.assertEqual(self.client.result("task.add", **params)["task"], first["task"])

    def test_conflict(self):
        self.add("one", idempotency_key="k")
        head = self.head()
        for method, params in (("task.add", {"summary": "two"}),
                               ("task.add", {"summary": "one", "priority": 1}),
                               ("task.add", {"summary": "one", "tz": "UTC"}),
                               ("task.complete", {"task": "1"}),
                               ("channel.set", {"name": "a", "kind": "exec", "argv": ["x"]})):
            error = self.refuse("conflict", "idempotency_key", method, idempotency_key="k", **params)
            self.assertIn("k", error["message"])
        self.assertEqual(self.head(), head)
        self.assertIs(self.add("one", idempotency_key="k")["replayed"], True)

    def test_same_key_in_one_batch(self):
        c = self.client
        replies = c.batch(*[c.request("task.add", summary="one", idempotency_key="k") for _ in range(3)],
                          c.request("task.add", summary="two", idempotency_key="k"))
        self.assertEqual([r["result"]["task"]["number"] for r in replies[:3]], [1, 1, 1])
        self.assertEqual([r["result"].get("replayed", False) for r in replies[:3]], [False, True, True])
        self.check_refusal(replies[3], "conflict", "idempotency_key")

    def test_every_writing_method_replays(self):
        steps = (("task.add", {"summary": "one"}),
                 ("task.complete", {"task": "1"}),
                 ("task.reopen", {"task": "1"}),
                 ("task.delete", {"task": "1"}),
                 ("task.restore", {"task": "1"}),
                 ("channel.set", {"name": "a", "kind": "exec", "argv": ["/bin/true"]}),
                 ("channel.remove", {"name": "a"}))
        firsts = [self.client.result(m, idempotency_key=f"k{m}", **p) for m, p in steps]
        head = self.head()
        for (method, params), first in zip(steps, firsts):
            second = self.client.result(method, idempotency_key=f"k{method}", **params)
            self.assertIs(second.pop("replayed"), True)
            self.assertEqual(second, first)
        self.assertEqual(self.head(), head)

    def test_refusals_that_are_remembered(self):
        self.add("one")
        missing = self.refuse("not_found", "task", "task.complete", task="2", idempotency_key="nf")
        self.add("two")
        self.assertEqual(
            self.refuse("not_found", "task", "task.complete", task="2", idempotency_key="nf")["message"],
            missing["message"])
        self.client.result("task.complete", task="1")
        refused = self.refuse("failed_precondition", "status", "task.complete", task="1",
                              idempotency_key="fp")
        self.client.result("task.reopen", task="1")
        again = self.refuse("failed_precondition", "status", "task.complete", task="1",
                            idempotency_key="fp")
        self.assertEqual(again["message"], refused["message"])
        self.client.result("task.complete", task="1", idempotency_key="fp2")

    def test_refusals_that_are_not_remembered(self):
        self.refuse("invalid_argument", "summary", "task.add", summary="", idempotency_key="iv")
        self.assertNotIn("replayed", self.add("good", idempotency_key="iv"))
        self.refuse("deadline_exceeded", None, "task.add", summary="late", idempotency_key="dl",
                    deadline_ms=-1)
        self.assertNotIn("replayed", self.add("late", idempotency_key="dl"))

    def test_repeated_refusal_says_replayed(self):
        for _ in range(2):
            reply = self.client.call("task.complete", task="2", idempotency_key="nf")
        self.assertIn('"replayed": true', json.dumps(reply))

    def test_unknown_field_is_no_part_of_the_identity(self):
        self.add("one", idempotency_key="k")
        self.assertIs(self.add("one", idempotency_key="k", no_such_field=1)["replayed"], True)

    def test_deadline(self):
        self.add("in time", deadline_ms=30000)
        head = self.head()
        for params in ({"summary": "late"}, {"summary": "late", "idempotency_key": "k"}):
            self.refuse("deadline_exceeded", "deadline_ms", "task.add", deadline_ms=-1, **params)
        self.assertEqual(self.head(), head)
        self.refuse("invalid_argument", "deadline_ms", "task.add", summary="x", deadline_ms="1")

    def test_deadline_is_a_whole_number(self):
        self.refuse("invalid_argument", "deadline_ms", "task.add", summary="x", deadline_ms=0.5)

    def test_acting_for_another_user(self):
        me = self.client.result("admin.health")["user_id"]
        mine = self.add("mine", idempotency_key="k")["task"]
        subscriber = self.subscribe()
        theirs = self.add("theirs", user_id="other", idempotency_key="k")  # keys are of a user
        self.assertNotIn("replayed", theirs)
        theirs = theirs["task"]
        self.assertEqual((mine["user_id"], theirs["user_id"]), (me, "other"))
        self.assertEqual(theirs["number"], 1)  # so are numbers
        self.refuse("not_found", "task", "task.get", task=theirs["id"])
        self.refuse("not_found", "task", "task.complete", task=mine["id"], user_id="other")
        self.assertEqual(self.client.result("task.get", task=theirs["id"], user_id="other")["task"], theirs)
        self.client.result("task.complete", task="1", user_id="other")
        self.assertEqual(self.client.result("task.get", task="1")["task"]["status"], "needs-action")
        log = self.client.result("event.read", user_id="other")
        self.assertEqual([(e["userseq"], e["type"], e["userid"]) for e in log["events"]],
                         [(1, "task.created", "other"), (2, "task.completed", "other")])
        self.assertEqual((log["next"], log["head"]), (2, 2))
        # The bus has what is mine and nothing else.
        last = self.add("mine too")["task"]
        subscriber.until_type("task.created", last["id"])
        self.assertEqual({e["userid"] for e in subscriber.events}, {me})
        self.assertEqual([e["userseq"] for e in subscriber.events], [1, 2])
        self.assertEqual(self.add("mine", idempotency_key="k", user_id=me)["task"], mine)
        # A long poll for them is woken by what happens to them only.
        poll = self.client.request("event.read", user_id="other", after=2, wait_ms=60000)
        self.client.send(poll)
        self.client.result("bus.endpoint")  # it waits now
        self.add("not theirs")
        self.add("theirs again", user_id="other")
        self.assertEqual([e["userseq"] for e in self.client.reply_to(poll["id"])["result"]["events"]], [3])


class Tasks(ClientTest):
    """METHODS and LIFE OF A TASK, without series."""

    def test_add_and_get(self):
        result = self.add("Ünï", notes="line\nline", project="home", tags=["a", "b"], priority=3,
                          start="2031-01-30 08:00", due="2031-01-31 09:00", tz="Europe/Berlin",
                          remind=["1h", "1d"])
        task = result["task"]
        self.assertEqual(task["due"], {"at": "2031-01-31T08:00:00.000Z", "local": "2031-01-31T09:00:00",
                                       "tzid": "Europe/Berlin"})
        self.assertEqual(task["start"]["at"], "2031-01-30T07:00:00.000Z")
        self.assertEqual((task["summary"], task["notes"], task["project"], task["tags"],
                          task["priority"], task["status"], task["number"], task["revision"]),
                         ("Ünï", "line\nline", "home", ["a", "b"], 3, "needs-action", 1, 1))
        self.assertRegex(task["created"], TIME)
        self.assertRegex(task["modified"], TIME)
        self.assertTrue(result["understood"])
        self.assertEqual(sorted((r["before_ms"], r["next"]) for r in result["reminders"]),
                         [(3600000, "2031-01-31T07:00:00.000Z"), (86400000, "2031-01-30T08:00:00.000Z")])
        for name in ("1", task["id"], task["id"][:9], task["id"][:20]):
            got = self.client.result("task.get", task=name)
            self.assertEqual(got["task"], task)
            self.assertEqual(got["deliveries"], [])
            self.assertEqual(len(got["reminders"]), 2)

    def test_at_and_days_and_gaps(self):
        due = self.add("x", at="2031-01-31 09:00", tz="UTC")["task"]["due"]
        self.assertEqual(due["at"], "2031-01-31T09:00:00.000Z")
        day = self.add("x", due="2031-01-31", tz="Europe/Berlin")["task"]["due"]
        self.assertIs(day["is_date"], True)
        self.assertEqual(day["local"][:10], "2031-01-31")
        gap = self.add("x", due="2027-03-28 02:30", tz="Europe/Berlin")["task"]["due"]
        self.assertEqual(gap["at"], "2027-03-28T01:30:00.000Z")  # 03:30 there, later by the gap
        self.assertEqual(gap["local"], "2027-03-28T02:30:00")  # what the user meant
        series = self.add("x", every="day", at="2027-03-28 02:30", tz="Europe/Berlin")
        self.assertEqual(series["task"]["recurrence_id"], "2027-03-28T02:30:00")
        self.assertEqual([s["at"] for s in series["slots"]],
                         ["2027-03-28T01:30:00.000Z", "2027-03-29T00:30:00.000Z",
                          "2027-03-30T00:30:00.000Z"])
        lives = self.add("x", due="2031-01-31 09:00", tz_default="Asia/Tokyo")["task"]["due"]
        self.assertEqual((lives["tzid"], lives["at"]), ("Asia/Tokyo", "2031-01-31T00:00:00.000Z"))
        named = self.add("x", due="2031-01-31 09:00", tz_default="Asia/Tokyo", tz="UTC")["task"]["due"]
        self.assertEqual(named["tzid"], "UTC")

    def test_wrong_arguments(self):
        for field, params in (
                ("due", {"due": "when pigs fly"}), ("every", {"every": "fortnigth"}),
                ("tz", {"tz": "Nowhere/Zone"}), ("start", {"start": "whenever"}),
                ("remind", {"due": "2031-01-31 09:00", "remind": ["a bit"]}),
                ("summary", {"summary": 5}), ("tags", {"tags": "a"}), ("notes", {"notes": []}),
                ("priority", {"priority": "high"}), ("priority", {"priority": 1.5})):
            self.check_refusal(self.client.call("task.add", **{"summary": "x", **params}),
                               "invalid_argument", field, -32602)
        for method in ("task.get", "task.complete", "task.reopen", "task.delete", "task.restore"):
            self.refuse("not_found", "task", method, -32001, task="99")
            self.refuse("not_found", "task", method, -32001, task="ffffffff")
            self.refuse("invalid_argument", "task", method, -32602, task=1)
            self.refuse("invalid_argument", "task", method, -32602, task="abc")  # 3 of an id
            self.refuse("invalid_argument", "task", method, -32602)
        self.refuse("invalid_argument", "sort", "task.list", sort="colour")
        self.refuse("invalid_argument", "after", "event.read", after="1")
        self.refuse("invalid_argument", "due_from", "task.list", due_from="x")
        self.assertEqual(self.head(), 0)

    def test_add_with_a_channel_that_is_not(self):
        self.refuse("not_found", "channels", "task.add", summary="x", due="2031-01-31 09:00",
                    remind=["1h"], channels=["nope"])

    def test_wrong_default_zone_is_named(self):
        self.refuse("invalid_argument", "tz_default", "task.add", summary="x",
                    due="2031-01-31 09:00", tz_default="Nowhere/Zone")

    def test_wrong_status_is_named(self):
        self.refuse("invalid_argument", "statuses", "task.list", statuses=["done"])

    def test_digits_are_a_number_and_never_the_beginning_of_an_id(self):
        c = self.client
        replies = c.batch(*[c.request("task.add", summary="x") for _ in range(100)])
        ids = [r["result"]["task"]["id"] for r in replies]
        for name in (i[:4] for i in ids if i[:4].isdigit() and i[0] != "0"):
            self.refuse("not_found", "task", "task.get", task=name)

    def test_list(self):
        self.add("Alpha", project="home", tags=["x", "y"], priority=9, due="2031-05-05 09:00", tz="UTC")
        self.add("Beta", project="home", tags=["x"], priority=1, due="2031-06-05 09:00", tz="UTC")
        self.add("Gamma", project="work", notes="alpha inside", tags=["y"], due="2031-04-05 09:00",
                 tz="UTC")
        self.add("Delta")
        self.add("Done")
        self.add("Gone")
        self.client.result("task.complete", task="5")
        self.client.result("task.delete", task="6")
        self.client.result("task.complete", task="4")
        self.client.result("task.reopen", task="4")

        def numbers(**params):
            page = self.client.result("task.list", **params)
            return [t["number"] for t in page["tasks"]], page["total"]

        self.assertEqual(numbers(sort="number"), ([1, 2, 3, 4], 4))
        self.assertEqual(numbers(sort="due")[0][:3], [3, 1, 2])
        self.assertEqual(numbers(sort="priority", project="home"), ([2, 1], 2))
        self.assertEqual(set(numbers(sort="modified")[0]), {1, 2, 3, 4})
        self.assertEqual(numbers(statuses=["completed"]), ([5], 1))
        self.assertEqual(numbers(statuses=[], sort="number"), ([1, 2, 3, 4, 5], 5))
        self.assertEqual(numbers(deleted=True), ([6], 1))
        self.assertEqual(numbers(tags=["x", "y"]), ([1], 1))
        self.assertEqual(numbers(text="alpha", sort="number")[0][0], 1)
        self.assertEqual(numbers(project="work"), ([3], 1))
        self.assertEqual(numbers(due_from="2031-05-05T09:00:00.000Z", sort="number"), ([1, 2], 2))
        self.assertEqual(numbers(due_before="2031-05-05T09:00:00.000Z"), ([3], 1))
        self.assertEqual(numbers(sort="number", limit=2), ([1, 2], 4))
        self.assertEqual(numbers(sort="number", limit=2, offset=2), ([3, 4], 4))
        self.assertEqual(numbers(sort="number", offset=9), ([], 4))

    def test_life(self):
        c = self.client
        first = self.add("life")["task"]
        done = c.result("task.complete", task="1")["task"]
        self.assertEqual((done["status"], done["revision"]), ("completed", 2))
        self.assertRegex(done["completed"], TIME)
        self.refuse("failed_precondition", "status", "task.complete", -32003, task="1")
        opened = c.result("task.reopen", task="1")
        self.assertNotIn("removed", opened)
        self.assertNotIn("completed", opened["task"])
        self.assertEqual(opened["task"]["status"], "needs-action")
        self.refuse("failed_precondition", "status", "task.reopen", -32003, task="1")
        self.refuse("failed_precondition", None, "task.restore", -32003, task="1")
        gone = c.result("task.delete", task="1")
        self.assertNotIn("next", gone)
        self.assertRegex(gone["task"]["deleted"], TIME)
        for method in ("task.complete", "task.reopen", "task.delete"):
            self.refuse("failed_precondition", None, method, -32003, task="1")
        back = c.result("task.restore", task="1")["task"]
        self.assertNotIn("deleted", back)
        self.assertEqual(back["status"], "needs-action")
        # "any" can be deleted, and comes back as what it was.
        c.result("task.complete", task="1")
        c.result("task.delete", task="1")
        self.assertEqual(c.result("task.restore", task="1")["task"]["status"], "completed")
        events = self.events()
        self.assertEqual([e["type"] for e in events],
                         ["task.created", "task.completed", "task.reopened", "task.deleted",
                          "task.restored", "task.completed", "task.deleted", "task.restored"])
        self.assertEqual([e["data"]["payload"]["revision"] for e in events], list(range(1, 9)))
        self.assertEqual({e["subject"] for e in events}, {first["id"]})
        self.assertEqual(events[1]["data"]["payload"],
                         {**done, "title": "life", "completed_at": done["completed"]})

    def test_channels(self):
        c = self.client
        made = c.result("channel.set", name="desk", kind="exec", argv=["notify-send", "a b"],
                        is_default=True)
        self.assertEqual((made["name"], made["kind"], made["argv"], made["timeout_ms"],
                          made["is_default"]), ("desk", "exec", ["notify-send", "a b"], 30000, True))
        c.result("channel.set", name="door", kind="exec", argv=["/bin/true"], timeout_ms=50,
                 is_default=True)
        listed = {x["name"]: x for x in c.result("channel.list")["channels"]}
        self.assertEqual(set(listed), {"desk", "door"})
        self.assertFalse(listed["desk"].get("is_default", False))  # one default at most
        self.assertIs(listed["door"]["is_default"], True)
        self.assertEqual(listed["door"]["timeout_ms"], 50)
        for field, params in (("kind", {"kind": "smtp"}), ("argv", {"argv": []}),
                              ("argv", {"argv": "x"}), ("name", {"name": ""}),
                              ("timeout_ms", {"timeout_ms": 0})):
            self.check_refusal(
                c.call("channel.set", **{"name": "n", "kind": "exec", "argv": ["x"], **params}),
                "invalid_argument", field)
        self.assertEqual(c.result("channel.remove", name="desk")["name"], "desk")
        self.refuse("not_found", "name", "channel.remove", -32001, name="desk")
        self.assertEqual(len(c.result("channel.list")["channels"]), 1)

    def test_health_and_endpoint(self):
        health = self.client.result("admin.health")
        self.assertEqual((health["status"], health["protocol"], health["event_head"],
                          health["tasks_open"], health["series_active"], health["reminders_pending"]),
                         ("ok", 1, 0, 0, 0, 0))
        self.assertEqual(health["pid"], self.home.process.pid)
        self.assertEqual(health["store"], self.home.store)
        self.assertRegex(health["started"], TIME)
        self.add("x", every="day", at="2031-01-31 09:00", tz="UTC", remind=["1h"])
        health = self.client.result("admin.health")
        self.assertEqual((health["tasks_open"], health["series_active"], health["reminders_pending"]),
                         (1, 1, 1))
        self.assertEqual(health["event_head"], self.events()[-1]["userseq"])
        endpoint = self.client.result("bus.endpoint")
        self.assertEqual(endpoint["endpoint"], f"ipc://{self.home.endpoint}/events.sock")
        self.assertGreater(endpoint["heartbeat_ms"], 0)


class Series(ClientTest):
    """LIFE OF A TASK: series and their successors."""

    def test_example_of_the_manual(self):
        result = self.add("Pay rent", every="month on the last day", at="2031-01-31 09:00",
                          tz="Europe/Berlin", remind=["1h"])
        self.assertEqual([s["local"][:10] for s in result["slots"]],
                         ["2031-01-31", "2031-02-28", "2031-03-31"])
        self.assertEqual(result["series"]["rrule"], "FREQ=MONTHLY;BYMONTHDAY=-1")
        self.assertEqual(result["series"]["open_task"], 1)
        self.assertEqual(result["understood"], "every month on the last day at 09:00, Europe/Berlin")
        done = self.client.result("task.complete", task="1")
        self.assertEqual(done["next"]["recurrence_id"], "2031-02-28T09:00:00")
        self.assertNotIn("skipped", done)
        self.assertNotIn("series_ended", done)
        got = self.client.result("task.get", task="2")
        self.assertEqual(got["task"], done["next"])
        self.assertEqual(got["series"]["open_task"], 2)
        self.assertEqual(got["reminders"][0]["next"], "2031-02-28T07:00:00.000Z")
        self.assertEqual(self.client.result("series.list")["total"], 1)

    def test_reopen_and_restore_with_successors(self):
        c = self.client
        self.add("s", every="day", at="2031-01-01 09:00", tz="UTC")
        for close, undo in (("task.complete", "task.reopen"), ("task.delete", "task.restore")):
            successor = c.result(close, task="1")["next"]
            self.assertEqual(successor["recurrence_id"], "2031-01-02T09:00:00")
            undone = c.result(undo, task="1")
            self.assertEqual(undone["removed"], successor["number"])
            self.assertEqual(undone["task"]["status"], "needs-action")
            self.assertEqual([t["number"] for t in c.result("task.list")["tasks"]], [1])
            self.assertEqual(c.result("series.list")["series"][0]["open_task"], 1)
        # A successor that was touched stays, and what came before it stays closed.
        second = c.result("task.complete", task="1")["next"]
        third = c.result("task.complete", task=str(second["number"]))["next"]
        self.assertEqual(third["recurrence_id"], "2031-01-03T09:00:00")
        self.refuse("failed_precondition", None, "task.reopen", task="1")
        self.assertEqual([t["number"] for t in c.result("task.list")["tasks"]], [third["number"]])
        fourth = c.result("task.delete", task=str(third["number"]))["next"]
        c.result("task.delete", task=str(fourth["number"]))
        self.refuse("failed_precondition", None, "task.restore", task=str(third["number"]))
        self.assertEqual(c.result("task.list")["total"], 1)

    def test_deleting_skips_by_user(self):
        self.add("s", every="week", at="2031-01-01 09:00", tz="UTC")
        head = self.head()
        self.client.result("task.delete", task="1")
        events = self.events(head)
        self.assertEqual([e["type"] for e in events],
                         ["task.deleted", "occurrence.skipped", "task.created"])
        run = events[1]["data"]["payload"]
        self.assertEqual((run["from"], run["to"], run["count"], run["reason"]),
                         ("2031-01-01T09:00:00", "2031-01-01T09:00:00", 1, "user"))
        self.assertEqual(events[2]["data"]["payload"]["recurrence_id"], "2031-01-08T09:00:00")

    def test_late(self):
        """The nearest that the manual allows to lateness over several slots: a rule that began long
        ago skips them when it is made; and an occurrence that is completed after its time."""
        begin = datetime.datetime.now(UTC) - datetime.timedelta(days=30)
        result = self.add("old", every="day", at=begin.strftime("%Y-%m-%d %H:%M"), tz="UTC")
        now = datetime.datetime.now(UTC)
        due = parse(result["task"]["due"]["at"])
        self.assertLess(now, due)
        self.assertLessEqual(due, now + datetime.timedelta(days=1))
        skipped = [e["data"]["payload"] for e in self.events(types=["occurrence.skipped"])]
        self.assertEqual([(s["reason"], s["count"]) for s in skipped], [("catch_up", 31)])
        first, last = parse(skipped[0]["from"]), parse(skipped[0]["to"])
        self.assertEqual((last - first).days + 1, 31)
        self.assertEqual(result["task"]["recurrence_id"],
                         (last + datetime.timedelta(days=1)).isoformat())

        subscriber = self.subscribe(after=self.head())
        at = (datetime.datetime.now(UTC) + datetime.timedelta(seconds=1.5)).replace(microsecond=0)
        task = self.add("late", every="day", at=rfc3339(at), tz="UTC", remind=["0s"])["task"]
        self.assertEqual(parse(task["due"]["at"]), at)
        subscriber.until_type("reminder.due", task["id"])
        done = self.client.result("task.complete", task=task["id"])
        self.assertEqual(parse(done["next"]["due"]["at"]), at + datetime.timedelta(days=1))
        self.assertNotIn("skipped", done)  # nothing between the one that was done and now
        self.assertEqual(self.client.result("task.reopen", task=task["id"])["removed"],
                         done["next"]["number"])

    def test_end(self):
        c = self.client
        self.add("twice", every="FREQ=DAILY;COUNT=2", at="2031-01-01 09:00", tz="UTC")
        second = c.result("task.complete", task="1")["next"]
        head = self.head()
        done = c.result("task.complete", task=str(second["number"]))
        self.assertIs(done["series_ended"], True)
        self.assertNotIn("next", done)
        self.assertEqual([e["type"] for e in self.events(head)], ["task.completed", "series.ended"])
        self.assertEqual(c.result("series.list")["total"], 0)
        self.assertEqual(c.result("series.list", ended=True)["total"], 1)
        self.assertEqual(c.result("task.list")["total"], 0)
        c.result("task.reopen", task=str(second["number"]))
        self.assertEqual(c.result("series.list")["total"], 1)

    def test_pages(self):
        for number in range(5):
            self.add(f"s{number}", every="day", at="2031-01-01 09:00", tz="UTC")
        names = []
        for offset in (0, 2, 4):
            page = self.client.result("series.list", limit=2, offset=offset)
            self.assertEqual(page["total"], 5)
            names += [s["summary"] for s in page["series"]]
        self.assertEqual(sorted(names), [f"s{n}" for n in range(5)])


class Reminders(ClientTest):
    def deliveries(self, **channels):
        listed = self.client.result("delivery.list")["deliveries"]
        return {d["channel"]: d for d in listed}

    def test_due_soon(self):
        c = self.client
        c.result("channel.set", name="echo", kind="exec", argv=["/bin/echo", "$HOME;", "a  b"],
                 is_default=True)
        c.result("channel.set", name="fails", kind="exec", argv=["/bin/sh", "-c", "echo oh; exit 3"])
        c.result("channel.set", name="missing", kind="exec", argv=["/no/such/program"])
        c.result("channel.set", name="slow", kind="exec", argv=["/bin/sleep", "60"], timeout_ms=100)
        subscriber = self.subscribe()
        at = soon(1.5)
        plain = self.add("plain", due=at, tz="UTC", remind=["0s"])["task"]
        self.assertEqual(plain["due"]["at"], at)
        many = self.add("many", due=soon(1.5), tz="UTC", remind=["1s"],
                        channels=["fails", "missing", "slow"])["task"]
        self.assertEqual(self.client.result("admin.health")["reminders_pending"], 2)

        due = subscriber.until_type("reminder.due", plain["id"])
        payload = due["data"]["payload"]
        self.assertEqual(payload["planned"], at)
        self.assertGreaterEqual(parse(due["time"]), parse(at))
        self.assertGreaterEqual(payload["late_ms"], 0)
        self.assertEqual((payload["summary"], payload["due"]), ("plain", plain["due"]))
        succeeded = subscriber.until_type("delivery.succeeded", plain["id"])
        delivery = self.deliveries()["echo"]
        self.assertEqual((delivery["state"], delivery["attempts"], delivery["output"]),
                         ("succeeded", 1, "$HOME; a  b\n"))  # no shell
        self.assertTrue(delivery["result"])
        self.assertEqual(succeeded["data"]["payload"]["id"], delivery["id"])
        got = c.result("task.get", task=plain["id"])
        self.assertEqual([d["id"] for d in got["deliveries"]], [delivery["id"]])

        subscriber.until_type("reminder.due", many["id"])

        def attempted():
            found = self.deliveries()
            ended = [n for n in ("fails", "missing", "slow") if n in found
                     and found[n].get("attempts", 0) >= 1 and found[n]["state"] in ("pending", "dead")]
            return found if len(ended) == 3 else None
        found = support.wait_for(attempted, "an attempt of each")
        for name in ("fails", "missing", "slow"):
            self.assertTrue(found[name]["result"], found[name])
        self.assertEqual(found["fails"]["output"], "oh\n")
        health = c.result("admin.health")
        self.assertEqual(health["deliveries_pending"] + health["deliveries_dead"], 3)
        newest = [d["created"] for d in c.result("delivery.list")["deliveries"]]
        self.assertEqual(newest, sorted(newest, reverse=True))
        self.assertEqual(len(c.result("delivery.list", limit=2)["deliveries"]), 2)

    def test_done_before_it_is_due(self):
        subscriber = self.subscribe()
        done = self.add("done", due=soon(0.8), tz="UTC", remind=["0s"])["task"]
        self.client.result("task.complete", task=done["id"])
        open_ = self.add("open", due=soon(1), tz="UTC", remind=["0s"])["task"]
        subscriber.until_type("reminder.due", open_["id"])
        self.assertEqual([e["subject"] for e in subscriber.events if e["type"].startswith("reminder.")],
                         [open_["id"]])

    def test_missed(self):
        task = self.add("old", due="2020-01-01 09:00", tz="UTC", remind=["0s"])["task"]
        payload = self.wait_for_event("reminder.missed", task["id"])
        self.assertEqual(payload["planned"], "2020-01-01T09:00:00.000Z")
        self.assertGreater(payload["late_ms"], 86400000)
        self.assertEqual((payload["summary"], payload["due"]), ("old", task["due"]))
        at = datetime.datetime.now(UTC) + datetime.timedelta(days=3)
        series = self.add("early", every="day", at=at.strftime("%Y-%m-%d %H:%M"), tz="UTC",
                          remind=["10d"])["task"]
        payload = self.wait_for_event("reminder.missed", series["id"])
        self.assertEqual(payload["recurrence_id"], series["recurrence_id"])  # the first missed slot
        run = payload["missed"]
        self.assertEqual(run["from"], series["recurrence_id"])
        self.assertEqual((parse(run["to"]) - parse(run["from"])).days + 1, run["count"])
        self.assertGreater(run["count"], 1)

    def wait_for_event(self, kind, subject):
        after = 0
        while True:
            page = self.client.result("event.read", after=after, types=[kind], wait_ms=30000)
            self.assertTrue(page["events"], f"no {kind}")
            for event in page["events"]:
                if event["subject"] == subject:
                    return event["data"]["payload"]
            after = page["next"]

    def test_survives_a_crash(self):
        self.client.result("channel.set", name="echo", kind="exec", argv=["/bin/echo", "up"],
                           is_default=True)
        task = self.add("soon", due=soon(1), tz="UTC", remind=["0s"])["task"]
        self.client.close()
        self.home.kill()
        self.home.start()
        self.client = self.connect()
        subscriber = self.subscribe()
        subscriber.until_type("reminder.due", task["id"])
        subscriber.until_type("delivery.succeeded", task["id"])
        self.assertEqual(self.deliveries()["echo"]["output"], "up\n")


class Events(ClientTest):
    def check_gapless(self, events):
        self.assertEqual([e["userseq"] for e in events], list(range(1, len(events) + 1)))

    def test_shape(self):
        self.add("x")
        event = self.events()[0]
        self.assertEqual(event["specversion"], "1.0")
        self.assertEqual(event["datacontenttype"], "application/json")
        self.assertRegex(event["time"], TIME)
        data = event["data"]
        self.assertEqual((data["event_id"], data["event_type"], data["task_id"], data["user_id"]),
                         (event["id"], event["type"], event["subject"], event["userid"]))
        self.assertEqual(data["payload"],
                         {**self.client.result("task.get", task="1")["task"], "title": "x"})

    def test_live_in_order(self):
        subscriber = self.subscribe()
        writer = self.connect()
        for number in range(30):
            writer.result("task.add", summary=f"e{number}")
        writer.batch(*[writer.request("task.complete", task=str(n + 1)) for n in range(30)])
        subscriber.until(lambda: subscriber.after == 60, "60 events")
        self.check_gapless(subscriber.events)
        self.assertEqual(subscriber.events, self.events())  # copies and log are the same
        self.assertGreaterEqual(subscriber.heads, 1)

    def test_late_subscriber(self):
        for _ in range(12):
            self.client.batch(*[self.client.request("task.add", summary="x") for _ in range(100)])
        subscriber = self.subscribe()
        self.assertEqual(subscriber.after, 1200)
        self.add("y")
        subscriber.until(lambda: subscriber.after == 1201, "one more")
        self.check_gapless(subscriber.events)

    def test_slow_subscriber_misses_nothing(self):
        subscriber = self.subscribe(hwm=1)
        for _ in range(25):
            self.client.batch(*[self.client.request("task.add", summary="s", notes="n" * 200)
                                for _ in range(100)])
        subscriber.until(lambda: subscriber.after >= 2500, "all of them")
        self.add("last")
        subscriber.until(lambda: subscriber.after == 2501, "the last")
        self.check_gapless(subscriber.events)

    def test_head(self):
        for number in range(3):
            self.add(f"h{number}")
        for topic in (b"taskd.head", b"taskd.", b""):
            socket = self.bus(topic)
            self.assertTrue(socket.poll(support.DEADLINE * 1000))
            self.assertEqual(socket.recv_multipart(), [b"taskd.head", b"3", b'{"head":3}'])
            socket.close()
        # After changes, but at most every heartbeat.
        heartbeat = self.client.result("bus.endpoint")["heartbeat_ms"] / 1000
        socket = self.bus(b"taskd.head")
        self.assertTrue(socket.poll(support.DEADLINE * 1000))
        socket.recv_multipart()
        begin = time.monotonic()
        for number in range(40):
            self.add(f"h{number}")
        head, heads = 0, 0
        while head < 43:
            self.assertTrue(socket.poll(support.DEADLINE * 1000))
            frames = socket.recv_multipart()
            newer = int(frames[1])
            self.assertGreater(newer, head)
            head, heads = newer, heads + 1
        self.assertLessEqual(heads, (time.monotonic() - begin) / heartbeat + 2)

    def test_prefix(self):
        socket = self.bus(b"task.completed")
        number = 0

        def arrived():
            nonlocal number
            number += 1
            self.add("p")
            self.client.result("task.complete", task=str(number))
            return socket.poll(50)
        support.wait_for(arrived, "a live event")
        topic, sequence, body = socket.recv_multipart()
        self.assertEqual(topic, b"task.completed")
        self.assertEqual(json.loads(body)["userseq"], int(sequence))

    def test_dataref(self):
        subscriber = self.subscribe()
        probe = self.bus(b"")
        self.assertTrue(probe.poll(support.DEADLINE * 1000))  # its head: it is subscribed
        self.assertEqual(probe.recv_multipart()[0], b"taskd.head")
        sizes = (100, 15000, 17000, 65536)
        for size in sizes:
            self.add(f"notes {size}", notes="n" * size)
        live = []
        while len(live) < 4:
            self.assertTrue(probe.poll(support.DEADLINE * 1000))
            frames = probe.recv_multipart()
            if frames[0] != b"taskd.head":
                live.append(json.loads(frames[2]))
        for size, event in zip(sizes, live):
            self.assertEqual("data" in event, size < 16384, event["type"])
            self.assertEqual("dataref" in event, size >= 16384)
        subscriber.until(lambda: subscriber.after == 4, "the large ones")
        self.assertEqual([len(e["data"]["payload"]["notes"]) for e in subscriber.events], list(sizes))
        self.check_gapless(subscriber.events)

    def test_read(self):
        self.add("s", every="day", at="2031-01-01 09:00", tz="UTC")  # series.created, task.created
        self.client.result("task.complete", task="1")  # task.completed, task.created
        self.add("t")
        log = self.events()
        self.assertEqual([e["type"] for e in log],
                         ["series.created", "task.created", "task.completed", "task.created",
                          "task.created"])
        self.check_gapless(log)
        seen, after = [], 0
        while True:
            page = self.client.result("event.read", after=after, limit=2)
            seen += page["events"]
            self.assertEqual(page["head"], 5)
            after = page["next"]
            if page["next"] == page["head"]:
                break
        self.assertEqual(seen, log)
        created = [e for e in log if e["type"] == "task.created"]
        self.assertEqual(self.events(types=["task.created"]), created)
        self.assertEqual(self.events(types=["task.*"]), log[1:])
        self.assertEqual(self.events(types=["series.*", "task.completed"]), [log[0], log[2]])
        page = self.client.result("event.read", types=["series.*"], limit=1)
        self.assertEqual(self.events(page["next"], types=["series.*"]), [])
        page = self.client.result("event.read", types=["task.created"], limit=1)
        self.assertEqual(page["next"], 2)
        self.assertEqual(self.events(page["next"], types=["task.created"]), created[1:])
        newest = self.client.result("event.list", limit=2)
        self.assertEqual(newest["events"], log[-2:])
        self.assertEqual(newest["head"], 5)
        self.assertEqual(self.client.result("event.list", types=["task.created"], limit=2)["events"],
                         created[-2:])
        self.assertEqual(self.client.result("event.list", before=4, limit=2)["events"], log[1:3])

    def test_long_poll(self):
        c = self.client
        poll = c.request("event.read", after=0, types=["task.completed"], wait_ms=60000)
        c.send(poll)
        # The same client is served meanwhile, and what does not match does not answer the poll.
        number = c.result("task.add", summary="x")["task"]["number"]
        self.assertEqual(c.early, {})
        writer = self.connect()
        writer.result("task.complete", task=str(number))
        page = c.reply_to(poll["id"])["result"]
        self.assertEqual([(e["type"], e["userseq"]) for e in page["events"]], [("task.completed", 2)])
        self.assertEqual((page["next"], page["head"]), (2, 2))
        # What is there already is answered at once.
        self.assertEqual(len(c.result("event.read", after=0, wait_ms=60000)["events"]), 2)
        # When the time is up: empty.
        begin = time.monotonic()
        page = c.result("event.read", after=2, wait_ms=300)
        self.assertGreaterEqual(time.monotonic() - begin, 0.29)
        self.assertEqual((page["events"], page["next"], page["head"]), ([], 2, 2))
        # A client that goes away does no harm.
        lost = self.connect()
        lost.send(lost.request("event.read", after=2, wait_ms=60000))
        lost.result("admin.health")
        lost.close()
        self.add("y")
        self.alive()

    def test_long_poll_and_the_write_right_behind_it(self):
        c = self.client
        for turn in range(3):
            c.send([c.request("task.add", summary="work", notes="n" * 40000) for _ in range(99)])
            # Longer than anything here is waited for: only the write can bring the answer.
            poll = c.request("event.read", after=99 + 100 * turn, wait_ms=60000)
            write = c.request("task.add", summary="wake")
            c.send(poll)
            c.send(write)
            self.assertEqual(len(c.receive()), 99)
            self.assertIn("result", c.reply_to(write["id"]))
            self.assertEqual(len(c.reply_to(poll["id"])["result"]["events"]), 1)

    def test_long_poll_in_a_batch_does_not_wait(self):
        replies = self.client.batch(self.client.request("event.read", after=0, wait_ms=60000))
        self.assertEqual(replies[0]["result"]["events"], [])


class Survival(ClientTest):
    def test_kill(self):
        me = self.client.result("admin.health")["user_id"]
        subscriber = self.subscribe()
        refused = self.refuse("not_found", "task", "task.complete", task="9999", idempotency_key="nf")
        self.client.result("channel.set", name="a", kind="exec", argv=["/bin/true"])
        series = self.add("s", every="day", at="2031-01-01 09:00", tz="UTC", remind=["1h"])
        total = 400
        params = [{"summary": f"k{n}", "idempotency_key": f"k{n}"} for n in range(total)]
        for one in params:
            self.client.send(self.client.request("task.add", **one))
        acknowledged = [self.client.receive()["result"] for _ in range(150)]
        self.client.close()
        self.assertEqual(self.home.kill(), -signal.SIGKILL)

        self.assertEqual(self.home.start(), "ready")
        self.client = subscriber.client = self.connect()
        head = self.head()
        self.assertGreaterEqual(head, 152)
        for number, before in enumerate(acknowledged):
            after = self.client.result("task.add", **params[number])
            self.assertIs(after.pop("replayed"), True)
            self.assertEqual(after, before)
        self.assertEqual(self.head(), head)
        for one in params[150:]:  # nothing is known of these: the same request, the same key
            self.client.result("task.add", **one)
        tasks = self.client.result("task.list", text="k", sort="number", limit=1000)
        self.assertEqual(tasks["total"], total)
        self.assertEqual([t["summary"] for t in tasks["tasks"]], [f"k{n}" for n in range(total)])
        self.assertEqual(len({t["number"] for t in tasks["tasks"]}), total)
        self.refuse("conflict", "idempotency_key", "task.add", summary="other", idempotency_key="k0")
        again = self.refuse("not_found", "task", "task.complete", task="9999", idempotency_key="nf")
        self.assertEqual(again["message"], refused["message"])
        self.assertEqual(self.client.result("channel.list")["channels"][0]["name"], "a")
        self.assertEqual(self.client.result("task.get", task="1")["reminders"], series["reminders"])
        # Numbers of events go on, and the subscriber, which stayed connected, has them all.
        log = self.events()
        self.assertEqual([e["userseq"] for e in log], list(range(1, total + 3)))
        self.assertEqual(len({e["id"] for e in log}), len(log))
        subscriber.until(lambda: subscriber.after == total + 2, "the events after the crash")
        self.assertEqual(subscriber.events, log)
        self.assertEqual({e["userid"] for e in log}, {me})
        live = self.add("live")["task"]
        subscriber.until_type("task.created", live["id"])
        self.assertEqual([e["userseq"] for e in subscriber.events], list(range(1, total + 4)))

    def test_kill_again_and_again(self):
        for turn in range(5):
            for number in range(10):
                self.add(f"{turn}-{number}", idempotency_key=f"{turn}-{number}")
            self.client.close()
            self.home.kill()
            self.home.start()
            self.client = self.connect()
            self.assertEqual(self.head(), (turn + 1) * 10)
            self.assertIs(self.add(f"{turn}-9", idempotency_key=f"{turn}-9")["replayed"], True)

    def test_sigterm(self):
        subscriber = self.subscribe()
        self.add("x", idempotency_key="k")
        self.assertEqual(self.home.kill(signal.SIGTERM), 0)
        self.assertEqual(self.home.start(), "ready")
        self.client.close()
        self.client = subscriber.client = self.connect()
        self.assertIs(self.add("x", idempotency_key="k")["replayed"], True)
        self.add("y")
        subscriber.until(lambda: subscriber.after == 2, "both")
        self.assertEqual([e["userseq"] for e in subscriber.events], [1, 2])

    def test_sigterm_with_a_waiting_long_poll(self):
        poll = self.connect()
        poll.send(poll.request("event.read", after=0, wait_ms=60000))
        poll.result("admin.health")  # requests of one client are run in order: it waits now
        self.assertEqual(self.home.kill(signal.SIGTERM), 0)
        poll.close()
        self.home.start()

    def test_shutdown(self):
        self.add("x", idempotency_key="k")
        self.assertEqual(self.client.result("admin.shutdown")["pid"], self.home.process.pid)
        self.assertEqual(self.home.process.wait(support.DEADLINE), 0)
        self.home.process = None
        self.home.start()
        self.client.close()
        self.client = self.connect()
        self.assertIs(self.add("x", idempotency_key="k")["replayed"], True)


if __name__ == "__main__":
    unittest.main()
