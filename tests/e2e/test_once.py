# SPDX-License-Identifier: Apache-2.0
"""taskctl once: a command runs once for its key, whoever asks, however often, whatever dies."""

import json
import os
import pty
import select
import signal
import subprocess
import threading
import unittest

import support


class Once(support.TestCase):
    def setUp(self):
        super().setUp()
        self.home.start()

    def once(self, *words, **options):
        options.setdefault("stdin", subprocess.DEVNULL)
        if "input" in options:
            del options["stdin"]
        return subprocess.run([support.TASKCTL, "once", *words], env=self.home.env,
                              capture_output=True, timeout=support.DEADLINE, check=False, **options)

    def begin(self, *words, **options):
        options.setdefault("stdin", subprocess.DEVNULL)
        process = subprocess.Popen([support.TASKCTL, "once", *words], env=self.home.env,
                                   stdout=subprocess.PIPE, stderr=subprocess.PIPE, **options)
        self.addCleanup(self.end, process)
        return process

    @staticmethod
    def end(process):
        process.kill()
        process.communicate(timeout=support.DEADLINE)

    def path(self, name):
        return os.path.join(self.home.path, name)

    def lines(self, name="ran"):
        if not os.path.exists(self.path(name)):
            return []
        with open(self.path(name), encoding="utf-8") as file:
            return file.read().splitlines()

    def script(self, text, name="program"):
        """A program that adds its fence to the file "ran"."""
        with open(self.path(name), "w", encoding="utf-8") as file:
            file.write(f"#!/bin/sh\ncd {self.home.path}\necho $TASKD_FENCE >> ran\n{text}\n")
        os.chmod(self.path(name), 0o755)
        return self.path(name)

    def fifo(self, name):
        os.mkfifo(self.path(name))
        return self.path(name)

    def state(self, key):
        return self.home.result("run.get", key=key)["run"]["state"]

    def wait_for_state(self, key, state):
        def reached():
            reply = self.home.call("run.get", key=key)
            return "result" in reply and reply["result"]["run"]["state"] == state
        support.wait_for(reached, f"{key} is {state}")


