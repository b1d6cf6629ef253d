# SPDX-License-Identifier: Apache-2.0
"""Commands that taskd runs when a task's time comes: real programs, in a real daemon that dies."""

import json
import os
import pwd
import signal
import subprocess
import unittest

import support


class Runs(support.TestCase):
    def setUp(self):
        super().setUp()
        self.home.start()
        self.folder = os.path.join(self.home.path, "work")
        os.mkdir(self.folder)

    def taskctl(self, *words, status=0):
        run = subprocess.run([support.TASKCTL, *words], env=self.home.env, cwd=self.folder,
                             stdin=subprocess.DEVNULL, capture_output=True, text=True,
                             timeout=support.DEADLINE)
        self.assertEqual(run.returncode, status, run.stdout + run.stderr)
        return run

    def add(self, *command, options=()):
        """A task that is due at once."""
        self.taskctl("add", "Work", "--at", "now", *options, "--run", "--", *command)

    def runs(self, **how):
        return self.home.result("command.runs", **how)["runs"]

    def ended(self, count=1):
        support.wait_for(lambda: sum("finished" in run for run in self.runs()) >= count,
                         "the command ends")
        return self.home.result("delivery.get", delivery=self.runs()[0]["id"])

    def path(self, name):
        return os.path.join(self.folder, name)

    def wait_for_file(self, name):
        support.wait_for(lambda: os.path.exists(self.path(name)) and
                         os.path.getsize(self.path(name)) > 0, name + " is written")
        with open(self.path(name), encoding="utf-8") as file:
            return file.read()

    def assert_gone(self, pid):
        def is_gone():
            try:
                with open(f"/proc/{pid}/stat", encoding="utf-8") as file:
                    return file.read().rsplit(")", 1)[1].split()[0] == "Z"
            except FileNotFoundError:
                return True
        support.wait_for(is_gone, f"process {pid} is gone")


