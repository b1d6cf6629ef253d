# SPDX-License-Identifier: Apache-2.0
"""taskctl expect, ping, on and rules: real commands, a real daemon that dies, real programs."""

import json
import os
import signal
import subprocess
import unittest

import support


class Rules(support.TestCase):
    def setUp(self):
        super().setUp()
        self.home.start()
        self.folder = os.path.join(self.home.path, "work")
        os.mkdir(self.folder)

    def taskctl(self, *words, status=0, stdin=""):
        run = subprocess.run([support.TASKCTL, *words], env=self.home.env, cwd=self.folder,
                             input=stdin, capture_output=True, text=True,
                             timeout=support.DEADLINE, check=False)
        self.assertEqual(run.returncode, status, run.stdout + run.stderr)
        return run

    def read(self, name):
        path = os.path.join(self.folder, name)
        support.wait_for(lambda: os.path.exists(path) and os.path.getsize(path) > 0, name)
        with open(path, encoding="utf-8") as file:
            return file.read()


class Expect(Rules):
    def test_a_ping_that_does_not_come_is_told_by_the_channel(self):
        self.home.result("channel.set", name="file", kind="exec", is_default=True,
                         argv=["sh", "-c", f"cat >> {self.folder}/told; echo >> {self.folder}/told"])
        told = self.taskctl("expect", "sync", "--every", "FREQ=SECONDLY;INTERVAL=2").stdout
        self.assertIn("Expecting sync: new", told)
        event = json.loads(self.read("told").splitlines()[0])
        self.assertEqual(event["type"], "reminder.due")
        self.assertEqual(event["data"]["payload"]["summary"], "sync")
        self.assertIn("down", self.taskctl("expect", "sync").stdout)

    def test_what_a_newcomer_types(self):
        self.assertEqual(self.taskctl("expect").stdout, "")
        backup = ("expect", "backup", "--every", "day", "--by", "04:00", "--window", "25 hours",
                  "--tz", "UTC")
        self.taskctl(*backup)
        again = self.taskctl(*backup)
        self.assertIn("Expected already", again.stdout)
        other = self.taskctl("expect", "backup", "--every", "week", "--by", "04:00", status=4)
        self.assertIn("--remove", other.stderr)
        self.assertIn("started for", self.taskctl("ping", "backup", "--start", "--run", "1").stdout)
        self.assertIn("took", self.taskctl("ping", "backup", "--run", "1").stdout)
        self.assertIn("failed", self.taskctl("ping", "backup", "--fail").stdout)
        self.taskctl("ping", "other", status=3)
        self.taskctl("ping", "backup", "--fail", "--start", status=2)
        self.taskctl("ping", status=2)
        self.taskctl("expect", "a b", "--every", "day", "--by", "04:00", status=2)
        self.assertIn("--by", self.taskctl("expect", "x", "--every", "day", status=2).stderr)
        self.taskctl("expect", "backup", "--remove")
        self.taskctl("ping", "backup", status=3)
        self.assertEqual(json.loads(self.taskctl("-o", "json", "expect").stdout),
                         {"expectations": []})

    def test_pings_that_were_answered_survive_kill_9(self):
        self.taskctl("expect", "job", "--every", "day", "--by", "12:00", "--window", "25 hours",
                     "--tz", "UTC")
        told = json.loads(self.taskctl("-o", "json", "ping", "job").stdout)["ping"]
        self.home.kill(signal.SIGKILL)
        self.home.start()
        view = self.home.result("expectation.list", name="job")["expectations"][0]
        self.assertEqual(view["last"], told)
        self.assertEqual(self.home.result("task.get", task="1")["task"]["status"], "completed")


class On(Rules):
    def publish(self, kind, event_id, **data):
        self.taskctl("events", "publish", "--type", kind, "--id", event_id, "--source", "/ci", "-d",
                     json.dumps(data))

    def titles(self):
        return [task["summary"] for task in self.home.result("task.list", sort="number")["tasks"]]

    def test_a_review_comes_and_goes(self):
        self.taskctl("on", "pr.opened", "--", "add", "Review {data.title}", "--due", "tomorrow",
                     "--tag", "review", "--priority", "2")
        self.taskctl("on", "pr.merged", "--name", "merged", "--", "done", "Review {data.title}")
        for _ in range(3):
            self.publish("pr.opened", "1", title="Fix it --now; $(rm)")
        self.assertEqual(self.titles(), ["Review Fix it --now; $(rm)"])
        self.publish("pr.merged", "2", title="Fix it --now; $(rm)")
        self.assertEqual(self.titles(), [])
        listed = self.taskctl("-o", "table", "rules").stdout
        self.assertIn("merged", listed)
        self.assertIn("pr.opened: add Review {data.title}, due tomorrow", listed)

    def test_a_command_runs_with_the_event_as_its_input(self):
        self.taskctl("on", "build.*", "--where", "status=failed", "--", "run", "sh", "-c",
                     "cat > got; echo $TASKD_EVENT_TYPE $TASKD_EVENT_SUBJECT >> got; pwd >> got; "
                     "mv got $1", "-", "done")
        self.publish("build.finished", "1", status="ok")
        self.publish("build.finished", "2", status="failed")
        event, kind, folder = self.read("done").splitlines()
        self.assertEqual(json.loads(event)["id"], "2")
        self.assertEqual(kind, "build.finished")
        self.assertEqual(folder, self.folder)
        self.assertIn("rule-1", self.taskctl("-o", "table", "runs").stdout)

    def test_each_event_once_while_the_daemon_is_killed(self):
        self.taskctl("on", "x", "--", "add", "{id}")
        for number in range(30):
            if number % 10 == 5:
                self.home.kill(signal.SIGKILL)
                self.home.start()
            for _ in range(2):
                self.publish("x", f"e{number}")
        self.assertEqual(self.titles(), [f"e{number}" for number in range(30)])

    def test_what_a_newcomer_types(self):
        self.assertEqual(self.taskctl("rules").stdout, "")
        for words in (["on"], ["on", "x"], ["on", "x", "--"], ["on", "x", "y", "--", "remind", "a"],
                      ["on", "x", "--", "dance"], ["on", "x", "--", "add"],
                      ["on", "x", "--", "add", "a", "--every", "day"],
                      ["on", "x", "--", "run"], ["on", "x", "--", "done"],
                      ["on", "x", "--", "channel", "phone"],
                      ["on", "x", "--", "remind", "{oops}"],
                      ["on", "x", "--where", "=", "--", "remind", "a"]):
            with self.subTest(words):
                self.assertIn("taskctl: ", self.taskctl(*words, status=2).stderr)
        self.assertIn("no default channel",
                      self.taskctl("on", "x", "--name", "r", "--", "remind", "a").stderr)
        self.taskctl("rules", "pause", "r")
        self.taskctl("rules", "pause", "r", status=4)
        self.assertIn("paused", self.taskctl("-o", "table", "rules").stdout)
        self.taskctl("rules", "resume", "r")
        self.taskctl("rules", "remove", "r")
        self.taskctl("rules", "remove", "r", status=3)


if __name__ == "__main__":
    unittest.main()
