# SPDX-License-Identifier: Apache-2.0
"""Streams of events of several users: each sees their own, has a share, and loses all on leaving."""

import os
import unittest

import http_client
import support
import system_home
from http_client import EventStream


class Streams(system_home.TestCase):
    def serve(self, *flags):
        self.http = os.path.join(self.home.state, "http.sock")
        os.chmod(self.home.state, 0o755)
        self.start("--http-listen", f"unix:{self.http}", *flags)
        self.tokens = {name: self.home.get(name, "admin.token_create", name="ci")["secret"]
                       for name in ("ada", "bob")}

    def stream(self, name=None, query="", **fields):
        if name is not None:
            fields["Authorization"] = "Bearer " + self.tokens[name]
        stream = EventStream(self.http, "/v1/events" + query, fields)
        self.addCleanup(stream.close)
        return stream

    def parked(self):
        samples = self.home.get("root", "admin.stats")["samples"]
        return next(s["value"] for s in samples if s["name"] == "taskd_polls_parked")

    def ticket(self, name):
        with http_client.Connection(self.http) as connection:
            answer = connection.ask("POST", "/v1/events/tickets",
                                    {"Authorization": "Bearer " + self.tokens[name]}, b"")
            self.assertEqual(answer.status, 201)
            return answer.json()["ticket"]

    def test_everybody_sees_their_own_events_only(self):
        self.serve()
        streams = {"ada": [self.stream("ada", "?after=0"),
                           self.stream(query="?after=0&ticket=" + self.ticket("ada"))],
                   "bob": [self.stream("bob", "?after=0")]}
        for turn in range(1, 4):
            for name, open_ones in streams.items():
                self.home.get(name, "task.add", summary=f"{name} {turn}")
                for stream in open_ones:
                    event = stream.event()
                    self.assertEqual((event["userid"], event["userseq"]), (name, turn))
                    self.assertEqual(event["data"]["payload"]["summary"], f"{name} {turn}")
        # root is who is at the other end of this socket, and an operator; a stream is root's own.
        roots = self.stream(query="?after=0")
        self.home.get("root", "task.add", summary="root's")
        self.assertEqual(roots.event()["userid"], "root")

    def test_one_user_takes_half_of_the_streams_at_most(self):
        self.serve("--http-streams-max", "4", "--http-keep-alive", "300ms")
        of_ada = [self.stream("ada") for _ in range(3)]
        self.assertEqual([stream.head.status for stream in of_ada], [200, 200, 503])
        self.assertEqual(self.stream(query="?ticket=" + self.ticket("ada")).head.status, 503)
        of_bob = [self.stream("bob") for _ in range(3)]
        self.assertEqual([stream.head.status for stream in of_bob], [200, 200, 503])
        of_ada[0].close()

        def has_place():
            with EventStream(self.http, fields={
                    "Authorization": "Bearer " + self.tokens["ada"]}) as stream:
                return stream.head.status == 200
        support.wait_for(has_place, "a place is free again")

    def test_who_has_left_is_told_nothing_more(self):
        self.serve()
        ticket = self.ticket("bob")
        of_bob = [self.stream("bob"), self.stream(query="?ticket=" + ticket)]
        of_ada = self.stream("ada")
        self.home.get("bob", "task.add", summary="before")
        for stream in of_bob:
            self.assertEqual(stream.event()["userseq"], 1)
        support.wait_for(lambda: self.parked() == 3, "all wait for more")
        self.home.members.remove("bob")
        self.home.write_accounts()
        self.home.reload("user_left")
        for stream in of_bob:  # at once, not with the next event
            self.assertIsNone(stream.event())
            self.assertTrue(stream.ended_well)
        for query, name in (("", "bob"), ("?ticket=" + ticket, None)):
            self.assertEqual(self.stream(name, query).head.status, 401)
        self.home.get("ada", "task.add", summary="ada's")
        self.assertEqual(of_ada.event()["userseq"], 1)


if __name__ == "__main__":
    unittest.main()
