# SPDX-License-Identifier: Apache-2.0
"""SIGHUP: users come, go and change their names; keys change; connections of the others stay."""

import json
import os
import threading
import unittest

import http_client
import support
import system_home
from system_home import UIDS


class Reload(system_home.TestCase):
    def serve_http(self):
        self.http = os.path.join(self.home.state, "http.sock")
        os.chmod(self.home.state, 0o755)
        self.start("--http-listen", f"unix:{self.http}")

    def poll(self, name):
        """A long poll of the user's, parked; and a subscription that has been welcomed."""
        peer = self.home.peer(name)
        peer.open(name="events", kind="sub", path=self.home.events(name))
        # A copy of what was just acknowledged may come before the head.
        while peer.receive(name="events", ms=30_000)[0] != "taskd.head":
            pass
        head = self.home.get(name, "event.read")["head"]
        peer.open(name="poll", kind="dealer", path=self.home.requests(name))
        peer.send(name="poll", method="event.read",
                  params={"after": head, "wait_ms": 60_000})
        return peer

    def parked(self):
        samples = self.home.get("root", "admin.stats")["samples"]
        return next(s["value"] for s in samples if s["name"] == "taskd_polls_parked")

    def test_a_new_member_is_served_without_a_restart_and_others_stay_connected(self):
        self.start()
        ada = self.poll("ada")
        self.home.members.append("dora")
        self.home.write_accounts()
        self.assertIn('user_served user="dora" uid=70004', self.home.reload("user_served"))
        self.home.get("dora", "task.add", summary="dora's")
        self.assertEqual(self.home.get("dora", "task.list")["total"], 1)
        # The same connections, from before the reload.
        self.home.get("ada", "task.add", summary="ada's")
        reply = json.loads(ada.receive(name="poll", ms=30_000)[-1])
        self.assertEqual(reply["result"]["events"][0]["type"], "task.created")
        self.assertEqual(ada.receive(name="events", ms=30_000)[0], "task.created")

    def test_who_has_left_loses_everything_at_once(self):
        self.serve_http()
        secret = self.home.get("bob", "admin.token_create", name="ci")["secret"]
        self.home.get("bob", "task.add", summary="before")
        ada, bob = self.poll("ada"), self.poll("bob")
        head = self.home.get("bob", "event.read")["head"]
        over_http = []

        def long_poll():
            with http_client.Connection(self.http) as connection:
                over_http.append(connection.rpc("event.read", token=secret, after=head,
                                                wait_ms=60_000))
        thread = threading.Thread(target=long_poll)
        thread.start()
        support.wait_for(lambda: self.parked() == 3, "three polls are parked")
        self.home.members.remove("bob")
        self.home.write_accounts()
        self.assertIn('user_left user="bob" uid=70002', self.home.reload("user_left"))

        self.assertFalse(os.path.exists(self.home.directory("bob")))
        support.wait_for(lambda: self.parked() == 1, "bob's polls are gone")
        thread.join(support.DEADLINE)
        self.assertEqual(over_http[0].json()["error"]["data"]["reason"], "permission_denied")
        with http_client.Connection(self.http) as connection:
            self.assertEqual(connection.rpc("task.list", token=secret).status, 401)
        # What happens in bob's name now reaches nobody.
        self.home.get("root", "task.add", user_id="bob", summary="after")
        self.home.get("ada", "task.add", summary="ada's")
        self.assertIsNotNone(ada.receive(name="poll", ms=30_000))
        self.assertEqual(ada.receive(name="events", ms=30_000)[0], "task.created")
        self.assertEqual(bob.receive_all(name="events", ms=300), [])
        self.assertEqual(bob.receive_all(name="poll", ms=0), [])
        # Back again, bob has all that was there, and the token is in force.
        self.home.members.append("bob")
        self.home.write_accounts()
        self.home.reload("user_served")
        self.assertEqual(self.home.get("bob", "task.list")["total"], 2)
        with http_client.Connection(self.http) as connection:
            self.assertEqual(connection.rpc("task.list", token=secret).status, 200)

    def test_a_uid_with_a_new_name_sees_that_names_rows_only(self):
        self.start()
        self.home.get("ada", "task.add", summary="ada's")
        self.poll("ada")
        self.home.names = {("eve" if name == "ada" else name): uid
                           for name, uid in self.home.names.items()}
        self.home.members[self.home.members.index("ada")] = "eve"
        self.home.write_accounts()
        self.assertIn('user_served user="eve" uid=70001', self.home.reload("user_served"))
        # The process is that of uid 70001, and so is the directory.
        self.assertEqual(self.home.get("ada", "admin.health")["user_id"], "eve")
        self.assertEqual(self.home.get("ada", "task.list")["total"], 0)
        seen = []

        def hears_of_eve():
            """Its subscriber has to find the new socket first."""
            self.home.get("root", "task.add", user_id="ada", summary="for the old name")
            self.home.get("ada", "task.add", summary="eve's")
            seen.extend(self.home.peer("ada").receive_all(name="events", ms=100))
            return any("eve's" in message[-1] for message in seen)
        support.wait_for(hears_of_eve, "the subscriber hears of eve's tasks")
        self.assertFalse([message for message in seen if "for the old name" in message[-1]])
        summaries = {task["summary"] for task in self.home.get("ada", "task.list")["tasks"]}
        self.assertEqual(summaries, {"eve's"})

    def test_many_reloads_keep_a_renamed_users_sockets(self):
        """Old sockets close in the background, and must not take the new ones' files along."""
        self.start()
        names = ["ada", "eve"]
        for number in range(20):
            old, new = names[number % 2], names[1 - number % 2]
            self.home.names[new] = self.home.names.pop(old)
            self.home.members[self.home.members.index(old)] = new
            self.home.write_accounts()
            self.home.reload(f'user_served user="{new}"')
            self.assertEqual(self.home.get("ada", "admin.health")["user_id"], new)

    def test_a_wrong_group_or_file_is_logged_and_changes_nothing(self):
        self.home.write_config('[polls]\nmax = 7\n')
        self.start()
        for text, said in (('[polls]\nmax = 7\n[admission]\ngroup = "nobody-here"\n',
                            'there is no group \\"nobody-here\\"'),
                           ("[polls]\nmaxx = 9\n", 'did you mean'),
                           ("[polls\n", "taskd.toml"),
                           ('[polls]\nmax = "many"\n', "polls.max")):
            with self.subTest(text):
                self.home.write_config(text)
                self.assertIn("reload_refused", self.home.reload("reload_refused"))
                for name in ("ada", "bob", "carol", "root"):
                    self.assertEqual(self.home.get(name, "admin.health")["user_id"], name)
        self.assertEqual(self.value("polls.max"), "7")

    def value(self, key):
        values = self.home.get("root", "admin.config")["values"]
        return next(v["value"] for v in values if v["key"] == key)

    def test_what_can_change_does_and_the_rest_is_said_to_need_a_restart(self):
        self.start()
        self.home.write_config(
            '[log]\nlevel = "warning"\n[polls]\nmax = 1\n[exec]\nallow = "/bin/true"\n'
            '[store]\npath = "/elsewhere/t.db"\n[http]\nlisten = "127.0.0.1:1"\n')
        said = self.home.reload("key=http.listen")
        for key in ("log.level", "polls.max", "exec.allow"):
            self.assertRegex(said, rf"key={key} .* applied")
        for key in ("store.path", "http.listen"):
            self.assertRegex(said, rf"key={key} .* needs_restart")
        self.assertEqual(self.value("polls.max"), "1")
        self.assertEqual(self.value("store.path"), self.home.store)
        self.home.get("ada", "channel.set", name="bell", argv=["/bin/true"])
        self.poll("ada")
        error = self.home.refusal("bob", "event.read", wait_ms=20_000)
        self.assertEqual(error["data"]["reason"], "resource_exhausted")
        # At warning, a user who comes is not worth a line.
        self.home.members.append("dora")
        self.home.write_accounts()
        seen = len(self.home.log())
        self.home.process.send_signal(1)
        support.wait_for(lambda: os.path.exists(self.home.requests("dora")), "dora is served")
        self.assertNotIn("user_served", self.home.log()[seen:])

    def test_what_stands_in_one_users_way_is_not_the_others(self):
        self.start()
        blocked = self.home.directory("dora")
        with open(blocked, "w", encoding="ascii") as file:
            file.write("in the way")
        self.home.names["emil"] = 70005
        self.home.members += ["dora", "emil"]
        self.home.write_accounts()
        said = self.home.reload("reload_refused")
        self.assertIn("u70004", said)
        self.assertIn('user_served user="emil" uid=70005', said)
        os.remove(blocked)
        # A directory where a socket is to be: bind fails, which must not end the daemon.
        os.makedirs(blocked + "/requests.sock")
        os.chown(blocked, UIDS["taskd"], UIDS["taskd"])
        self.assertIn("u70004", self.home.reload("reload_refused"))
        os.rmdir(blocked + "/requests.sock")
        self.home.reload('user_served user="dora"')
        self.assertEqual(self.home.get("dora", "admin.health")["user_id"], "dora")


if __name__ == "__main__":
    unittest.main()