class Replay(Once):
    def test_the_first_call_runs_it_and_later_ones_print_it_again(self):
        program = self.script("echo out; echo err >&2; printf 'end\\377'; exit 3")
        first = self.once("deploy", "--", program)
        self.assertEqual((first.returncode, first.stdout, first.stderr), (3, b"out\nend\xff", b"err\n"))
        second = self.once("deploy", "--", program)
        self.assertEqual((second.returncode, second.stdout), (3, b"out\nend\xff"))
        self.assertRegex(second.stderr.decode(), r'^err\ntaskctl: replayed: "deploy" was run .* with status 3; '
                         r"nothing was run again, which --retry-failed would do\n$")
        self.assertEqual(len(self.lines()), 1)
        quiet = self.once("--quiet", "deploy", "--", program)
        self.assertEqual((quiet.returncode, quiet.stderr), (3, b"err\n"))

    def test_each_key_and_each_user_have_their_own(self):
        for words in (("a",), ("b",), ("--as", "bob", "a")):
            self.assertEqual(self.once(*words, "--", self.script("")).returncode, 0)
        self.assertEqual(len(self.lines()), 3)

    def test_arguments_and_input_are_passed_as_they_are(self):
        done = self.once("k", "--", "sh", "-c", 'printf "%s|" "$@"; cat', "--", "a b", "$HOME", "-x",
                         "--ttl", input=b"in\0put")
        self.assertEqual((done.returncode, done.stdout), (0, b"a b|$HOME|-x|--ttl|in\0put"))

    def test_without_the_dashes_nothing_is_run(self):
        program = self.script("")
        for words in ((program,), (program, "--help"), (program, "--version"), (program, "-q", "hi"),
                      (program, "--timeout", "5m"), (program, "--unknown"), ("list",),
                      ("--ttl", "1d"), ("--help",)):
            with self.subTest(words=words):
                done = self.once("k", *words)
                self.assertEqual((done.returncode, done.stdout), (120, b""))
                self.assertIn("once KEY -- COMMAND", done.stderr.decode())
        for words in (("--ttl", "1d", "list", program), ("--retry-failed", "status", "k"),
                      ("list", "--no-wait")):
            done = self.once(*words)
            self.assertEqual((done.returncode, done.stdout), (120, b""))
            self.assertIn("takes no option of", done.stderr.decode())
        self.assertEqual(self.home.result("run.list")["runs"], [])
        self.assertEqual(self.once("--help").returncode, 0)

    def test_a_key_is_never_a_subcommand(self):
        self.once("k5", "--", "true")
        program = self.script("")
        for words in (("list",), ("status",), ("forget",), ("--ttl", "1d", "list"),
                      ("--retry-failed", "status"), ("-q", "forget"), ("k", "list")):
            for command in (program, "k5"):
                with self.subTest(words=words, command=command):
                    done = self.once(*words, "--", command)
                    self.assertEqual((done.returncode, done.stdout), (120, b""))
                    self.assertIn("is a command of its own", done.stderr.decode())
        self.assertEqual(self.lines(), [])
        self.assertEqual(self.state("k5"), "succeeded")
        for key in ("add", "help", "once", "lists"):
            self.assertEqual(self.once(key, "--", "echo", key).stdout.decode(), key + "\n")
        for key in ("--help", "--version", "-h"):
            self.assertEqual(self.once(key, "--", program).returncode, 120)
        self.assertEqual(self.lines(), [])

    def test_another_command_is_a_conflict_that_shows_both(self):
        self.once("k", "--", "echo", "one")
        done = self.once("k", "--", "echo", "two words")
        self.assertEqual((done.returncode, done.stdout), (122, b""))
        text = done.stderr.decode()
        self.assertIn('"k" is the key of ["echo","one"], not of ["echo","two words"]', text)
        self.assertIn("taskctl once forget", text)

    def test_only_a_success_is_kept_with_retry_failed(self):
        program = self.script("test -e good")
        self.assertEqual(self.once("--retry-failed", "k", "--", program).returncode, 1)
        self.assertEqual(self.once("k", "--", program).returncode, 1)
        self.assertEqual(len(self.lines()), 1)
        with open(self.path("good"), "w", encoding="ascii"):
            pass
        for _ in range(2):
            self.assertEqual(self.once("--retry-failed", "k", "--", program).returncode, 0)
        fences = [int(line) for line in self.lines()]
        self.assertEqual(len(fences), 2)
        self.assertLess(fences[0], fences[1])

    def test_output_past_the_bound_is_counted(self):
        program = self.script("head -c 1500000 /dev/zero | tr '\\0' x; echo late >&2")
        first = self.once("k", "--", program)
        self.assertEqual((len(first.stdout), first.stderr), (1500000, b"late\n"))
        again = self.once("k", "--", program)
        self.assertEqual(again.stdout, b"x" * (1024 * 1024))
        self.assertIn(f"the rest of its output, {1500005 - 1024 * 1024} bytes, was not kept",
                      again.stderr.decode())

    def test_zero_bytes_and_many_changes_of_stream_are_kept(self):
        program = self.script("head -c 300000 /dev/zero; i=0; while [ $i -lt 300 ]; do echo o$i; "
                              "echo e$i >&2; i=$((i+1)); done")
        first = self.once("k", "--", program)
        again = self.once("k", "--", program)
        self.assertEqual(again.stdout, first.stdout)
        self.assertTrue(again.stderr.startswith(first.stderr))

    def test_a_command_that_closes_its_streams_or_leaves_a_child_is_not_waited_for(self):
        program = self.script("exec <&- >&- 2>&-; exit 4")
        self.assertEqual(self.once("closed", "--", program).returncode, 4)
        hold = self.fifo("hold")
        program = self.script(f"echo begun; (read x < {hold}) & exit 5", "parent")
        done = self.once("forked", "--", program)
        self.assertEqual((done.returncode, done.stdout), (5, b"begun\n"))
        with open(hold, "w", encoding="ascii"):
            pass

    def test_the_order_is_kept_where_both_streams_go_to_one_place(self):
        command = ["k", "--", "sh", "-c", "for i in 1 2 3; do echo out$i; echo err$i >&2; done"]
        want = b"".join(b"out%d\nerr%d\n" % (i, i) for i in (1, 2, 3))
        for _ in range(2):
            run = subprocess.run([support.TASKCTL, "once", "--quiet", *command], env=self.home.env,
                                 stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=True,
                                 stdin=subprocess.DEVNULL, timeout=support.DEADLINE)
            self.assertEqual(run.stdout, want)

    def test_the_key_must_stand_in_front_of_the_dashes(self):
        for words in (("--", "sh", "-c", "true"), ("k", "true", "--", "x")):
            done = self.once(*words)
            self.assertEqual(done.returncode, 120)
            self.assertIn("front of --", done.stderr.decode())

    def test_a_program_that_can_not_be_started_leaves_the_key_free(self):
        with open(self.path("plain"), "wb") as file:
            file.write(b"text")
        for program, why in ((self.path("missing"), "No such file"), ("missing", "no such program"),
                             (self.path("plain"), "Permission denied"),
                             (self.home.path, "Is a directory"), ("/dev/null", "Permission denied")):
            done = self.once("k", "--", program)
            self.assertEqual(done.returncode, 124)
            self.assertIn(why, done.stderr.decode())
        with open(self.path("bad"), "wb") as file:
            file.write(b"\x7fELF no program")
        os.chmod(self.path("bad"), 0o755)
        done = self.once("k", "--", self.path("bad"))
        self.assertEqual(done.returncode, 124)
        self.assertEqual(self.once("k", "--", "true").returncode, 0)

    def test_what_is_not_accepted_is_refused_with_120(self):
        for words, text in ((("k",), "COMMAND"), (("k", "--"), "COMMAND"),
                            (("--ttl", "0s", "k", "--", "true"), "ttl"),
                            (("--lease", "2d", "k", "--", "true"), "lease"),
                            (("--lease", "soon", "k", "--", "true"), "lease"),
                            (("--lease", "60", "k", "--", "true"), "needs a unit"),
                            (("--ttl", "", "k", "--", "true"), "--ttl is empty"),
                            (("--as", "", "k", "--", "true"), "--as is empty"),
                            (("", "--", "true"), "key"), (("a\nb", "--", "true"), "key"),
                            (("k", "--", b"\xff"), "is not UTF-8"),
                            ((b"k\xff", "--", "true"), "is not UTF-8"),
                            (("--tll", "1d", "k", "--", "true"), "--ttl")):
            with self.subTest(words=words):
                done = self.once(*words)
                self.assertEqual((done.returncode, done.stdout), (120, b""))
                self.assertIn(text, done.stderr.decode())
        self.assertEqual(self.home.result("run.list")["runs"], [])


