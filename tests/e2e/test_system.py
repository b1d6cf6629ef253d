# SPDX-License-Identifier: Apache-2.0
"""The system daemon: whom it serves, who they are, and what changes while it runs."""

import json
import os
import re
import stat
import unittest

import support
import system_home
from system_home import UIDS

FOREIGN = ("root", "bob", "dora")  # to ada; dora is no member at all
EVENTS = 100


class Admission(system_home.TestCase):
    def test_members_root_and_the_daemon_itself_are_served_and_nobody_else(self):
        self.home.start()
        for name in ("root", "taskd", "ada", "bob", "carol"):
            with self.subTest(name):
                self.assertEqual(self.home.get(name, "admin.health")["user_id"], name)
                endpoint = self.home.get(name, "bus.endpoint")["endpoint"]
                self.assertEqual(endpoint, f"ipc://{self.home.events(name)}")
                self.assertEqual(stat.S_IMODE(os.stat(self.home.directory(name)).st_mode), 0o755)
                for path in (self.home.requests(name), self.home.events(name)):
                    self.assertEqual(stat.S_IMODE(os.stat(path).st_mode), 0o666)
        self.assertEqual(sorted(entry for entry in os.listdir(self.home.root) if entry != "lock"),
                         sorted(f"u{UIDS[n]}" for n in ("root", "taskd", "ada", "bob", "carol")))

    def test_taskctl_reaches_only_the_callers_own_directory(self):
        self.home.start()
        for name in ("ada", "carol", "root"):
            added = self.home.taskctl_as(name, "add", f"{name}'s own")
            self.assertEqual(added.returncode, 0, added.stderr)
        for name in ("ada", "carol", "root"):
            listed = self.home.taskctl_as(name, "list")
            self.assertIn(f"{name}'s own", listed.stdout)
            self.assertEqual(listed.stdout.count("'s own"), 1)
        # Another's directory lets nobody in, though the sockets can be opened.
        for name in FOREIGN:
            refused = self.home.taskctl_as(name, "--endpoint", f"/run/taskd/u{UIDS['ada']}",
                                           "--timeout", "1s", "list")
            self.assertIn(refused.returncode, (6, 7), refused.stderr)
            self.assertEqual(refused.stdout, "")

    def test_a_group_that_is_not_there_is_said_and_nothing_is_made(self):
        self.assertIn('admission.group: there is no group "nobody-here"',
                      self.home.start("--admission-group", "nobody-here"))
        self.assertEqual([e for e in os.listdir(self.home.root) if e != "lock"], [])

    def test_more_members_than_are_served_are_refused(self):
        # ada, bob, carol, root and taskd are five.
        self.assertIn("more than the 4 that are served",
                      self.home.start("--admission-users-max", "4"))
        self.assertEqual(self.home.start("--admission-users-max", "5"), "ready")


