# SPDX-License-Identifier: Apache-2.0
"""Commands as units of systemd: a real daemon on a bus of its own, with a double of the manager
(tests/support/service_manager.py), which really runs the programs."""

import json
import os
import signal
import subprocess
import sys
import unittest

import support

MANAGER = os.path.join(support.SOURCE, "tests", "support", "service_manager.py")


class Units(support.TestCase):
    def setUp(self):
        super().setUp()
        path = os.path.join(self.home.path, "bus")
        self.bus = subprocess.Popen(
            ["dbus-daemon", "--session", "--nofork", "--nopidfile", "--print-address=1",
             f"--address=unix:path={path}"], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
        self.addCleanup(self.end, self.bus)
        self.bus.stdout.readline()
        self.home.env["DBUS_SESSION_BUS_ADDRESS"] = f"unix:path={path}"
        self.manager = subprocess.Popen(
            [sys.executable, "-B", MANAGER], env=self.home.env, text=True,
            stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        self.addCleanup(self.end, self.manager)
        self.assertEqual(json.loads(self.manager.stdout.readline()), {"did": "start"})
        self.home.env["INVOCATION_ID"] = "0" * 32  # as a unit's main process has it

    @staticmethod
    def end(process):
        process.kill()
        process.wait()
        for stream in (process.stdin, process.stdout):
            if stream:
                stream.close()

    def command(self, **command):
        """Does it; gives the answer and the calls that came before it."""
        self.manager.stdin.write(json.dumps(command) + "\n")
        self.manager.stdin.flush()
        calls = []
        while "did" not in (line := json.loads(self.manager.stdout.readline())):
            calls.append(line)
        return line, calls

    def add(self, *command, options=()):
        done = self.home.taskctl("add", "Work", "--at", "now", "--cwd", self.home.path, *options,
                                 "--run", "--", *command)
        self.assertEqual(done.returncode, 0, done.stderr)

    def ended(self):
        def last():
            runs = self.home.result("command.runs")["runs"]
            return "finished" in runs[0] and runs[0]
        run = support.wait_for(last, "the command ends")
        return self.home.result("delivery.get", delivery=run["id"])

    def wait_for_lines(self, name, count):
        def lines():
            if not os.path.exists(path):
                return None
            with open(path, encoding="utf-8") as file:
                found = file.read().splitlines()
            return found if len(found) >= count else None
        path = os.path.join(self.home.path, name)
        return support.wait_for(lines, f"{name} has {count} lines")

    def started(self):
        """The units that were asked for, since the last time."""
        _, calls = self.command(do="units")
        return [call["unit"] for call in calls if call["call"] == "StartTransientUnit"]

    def test_a_run_is_a_unit(self):
        self.home.start()
        self.add("sh", "-c", "echo $TASKD_RUN_ID; exit 3")
        run = self.ended()
        self.assertEqual((run["result"], run["output"]), ("exit 3", run["id"] + "\n"))
        self.assertEqual(self.started(), [f"taskd-run-{run['id']}.service"])
        self.assertNotIn("command_without_unit", self.home.log())
        support.wait_for(lambda: self.command(do="units")[0]["units"] == {}, "it is forgotten")

    def test_what_is_refused_is_a_child_and_said_so_once(self):
        self.command(do="refuse", error="org.freedesktop.DBus.Error.AccessDenied")
        self.home.start()
        for _ in range(2):
            self.add("sh", "-c", "exit 4")
            self.assertEqual(self.ended()["result"], "exit 4")
        self.assertEqual(self.home.log().count("command_without_unit"), 1)
        self.assertEqual(len(self.started()), 2)

    def test_where_systemd_did_not_start_taskd_or_they_are_off_there_are_none(self):
        wrong = subprocess.run([support.TASKD, "--check-config", "--commands-units", "on"],
                               env=self.home.env, capture_output=True, text=True, check=False)
        self.assertEqual(wrong.returncode, 2)
        self.assertIn("use auto or off", wrong.stderr)
        for arguments, variables in ((["--commands-units", "off"], {}),
                                     ([], {"SYSTEMD_EXEC_PID": "1"}),
                                     ([], {"INVOCATION_ID": None})):
            with self.subTest(arguments=arguments, variables=variables):
                for name, value in variables.items():
                    self.home.env.pop(name, None)
                    if value:
                        self.home.env[name] = value
                self.home.start(*arguments)
                self.add("sh", "-c", "exit 5")
                self.assertEqual(self.ended()["result"], "exit 5")
                self.assertEqual(self.started(), [])
                self.home.kill(signal.SIGTERM)
                self.home.env.pop("SYSTEMD_EXEC_PID", None)

    def test_a_killed_taskds_unit_is_gone_before_the_next_attempt_begins(self):
        self.home.start()
        self.add("sh", "-c", "test -e held && echo beside >> tries; touch held; "
                 "trap 'rm held; exit 1' TERM; echo $$ $TASKD_ATTEMPT >> tries; "
                 "test $TASKD_ATTEMPT = 2 && exit 0; sleep 1000 & wait",
                 options=("--attempts", "2", "--retry-delay", "1s"))
        pid = int(self.wait_for_lines("tries", 1)[0].split()[0])
        self.home.kill()
        os.kill(pid, 0)  # it is there
        self.home.start()
        run = self.ended()
        self.assertEqual(run["state"], "succeeded", run)
        self.assertEqual(run["log"][0]["result"], "interrupted: taskd stopped")
        self.assertEqual([line.split()[1:] for line in self.wait_for_lines("tries", 2)],
                         [["1"], ["2"]])
        _, calls = self.command(do="units")
        self.assertIn({"call": "StopUnit", "unit": f"taskd-run-{run['id']}.service"}, calls)

    def test_the_end_of_taskd_ends_its_units(self):
        self.home.start()
        self.add("sh", "-c", "echo $$ > begun; exec sleep 1000")
        pid = int(self.wait_for_lines("begun", 1)[0])
        self.assertEqual(self.home.kill(signal.SIGTERM), 0)
        self.assertFalse(os.path.exists(f"/proc/{pid}"))
        self.home.start()
        self.assertEqual(self.ended()["result"], "interrupted: taskd stopped")


if __name__ == "__main__":
    unittest.main()
