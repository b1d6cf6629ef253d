# SPDX-License-Identifier: Apache-2.0
"""taskctl's commands that change what is there, its editor, completion, and backups."""

import json
import os
import subprocess
import unittest

import support


class Commands(support.TestCase):
    def run_ok(self, *words, **options):
        done = self.home.taskctl(*words, **options)
        self.assertEqual(done.returncode, 0, (words, done.stderr))
        return done.stdout

    def editor(self, *commands):
        """An editor that does the next of these sed commands each time it is opened."""
        path = os.path.join(self.home.path, "editor")
        count = os.path.join(self.home.path, "opened")
        with open(path, "w", encoding="utf-8") as file:
            file.write(f"#!/bin/sh\nn=$(cat {count} 2>/dev/null || echo 0)\n"
                       f"cp \"$1\" {self.home.path}/buffer.$n\necho $((n + 1)) >{count}\n"
                       "case $n in\n" +
                       "".join(f"{n}) {command} \"$1\" ;;\n" for n, command in enumerate(commands)) +
                       "esac\n")
        os.chmod(path, 0o700)
        return {"EDITOR": path, "VISUAL": "", "TMPDIR": self.home.path}

    def buffer(self, number):
        with open(os.path.join(self.home.path, f"buffer.{number}"), encoding="utf-8") as file:
            return file.read()

    def kept(self):
        return [name for name in os.listdir(self.home.path) if name.startswith("taskctl-edit-")]

    def test_the_editor_gets_what_is_wrong_back_until_it_is_right(self):
        self.run_ok("add", "Write", "--at", "tomorrow 9am")
        out = self.run_ok("edit", "1", env=self.editor(
            "sed -i 's/^due = .*/due = \"someday\"/; s/^tags = .*/tags = [\"x\"]/'",
            "sed -i 's/^due = .*/due = \"2031-01-02 8:00\"/'"))
        self.assertIn("Edited task 1: Write", out)
        self.assertIn('# !! due: "someday" was not understood', self.buffer(1))
        self.assertIn('tags = ["x"]', self.buffer(1), "what was right is kept")
        task = json.loads(self.run_ok("show", "1", "-o", "json"))["task"]
        self.assertEqual((task["due"]["local"], task["tags"]), ("2031-01-02T08:00:00", ["x"]))
        self.assertEqual(self.kept(), [], "the file is gone")

    def test_a_text_that_stays_wrong_is_kept_and_one_that_is_empty_gives_up(self):
        self.run_ok("add", "Write")
        wrong = self.home.taskctl("edit", "1", env=self.editor(
            "sed -i 's/^priority = .*/priority = 99/'", "true"))
        self.assertEqual(wrong.returncode, 2)
        self.assertIn("your text is kept in", wrong.stderr)
        self.assertEqual(len(self.kept()), 1)
        for command, says in (("true", "nothing was changed"),
                              ("truncate -s 0", "nothing was changed")):
            os.remove(os.path.join(self.home.path, "opened"))
            done = self.home.taskctl("edit", "1", env=self.editor(command))
            self.assertEqual((done.returncode, done.stderr.strip()), (0, says))
        os.remove(os.path.join(self.home.path, "opened"))
        self.assertEqual(self.home.taskctl("edit", "1", env=self.editor("false")).returncode, 4)
        self.assertEqual(json.loads(self.run_ok("show", "1", "-o", "json"))["task"]["revision"], 1)

    def test_somebody_elses_change_is_not_overwritten(self):
        self.run_ok("add", "Write")
        beside = f"{support.TASKCTL} edit 1 --priority 3; sed -i 's/^project = .*/project = \"p\"/'"
        done = self.home.taskctl("edit", "1", env=self.editor(beside))
        self.assertEqual(done.returncode, 4)
        self.assertIn("has changed meanwhile", done.stderr)
        task = json.loads(self.run_ok("show", "1", "-o", "json"))["task"]
        self.assertEqual((task["priority"], task.get("project")), (3, None))

    def test_without_a_terminal_no_editor_is_opened(self):
        self.run_ok("add", "Write")
        without = {"EDITOR": "", "VISUAL": ""}
        self.assertEqual(self.home.taskctl("edit", "1", env=without).returncode, 2)
        self.assertEqual(self.home.taskctl("--no-input", "edit", "1",
                                           env=self.editor("true")).returncode, 2)
        self.assertIn("Edited task 1", self.run_ok("edit", "1", "--due", "fri 17:30", env=without))

    def test_the_life_of_a_task_and_of_a_series(self):
        self.run_ok("add", "Draft")
        self.run_ok("add", "Send", "--depends-on", "1", "--at", "tomorrow 9am", "--remind", "10m")
        self.assertIn("waits", self.run_ok("list", "-o", "table"))
        self.assertEqual(self.run_ok("next", "-q"), "")
        self.assertIn("task 2 need not wait any more", self.run_ok("done", "1"))
        self.assertEqual(self.run_ok("next", "-q"), "2\n")
        self.assertIn("reminds", self.run_ok("snooze", "2", "until", "2031-01-01", "9am"))
        self.assertEqual(self.home.taskctl("ack", "2").returncode, 4)
        self.run_ok("start", "2")
        self.run_ok("cancel", "2")
        self.run_ok("add", "Stand-up", "--every", "weekday", "--at", "9:30")
        self.assertIn("stays open", self.run_ok("series", "pause", "3", "--note", "holiday"))
        self.assertIn("paused", self.run_ok("series", "list"))
        self.assertIn("holiday", self.run_ok("series", "show", "3"))
        self.run_ok("series", "resume", "3")
        self.run_ok("series", "end", "3")
        self.assertEqual(self.home.taskctl("series", "pause", "3").returncode, 4)
        self.assertEqual(self.home.taskctl("series", "show", "99").returncode, 3)

    def test_settings(self):
        self.assertIn("zone", self.run_ok("config"))
        self.run_ok("config", "zone", "Asia/Tokyo")
        self.assertEqual(self.run_ok("config", "zone"), "Asia/Tokyo\n")
        self.assertIn("22:00-07:00", self.run_ok("config", "quiet-hours", "22-7"))
        self.run_ok("config", "--unset", "quiet-hours")
        wrong = self.home.taskctl("config", "zon", "x")
        self.assertEqual((wrong.returncode, 'did you mean "zone"?' in wrong.stderr), (2, True))
        self.assertEqual(self.home.taskctl("config", "email", "nobody").returncode, 2)

    def test_a_list_that_is_cut_says_so(self):
        tasks = "".join(json.dumps({"summary": f"t{number}"}) + "\n" for number in range(101))
        self.home.taskctl("add", "-f", "-", "-q", stdin=tasks)
        for words in ((), ("-q",)):
            cut = self.home.taskctl("list", *words)
            self.assertEqual(len(cut.stdout.splitlines()), 100)
            self.assertIn("showing 100 of 101 tasks", cut.stderr)
        self.assertEqual(self.home.taskctl("list", "-q", "--limit", "3").stderr, "")

    def test_an_empty_key_or_name_is_refused(self):
        for words in (("add", "X", "--idempotency-key", ""), ("add", "X", "--idempotency-key="),
                      ("events", "publish", "--type", "a", "--id", ""), ("done", "1", "--as", ""),
                      ("on", "a", "--name", "", "--", "remind", "b"), ("list", "--endpoint", "")):
            done = self.home.taskctl(*words)
            self.assertEqual((done.returncode, done.stdout), (2, ""), words)
            self.assertIn("is empty", done.stderr)
        self.assertEqual(self.run_ok("list", "-q"), "")
        self.assertIn("Added task 1", self.home.taskctl(
            "add", "X", env={"TASKCTL_IDEMPOTENCY_KEY": "", "TASKCTL_ENDPOINT": ""}).stdout)

    def test_a_key_of_a_whole_job_is_explained(self):
        job = {"TASKCTL_IDEMPOTENCY_KEY": "job-1"}
        self.assertEqual(self.home.taskctl("add", "X", env=job).returncode, 0)
        second = self.home.taskctl("add", "Y", env=job)
        self.assertEqual(second.returncode, 4)
        self.assertIn("TASKCTL_IDEMPOTENCY_KEY is for one command", second.stderr)
        other = self.home.taskctl("add", "Y", "--idempotency-key", "job-1")
        self.assertNotIn("TASKCTL_IDEMPOTENCY_KEY", other.stderr)

    def test_a_daemon_that_is_started_has_nothing_of_the_job(self):
        job = {"RUNNER_TRACKING_ID": "github_1", "JENKINS_NODE_COOKIE": "dontKillMe", "SECRET": "s3",
               "NOTIFY_SOCKET": "/nowhere", "TASKD_RUN_ID": "r", "TASKD_ONCE_KEY": "k",
               "TASKD_FENCE": "1", "TASKD_LOG_LEVEL": "debug", "LC_TIME": "C", "DISPLAY": ":7"}
        self.assertEqual(self.home.taskctl("add", "X", env=job).returncode, 0)
        with open(f"/proc/{self.home.pid()}/environ", "rb") as file:
            found = dict(entry.split("=", 1) for entry in file.read().decode().split("\0") if entry)
        kept = ("PATH", "HOME", "XDG_RUNTIME_DIR", "XDG_STATE_HOME", "XDG_CONFIG_HOME", "TZ", "LANG")
        self.assertEqual({name: value for name, value in found.items()
                          if not name.endswith("SAN_OPTIONS")},
                         {**{name: self.home.env[name] for name in kept},
                          "TASKD_LOG_LEVEL": "debug", "LC_TIME": "C", "DISPLAY": ":7"})

    def test_a_daemon_with_other_sockets_is_named(self):
        self.run_ok("add", "X")
        other = os.path.join(self.home.path, "other")
        os.mkdir(other, 0o700)
        missed = self.home.taskctl("list", env={"XDG_RUNTIME_DIR": other})
        self.assertEqual(missed.returncode, 6)
        self.assertIn(f"it listens in {self.home.endpoint}", missed.stderr)
        self.assertEqual(self.home.taskctl("list", "-q", env={
            "XDG_RUNTIME_DIR": other, "TASKCTL_ENDPOINT": self.home.endpoint}).stdout, "1\n")

    def test_health_is_a_word_and_a_status(self):
        self.assertEqual(self.home.taskctl("health").returncode, 6)
        self.run_ok("list")
        self.assertEqual(self.run_ok("health"), "healthy\n")
        self.assertEqual(json.loads(self.run_ok("health", "-o", "json"))["status"], "healthy")

    def test_a_backup_is_restored(self):
        self.run_ok("add", "Kept")
        copy = os.path.join(self.home.path, "copy.db")
        self.run_ok("admin", "backup", copy)
        self.run_ok("add", "Lost")
        self.assertEqual(self.home.taskctl("admin", "restore", copy).returncode, 4)
        self.run_ok("shutdown")
        self.assertIn("is kept as", self.run_ok("admin", "restore", copy))
        self.assertEqual(self.run_ok("list", "-q"), "1\n")
        with open(copy, "r+b") as file:
            file.seek(4096)
            file.write(b"\xff" * 4096)
        self.run_ok("shutdown")
        damaged = self.home.taskctl("admin", "restore", copy)
        self.assertEqual(damaged.returncode, 1)
        self.assertIn("damaged", damaged.stderr)
        self.assertEqual(self.run_ok("list", "-q"), "1\n", "the store is as it was")


