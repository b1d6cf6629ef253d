# SPDX-License-Identifier: Apache-2.0
"""Events over HTTP against the real daemon: pages, streams, tickets, pages of other origins."""

import glob
import json
import os
import shutil
import signal
import subprocess
import time
import unittest

import support
from http_client import Connection, EventStream
from test_http import HttpTestCase

STREAM = {"Accept": "text/event-stream"}


def bearer(token):
    return {"Authorization": "Bearer " + token}


class EventsTestCase(HttpTestCase):
    def stream(self, path="/v1/events", fields=None, where=None, **options):
        stream = EventStream(where or self.path, path, fields, **options)
        self.addCleanup(stream.close)
        return stream

    def opened(self, *arguments, **options):
        stream = self.stream(*arguments, **options)
        self.assertEqual(stream.head.status, 200, stream.head.body)
        self.assertEqual(stream.frame(), {"retry": "1000"})
        return stream

    def add(self, count=1, **fields):
        for _ in range(count):
            self.home.result("task.add", summary="s", **fields)

    def numbers(self, stream, count):
        return [event["userseq"] for event in stream.events(count)]

    def sample(self, name):
        return next(sample["value"] for sample in self.home.result("admin.stats")["samples"]
                    if sample["name"] == name)

    def polls_parked(self):
        return self.sample("taskd_polls_parked")

    def resident(self):
        with open(f"/proc/{self.home.process.pid}/statm", encoding="ascii") as file:
            return int(file.read().split()[1]) * os.sysconf("SC_PAGE_SIZE")


class Pages(EventsTestCase):
    def test_pages_are_those_of_event_read(self):
        self.serve()
        self.add(5)
        connection = self.connect()
        page = connection.ask("GET", "/v1/events?limit=2")
        self.assertEqual(page.status, 200)
        self.assertEqual(page.fields["content-type"], "application/json")
        self.assertEqual(page.json(), self.home.result("event.read", after=0, limit=2))
        self.assertEqual(page.json()["next"], 2)
        self.assertEqual(
            [event["userseq"] for event in
             connection.ask("GET", "/v1/events?after=2").json()["events"]], [3, 4, 5])
        some = connection.ask("GET", "/v1/events?type=task.c%72eated&type=series.*").json()
        self.assertEqual(len(some["events"]), 5)
        self.assertEqual(connection.ask("GET", "/v1/events?type=series.*").json()["events"], [])
        head = connection.ask("HEAD", "/v1/events")
        self.assertEqual((head.status, head.body), (200, b""))

    def test_a_long_poll_waits_for_the_next_event(self):
        self.serve()
        self.add()
        with Connection(self.path) as waiting:
            waiting.send("GET /v1/events?after=1&wait_ms=60000 HTTP/1.1\r\nHost: a\r\n\r\n")
            support.wait_for(lambda: self.polls_parked() == 1, "the poll is parked")
            self.add()
            self.assertEqual([event["userseq"] for event in waiting.answer().json()["events"]], [2])
        self.assertEqual(self.connect().ask("GET", "/v1/events?after=2&wait_ms=50").json()["events"],
                         [])

    def test_what_is_wrong_is_named(self):
        self.serve()
        self.add()
        connection = self.connect()
        for query, word in (("after=x", "after"), ("after=-1", "after"), ("after=2", "after"),
                            ("after=", "after"), ("limit=0", "limit"), ("limit=1001", "limit"),
                            ("wait_ms=60001", "wait_ms"), ("afer=1", '"after"'),
                            ("types=a", '"type"'), ("user_id=bob", "after, type, limit"),
                            ("after=1&after=1", "more than once"), ("type=%ff", "UTF-8"), ("type=a*b", "types"), ("type=", "types"),
                            ("after=99999999999999999999", "after"), ("ticket=x", "ticket"),
                            ("&".join(["type=a"] * 33), "types"),
                            ("&".join(["type=a"] * 101), "100")):
            with self.subTest(query[:40]):
                answer = connection.ask("GET", "/v1/events?" + query)
                self.assert_problem(answer, 400)
                self.assertIn(word, answer.json()["detail"])
        self.assertEqual(connection.ask("GET", "/v1/events?after=2").json()["reason"],
                         "invalid_argument")
        with Connection(self.path) as torn:
            self.assert_problem(torn.ask("GET", "/v1/events?type=a%2"), 400)
        self.assert_problem(connection.ask("DELETE", "/v1/events", body=b""), 405)
        self.assert_problem(connection.ask("GET", "/v1/events/tickets"), 405)
        with Connection(self.tcp) as foreign:
            self.assert_problem(foreign.ask("GET", "/v1/events"), 401)
        self.assert_healthy()