class Programs(Runs):
    def test_its_directory_environment_and_output(self):
        self.home.env["OWN"] = "from here"
        self.home.env["SECRET"] = "not recorded"
        self.add("sh", "-c", "pwd; echo $OWN; echo \"secret: $SECRET\"; cat; echo $0 $1 >&2",
                 "a b", "$HOME", options=("--env", "OWN", "--env", "MORE=1"))
        run = self.ended()
        self.assertEqual(run["state"], "succeeded", run)
        self.assertEqual(run["output"], f"{self.folder}\nfrom here\nsecret: \na b $HOME\n")
        self.assertEqual(self.home.result("task.get", task="1")["task"]["status"], "completed")

    def test_a_failure_is_told(self):
        self.add("sh", "-c", "echo no disk; exit 3")
        self.assertEqual(self.ended()["result"], "exit 3")
        shown = self.taskctl("runs", "show", self.runs()[0]["id"]).stdout
        self.assertIn("failed", shown)
        self.assertIn("    no disk\n", shown)
        self.assertIn("exit 3", self.taskctl("explain", "1").stdout)
        self.assertIn("exit 3", self.taskctl("runs", "--failed").stdout)
        self.assertIn("exit 3", self.taskctl("show", "1").stdout)

    def test_attempts_have_one_key(self):
        self.add("sh", "-c", "echo $TASKD_IDEMPOTENCY_KEY $TASKD_ATTEMPT >> tries; "
                 "test $TASKD_ATTEMPT = 3", options=("--attempts", "3", "--retry-delay", "1s"))
        self.assertEqual(self.ended()["state"], "succeeded")
        with open(self.path("tries"), encoding="utf-8") as file:
            tries = [line.split() for line in file]
        self.assertEqual([number for _, number in tries], ["1", "2", "3"])
        self.assertEqual(len({key for key, _ in tries}), 1)

    def test_one_that_hangs_forks_and_ignores_TERM_is_killed_with_its_group(self):
        self.add("sh", "-c", "trap '' TERM; (trap '' TERM; sleep 1000) & echo $! > child; "
                 "echo begun; wait; sleep 1000", options=("--time-limit", "1s"))
        child = int(self.wait_for_file("child"))
        run = self.ended()
        self.assertEqual((run["state"], run["result"]), ("dead", "timed out after 1 s"))
        self.assertEqual(run["output"], "begun\n")
        self.assert_gone(child)

    def test_of_one_that_prints_without_end_the_last_is_kept(self):
        self.add("sh", "-c", "yes | head -c 10000000; echo last")
        output = self.ended()["output"]
        self.assertRegex(output, r"^\[\d+ bytes before this\]\n")
        self.assertTrue(output.endswith("last\n"))
        self.assertLess(len(output), 20_000)

    def test_one_that_closes_its_streams_is_waited_for(self):
        self.add("sh", "-c", "exec 0<&- 1>&- 2>&-; sleep 0.3; test -e /; exit 5")
        self.assertEqual(self.ended()["result"], "exit 5")

    def test_one_that_leaves_a_daemon_behind_ends(self):
        self.add("sh", "-c", "sleep 1000 & echo $! > child")
        self.assertEqual(self.ended()["state"], "succeeded")
        os.kill(int(self.wait_for_file("child")), signal.SIGKILL)

    def test_what_can_not_be_run(self):
        run = self.taskctl("add", "X", "--at", "now", "--run", "--", "no-such-program")
        self.assertIn("can't be started", run.stderr)
        self.assertIn("No such file", self.ended()["result"])
        gone = os.path.join(self.folder, "gone")
        self.add("true", options=("--cwd", gone))
        self.assertIn(f"its directory {gone}", self.ended(2)["result"])

    def test_cancel_ends_it(self):
        self.add("sh", "-c", "echo $$ > pid; sleep 1000")
        pid = int(self.wait_for_file("pid"))
        self.taskctl("cancel", "1")
        self.assert_gone(pid)
        self.assertEqual(self.ended()["state"], "suppressed")

    def test_wrong_words(self):
        for words, message in (
                (("add", "X", "--at", "now", "--run"), "needs the command behind --"),
                (("add", "X", "--run", "--", "true"), "needs a time to run at"),
                (("add", "X", "--at", "now", "--attempts", "0", "--run", "--", "true"),
                 "attempts"),
                (("add", "X", "--at", "now", "--not-after", "25", "--run", "--", "true"),
                 "not-after: "),
                (("add", "X", "--at", "now", "--env", "NOT_SET", "--run", "--", "true"),
                 "is not set here"),
                (("add", "X", "--at", "now", "--jitter", "1h"), "jitter: goes with --run"),
                (("add", "X", "--every", "day", "--not-after", "06:00"),
                 "not-after: goes with --run"),
                (("add", "X", "--at", "now", "--time-limit", "30d", "--run", "--", "true"),
                 'time-limit: "30d" is not accepted; use 1s to 7d'),
                (("add", "X", "--at", "now", "--jitter", "2d", "--run", "--", "true"),
                 'jitter: "2d" is not accepted; use 0 to 1d'),
                (("add", "X", "--at", "now", "--group", "a b", "--run", "--", "true"),
                 'group: "a b"'),
                (("add", "X", "--at", "now", "--cwd", "", "--run", "--", "true"),
                 "cwd: is empty"),
                # The forgotten --run: neither a to-do nor a command.
                (("add", "X", "--at", "in 1 hour", "--", "echo", "hi"), "--run has taskd run")):
            with self.subTest(words=words):
                self.assertIn(message, self.taskctl(*words, status=2).stderr)
        self.assertEqual(self.home.result("task.list")["tasks"], [])
        self.taskctl("add", "--", "-5", "degrees")
        self.assertEqual(self.home.result("task.list")["tasks"][0]["summary"], "-5 degrees")

    def test_a_run_is_shown_by_its_task_or_as_much_of_its_id_as_is_needed(self):
        self.add("sh", "-c", "echo first")
        self.add("sh", "-c", "echo second")
        self.ended(2)
        ids = {run["task_id"]: run["id"] for run in self.runs()}
        for task, output in (("1", "first"), ("2", "second")):
            run = ids[self.home.result("task.get", task=task)["task"]["id"]]
            for word in (task, run, run[:18]):
                shown = self.taskctl("runs", "show", word).stdout
                self.assertIn(f"Run {run} ", shown)
                self.assertIn(output, shown)
        first, second = sorted(ids.values())
        same = len(os.path.commonprefix([first, second]))
        refused = self.taskctl("runs", "show", first[:8], status=2).stderr
        self.assertIn(f"of 2 runs' ids; {same + 1} characters tell them apart", refused)
        self.assertIn(f"{first[:same + 1]}, {second[:same + 1]}", refused)
        self.taskctl("runs", "show", first[:same + 1])
        self.taskctl("add", "To do")
        for word, status, message in (("3", 3, "task 3 has no run"), ("9", 3, "task"),
                                      ("ffffffff", 3, "there is no run ffffffff"),
                                      ("norun", 2, "neither a task's number")):
            with self.subTest(word):
                refused = self.taskctl("runs", "show", word, status=status).stderr
                self.assertIn(message, refused)
                self.assertNotIn("delivery", refused)

    def test_what_was_understood_is_said(self):
        added = self.taskctl("add", "Work", "--at", "in 1 hour", "--attempts", "3",
                             "--retry-delay", "1m", "--time-limit", "2h", "--not-after", "6:00",
                             "--jitter", "10m", "--group", "disk", "--run", "--", "true").stdout
        self.assertIn(f"  runs true in {self.folder}\n", added)
        how = ("  up to 3 attempts, 1m before the second; ended after 2h; not after 06:00; up to 10m "
               "later; one of group disk at a time\n")
        self.assertIn(how, added)
        edited = self.taskctl("edit", "1", "--attempts", "3", "--retry-delay", "2m").stdout
        self.assertIn(how.replace("1m", "2m", 1), edited)
        self.assertNotIn("slots to come", edited)
        plain = self.taskctl("add", "Work", "--every", "day", "--run", "--", "true").stdout
        self.assertTrue(plain.endswith(f"  runs true in {self.folder}\n"), plain)
        self.assertIn("holds for all slots to come",
                      self.taskctl("edit", "2", "--jitter", "1h").stdout)
        removed = self.taskctl("edit", "2", "--no-run").stdout
        self.assertIn("runs no command any more", removed)
        self.assertIn("holds for all slots to come", removed)

    def test_an_edit_takes_options_back(self):
        self.taskctl("add", "Work", "--at", "in 1 hour", "--time-limit", "2h", "--not-after", "6:00",
                     "--jitter", "10m", "--group", "disk", "--run", "--", "true")
        before = self.home.result("task.get", task="1")["command"]
        self.taskctl("edit", "1", "--jitter", "none", "--time-limit", "none", "--group", "",
                     "--not-after", "none")
        after = self.home.result("task.get", task="1")["command"]
        self.assertEqual(after, {**{name: before[name] for name in
                                    ("argv", "directory", "environment", "retry")},
                                 "time_limit_ms": 86_400_000})

    def test_a_directory_is_the_callers_own(self):
        os.mkdir(self.path("sub"))
        self.taskctl("add", "Work", "--at", "in 1 hour", "--cwd", "sub", "--run", "--", "true")
        self.assertEqual(self.home.result("task.get", task="1")["command"]["directory"],
                         self.path("sub"))
        warned = self.taskctl("edit", "1", "--cwd", "../gone")
        self.assertEqual(self.home.result("task.get", task="1")["command"]["directory"],
                         os.path.join(self.home.path, "gone"))
        self.assertIn("is no directory", warned.stderr)
        self.assertNotIn("warning", self.taskctl("edit", "1", "--cwd", ".").stderr)

    def test_an_edit_that_says_nothing_names_its_option(self):
        self.taskctl("add", "To do")
        for words, message in ((("--nag", ""), "nag: is empty"), (("--cwd", ""), "cwd: is empty"),
                               (("--time-limit", ""), "time-limit: "),
                               (("--attempts", ""), "attempts: "),
                               (("--tz", "UTC"), "tz: goes with"),
                               (("--attempts", "3"), "attempts: task 1 has no command"),
                               (("--jitter", "none"), "jitter: task 1 has no command"),
                               (("--", "echo", "x"), "--run has taskd run")):
            with self.subTest(words):
                refused = self.taskctl("edit", "1", *words, status=2).stderr
                self.assertIn(message, refused)
                self.assertNotIn("say what to change", refused)


