# SPDX-License-Identifier: Apache-2.0
"""The main job as a user does it: taskctl, a daemon that starts by itself, kill -9 in between."""

import json
import os
import select
import signal
import subprocess
import time
import unittest

import support


class MainJob(support.TestCase):
    def ok(self, *arguments, **options):
        run = self.home.taskctl(*arguments, **options)
        self.assertEqual(run.returncode, 0, run.stdout + run.stderr)
        return run.stdout

    def test_a_recurring_task_comes_back(self):
        added = self.ok("add", "Stand-up", "--every", "weekday", "--at", "9:30", "--remind", "10m")
        self.assertIn("Added task 1: Stand-up", added)
        self.assertIn("every weekday at 09:30, Europe/Berlin", added)
        self.assertEqual(added.count(" 09:30  in "), 3, "the next three slots")
        self.assertIn("reminder 10m before", added)
        self.assertIn("Stand-up", self.ok("list"))

        done = self.ok("done", "1")
        self.assertIn("Completed task 1: Stand-up", done)
        self.assertIn("task 2,", done)
        again = self.home.taskctl("done", "1")
        self.assertEqual(again.returncode, 4)
        self.assertIn("already completed", again.stderr)
        types = [json.loads(line)["type"] for line in
                 self.ok("events", "list", "-o", "jsonl").splitlines()]
        self.assertEqual(types, ["series.created", "task.created", "task.completed",
                                 "task.created"])

    def test_the_same_key_gets_the_same_reply_and_no_second_effect(self):
        for words in (["add", "x", "--every", "day", "--at", "9:00"], ["done", "1"],
                      ["reopen", "1"], ["delete", "1"], ["restore", "1"],
                      ["channels", "set", "c", "exec", "--", "true"],
                      ["channels", "remove", "c"]):
            with self.subTest(words):
                at = words.index("--") if "--" in words else len(words)
                key = ["--idempotency-key", "k-" + words[0] + words[1]]
                first = json.loads(self.ok(*words[:at], *key, "-o", "json", *words[at:]))
                self.assertNotIn("replayed", first)
                second = json.loads(self.ok(*words[:at], "-o", "json", *words[at:],
                                            env={"TASKCTL_IDEMPOTENCY_KEY": key[1]}))
                self.assertTrue(second.pop("replayed"))
                self.assertEqual(second, first)
        other = self.home.taskctl("add", "y", "--idempotency-key", "k-addx")
        self.assertEqual(other.returncode, 4)
        self.assertIn("was used for another request", other.stderr)

    def test_tail_shows_live_events_and_lives_through_a_kill(self):
        self.ok("add", "before")
        tail = subprocess.Popen([support.TASKCTL, "events", "tail", "-o", "jsonl"],
                                env=self.home.env, stdout=subprocess.PIPE, text=True, bufsize=1)
        self.addCleanup(tail.stdout.close)
        self.addCleanup(tail.wait)
        self.addCleanup(tail.kill)

        def next_event():
            if not select.select([tail.stdout], [], [], support.DEADLINE)[0]:
                raise AssertionError("no event")
            return json.loads(tail.stdout.readline())

        self.assertEqual(next_event()["userseq"], 1)
        self.ok("add", "live")
        self.assertEqual(next_event()["data"]["payload"]["summary"], "live")
        os.kill(self.home.pid(), signal.SIGKILL)
        self.ok("add", "after the kill")
        event = next_event()
        self.assertEqual((event["userseq"], event["data"]["payload"]["summary"]),
                         (3, "after the kill"))
        tail.send_signal(signal.SIGINT)
        self.assertIn(tail.wait(support.DEADLINE), (-signal.SIGINT, 130))

    def test_a_reminder_runs_the_command_and_the_delivery_is_recorded(self):
        mark = os.path.join(self.home.path, "mark")
        self.ok("channels", "set", "bell", "exec", "--default", "--", "/bin/sh", "-c",
                f"cat >{mark}.tmp; echo \"$TASKD_SUMMARY|$1\" >>{mark}.tmp; mv {mark}.tmp {mark}",
                "sh", "$(no shell)")
        self.ok("add", "tea", "--at", "in 1 second", "--remind", "0")
        support.wait_for(lambda: os.path.exists(mark), "the command ran")
        with open(mark, encoding="utf-8") as file:
            text = file.read()
        self.assertIn('"type":"reminder.due"', text)
        self.assertIn("tea|$(no shell)", text)
        support.wait_for(lambda: "succeeded" in self.ok("deliveries"), "its result is recorded")
        self.assertIn("exit 0", self.ok("show", "1"))

    def test_kill_9_and_the_next_command_finds_everything(self):
        self.ok("add", "a", "--at", "in 1 second", "--remind", "0")
        os.kill(self.home.pid(), signal.SIGKILL)
        passed = time.time() + 1.2
        support.wait_for(lambda: time.time() > passed, "the reminder's time passes")
        self.ok("list")
        support.wait_for(
            lambda: "reminder.due" in self.ok("events", "list", "-o", "jsonl"), "fires once, late")
        due = [json.loads(line) for line in
               self.ok("events", "list", "--type", "reminder.*", "-o", "jsonl").splitlines()]
        self.assertEqual(len(due), 1)
        self.assertGreater(due[0]["data"]["payload"]["late_ms"], 0)