class Predicates(support.TestCase):
    """The exit status is the answer; nothing is printed."""

    def check(self, status, *words):
        for form in ((), ("-o", "json"), ("-q",)):
            run = self.home.taskctl(*words, *form)
            self.assertEqual((run.returncode, run.stdout, run.stderr), (status, "", ""), words)

    def test_is_due(self):
        for due in ("1 hour ago", "in 1 hour", "today", "tomorrow"):
            self.home.taskctl("add", due, "--due", "2020-01-01" if "ago" in due else due)
        self.home.taskctl("add", "never")
        for number, status in enumerate((0, 11, 0, 11, 11), 1):
            self.check(status, "is-due", str(number))
        self.home.taskctl("done", "1")
        self.check(11, "is-due", "1")

    def test_is_done(self):
        for number in "123":
            self.home.taskctl("add", number)
        self.home.taskctl("done", "1")
        self.home.taskctl("cancel", "2")
        for number, status in (("1", 0), ("2", 11), ("3", 11)):
            self.check(status, "is-done", number)

    def test_is_paused(self):
        self.home.taskctl("add", "daily", "--every", "day")
        self.home.taskctl("add", "once")
        self.check(11, "is-paused", "1")
        self.check(11, "is-paused", "2")
        self.home.taskctl("series", "pause", "1")
        self.check(0, "is-paused", "1")

    def test_what_there_is_not_is_no_answer(self):
        for command in ("is-due", "is-done", "is-paused"):
            run = self.home.taskctl(command, "7")
            self.assertEqual((run.returncode, run.stdout), (3, ""))
            self.assertIn("7", run.stderr)
            self.assertEqual(self.home.taskctl(command).returncode, 2)
            self.assertEqual(self.home.taskctl(command, "1", "2").returncode, 2)
            self.assertEqual(self.home.taskctl("--no-start", command, "1",
                                               env={"TASKCTL_ENDPOINT": "/nonexistent"}).returncode, 6)