class Series(Runs):
    def test_trigger_edit_and_end(self):
        self.taskctl("add", "Backup", "--every", "day", "--at", "2:00", "--run", "--",
                     "sh", "-c", "echo one")
        self.taskctl("runs", "trigger", "1")
        self.assertEqual(self.ended()["output"], "one\n")
        self.assertEqual(self.home.result("task.get", task="1")["task"]["status"], "needs-action")
        self.taskctl("edit", "1", "--run", "--", "sh", "-c", "echo two")
        self.taskctl("runs", "trigger", "1")
        self.assertEqual(self.ended(2)["output"], "two\n")
        self.taskctl("start", "1")
        self.ended(3)
        self.assertEqual(self.home.result("task.get", task="1")["task"]["status"], "completed")
        self.taskctl("edit", "2", "--no-run")
        self.assertEqual(self.taskctl("runs", "trigger", "2", status=4).stderr.count("no command"),
                         1)

    def test_slots_of_the_past(self):
        self.taskctl("add", "Backup", "--every", "day", "--at", "2026-01-01 02:00", "--tz", "UTC",
                     "--catch-up", "latest", "--run", "--",
                     "sh", "-c", "echo $TASKD_RECURRENCE_ID >> slots")
        self.ended()
        self.taskctl("runs", "backfill", "1", "--from", "2026-02-01", "--to", "2026-02-03 12:00",
                     "--tz", "UTC")
        self.ended(4)
        with open(self.path("slots"), encoding="utf-8") as file:
            slots = file.read().split()
        self.assertEqual(slots[1:], [f"2026-02-0{day}T02:00:00" for day in (1, 2, 3)])