class Start(support.TestCase):
    def test_many_first_commands_at_once_share_one_daemon(self):
        runs = [subprocess.Popen([support.TASKCTL, "add", f"t{number}"], env=self.home.env,
                                 stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
                for number in range(12)]
        for run in runs:
            _, error = run.communicate(timeout=support.DEADLINE)
            self.assertEqual(run.returncode, 0, error)
        self.assertEqual(self.home.result("task.list")["total"], 12)

    def test_the_daemon_holds_nothing_of_the_command_that_started_it(self):
        """A CI step waits until its pipes are closed: the daemon must not keep them."""
        reader, writer = os.pipe()
        run = subprocess.run([support.TASKCTL, "add", "x"], env=self.home.env, stdout=writer,
                             stderr=writer, close_fds=True, timeout=support.DEADLINE, check=False)
        os.close(writer)
        self.assertEqual(run.returncode, 0)
        self.addCleanup(os.close, reader)
        while True:
            self.assertTrue(select.select([reader], [], [], support.DEADLINE)[0], "still open")
            if not os.read(reader, 4096):
                break
        pid = self.home.pid()
        self.assertEqual(os.readlink(f"/proc/{pid}/cwd"), "/")
        self.assertEqual(os.getsid(pid) == os.getsid(0), False)
        for fd in ("0", "1", "2"):
            self.assertEqual(os.readlink(f"/proc/{pid}/fd/{fd}"), "/dev/null")

    def test_no_start_starts_nothing(self):
        for arguments, env in ((["list", "--no-start"], {}), (["list"], {"TASKCTL_NO_START": "1"}),
                               (["status"], {})):
            run = self.home.taskctl(*arguments, env=env)
            self.assertEqual(run.returncode, 6, run.stderr)
        self.assertFalse(os.path.exists(self.home.store))
        self.assertEqual(self.home.taskctl("shutdown").returncode, 0)

    def test_why_a_daemon_could_not_start_is_said(self):
        os.makedirs(os.path.dirname(self.home.store))
        with open(self.home.store, "wb") as file:
            file.write(b"x" * 5000)
        run = self.home.taskctl("list")
        self.assertEqual(run.returncode, 6)
        self.assertIn("the store is damaged", run.stderr)
        missing = self.home.taskctl("list", env={"TASKCTL_TASKD": "/nonexistent/taskd"})
        self.assertEqual(missing.returncode, 6)
        self.assertIn("/nonexistent/taskd", missing.stderr)


class Screen(support.TestCase):
    def test_hostile_titles_are_shown_escaped(self):
        self.home.taskctl("add", "evil \x1b[2J\x07 \u202e title\nnext")
        for command in (["list"], ["show", "1"], ["events", "list"]):
            shown = self.home.taskctl(*command).stdout
            self.assertNotIn("\x1b", shown)
            self.assertNotIn("\x07", shown)
            self.assertIn("\\x1b[2J", shown)

    def test_formats(self):
        self.home.taskctl("add", "one", "--tag", "a", "--project", "p")
        self.home.taskctl("add", "two")
        page = json.loads(self.home.taskctl("list", "-o", "json").stdout)
        self.assertEqual(page["total"], 2)
        lines = self.home.taskctl("list", "-o", "jsonl").stdout.splitlines()
        self.assertEqual([json.loads(line)["number"] for line in lines], [1, 2])
        self.assertEqual(self.home.taskctl("list", "-q").stdout, "1\n2\n")
        self.assertIn("\t", self.home.taskctl("list").stdout)
        self.assertNotIn("\x1b", self.home.taskctl("list", "-o", "table").stdout)
        self.assertIn("\x1b", self.home.taskctl("list", "-o", "table", "--color", "always").stdout)

    def test_wrong_input_gets_the_nearest_match_and_its_status(self):
        table = ((["lst"], 2, 'did you mean "list"?'), (["add"], 2, ""), (["add", ""], 2, "summary"),
                 (["show", "99"], 3, "no task 99"), (["show", "abc"], 2, "task"),
                 (["list", "--staus", "all"], 2, "--status"),
                 (["add", "x", "--every", "fortnigth"], 2, "fortnigth"),
                 (["add", "x", "--tz", "Europe/Berlni"], 2, "Berlni"),
                 (["add", "x", "--remind", "10m"], 2, "remind"),
                 (["channels", "remove", "none"], 3, "none"),
                 (["add", b"\xff".decode("utf-8", "surrogateescape")], 2, "UTF-8"))
        for arguments, status, text in table:
            with self.subTest(arguments):
                run = self.home.taskctl(*arguments)
                self.assertEqual(run.returncode, status, run.stderr)
                self.assertIn(text, run.stderr)
                self.assertEqual(run.stdout, "")
        error = json.loads(self.home.taskctl("show", "99", "-o", "json").stderr)["error"]
        self.assertEqual(error["reason"], "not_found")

    def test_full_output_is_an_error_and_a_closed_pipe_is_quiet(self):
        self.home.taskctl("add", "x")
        with open("/dev/full", "w", encoding="utf-8") as full:
            run = subprocess.run([support.TASKCTL, "list"], env=self.home.env, stdout=full,
                                 stderr=subprocess.PIPE, text=True, check=False)
        self.assertEqual(run.returncode, 1)
        self.assertNotEqual(run.stderr, "")

    def test_preview_needs_no_daemon(self):
        shown = self.home.taskctl("preview", "day", "--at", "2027-03-27 02:30", "--count", "3")
        self.assertEqual(shown.returncode, 0, shown.stderr)
        self.assertIn("2027-03-28 03:30", shown.stdout, "the gap shifts it")
        self.assertIn("02:30 does not exist", shown.stdout)
        self.assertFalse(os.path.exists(self.home.store))


if __name__ == "__main__":
    unittest.main()
