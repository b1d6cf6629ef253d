# SPDX-License-Identifier: Apache-2.0
"""taskctl wait: for tasks, runs and events, before and after they come about."""

import json
import os
import subprocess
import unittest

import support


class Wait(support.TestCase):
    def setUp(self):
        super().setUp()
        self.home.start()

    def begin(self, *words):
        process = subprocess.Popen([support.TASKCTL, "wait", *words], env=self.home.env,
                                   stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                                   stderr=subprocess.PIPE, text=True)
        self.addCleanup(self.end, process)
        return process

    @staticmethod
    def end(process):
        process.kill()
        process.communicate(timeout=support.DEADLINE)

    def wait(self, *words, status=0):
        run = self.home.taskctl("wait", *words)
        self.assertEqual(run.returncode, status, run.stdout + run.stderr)
        return run

    def parked(self, count=1):
        """Until so many callers wait in the daemon."""
        support.wait_for(lambda: any(
            sample["name"] == "taskd_polls_parked" and sample["value"] >= count
            for sample in self.home.result("admin.stats")["samples"]), "it waits")

    def add(self, summary="Tea"):
        return self.home.result("task.add", summary=summary)["task"]


class Tasks(Wait):
    def test_a_task_that_is_done_or_gets_done(self):
        self.add()
        waiting = self.begin("1")
        self.parked()
        self.home.result("task.start", task="1")
        self.home.result("task.complete", task="1")
        self.assertEqual(waiting.wait(support.DEADLINE), 0)
        self.assertEqual(waiting.communicate(), ("", ""))
        self.wait("1")
        self.wait("1", "--for", "closed")
        shown = json.loads(self.wait("1", "-o", "json").stdout)
        self.assertEqual(shown["task"]["status"], "completed")

    def test_by_id_and_for_a_start(self):
        task = self.add()
        waiting = self.begin(task["id"], "--for", "started")
        self.parked()
        self.home.result("task.start", task="1")
        self.assertEqual(waiting.wait(support.DEADLINE), 0)

    def test_what_can_not_come_about_any_more(self):
        for index, method in enumerate(("task.cancel", "task.delete"), 1):
            self.add()
            waiting = self.begin(str(index))
            self.parked()
            self.home.result(method, task=str(index))
            self.assertEqual(waiting.wait(support.DEADLINE), 4)
            self.assertIn(f"task {index} is {'cancelled' if index == 1 else 'deleted'}",
                          waiting.stderr.read())
        self.wait("1", "--for", "closed")

    def test_patience_ends(self):
        self.add()
        run = self.wait("1", "--timeout", "1s", status=7)
        self.assertIn("not within 1s: task 1 is needs-action", run.stderr)

    def test_without_patience_it_only_asks(self):
        self.add()
        for patience in ("0", "0s"):
            self.assertIn("not yet: task 1 is needs-action",
                          self.wait("1", "--timeout", patience, status=7).stderr)
            self.assertIn('not yet: "k" was not begun',
                          self.wait("--run", "k", "--timeout", patience, status=7).stderr)
            self.wait("--event", "task.*", "--timeout", patience, status=7)
            self.wait("--event", "task.*", "--since", "0", "--timeout", patience)
        self.home.result("task.complete", task="1")
        self.wait("1", "--timeout", "0")
        self.assertEqual(self.home.taskctl("list", "--timeout", "0").returncode, 2)

    def test_it_outlives_a_restart(self):
        self.add()
        waiting = self.begin("1")
        self.parked()
        self.home.kill()
        self.home.start()
        self.parked()
        self.home.result("task.complete", task="1")
        self.assertEqual(waiting.wait(support.DEADLINE), 0)

    def test_what_is_not_there_or_not_accepted(self):
        self.wait("7", status=3)
        self.wait("abcd", status=3)
        self.add()
        for words, text in (((), "name one thing"), (("1", "--run", "k"), "name one thing"),
                            (("1", "--since", "1h"), "--event"), (("1", "--where", "a=b"), "--event"),
                            (("1", "--for", "soon"), "done, closed or started"),
                            (("--run", "k", "--for", "closed"), "done, succeeded or started"),
                            (("--event", "a", "--for", "done"), "--event"),
                            (("--event", "a", "--where", "="), "where"),
                            (("--event", "a", "--since", "whenever"), "since"),
                            (("--run", ""), "--run is empty"), (("--event", ""), "--event is empty"),
                            (("--event", "a", "--since", ""), "--since is empty"),
                            (("1", "--for", ""), "--for is empty"), (("",), "is empty"),
                            (("1", "--timeout", ""), "--timeout is empty"),
                            (("1", "--timeout", "5"), "needs a unit"),
                            (("--event", "a", "--since", "999999"), "since: ")):
            with self.subTest(words=words):
                self.assertIn(text, self.wait(*words, status=2).stderr)