class Missed(Runs):
    def missed(self):
        return [line.split("\t") for line in self.taskctl("missed").stdout.splitlines()]

    def test_the_newest_first_with_what_to_type_next(self):
        self.taskctl("add", "Daily", "--every", "day", "--at", "2026-01-01 02:00", "--tz", "UTC",
                     "--catch-up", "latest", "--run", "--", "sh", "-c", "exit 4")
        self.ended()
        self.add("sh", "-c", "exit 3")
        self.ended(2)
        self.taskctl("runs", "trigger", "1")
        self.ended(3)
        listed = json.loads(self.taskctl("list", "--status", "all", "-o", "json").stdout)["tasks"]
        number = {task["summary"]: str(task["number"]) for task in listed}
        rows = self.missed()
        times = [row[0] for row in rows]
        self.assertEqual(times, sorted(times, reverse=True))
        for _, task, what, slot, _ in rows:
            self.assertRegex(slot, r"^$|^2\d{3}-\d\d-\d\dT02:00:00(/2\d{3}-\d\d-\d\dT02:00:00)?$")
            self.assertEqual(self.home.result("task.get", task=task)["task"]["summary"], what)
        self.assertIn([number["Work"], "Work", "", "exit 3"], [row[1:] for row in rows])
        shown = self.taskctl("missed", "-o", "table").stdout
        self.assertRegex(shown.splitlines()[0], r"KNOWN SINCE +TASK  WHAT")
        self.assertNotIn("T02:00:00", shown)