class Streams(EventsTestCase):
    def test_only_what_is_new_unless_asked_for_more(self):
        self.serve()
        self.add(3)
        fresh = self.opened()
        fields = fresh.head.fields
        self.assertEqual(fields["content-type"], "text/event-stream")
        self.assertEqual(fields["cache-control"], "no-store")
        self.assertEqual(fields["x-accel-buffering"], "no")
        self.assertEqual(fields["transfer-encoding"], "chunked")
        everything = self.opened("/v1/events?after=0")
        some = self.opened("/v1/events?after=0&type=series.*")
        self.assertEqual(self.numbers(everything, 3), [1, 2, 3])
        self.add(2)
        self.assertEqual(self.numbers(everything, 2), [4, 5])
        self.assertEqual(self.numbers(fresh, 2), [4, 5])
        self.home.result("task.add", summary="r", every="day", at="9:00")
        self.assertEqual(some.event()["type"], "series.created")
        self.assertEqual(fresh.event(), everything.event())

    def test_pages_without_end_come_without_gap_or_repeat(self):
        self.serve()
        self.add(450)
        stream = self.opened("/v1/events?after=0", where=self.path)
        self.assertEqual(self.numbers(stream, 450), list(range(1, 451)))

    def test_accept_must_name_it(self):
        self.serve()
        connection = self.connect()
        for accept in ("*/*", "text/*", "application/json", "text/event-stream;q=0",
                       "text/event-stream; q=0.0", "text/event-streams", ""):
            answer = connection.ask("GET", "/v1/events", {"Accept": accept})
            self.assertEqual(answer.fields["content-type"], "application/json", accept)
        for accept in ("text/event-stream", "text/html, Text/Event-Stream;q=0.5",
                       "text/event-stream;charset=utf-8"):
            stream = self.opened(fields={"Accept": accept})
            stream.close()
        head = connection.ask("HEAD", "/v1/events", STREAM)
        self.assertEqual((head.status, head.body), (200, b""))
        self.assertEqual(head.fields["content-type"], "text/event-stream")
        self.assertEqual(connection.ask("GET", "/health").status, 200)

    def test_last_event_id_wins_and_must_be_one(self):
        self.serve()
        self.add(4)
        stream = self.opened("/v1/events?after=0", {"Last-Event-ID": "2"})
        self.assertEqual(self.numbers(stream, 2), [3, 4])
        for number in ("x", "-1", "", "1.0", "0x1", "9" * 30):
            self.assert_problem(self.stream(fields={"Last-Event-ID": number}).head, 400)
        for query in ("limit=1", "wait_ms=1", "type=a*b", "after=x", "after=-1"):
            self.assert_problem(self.stream("/v1/events?" + query).head, 400)
        # A number that this store never gave: it is another store.
        self.assert_problem(self.stream(fields={"Last-Event-ID": "5"}).head, 409)
        self.assert_problem(self.stream("/v1/events?after=5").head, 409)

    def test_it_goes_on_where_it_was_when_taskd_was_killed(self):
        self.serve()
        seen = []
        stream = self.opened("/v1/events?after=0")
        for _ in range(4):
            self.add(30)
            seen += self.numbers(stream, 10)
            self.home.kill(signal.SIGKILL)
            while (event := stream.event()) is not None:
                seen.append(event["userseq"])
            self.assertFalse(stream.ended_well)
            self.serve()
            stream = self.opened(fields={"Last-Event-ID": str(seen[-1])})
        self.add()
        head = self.home.result("event.read", after=0, limit=1)["head"]
        seen += self.numbers(stream, head - seen[-1])
        self.assertEqual(seen, list(range(1, head + 1)))

    def test_silence_is_filled_with_comments(self):
        self.serve("--http-keep-alive", "200ms")
        stream = self.opened()
        for _ in range(3):
            self.assertEqual(stream.frame(), {"": "keep-alive"})
        self.add()
        self.assertEqual(stream.event()["userseq"], 1)

    def test_http_1_0_and_curl_read_it_too(self):
        self.serve()
        self.add(2)
        old = self.opened("/v1/events?after=0", version="1.0")
        self.assertFalse(old.is_chunked)
        self.assertEqual(self.numbers(old, 2), [1, 2])
        if shutil.which("curl") is None:
            return
        with subprocess.Popen(
                ["curl", "-sN", "--unix-socket", self.path, "-H", "Accept: text/event-stream",
                 "http://localhost/v1/events?after=1"], env=self.home.env, stdout=subprocess.PIPE,
                text=True) as curl:
            self.assertEqual([curl.stdout.readline() for _ in range(3)],
                             ["retry: 1000\n", "\n", "id: 2\n"])
            self.add()
            self.assertTrue(curl.stdout.readline().startswith("data: {"))
            self.assertEqual([curl.stdout.readline() for _ in range(2)], ["\n", "id: 3\n"])
            # A stream that has given all there is ends with the chunk that says so.
            support.wait_for(lambda: self.polls_parked() == 2, "both streams wait for more")
            self.home.kill(signal.SIGTERM)
            self.assertEqual(curl.wait(support.DEADLINE), 0)

    def test_who_does_not_read_costs_a_page_and_then_the_connection(self):
        self.serve("--http-timeout", "2s")
        notes = "x" * 60_000
        self.add(20, notes=notes)
        self.home.result("task.list", limit=1000)
        before = self.resident()
        stuck = [self.opened("/v1/events?after=0") for _ in range(8)]
        reader = self.opened("/v1/events?after=0")
        self.assertEqual(self.numbers(reader, 20), list(range(1, 21)))
        for _ in range(5):
            self.add(20, notes=notes)
            reader.events(20)
            self.assert_healthy()
        if not support.is_sanitized():
            self.assertLess(self.resident() - before, 60_000_000)
        support.wait_for(lambda: self.sample("taskd_http_connections_open") == 1, "all are cut")
        for stream in stuck:
            while stream.event() is not None:
                pass
            self.assertFalse(stream.ended_well)  # cut within a page
        self.add()
        self.assertEqual(reader.event()["userseq"], 121)

    def test_past_the_bound_a_stream_is_told_to_come_back(self):
        self.serve("--http-keep-alive", "300ms")
        streams = [self.opened() for _ in range(64)]
        refused = self.stream()
        self.assert_problem(refused.head, 503)
        self.assertEqual(refused.head.fields["retry-after"], "1")
        self.assert_healthy()
        self.assertEqual(self.connect().rpc("task.list").status, 200)
        self.add()
        self.assertEqual({stream.event()["userseq"] for stream in streams}, {1})
        streams.pop().close()

        def comes_in():
            with EventStream(self.path) as stream:
                return stream.head.status == 200
        support.wait_for(comes_in, "the place of one who left is given to another")

    def test_streams_and_long_polls_share_their_bound(self):
        self.serve("--polls-max", "2")
        first = self.opened()
        second = self.opened()
        support.wait_for(lambda: self.polls_parked() == 2, "both wait")
        self.assert_problem(self.stream().head, 503)
        self.add()
        self.assertEqual((first.event()["userseq"], second.event()["userseq"]), (1, 1))

    def test_streams_are_never_closed_for_newcomers(self):
        self.serve("--http-connections-max", "4")
        stream = self.opened()
        for _ in range(10):
            with Connection(self.path) as other:
                other.send("GET / HT")
                self.assert_healthy()
        self.add()
        self.assertEqual(stream.event()["userseq"], 1)

    def test_a_stop_ends_them_at_once(self):
        self.serve()
        self.add(20, notes="x" * 60_000)
        streams = [self.opened() for _ in range(20)]
        stuck = [self.opened("/v1/events?after=0") for _ in range(5)]
        started = time.monotonic()
        self.assertEqual(self.home.kill(signal.SIGTERM), 0)
        self.assertLess(time.monotonic() - started, 4)
        for stream in streams:
            self.assertIsNone(stream.event())
        for stream in stuck:
            while stream.event() is not None:
                pass