class Strangers(system_home.TestCase):
    def test_foreign_uids_get_no_reply_and_no_event_whatever_the_file_mode(self):
        self.home.start()
        for name in FOREIGN:
            peer = self.home.peer(name)
            peer.open(name="events", kind="sub", path=self.home.events("ada"))
            peer.open(name="requests", kind="dealer", path=self.home.requests("ada"))
            peer.send(name="requests", method="task.add", times=20,
                      params={"summary": f"by {name}"})
        ada = self.home.peer("ada")
        ada.open(name="events", kind="sub", path=self.home.events("ada"))
        self.assertEqual(ada.receive(name="events", ms=30_000)[0], "taskd.head")
        for number in range(EVENTS):
            self.home.get("ada", "task.add", summary=f"secret {number}")
        seen = [m for m in ada.receive_all(name="events", ms=500) if m[0] == "task.created"]
        self.assertEqual(len(seen), EVENTS)
        for name in FOREIGN:
            with self.subTest(name):
                peer = self.home.peer(name)
                self.assertEqual(peer.receive_all(name="events", ms=300), [])
                self.assertEqual(peer.receive_all(name="requests", ms=0), [])
        page = self.home.get("ada", "task.list", limit=1000)
        self.assertEqual({t["summary"].split()[0] for t in page["tasks"]}, {"secret"})
        self.assertEqual(page["total"], EVENTS)

    def test_the_routing_id_of_a_dead_client_gets_a_stranger_nothing(self):
        self.home.start()
        for number in range(5):
            # A new one each time: an id that is still in use is refused.
            identity = f"stolen {number}".encode().hex()
            ada = self.home.peer("ada")
            ada.open(name="poll", kind="dealer", path=self.home.requests("ada"), identity=identity)
            head = self.home.get("ada", "event.read")["head"]
            ada.send(name="poll", method="event.read",
                     params={"after": head, "wait_ms": 20_000})
            support.wait_for(lambda: self.gauge("taskd_polls_parked") == 1, "the poll is parked")
            ada.close(name="poll")  # its client is gone; the reply is still to come
            for name, path in (("bob", "bob"), ("bob", "ada"), ("dora", "ada")):
                self.home.peer(name).open(name=path, kind="dealer", path=self.home.requests(path),
                                          identity=identity)
            self.home.get("ada", "task.add", summary="late")  # what the poll waits for
            support.wait_for(lambda: self.gauge("taskd_polls_parked") == 0, "the poll is answered")
            # The impostor is served as who they are, on the connection with that very id.
            self.home.peer("bob").send(name="bob", method="admin.health")
            reply = json.loads(self.home.peer("bob").receive(name="bob", ms=30_000)[-1])
            self.assertEqual(reply["result"]["user_id"], "bob")
            for name, path in (("bob", "bob"), ("bob", "ada"), ("dora", "ada")):
                self.assertEqual(self.home.peer(name).receive_all(name=path, ms=100), [])

    def test_within_one_user_an_id_that_comes_back_gets_the_late_reply(self):
        """Not a leak: both are the same uid. A client that wants no late replies takes a new id."""
        self.home.start()
        ada = self.home.peer("ada")
        identity = b"mine".hex()
        ada.open(name="poll", kind="dealer", path=self.home.requests("ada"), identity=identity)
        ada.send(name="poll", method="event.read", first=41,
                 params={"wait_ms": 20_000})
        support.wait_for(lambda: self.gauge("taskd_polls_parked") == 1, "the poll is parked")
        ada.close(name="poll")

        def comes_back():
            # Refused as long as the daemon has not seen that the first one is gone.
            ada.open(name="poll", kind="dealer", path=self.home.requests("ada"), identity=identity)
            ada.send(name="poll", method="admin.health", first=42)
            reply = ada.receive(name="poll", ms=500)
            return reply is not None and json.loads(reply[-1])["id"] == 42
        support.wait_for(comes_back, "the id is free again")
        self.home.get("ada", "task.add", summary="late")
        self.assertEqual(json.loads(ada.receive(name="poll", ms=30_000)[-1])["id"], 41)

    def gauge(self, name):
        samples = self.home.get("root", "admin.stats")["samples"]
        return next(s["value"] for s in samples if s["name"] == name)