class Crash(Runs):
    def test_what_ran_when_taskd_was_killed_is_tried_again_under_its_key(self):
        self.add("sh", "-c", "echo $TASKD_RUN_ID $$ >> began; test $TASKD_ATTEMPT = 2 || "
                 "exec sleep 1000", options=("--attempts", "2", "--retry-delay", "1s"))
        pid = int(self.wait_for_file("began").split()[1])
        self.home.kill()
        os.kill(pid, signal.SIGKILL)
        self.home.start()
        run = self.ended()
        self.assertEqual(run["state"], "succeeded")
        self.assertEqual(run["log"][0]["result"], "interrupted: taskd stopped")
        with open(self.path("began"), encoding="utf-8") as file:
            self.assertEqual({line.split()[0] for line in file}, {run["id"]})

    def test_what_a_killed_taskd_left_is_ended_before_it_is_tried_again(self):
        self.add("sh", "-c", "sleep 1000 & echo $! >> children; wait; exit 1",
                 options=("--attempts", "2", "--retry-delay", "1s"))
        child = int(self.wait_for_file("children"))
        self.home.kill()
        os.kill(child, 0)  # it is there
        self.home.start()
        self.assert_gone(child)
        support.wait_for(lambda: len(self.wait_for_file("children").split()) == 2,
                         "it is tried again")

    def test_taskd_ends_what_it_runs(self):
        self.add("sh", "-c", "echo $$ > pid; exec sleep 1000")
        pid = int(self.wait_for_file("pid"))
        self.taskctl("shutdown")
        self.assert_gone(pid)
        self.home.start()
        self.assertEqual(self.ended()["result"], "interrupted: taskd stopped")

    def test_each_slot_runs_once_while_taskd_is_killed_again_and_again(self):
        for number in range(12):
            self.add("sh", "-c", f"echo $TASKD_ATTEMPT >> task-{number}",
                     options=("--attempts", "100", "--retry-delay", "1s"))
            if number % 3 == 2:
                self.home.kill()
                self.home.start()
        self.ended(12)
        self.assertEqual({run["state"] for run in self.runs()}, {"succeeded"})
        for number in range(12):
            with open(self.path(f"task-{number}"), encoding="utf-8") as file:
                tries = file.read().split()
            # Killed between its end and the commit, an attempt is made again, and says so.
            self.assertEqual(len(tries), len(set(tries)), tries)


class Administrator(support.TestCase):
    def test_only_what_is_named(self):
        self.home.start("--exec-allow", "/bin/true")
        run = self.home.taskctl("add", "X", "--at", "now", "--run", "--", "/bin/false")
        self.assertEqual(run.returncode, 5)
        self.assertIn("exec.allow", run.stderr)
        self.assertEqual(json.loads(self.home.taskctl("list", "-o", "json").stdout)["tasks"], [])
        self.assertEqual(self.home.taskctl("add", "X", "--at", "now", "--run", "--",
                                           "/bin/true").returncode, 0)