class WhoMay(EventsTestCase):
    def test_a_revoked_token_ends_its_streams(self):
        self.serve()
        token = self.token("ci")
        self.assert_problem(self.stream(where=self.tcp).head, 401)
        self.assert_problem(self.stream(where=self.tcp, fields=bearer("taskd_x")).head, 401)
        mine = self.opened(where=self.tcp, fields=bearer(token))
        other = self.opened()
        self.add()
        self.assertEqual(mine.event()["userseq"], 1)
        self.assertEqual(self.home.taskctl("token", "revoke", "ci").returncode, 0)
        self.add()
        self.assertIsNone(mine.event())
        self.assertTrue(mine.ended_well)
        self.assertEqual(other.event()["userseq"], 1)

    def test_foreign_hosts_and_origins_get_nothing(self):
        self.serve("--http-origins", "https://ci.example")
        token = self.token("ci")
        for fields, status in (({"Host": "evil.example"}, 421),
                               ({"Origin": "https://evil.example"}, 403)):
            stream = self.stream(where=self.tcp, fields={**bearer(token), **fields})
            self.assert_problem(stream.head, status)
            self.assertNotIn("access-control-allow-origin", stream.head.fields)
            for path in ("/v1/events", "/v1/events/tickets"):
                with Connection(self.tcp) as connection:
                    answer = connection.ask("OPTIONS", path, fields)
                    self.assert_problem(answer, status)
                    self.assertNotIn("access-control-allow-origin", answer.fields)

    def test_an_allowed_page_may_read_the_answers(self):
        self.serve("--http-origins", "https://ci.example")
        origin = {"Origin": "https://ci.example"}
        with Connection(self.tcp) as connection:
            for path, methods in (("/v1/events", "GET, HEAD, POST, OPTIONS"),
                                  ("/v1/events/tickets", "POST, OPTIONS")):
                answer = connection.ask("OPTIONS", path, {
                    **origin, "Access-Control-Request-Method": "POST",
                    "Access-Control-Request-Headers": "authorization"})
                self.assertEqual((answer.status, answer.body), (204, b""))
                self.assertEqual(answer.fields["access-control-allow-origin"], origin["Origin"])
                self.assertEqual(answer.fields["access-control-allow-methods"], methods)
                self.assertIn("Authorization", answer.fields["access-control-allow-headers"])
                self.assertEqual(answer.fields["vary"], "Origin")
            refused = connection.ask("GET", "/v1/events", origin)
            self.assert_problem(refused, 401)
            self.assertEqual(refused.fields["access-control-allow-origin"], origin["Origin"])
            self.assertNotIn("access-control-allow-origin",
                             connection.ask("GET", "/health", origin).fields)
            self.assertNotIn("access-control-allow-origin",
                             connection.ask("GET", "/v1/events").fields)
        stream = self.opened(where=self.tcp, fields={**bearer(self.token("ci")), **origin})
        self.assertEqual(stream.head.fields["access-control-allow-origin"], origin["Origin"])
        self.assertEqual(stream.head.fields["vary"], "Origin")