class Runs(Wait):
    def once(self, *words):
        return self.home.taskctl("once", *words)

    def test_a_run_before_during_and_after(self):
        waiting = self.begin("--run", "k")
        starting = self.begin("--run", "k", "--for", "started")
        self.parked(2)
        gate = os.path.join(self.home.path, "gate")
        os.mkfifo(gate)
        command = ["k", "--", "sh", "-c", f"read x < {gate}; exit 0"]
        with subprocess.Popen([support.TASKCTL, "once", *command], env=self.home.env,
                              stdin=subprocess.DEVNULL) as running:
            self.assertEqual(starting.wait(support.DEADLINE), 0)
            self.assertIsNone(waiting.poll())
            with open(gate, "w", encoding="ascii"):
                pass
            self.assertEqual(running.wait(support.DEADLINE), 0)
        self.assertEqual(waiting.wait(support.DEADLINE), 0)
        self.assertEqual(waiting.stdout.read(), "succeeded\n")
        self.wait("--run", "k")

    def test_one_that_failed(self):
        self.once("k", "--", "false")
        self.assertEqual(self.wait("--run", "k", status=1).stdout, "failed\n")
        self.wait("--run", "k", "--for", "started")
        report = json.loads(self.wait("--run", "k", "-o", "json", status=1).stdout)
        self.assertEqual(report["run"]["status"], 1)

    def test_a_success_after_a_failure(self):
        flag = os.path.join(self.home.path, "flag")
        self.once("k", "--", "test", "-e", flag)
        waiting = self.begin("--run", "k", "--for", "succeeded")
        self.parked()
        with open(flag, "w", encoding="ascii"):
            pass
        self.once("--retry-failed", "k", "--", "test", "-e", flag)
        self.assertEqual(waiting.wait(support.DEADLINE), 0)

    def test_it_outlives_a_daemon_that_is_stopped(self):
        waiting = self.begin("--run", "k", "--no-start")
        self.parked()
        self.assertEqual(self.home.taskctl("shutdown").returncode, 0)
        self.home.process.wait(support.DEADLINE)
        self.home.start()
        self.once("k", "--", "true")
        self.assertEqual(waiting.wait(support.DEADLINE), 0)

    def test_one_that_never_comes(self):
        self.assertIn('"k" was not begun',
                      self.wait("--run", "k", "--timeout", "1s", status=7).stderr)


class Events(Wait):
    def publish(self, event_type, data):
        self.home.result("event.publish", events=[
            {"specversion": "1.0", "source": "/ci", "type": event_type, "data": data}])

    def test_the_next_event_with_such_data(self):
        self.publish("build.finished", {"ok": True, "n": 0})
        waiting = self.begin("--event", "build.*", "--where", "ok=true", "-o", "json")
        self.parked()
        self.publish("test.finished", {"ok": True})
        self.publish("build.finished", {"ok": False})
        self.publish("build.finished", {"ok": True, "n": 7})
        self.assertEqual(waiting.wait(support.DEADLINE), 0)
        self.assertEqual(json.loads(waiting.stdout.read())["data"]["n"], 7)

    def test_one_that_came_before(self):
        for number in range(5):
            self.publish("build.finished", {"n": number})
        event = json.loads(self.wait("--event", "build.finished", "--where", "n>=3", "--since", "1h",
                                     "-o", "json").stdout)
        self.assertEqual(event["data"]["n"], 3)
        event = json.loads(self.wait("--event", "build.finished", "--since", "4", "-o", "json").stdout)
        self.assertEqual(event["data"]["n"], 4)
        never = self.wait("--event", "build.finished", "--timeout", "1s", status=7)
        self.assertNotIn("warning", never.stderr)
        self.publish("build", {})
        for event_type in ("build*", "build", "*"):
            self.assertEqual(self.wait("--event", event_type, "--since", "1h").stderr, "")
        typo = self.wait("--event", "task.complted", "--timeout", "1s", status=7)
        self.assertIn('did you mean "task.completed"?', typo.stderr)


if __name__ == "__main__":
    unittest.main()