class Lists(Once):
    def test_status_list_and_forget(self):
        self.once("deploy-1", "--", "sh", "-c", "echo 'made\x1b[31m it'; exit 2")
        self.once("deploy-2", "--", "true")
        shown = self.home.taskctl("once", "status", "deploy-1")
        self.assertEqual(shown.returncode, 0, shown.stderr)
        for text in ("failed", "made\\x1b[31m it", "exit 2", "kept until"):
            self.assertIn(text, shown.stdout)
        report = json.loads(self.home.taskctl("once", "status", "deploy-1", "-o", "json").stdout)
        self.assertEqual(report["run"]["status"], 2)
        self.assertEqual(report["output"], [{"stream": "stdout", "data": "made\x1b[31m it\n"}])
        self.assertEqual(self.home.taskctl("once", "status", "deploy-1", "-q").stdout, "failed\n")
        listed = self.home.taskctl("once", "list", "-q").stdout
        self.assertEqual(listed, "deploy-2\ndeploy-1\n")
        plain = self.home.taskctl("once", "list", "deploy-", "--state", "failed").stdout
        self.assertEqual(len(plain.splitlines()), 1)
        self.assertEqual(plain.split("\t")[:3], ["deploy-1", "failed", "2"])
        forgot = self.home.taskctl("once", "forget", "deploy-1")
        self.assertEqual((forgot.returncode, forgot.stdout.split(":")[0]), (0, "Forgot deploy-1"))
        for command in ("status", "forget"):
            missing = self.home.taskctl("once", command, "deploy-1")
            self.assertEqual(missing.returncode, 3)
            self.assertIn('there is no run "deploy-1"', missing.stderr)
        self.assertEqual(self.home.taskctl("once", "list", "--state", "ok").returncode, 2)

    def test_a_list_that_is_cut_says_so(self):
        for number in range(22):
            self.once(f"k{number:02}", "--", "true")
        for words in ((), ("-q",)):
            cut = self.home.taskctl("once", "list", *words)
            self.assertEqual(len(cut.stdout.splitlines()), 20)
            self.assertIn("20 shown, there are more", cut.stderr)
            self.assertIn("--limit", cut.stderr)
            for more in (("--limit", "22"), ("k0",)):
                whole = self.home.taskctl("once", "list", *words, *more)
                self.assertEqual(whole.stderr, "")
        self.assertEqual(len(json.loads(self.home.taskctl("once", "list", "-o", "json").stdout)["runs"]),
                         20)

    def test_status_shows_no_more_than_its_last_bytes(self):
        self.once("k", "--", "sh", "-c", "head -c 300000 /dev/zero; echo; echo end")
        shown = self.home.taskctl("once", "status", "k").stdout
        self.assertLess(len(shown), 20_000)
        self.assertIn("[...]", shown)
        self.assertTrue(shown.rstrip().endswith("end"))
        self.once("utf", "--", "sh", "-c", "yes \u00e4 | head -c 90000 | tr -d '\\n'; echo x")
        self.assertNotIn("\\x", self.home.taskctl("once", "status", "utf").stdout)