class Completion(support.TestCase):
    def words(self, *typed):
        done = self.home.taskctl("__complete", *typed)
        self.assertEqual((done.returncode, done.stderr), (0, ""))
        return [line.split("\t")[0] for line in done.stdout.splitlines()]

    def test_without_a_daemon_it_is_silent_and_starts_none(self):
        self.assertEqual(self.words("done", ""), [])
        self.assertFalse(os.path.exists(self.home.endpoint))
        self.assertIn("edit", self.words("e"))
        self.assertEqual(self.words("series", "pa"), ["pause"])
        self.assertIn("--due-before", self.words("list", "--due"))
        self.assertEqual(self.words("list", "--sort", "p"), ["priority"])

    def test_numbers_tags_and_projects_are_live(self):
        self.home.start()
        self.home.taskctl("add", "Write", "--tag", "desk", "--project", "book")
        self.home.taskctl("add", "Rest")
        self.home.taskctl("done", "2")
        self.home.taskctl("add", "Walk", "--every", "day")
        self.assertEqual(self.words("done", ""), ["3", "1"], "in the order of list")
        self.assertEqual(self.words("reopen", ""), ["2"])
        self.assertEqual(self.words("edit", "1", "--tag", ""), ["desk"])
        self.assertEqual(self.words("list", "--project", "b"), ["book"])
        self.assertEqual(len(self.words("series", "pause", "")), 1)
        self.assertEqual(self.words("-o", "json", "show", "3"), ["3"])

    def test_a_title_can_not_forge_a_candidate(self):
        self.home.start()
        self.home.result("task.add", summary="a\nrm -rf\t\x1b[2J")
        done = self.home.taskctl("__complete", "done", "")
        self.assertEqual(done.stdout, "1\ta\\nrm -rf\\t\\x1b[2J\n")

    def test_the_scripts_are_what_their_shells_accept(self):
        for shell, check in (("bash", ["bash", "-n"]), ("zsh", ["zsh", "-n"]),
                             ("fish", ["fish", "-n"])):
            script = self.home.taskctl("completion", shell).stdout
            self.assertGreater(len(script), 100)
            with self.subTest(shell):
                try:
                    done = subprocess.run(check, input=script, capture_output=True, text=True,
                                          check=False)
                except FileNotFoundError:
                    self.skipTest(f"{shell} is not installed")
                self.assertEqual((done.returncode, done.stderr), (0, ""))

    def test_bash_completes_by_its_script(self):
        self.home.start()
        self.home.taskctl("add", "Write")
        path = os.path.dirname(support.TASKCTL) + ":" + self.home.env["PATH"]
        done = subprocess.run(
            ["bash", "-c", 'eval "$(taskctl completion bash)"; COMP_WORDS=(taskctl done ""); '
             'COMP_CWORD=2; _taskctl; echo "${COMPREPLY[*]}"'],
            env={**self.home.env, "PATH": path}, capture_output=True, text=True, check=False)
        self.assertEqual(done.stdout, "1\n")


if __name__ == "__main__":
    unittest.main()