class Tickets(EventsTestCase):
    def ticket(self, fields=None, where=None):
        with Connection(where or self.path) as connection:
            answer = connection.ask("POST", "/v1/events/tickets", fields, b"")
        self.assertEqual(answer.status, 201, answer.body)
        self.assertEqual(answer.json()["expires_in"], 60)
        self.assertEqual(answer.fields["cache-control"], "no-store")
        return answer.json()["ticket"]

    def test_a_ticket_opens_streams_and_nothing_else(self):
        self.serve()
        token = self.token("ci")
        ticket = self.ticket(bearer(token), self.tcp)
        path = "/v1/events?ticket=" + ticket
        for after in ("", "&after=0"):  # EventSource comes again with the same address
            stream = self.opened(path + after, where=self.tcp)
            self.add()
            self.assertEqual(stream.event()["type"], "task.created")
        with Connection(self.tcp) as connection:
            self.assert_problem(connection.ask("GET", path), 400)
            self.assert_problem(connection.ask("GET", "/v1/events", bearer(ticket)), 401)
            self.assert_problem(connection.ask("POST", "/v1/events/tickets?ticket=" + ticket,
                                               None, b""), 401)
            self.assertEqual(connection.rpc("task.list", token=ticket).status, 401)
            self.assert_problem(connection.ask("POST", path, {"ce-specversion": "1.0"}, b""), 401)
        self.assert_problem(self.stream(path, bearer(token), where=self.tcp).head, 400)
        for wrong in (ticket[:-1], ticket + "x", "", "taskd_", token, ticket.lower()):
            refused = self.stream("/v1/events?ticket=" + wrong, where=self.tcp).head
            self.assert_problem(refused, 401)
            self.assertNotIn(ticket[:-1], refused.body.decode())
        self.assertNotIn(ticket, self.home.log())
        metrics = self.connect().ask("GET", "/metrics")
        self.assertNotIn(ticket.encode(), metrics.body)
        self.assertIn(b'route="/v1/events"', metrics.body)

    def test_it_ends_with_its_token(self):
        self.serve()
        ticket = self.ticket(bearer(self.token("ci")), self.tcp)
        stream = self.opened("/v1/events?ticket=" + ticket, where=self.tcp)
        self.assertEqual(self.home.taskctl("token", "revoke", "ci").returncode, 0)
        self.add()
        self.assertIsNone(stream.event())
        self.assert_problem(self.stream("/v1/events?ticket=" + ticket, where=self.tcp).head, 401)

    def test_a_request_for_one_has_no_options(self):
        self.serve()
        connection = self.connect()
        self.assertEqual(connection.ask("POST", "/v1/events/tickets", None, b"{}").status, 201)
        for body in (b'{"a":1}', b"[]", b"{", b"null", b"\xff"):
            self.assert_problem(connection.ask("POST", "/v1/events/tickets", None, body), 400)
        with Connection(self.tcp) as foreign:
            self.assert_problem(foreign.ask("POST", "/v1/events/tickets", None, b""), 401)

    def test_a_user_has_sixteen_and_the_oldest_goes(self):
        self.serve()
        used = self.ticket()
        self.opened("/v1/events?ticket=" + used)
        unused = [self.ticket() for _ in range(16)]
        self.assert_problem(self.stream("/v1/events?ticket=" + unused[0]).head, 401)
        for ticket in (used, unused[1], unused[-1]):
            self.opened("/v1/events?ticket=" + ticket)