class Concurrent(Once):
    def test_a_call_meanwhile_waits_and_replays(self):
        gate = self.fifo("gate")
        program = self.script(f"echo begun; read x < {gate}; echo $x; exit 7")
        first = self.begin("k", "--", program)
        self.assertEqual(first.stdout.readline(), b"begun\n")  # it streams
        busy = self.once("--no-wait", "k", "--", program)
        self.assertEqual(busy.returncode, 123)
        self.assertRegex(busy.stderr.decode(), "is being run by .*, with a lease until ")
        self.assertIn("taskctl once forget --force k", busy.stderr.decode())
        refused = self.home.taskctl("once", "forget", "k")
        self.assertEqual(refused.returncode, 4)
        self.assertIn("taskctl once forget --force k", refused.stderr)
        late = self.once("--timeout", "1s", "k", "--", program)
        self.assertEqual(late.returncode, 123)
        second = self.begin("k", "--", program)
        self.assertRegex(second.stderr.readline().decode(), "^taskctl: .* with a lease until .*; waiting "
                         "for its result .*taskctl once forget --force k")
        with open(gate, "w", encoding="ascii") as file:
            file.write("opened\n")
        self.assertEqual(second.stdout.read(), b"begun\nopened\n")
        self.assertEqual(second.wait(support.DEADLINE), 7)
        self.assertEqual(first.stdout.read(), b"opened\n")
        self.assertEqual(first.wait(support.DEADLINE), 7)
        self.assertEqual(len(self.lines()), 1)

    def test_a_holder_that_dies_is_followed_under_a_higher_fence(self):
        gate = self.fifo("gate")
        program = self.script(f"test -e again || read x < {gate}; echo $TASKD_ONCE_KEY")
        first = self.begin("--lease", "1s", "k", "--", program)
        support.wait_for(self.lines, "it runs")
        os.kill(first.pid, signal.SIGKILL)
        first.wait(support.DEADLINE)
        with open(self.path("again"), "w", encoding="ascii"):
            pass
        second = self.once("--lease", "1s", "k", "--", program)
        self.assertEqual((second.returncode, second.stdout), (0, b"k\n"))
        fences = [int(line) for line in self.lines()]
        self.assertEqual(len(fences), 2)
        self.assertLess(fences[0], fences[1])
        with open(gate, "w", encoding="ascii"):
            pass  # the orphan may end

    def test_a_holder_that_is_known_to_be_dead_can_be_forgotten(self):
        gate = self.fifo("gate")
        program = self.script(f"test -e again || read x < {gate}")
        first = self.begin("k", "--", program)
        support.wait_for(self.lines, "it runs")
        os.kill(first.pid, signal.SIGKILL)
        with open(self.path("again"), "w", encoding="ascii"):
            pass
        self.assertEqual(self.once("--no-wait", "k", "--", program).returncode, 123)
        forced = self.home.taskctl("once", "forget", "--force", "k")
        self.assertEqual(forced.returncode, 0, forced.stderr)
        self.assertEqual(self.once("k", "--", program).returncode, 0)
        with open(gate, "w", encoding="ascii"):
            pass

    def test_a_run_does_not_wait_for_itself(self):
        program = self.script(f"{support.TASKCTL} once inner -- {support.TASKCTL} once k -- $0\n"
                              "echo status $?")
        done = self.once("k", "--", program)
        self.assertEqual((done.returncode, done.stdout), (0, b"status 120\n"))
        self.assertIn("a command that this one is a part of", done.stderr.decode())
        self.assertEqual(len(self.lines()), 1)
        other = self.script(f"{support.TASKCTL} --as bob once k -- echo from another user")
        self.assertEqual(self.once("--retry-failed", "new", "--", other).stdout,
                         b"from another user\n")

    def test_who_waited_takes_a_failure_too(self):
        gate = self.fifo("gate")
        program = self.script(f"read x < {gate}; exit 7")
        callers = [self.begin("--retry-failed", "k", "--", program)]
        support.wait_for(self.lines, "it runs")
        callers += [self.begin("--retry-failed", "k", "--", program) for _ in range(3)]
        for caller in callers[1:]:
            self.assertIn(b"waiting for its result", caller.stderr.readline())
        with open(gate, "w", encoding="ascii"):
            pass
        for caller in callers:
            self.assertEqual(caller.wait(support.DEADLINE), 7)
        self.assertEqual(len(self.lines()), 1)

    def test_a_holder_that_lives_keeps_its_lease(self):
        gate = self.fifo("gate")
        program = self.script(f"read x < {gate}")
        first = self.begin("--lease", "1s", "k", "--", program)
        support.wait_for(self.lines, "it runs")
        begun = self.home.result("run.get", key="k")["run"]["until"]
        # Three leases on, it is the same run.
        support.wait_for(lambda: self.home.result("run.get", key="k")["run"]["until"][:19] >
                         begun[:17] + f"{min(int(begun[17:19]) + 3, 59):02}", "it is extended")
        with open(gate, "w", encoding="ascii"):
            pass
        self.assertEqual(first.wait(support.DEADLINE), 1)
        self.assertEqual(self.state("k"), "failed")
        events = self.home.result("event.read", after=0, types=["run.*"])["events"]
        # A machine that is too busy for it may have let the lease run out, and be extended again.
        types = [event["type"] for event in events
                 if event["type"] not in ("run.abandoned", "run.resumed")]
        self.assertEqual(types, ["run.started", "run.finished"])

    def test_a_holder_that_stalled_past_its_lease_is_told_so(self):
        gate = self.fifo("gate")
        program = self.script(f"test -e again || read x < {gate}; exit 0")
        first = self.begin("--lease", "1s", "k", "--", program)
        support.wait_for(self.lines, "it runs")
        os.kill(first.pid, signal.SIGSTOP)
        self.wait_for_state("k", "abandoned")
        with open(self.path("again"), "w", encoding="ascii"):
            pass
        self.assertEqual(self.once("k", "--", program).returncode, 0)
        os.kill(first.pid, signal.SIGCONT)
        self.assertIn(b"the lease is lost", first.stderr.readline())
        with open(gate, "w", encoding="ascii"):
            pass
        self.assertEqual(first.wait(support.DEADLINE), 125)
        self.assertIn(b"this was not recorded", first.stderr.read())
        self.assertEqual(self.home.result("run.get", key="k")["run"]["holders"], 2)

    def test_fifty_callers_race_while_the_daemon_is_killed(self):
        program = self.script("echo done; exit 9")
        stop = threading.Event()

        def kill_and_start():
            while not stop.wait(0.15):
                self.home.kill()
                self.home.start()

        killer = threading.Thread(target=kill_and_start)
        killer.start()
        try:
            callers = [self.begin("--no-start", "race", "--", program) for _ in range(50)]
            ends = [(caller.communicate(timeout=support.DEADLINE * 2), caller.returncode)
                    for caller in callers]
        finally:
            stop.set()
            killer.join()
        for (out, err), status in ends:
            self.assertEqual((status, out), (9, b"done\n"), err)
        self.assertEqual(sum(b"replayed" in err for (_, err), _ in ends), 49)
        self.assertEqual(len(self.lines()), 1)