class Rights(system_home.TestCase):
    def test_operator_methods_and_other_users_names_are_for_operators(self):
        self.home.start()
        path = os.path.join(self.home.state, "copy.db")
        for name in ("ada", "carol"):
            for method, params in (("admin.stats", {}), ("admin.config", {}),
                                   ("admin.shutdown", {}), ("admin.backup", {"path": path})):
                with self.subTest(name, method=method):
                    error = self.home.refusal(name, method, **params)
                    self.assertEqual(error["data"]["reason"], "permission_denied")
                    self.assertEqual(error["message"], f"{method} is for operators")
            for method in ("task.list", "task.add", "event.read"):
                error = self.home.refusal(name, method, user_id="bob", summary="x")
                self.assertEqual(error["message"],
                                 "user_id: only an operator may name another user")
            self.assertEqual(self.home.get(name, "task.list", user_id=name)["total"], 0)
        for number, name in enumerate(("root", "taskd")):
            self.assertIn("samples", self.home.get(name, "admin.stats"))
            self.assertTrue(self.home.get(name, "admin.config")["values"])
            self.home.get(name, "task.add", user_id="bob", summary=f"for bob by {name}")
            copied = self.home.get(name, "admin.backup", path=f"{path}{number}")
            self.assertGreater(copied["bytes"], 0)
        self.assertEqual(self.home.get("bob", "task.list")["total"], 2)
        self.home.get("root", "admin.shutdown")
        self.assertEqual(self.home.process.wait(support.DEADLINE), 0)

    def test_programs_run_only_from_the_list_of_the_administrator(self):
        self.home.start()
        channel = {"name": "bell", "kind": "exec", "argv": ["/bin/true"]}
        for name in ("ada", "root"):
            error = self.home.refusal(name, "channel.set", **channel)
            self.assertEqual(error["data"]["reason"], "permission_denied")
            self.assertIn("this daemon runs no programs for its users", error["message"])
        self.home.write_config('[exec]\nallow = "/bin/true,/bin/echo"\n')
        self.home.reload()
        self.home.get("ada", "channel.set", **channel)
        error = self.home.refusal("ada", "channel.set", **{**channel, "argv": ["/bin/sh"]})
        self.assertIn("/bin/sh is not among the programs that this daemon runs: "
                      "/bin/true, /bin/echo", error["message"])
        # A relative name and a detour are other words for a program, and so not in the list.
        for word in ("true", "/bin/../bin/true", "/bin/true "):
            error = self.home.refusal("ada", "channel.set", **{**channel, "argv": [word]})
            self.assertEqual(error["data"]["reason"], "permission_denied")


class TwoUsers(system_home.TestCase):
    """tests/daemon/two_users_test.cpp tries every method; here those with ids, over sockets."""

    def test_another_users_id_is_an_id_that_does_not_exist(self):
        self.home.start("--exec-allow", "/bin/true")
        task = self.home.get("ada", "task.add", summary="secret")["task"]["id"]
        series = self.home.get("ada", "task.add", summary="daily secret", every="day",
                               at="18:00")["series"]["id"]
        self.home.get("ada", "channel.set", name="bell", argv=["/bin/true"])
        token = self.home.get("ada", "admin.token_create", name="secret-token")["id"]
        nothing = "00000000-0000-4000-8000-000000000000"
        tries = [(method, "task", of_ada, none, {})
                 for method in ("task.get", "task.update", "task.start", "task.complete",
                                "task.cancel", "task.reopen", "task.delete", "task.restore",
                                "reminder.acknowledge")
                 for of_ada, none in ((task, nothing), (task[:8], nothing[:8]), ("1", "9"))]
        tries += [("reminder.snooze", "task", "1", "9", {"until": "20m"}),
                  ("channel.remove", "name", "bell", "horn", {}),
                  ("admin.token_revoke", "id", token, nothing, {}),
                  ("admin.token_revoke", "id", "secret-token", "no-such-token", {})]
        tries += [(method, "series", of_ada, none, {})
                  for method in ("series.get", "series.pause", "series.resume", "series.end")
                  for of_ada, none in ((series, nothing), ("2", "9"))]
        before = self.dump("ada")
        for method, key, of_ada, none, more in tries:
            with self.subTest(method, key=of_ada):
                said = self.home.refusal("bob", method, **{key: of_ada}, **more)
                same = self.home.refusal("bob", method, **{key: none}, **more)
                self.assertEqual(said["data"]["reason"], "not_found")
                said = re.sub(rf"\b{of_ada}\b", none, json.dumps(said))
                self.assertEqual(json.loads(said), same)
        for method, key in (("task.list", "tasks"), ("series.list", "series"),
                            ("channel.list", "channels"), ("admin.token_list", "tokens"),
                            ("delivery.list", "deliveries"), ("event.list", "events"),
                            ("event.read", "events"), ("agenda.get", "tasks"),
                            ("task.facets", "tags")):
            self.assertEqual(self.home.get("bob", method)[key], [], method)
        self.assertEqual(self.dump("ada"), before)

    def dump(self, name):
        return [self.home.get(name, method) for method in (
            "task.list", "series.list", "channel.list", "admin.token_list", "event.list",
            "user.get")]


if __name__ == "__main__":
    unittest.main()