def has_publish():
    """Whether this taskd takes events: the routes are there before the method is."""
    for name in glob.glob(os.path.join(support.SOURCE, "ipc", "*.h")):
        with open(name, encoding="utf-8") as file:
            if '"event.publish"' in file.read():
                return True
    return False


@unittest.skipUnless(has_publish(), "this taskd has no event.publish")
class Publish(EventsTestCase):
    STRUCTURED = {"Content-Type": "application/cloudevents+json"}
    BATCHED = {"Content-Type": "application/cloudevents-batch+json; charset=utf-8"}

    def setUp(self):
        super().setUp()
        self.serve()
        self.connection = self.connect()

    def post(self, fields, body=b"", query="", connection=None):
        if not isinstance(body, bytes):
            body = json.dumps(body).encode()
        return (connection or self.connection).ask("POST", "/v1/events" + query, fields, body)

    @staticmethod
    def binary(number, **fields):
        return {"ce-specversion": "1.0", "ce-id": str(number), "ce-source": "/shop",
                "ce-type": "order.paid", **fields}

    @staticmethod
    def event(number, **members):
        return {"specversion": "1.0", "id": str(number), "source": "/shop", "type": "order.paid",
                **members}

    def stored(self):
        return self.home.result("event.read", after=0)["events"]

    def test_each_mode_is_the_same_event(self):
        data = {"total": 7, "text": "\u00e4\n"}
        binary = self.post({**self.binary(1), "Content-Type": "application/json",
                            "ce-subject": "Euro%20%E2%82%AC", "ce-color": "red"}, data)
        self.assertEqual(binary.status, 201, binary.body)
        self.assertEqual(binary.json()["userseq"], 1)
        self.assertFalse(binary.json()["duplicate"])
        structured = self.post(self.STRUCTURED, self.event(
            2, subject="Euro \u20ac", color="red", data=data, datacontenttype="application/json"))
        self.assertEqual(structured.status, 201, structured.body)
        batched = self.post(self.BATCHED, [self.event(
            3, subject="Euro \u20ac", color="red", data=data, datacontenttype="application/json")])
        self.assertEqual(batched.status, 200, batched.body)
        self.assertEqual(batched.json()["published"], 1)
        events = self.stored()
        self.assertEqual([event["id"] for event in events], ["1", "2", "3"])
        for event in events:
            self.assertEqual(event["data"], data)
            self.assertEqual(event["subject"], "Euro \u20ac")
            self.assertEqual(event["color"], "red")
            self.assertEqual(event["datacontenttype"], "application/json")

    def test_data_of_any_type(self):
        for number, (kind, body, name, value) in enumerate((
                ("text/plain", "\u00e4".encode(), "data", "\u00e4"),
                ("text/plain", b"\xff", "data_base64", "/w=="),
                ("application/octet-stream", b"abc", "data_base64", "YWJj"))):
            answer = self.post({**self.binary(number), "Content-Type": kind}, body)
            self.assertEqual(answer.status, 201, answer.body)
            event = self.stored()[-1]
            self.assertEqual((event[name], event["datacontenttype"]), (value, kind))

    def test_a_repeated_event_is_taken_once(self):
        first = self.post(self.binary(1))
        self.assertEqual(first.status, 201)
        again = self.post(self.STRUCTURED, self.event(1))
        self.assertEqual((again.status, again.json()["duplicate"]), (200, True))
        self.assertEqual(again.json()["userseq"], first.json()["userseq"])
        batch = self.post(self.BATCHED, [self.event(1), self.event(2), self.event(2)]).json()
        self.assertEqual((batch["published"], batch["duplicates"], batch["refused"]), (1, 2, 0))
        self.assertEqual(len(self.stored()), 2)
        # Over kill -9 too.
        self.home.kill(signal.SIGKILL)
        self.serve()
        self.assertEqual(self.post(self.binary(2), connection=self.connect()).status, 200)

    def test_a_batch_is_taken_as_a_whole_unless_each_is_asked_for(self):
        wrong = [self.event(1), {"id": "2"}, self.event(3)]
        self.assert_problem(self.post(self.BATCHED, wrong), 400)
        self.assertEqual(self.stored(), [])
        each = self.post(self.BATCHED, wrong, "?each=true")
        self.assertEqual(each.status, 200)
        self.assertEqual((each.json()["published"], each.json()["refused"]), (2, 1))
        self.assertIn("error", each.json()["events"][1])
        self.assertEqual([event["id"] for event in self.stored()], ["1", "3"])

    def test_what_is_wrong_is_a_problem(self):
        for fields, body, status in (
                ({"Content-Type": "application/json"}, {}, 415),
                ({"Content-Type": "application/cloudevents+avro"}, b"x", 415),
                ({**self.binary(1), "ce-subject": "%"}, b"", 400),
                ({**self.binary(1), "Content-Type": "application/json"}, b"{", 400),
                ({**self.binary(1), "ce-data": "x"}, b"", 400),
                ({"ce-specversion": "1.0"}, b"", 400),
                ({**self.binary(1), "ce-specversion": "0.3"}, b"", 400),
                ({**self.binary(1), "ce-source": "/taskd/x"}, b"", 400),
                (self.STRUCTURED, self.event(1, data=1, data_base64="AA=="), 400),
                (self.STRUCTURED, {"specversion": "1.0", "source": "/a", "type": "b"}, 400),
                (self.BATCHED, [], 400), (self.BATCHED, [self.event(1)] * 1001, 400)):
            with self.subTest(fields):
                self.assert_problem(self.post(fields, body), status)
        self.assertEqual(self.stored(), [])
        self.connection.send(b"POST /v1/events HTTP/1.1\r\nHost: a\r\nce-specversion: 1.0\r\n"
                             b"ce-id: 1\r\nce-id: 2\r\nContent-Length: 0\r\n\r\n")
        self.assert_problem(self.connection.answer(), 400)
        with Connection(self.tcp) as foreign:
            self.assert_problem(self.post(self.binary(1), connection=foreign), 401)

    def test_what_comes_in_is_streamed_out(self):
        stream = self.opened()
        self.post({**self.binary(1), "Content-Type": "text/plain"}, b"a\nb\rc")
        event = stream.event()
        self.assertEqual((event["id"], event["data"]), ("1", "a\nb\rc"))


if __name__ == "__main__":
    unittest.main()