class Signals(Once):
    def test_a_signal_goes_to_the_whole_group_and_the_status_is_kept(self):
        gate = self.fifo("gate")
        program = self.script(f"trap 'echo term; exit 42' TERM; read x < {gate} & wait")
        first = self.begin("k", "--", program)
        support.wait_for(self.lines, "it runs")
        first.send_signal(signal.SIGTERM)
        self.assertEqual(first.wait(support.DEADLINE), 42)
        self.assertEqual(first.stdout.read(), b"term\n")
        again = self.once("k", "--", program)
        self.assertEqual((again.returncode, again.stdout), (42, b"term\n"))

    def test_a_command_that_a_signal_ends_has_the_status_of_a_shell(self):
        done = self.once("k", "--", "sh", "-c", "kill -KILL $$")
        self.assertEqual(done.returncode, 137)
        self.assertEqual(self.once("k", "--", "sh", "-c", "kill -KILL $$").returncode, 137)

    def test_a_signal_that_was_ignored_stays_so(self):
        gate = self.fifo("gate")
        program = self.script(f"read x < {gate}; echo survived")
        first = self.begin("k", "--", program,
                           preexec_fn=lambda: signal.signal(signal.SIGHUP, signal.SIG_IGN))
        support.wait_for(self.lines, "it runs")
        first.send_signal(signal.SIGHUP)
        os.killpg(os.getpgid(self.child_of(first.pid)), signal.SIGHUP)
        with open(gate, "w", encoding="ascii"):
            pass
        self.assertEqual(first.wait(support.DEADLINE), 0)
        self.assertEqual(first.stdout.read(), b"survived\n")

    @staticmethod
    def child_of(pid):
        with open(f"/proc/{pid}/task/{pid}/children", encoding="ascii") as file:
            return int(file.read().split()[0])

    def test_what_can_not_be_written_is_said(self):
        for _ in range(2):
            with open("/dev/full", "w", encoding="ascii") as full:
                run = subprocess.run([support.TASKCTL, "once", "k", "--", "echo", "hi"],
                                     env=self.home.env, stdin=subprocess.DEVNULL, stdout=full,
                                     stderr=subprocess.PIPE, check=False, timeout=support.DEADLINE)
            self.assertEqual(run.returncode, 125)
            self.assertIn(b"No space left", run.stderr)
        self.assertEqual(self.once("k", "--", "echo", "hi").stdout, b"hi\n")

    def test_a_parent_that_ignores_sigchld(self):
        first = self.begin("k", "--", "sh", "-c", "exit 5",
                           preexec_fn=lambda: signal.signal(signal.SIGCHLD, signal.SIG_IGN))
        self.assertEqual(first.wait(support.DEADLINE), 5)

    def test_a_reader_that_went_away_ends_the_command(self):
        with subprocess.Popen([support.TASKCTL, "once", "k", "--", "yes"], env=self.home.env,
                              stdin=subprocess.DEVNULL, stdout=subprocess.PIPE) as process:
            process.stdout.read(10)
            process.stdout.close()
            self.assertEqual(process.wait(support.DEADLINE), 141)
        self.assertEqual(self.state("k"), "failed")

    def test_a_command_at_a_terminal_may_read_it(self):
        pid, terminal = pty.fork()
        if pid == 0:
            os.execve(support.TASKCTL, ["taskctl", "once", "k", "--", "sh", "-c",
                                        "read x; echo got $x"], self.home.env)
        os.write(terminal, b"word\n")
        text = b""
        while b"got word" not in text:
            self.assertTrue(select.select([terminal], [], [], support.DEADLINE)[0])
            text += os.read(terminal, 4096)
        self.assertEqual(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]), 0)
        os.close(terminal)