class Crontab(support.TestCase):
    CORPUS = os.path.join(support.SOURCE, "tests", "data", "crontab.txt")

    def setUp(self):
        super().setUp()
        self.home.start()
        self.home.env["TZ"] = "UTC"

    def lines(self, *words, status):
        run = self.home.taskctl("import", "crontab", "-o", "jsonl", *words)
        self.assertEqual(run.returncode, status, run.stdout + run.stderr)
        return [json.loads(line) for line in run.stdout.splitlines()]

    def test_lines_of_real_crontabs(self):
        previewed = self.lines("--preview", self.CORPUS, status=0)
        self.assertGreater(len(previewed), 100)
        self.assertEqual(self.home.result("series.list")["total"], 0)
        for line in previewed:
            counted = any(sign in line["text"].split("/")[0] for sign in ("L", "#"))
            self.assertEqual(line["differs"], counted, line)
        imported = self.lines(self.CORPUS, status=0)
        count = self.home.result("series.list")["total"]
        self.assertEqual(count, sum(len(line["tasks"]) for line in imported))
        again = self.lines(self.CORPUS, status=0)
        self.assertTrue(all(line["is_there"] for line in again))
        self.assertEqual(self.home.result("series.list")["total"], count)

    def test_a_line_runs_as_cron_runs_it(self):
        path = os.path.join(self.home.path, "crontab")
        with open(path, "w", encoding="utf-8") as file:
            file.write("A=b c\n0 5 * * * echo \"$A\" $PATH; pwd; cat%line 1%line \\%2\n@reboot x\n")
        lines = self.lines(path, status=1)
        self.assertIn("@reboot", lines[1]["problem"])
        self.home.taskctl("runs", "trigger", str(lines[0]["tasks"][0]))
        support.wait_for(lambda: "finished" in self.home.result("command.runs")["runs"][0],
                         "it ends")
        run = self.home.result("command.runs")["runs"][0]
        shown = self.home.result("delivery.get", delivery=run["id"])
        self.assertEqual(shown["output"],
                         f"b c /usr/bin:/bin\n{self.home.env['HOME']}\nline 1\nline %2\n")

    def crontab(self, *lines):
        path = os.path.join(self.home.path, "crontab")
        with open(path, "w", encoding="utf-8") as file:
            file.write("\n".join(lines) + "\n")
        return path

    def test_a_line_with_a_user_is_not_kept(self):
        path = self.crontab("17 * * * * root cd / && true", "0 5 * * * nobody cat%x",
                            "0 5 * * * sync true", "0 5 * * * nobody -s",
                            "PATH=/nowhere", "0 5 * * * sync true")
        lines = self.lines("--preview", path, status=1)
        self.assertEqual(["problem" in line for line in lines], [True, True, False, False, True])
        self.assertIn('"root" is a user and no program', lines[0]["problem"])

    def test_the_user_is_that_of_the_process_where_no_variable_names_one(self):
        self.assertNotIn("LOGNAME", self.home.env)
        lines = self.lines(self.crontab("0 5 * * * true"), status=0)
        environment = self.home.result("task.get", task=str(lines[0]["tasks"][0]))["command"][
            "environment"]
        name = pwd.getpwuid(os.geteuid()).pw_name
        self.assertIn("LOGNAME=" + name, environment)
        self.assertIn("USER=" + name, environment)

    def test_the_end_counts_and_says_who_is_told_and_that_cron_goes_on(self):
        path = self.crontab("MAILTO=ada", "0 5 * * * true", "0 6 * * * true 6", "@reboot x")
        previewed = self.home.taskctl("import", "crontab", "--preview", path)
        self.assertIn(f"  runs /bin/sh -c true in {self.home.path}\n", previewed.stdout)
        self.assertIn("no mail is sent to MAILTO, ada", previewed.stdout)
        self.assertNotIn("default channel", previewed.stdout + previewed.stderr)
        self.assertNotIn("crontab -r", previewed.stderr)
        first = self.home.taskctl("import", "crontab", path)
        self.assertIn("imported 2 series; 1 line can't be kept\n", first.stderr)
        self.assertIn("there is no default channel", first.stderr)
        self.assertEqual(first.stderr.count("crontab -r"), 1)
        self.home.taskctl("channels", "set", "desk", "exec", "--default", "--", "true")
        second = self.home.taskctl("import", "crontab", self.crontab(
            "0 5 * * * true", "0 7 * * * true", "@reboot x"))
        self.assertIn("imported 1 series; 1 line was there before; 1 line can't be kept\n",
                      second.stderr)
        self.assertIn("the default channel, desk, is told", second.stderr)
        third = self.home.taskctl("import", "crontab", self.crontab("0 5 * * * true"))
        self.assertEqual(third.stderr, "imported 0 series; 1 line was there before\n")


if __name__ == "__main__":
    unittest.main()
