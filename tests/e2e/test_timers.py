# SPDX-License-Identifier: Apache-2.0
"""taskctl import timers: its column of systemd's times against systemd-analyze itself, and a folder
of units that a real daemon runs."""

import datetime
import json
import os
import sys
import unittest

import support

sys.path.insert(0, os.path.join(support.SOURCE, "tests", "support"))
import calendar_oracle  # noqa: E402

ZONES = ("UTC", "Europe/Berlin", "America/New_York", "Australia/Lord_Howe")


class Timers(support.TestCase):
    def setUp(self):
        super().setUp()
        self.home.env["TZ"] = "UTC"
        self.folder = os.path.join(self.home.path, "units")
        os.mkdir(self.folder)

    def write(self, name, *lines):
        path = os.path.join(self.folder, name)
        with open(path, "w", encoding="utf-8") as file:
            file.write("\n".join(lines) + "\n")
        return path

    def schedules(self, *words, status):
        run = self.home.taskctl("import", "timers", "-o", "jsonl", *words)
        self.assertEqual(run.returncode, status, run.stdout + run.stderr)
        return [json.loads(line) for line in run.stdout.splitlines()]


class Oracle(Timers):
    @unittest.skipUnless(os.path.exists(calendar_oracle.ANALYZE),
                         "systemd-analyze is not installed, so there is nothing to compare with")
    def test_the_column_of_systemd_is_what_systemd_says(self):
        self.write("a.service", "[Service]", "ExecStart=/bin/true")
        compared = 0
        for zone in ZONES:
            self.home.env["TZ"] = zone
            # Its own ways are another matter where the clock changes, and in another version.
            marks = ("", "~") if zone == "UTC" and calendar_oracle.is_recorded_version() else ("",)
            corpus = calendar_oracle.corpus(marks)
            half = len(corpus) // 2  # a timer has a hundred schedules at most
            for part in (corpus[:half], corpus[half:]):
                path = self.write("a.timer", "[Timer]", *("OnCalendar=" + one for one in part))
                begun = datetime.datetime.now(datetime.timezone.utc)
                shown = self.schedules("--preview", path, status=0)
                ended = datetime.datetime.now(datetime.timezone.utc)
                # taskctl read the clock at one of these seconds.
                seconds = int((ended - begun).total_seconds()) + 2
                bases = [(begun + datetime.timedelta(seconds=i)).strftime("%Y-%m-%dT%H:%M:%SZ")
                         for i in range(seconds)]
                accepted = [calendar_oracle.elapses(part, zone, base) for base in bases]
                self.assertEqual(len(shown), len(part))
                for index, one in enumerate(shown):
                    times = [time[:19] + "Z" for time in one["systemd"]]
                    self.assertIn(times, [answer[index] for answer in accepted],
                                  f"{zone}: {part[index]}")
                    compared += 1
        self.assertGreaterEqual(compared, 4 * 60)


class Import(Timers):
    def setUp(self):
        super().setUp()
        self.home.start()
        self.write("backup.timer", "[Unit]", "Description=Nightly backup", "[Timer]",
                   "OnCalendar=Mon..Fri 02:30", "OnCalendar=*-*~1 23:00 Europe/Berlin",
                   "Persistent=true", "RandomizedDelaySec=10min", "WakeSystem=true")
        self.write("backup.service", "[Unit]", "After=network.target", "[Service]",
                   "Type=oneshot", 'Environment="A=b c"', f"WorkingDirectory={self.folder}",
                   "ExecStart=/bin/sh -c 'echo \"$$A\" \"$$1\"; pwd' \\",
                   '    sh "x  y" # no comment')
        self.write("clean.timer", "[Timer]", "OnCalendar=weekly", "OnBootSec=5min",
                   "Unit=sweep.service")
        self.write("sweep.service", "[Service]", "ExecStart=/bin/true \x1b[31m")
        self.write("years.timer", "[Timer]", "OnCalendar=2097,2099-06-01")
        self.write("years.service", "[Service]", "ExecStart=/bin/true")

    def test_a_folder_of_units_twice(self):
        previewed = self.schedules("--preview", self.folder, status=0)
        self.assertEqual([(one["file"], one["line"]) for one in previewed],
                         [("backup.timer", 4), ("backup.timer", 5), ("clean.timer", 2),
                          ("years.timer", 2)])
        self.assertFalse(any(one["differs"] for one in previewed))
        self.assertEqual(self.home.result("series.list")["total"], 0)
        imported = self.schedules(self.folder, status=0)
        self.assertEqual([len(one["tasks"]) for one in imported], [1, 1, 1, 2])
        again = self.schedules(self.folder, self.folder, status=0)
        self.assertTrue(all(one["is_there"] and "tasks" not in one for one in again))
        self.assertEqual(self.home.result("series.list")["total"], 5)

        shown = self.home.result("task.get", task=str(imported[0]["tasks"][0]))
        self.assertEqual(shown["task"]["summary"], "Nightly backup")
        self.assertEqual(shown["command"]["jitter_ms"], 600_000)
        self.assertEqual(shown["command"]["argv"],
                         ["/bin/sh", "-c", 'echo "$A" "$1"; pwd', "sh", "x  y", "#", "no",
                          "comment"])
        policies = [self.home.result("task.get", task=str(one["tasks"][0]))["series"]
                    for one in (imported[0], imported[2])]
        self.assertIn('"latest"', json.dumps(policies[0]))
        self.assertIn('"skip"', json.dumps(policies[1]))
        notes = " ".join(imported[0]["notes"])
        for part in ("WakeSystem=", "After=", "Persistent= is on"):
            self.assertIn(part, notes)
        self.assertIn("OnBootSec=5min", " ".join(imported[2]["notes"]))

    def test_a_command_runs_as_the_service_says(self):
        imported = self.schedules(os.path.join(self.folder, "backup.timer"), status=0)
        self.home.taskctl("runs", "trigger", str(imported[0]["tasks"][0]))
        support.wait_for(lambda: "finished" in self.home.result("command.runs")["runs"][0],
                         "it ends")
        run = self.home.result("command.runs")["runs"][0]
        self.assertEqual(self.home.result("delivery.get", delivery=run["id"])["output"],
                         f"b c x  y\n{self.folder}\n")

    def test_what_is_not_kept_is_told_of_and_shown_safely(self):
        self.write("env.timer", "[Timer]", "OnCalendar=daily", "OnCalendar=25:00")
        self.write("env.service", "[Service]", "ExecStart=/bin/echo $HOME")
        self.write("boot.timer", "[Timer]", "OnBootSec=1min")
        run = self.home.taskctl("import", "timers", "--preview", self.folder)
        self.assertEqual(run.returncode, 1)
        self.assertIn("env.service, line 2, ExecStart: has the variable \"$HOME\"", run.stdout)
        self.assertIn("boot.timer, line 2", run.stdout)
        self.assertNotIn("\x1b", run.stdout)
        self.assertIn("\\x1b[31m", run.stdout)
        self.assertIn("3 schedules can't be kept", run.stderr)
        self.assertEqual(self.home.taskctl("import", "timers", self.folder + "/none").returncode, 2)


if __name__ == "__main__":
    unittest.main()