class NoDaemon(Once):
    def test_without_a_daemon_nothing_is_run(self):
        self.home.kill()
        done = self.once("--no-start", "--timeout", "1s", "k", "--", self.script(""))
        self.assertEqual(done.returncode, 121)
        self.assertEqual(self.lines(), [])

    def test_a_daemon_that_went_away_meanwhile_is_waited_for(self):
        gate = self.fifo("gate")
        first = self.begin("--no-start", "k", "--", self.script(f"read x < {gate}; exit 6"))
        support.wait_for(self.lines, "it runs")
        self.home.kill()
        with open(gate, "w", encoding="ascii"):
            pass
        self.home.start()
        self.assertEqual(first.wait(support.DEADLINE), 6)
        self.assertEqual(self.state("k"), "failed")

    def test_a_result_that_can_not_be_recorded_is_said(self):
        gate = self.fifo("gate")
        first = self.begin("--no-start", "--timeout", "1s", "--lease", "1s", "k", "--",
                           self.script(f"read x < {gate}; exit 6"))
        support.wait_for(self.lines, "it runs")
        self.home.kill()
        with open(gate, "w", encoding="ascii"):
            pass
        self.assertEqual(first.wait(support.DEADLINE), 125)
        self.assertIn(b"ended with status 6, but this was not recorded", first.stderr.read())


if __name__ == "__main__":
    unittest.main()
