# SPDX-License-Identifier: Apache-2.0
"""taskctl retry: attempts, waits, statuses, standard input for each attempt, signals, deadline."""

import hashlib
import json
import os
import pty
import re
import select
import signal
import socket
import subprocess
import unittest

import support


class Retry(support.TestCase):
    def command(self, *words):
        return [support.TASKCTL, "retry", *words]

    def run_it(self, *words, **options):
        options.setdefault("stdin", subprocess.DEVNULL)
        if "input" in options:
            del options["stdin"]
        return subprocess.run(self.command(*words), env=self.home.env, capture_output=True,
                              timeout=support.DEADLINE, check=False, **options)

    def begin(self, *words, **options):
        process = subprocess.Popen(self.command(*words), env=self.home.env, stdout=subprocess.PIPE,
                                   stderr=subprocess.PIPE, text=True, **options)
        self.addCleanup(self.end, process)
        return process

    @staticmethod
    def end(process):
        process.kill()
        process.communicate(timeout=support.DEADLINE)

    def script(self, text):
        """A program that counts its attempts in the file "tries"."""
        path = os.path.join(self.home.path, "program")
        with open(path, "w", encoding="utf-8") as file:
            file.write(f"#!/bin/sh\ncd {self.home.path}\necho $TASKD_ATTEMPT >> tries\n{text}\n")
        os.chmod(path, 0o755)
        return path

    @staticmethod
    def has_ended(pid):
        try:
            with open(f"/proc/{pid}/stat", encoding="ascii") as file:
                return file.read().rsplit(")", 1)[1].split()[0] == "Z"
        except FileNotFoundError:
            return True

    def tries(self):
        path = os.path.join(self.home.path, "tries")
        if not os.path.exists(path):
            return []
        with open(path, encoding="ascii") as file:
            return [int(line) for line in file]

    # ---- attempts --------------------------------------------------------------------------------

    def test_a_success_is_passed_on_without_a_word(self):
        done = self.run_it("--", "echo", "-n", "$HOME *")
        self.assertEqual((done.returncode, done.stdout, done.stderr), (0, b"$HOME *", b""))
        self.assertFalse(os.path.exists(self.home.store), "no daemon is needed, and none started")

    def test_it_is_run_again_until_it_succeeds(self):
        done = self.run_it("--delay", "0s", "--", self.script("test $TASKD_ATTEMPT = 3 || exit 4"))
        self.assertEqual(done.returncode, 0)
        self.assertEqual(self.tries(), [1, 2, 3])
        self.assertEqual(done.stderr.decode(),
                         "taskctl: attempt 1 of 5 ended with status 4; again in 0.0s\n"
                         "taskctl: attempt 2 of 5 ended with status 4; again in 0.0s\n")

    def test_the_last_status_is_passed_on(self):
        done = self.run_it("--attempts", "3", "--delay", "0s", "--",
                           self.script("exit $((10 + TASKD_ATTEMPT))"))
        self.assertEqual(done.returncode, 13)
        self.assertEqual(self.tries(), [1, 2, 3])
        self.assertTrue(done.stderr.decode().endswith("attempt 3 of 3 ended with status 13, the last\n"))
        quiet = self.run_it("-q", "--attempts", "2", "--delay", "0s", "--", "false")
        self.assertEqual((quiet.returncode, quiet.stderr), (1, b""))

    def test_only_some_statuses_are_tried_again(self):
        program = self.script("test $TASKD_ATTEMPT = 1 && exit 75; exit 3")
        done = self.run_it("--on", "75,100-110", "--delay", "0s", "--", program)
        self.assertEqual(done.returncode, 3)
        self.assertEqual(self.tries(), [1, 2])
        self.assertTrue(done.stderr.decode().endswith(
            "taskctl: attempt 2 of 5 ended with status 3, which --on does not name\n"))

    def test_a_signal_that_ends_the_command_is_a_failure_as_in_a_shell(self):
        done = self.run_it("--attempts", "2", "--delay", "0s", "--", self.script("kill -9 $$"))
        self.assertEqual(done.returncode, 128 + signal.SIGKILL)
        self.assertEqual(self.tries(), [1, 2])

    def test_the_waits_double_up_to_the_longest(self):
        done = self.run_it("--attempts", "4", "--delay", "1s", "--max", "1s", "--jitter", "full",
                           "--", "false")
        waits = [float(one) for one in re.findall(r"again in ([0-9.]+)s", done.stderr.decode())]
        self.assertEqual(len(waits), 3)
        self.assertTrue(all(0 <= wait <= 1 for wait in waits), waits)

    def test_it_ends_when_nobody_reads_what_it_prints(self):
        process = self.begin("--delay", "0s", "--", self.script("exec yes"),
                             stdin=subprocess.DEVNULL)
        self.assertEqual(process.stdout.readline(), "y\n")
        process.stdout.close()
        self.assertEqual(process.wait(support.DEADLINE), 128 + signal.SIGPIPE)
        self.assertEqual(self.tries(), [1])
        self.assertIn("as nobody reads its output any more", process.stderr.read())

    # ---- what is refused -------------------------------------------------------------------------

    def test_wrong_usage_has_a_status_of_its_own(self):
        for words, said in ((["--attempts", "0", "--", "true"], "attempts"),
                            (["--attempts", "x", "--", "true"], "attempts"),
                            (["--delay", "-1s", "--", "true"], "delay"),
                            (["--max", "soon", "--", "true"], "max"),
                            (["--jitter", "some", "--", "true"], "none, equal or full"),
                            (["--on", "0", "--", "true"], "on"),
                            (["--on", "256", "--", "true"], "on"),
                            (["--deadline", "0s", "--", "true"], "deadline"),
                            (["--dealy", "1s", "--", "true"], "--delay"),
                            (["--on", "", "--", "true"], "--on is empty"),
                            (["--attempts=", "--", "true"], "--attempts is empty"),
                            (["--timeout", "", "--", "true"], "--timeout is empty"),
                            (["--delay", "1", "--", "true"], "needs a unit"),
                            (["--delay", "0.1s", "--", "true"], "a second is the least"),
                            (["--delay", "100ms", "--", "true"], "a second is the least"),
                            (["true"], "retry -- COMMAND"), (["sh", "--help"], "retry -- COMMAND"),
                            (["sh", "--version"], "retry -- COMMAND"),
                            (["sh", "-c", "true"], "retry -- COMMAND"),
                            (["true", "--", "true"], '"true" stands in front of --'),
                            (["--help", "--", "true"], "--help"),
                            (["--"], "COMMAND"), ([], "COMMAND")):
            with self.subTest(words=words):
                done = self.run_it(*words)
                self.assertEqual(done.returncode, 120, done.stderr)
                self.assertIn(said, done.stderr.decode())

    def test_nothing_behind_the_dashes_is_an_option_of_taskctl(self):
        done = self.run_it("--", "echo", "--help", "--version", "-q", "--attempts", "1")
        self.assertEqual((done.returncode, done.stdout),
                         (0, b"--help --version -q --attempts 1\n"))

    def test_words_that_are_not_utf_8_have_that_status_too(self):
        for words in ((b"--", b"echo", b"\xff"), (b"--on", b"\xff", b"--", b"true")):
            done = subprocess.run([os.fsencode(support.TASKCTL), b"-o", b"json", b"retry", *words],
                                  env=self.home.env, capture_output=True, check=False,
                                  stdin=subprocess.DEVNULL, timeout=support.DEADLINE)
            self.assertEqual(done.returncode, 120)
            error = json.loads(done.stderr)["error"]
            self.assertIn("is not UTF-8", error["message"])

    def test_what_can_t_be_started_is_not_tried_again(self):
        for program in ("./nothing-there", "no-such-program", self.home.path):
            done = self.run_it("--delay", "0s", "--", program)
            self.assertEqual(done.returncode, 124)
            self.assertIn(f'"{program}" can\'t be started', done.stderr.decode())
            self.assertNotIn("again in", done.stderr.decode())

    # ---- standard input --------------------------------------------------------------------------

    def check_input(self, done, data, attempts):
        sums = done.stdout.decode().split()[::2]
        self.assertEqual(sums, [hashlib.sha256(data).hexdigest()] * attempts)

    def test_each_attempt_reads_all_of_a_pipe(self):
        data = os.urandom(1_000_003)
        done = self.run_it("--attempts", "3", "--delay", "0s", "--",
                           self.script("sha256sum; test $TASKD_ATTEMPT = 3"), input=data)
        self.assertEqual(done.returncode, 0, done.stderr)
        self.check_input(done, data, 3)

    def test_an_attempt_that_read_a_part_takes_nothing_away(self):
        data = os.urandom(3_000_000)
        done = self.run_it("--delay", "0s", "--", self.script(
            "test $TASKD_ATTEMPT = 1 && { head -c 70000 > /dev/null; exit 1; }\n"
            "test $TASKD_ATTEMPT = 2 && { exec < /dev/null; exit 1; }\n"
            "sha256sum"), input=data)
        self.assertEqual(done.returncode, 0, done.stderr)
        self.check_input(done, data, 1)

    def test_a_file_is_read_from_where_it_was(self):
        path = os.path.join(self.home.path, "data")
        data = os.urandom(100_000)
        with open(path, "wb") as file:
            file.write(b"head" + data)
        with open(path, "rb", buffering=0) as file:
            file.seek(4)
            done = self.run_it("--attempts", "2", "--delay", "0s", "--",
                               self.script("sha256sum; exit 1"), stdin=file)
        self.check_input(done, data, 2)

    def test_no_input_at_all(self):
        for program in ("cat", "true"):
            done = subprocess.run(["/bin/sh", "-c", 'exec "$@" <&-', "sh",
                                   *self.command("--attempts", "1", "--", program)],
                                  env=self.home.env, capture_output=True, timeout=support.DEADLINE,
                                  check=False)
            self.assertEqual(done.returncode, 1 if program == "cat" else 0, done.stderr)

    def test_a_command_that_does_not_read_is_not_kept_waiting(self):
        # A pipe that nobody writes to and nobody closes, as some runners of pipelines have it.
        source, end = os.pipe()
        self.addCleanup(os.close, end)
        done = self.run_it("--attempts", "2", "--delay", "0s", "--", "false", stdin=source)
        os.close(source)
        self.assertEqual(done.returncode, 1)

    def test_input_that_comes_slowly_is_passed_on_at_once(self):
        process = self.begin("--delay", "0s", "--",
                             self.script("read line; echo got $line; test $TASKD_ATTEMPT = 2 || exit 1; "
                                         "read line; echo got $line"), stdin=subprocess.PIPE)
        process.stdin.write("one\n")
        process.stdin.flush()
        self.assertEqual(process.stdout.readline(), "got one\n")
        self.assertEqual(process.stdout.readline(), "got one\n")
        process.stdin.write("two\n")
        process.stdin.flush()
        self.assertEqual(process.stdout.readline(), "got two\n")
        self.assertEqual(process.wait(support.DEADLINE), 0)

    def shell(self, script, data, status=0, stdin=None, **keywords):
        """A shell that shares its standard input with taskctl."""
        env = {**self.home.env,
               "PATH": os.path.dirname(os.path.abspath(support.TASKCTL)) + ":" + self.home.env["PATH"]}
        given = {"input": data} if stdin is None else {"stdin": stdin}
        done = subprocess.run(["bash", *script], env=env, cwd=self.home.path, capture_output=True,
                              timeout=support.DEADLINE, check=False, **given, **keywords)
        self.assertEqual(done.returncode, status, done.stderr)
        return done.stdout.decode()

    def test_a_script_on_standard_input_goes_on_behind_it(self):
        script = b"echo one\ntaskctl retry -- echo building\necho two\nexit 7\n"
        self.assertEqual(self.shell((), script, status=7), "one\nbuilding\ntwo\n")

    def test_a_loop_over_lines_has_them_all(self):
        said = self.shell(("-c", 'while read x; do taskctl retry -- echo "got $x"; done'),
                          b"1\n2\n3\n")
        self.assertEqual(said, "got 1\ngot 2\ngot 3\n")

    def test_what_no_attempt_has_read_is_left(self):
        data = b"".join(b"%d\n" % number for number in range(5000))
        for command, gone in (("true", 0), ("sh -c 'read x'", 1), ("sh -c 'exec <&-'", 0),
                              ("sh -c 'read x; exec <&-; true'", 1)):
            with self.subTest(command):
                said = self.shell(("-c", f"taskctl retry -- {command}; cat"), data)
                self.assertEqual(said.encode(), data[2 * gone:])

    def test_what_was_read_is_replayed_and_taken_once(self):
        data = b"".join(b"%d\n" % number for number in range(5000))
        self.script("read x; echo got $x; test $TASKD_ATTEMPT = 2 || exit 1; read x; echo got $x")
        said = self.shell(("-c", "taskctl -q retry --delay 0s -- ./program; cat"), data)
        self.assertEqual(said.encode(), b"got 0\ngot 0\ngot 1\n" + data[4:])

    def test_an_attempt_that_reads_less_than_the_one_before(self):
        data = os.urandom(50_000)
        self.script("test $TASKD_ATTEMPT = 1 || exit 0; head -c 20000 > read; exit 1")
        with open(os.path.join(self.home.path, "all"), "wb") as file:
            file.write(data)
        self.shell(("-c", "cat all | (taskctl -q retry --delay 0s -- ./program; cat > left)"), b"")
        with open(os.path.join(self.home.path, "left"), "rb") as file:
            left = file.read()
        # head reads in blocks of its own; what it took is gone, the rest is there.
        self.assertTrue(data.endswith(left))
        self.assertTrue(0 < len(left) <= 30_000, len(left))

    def test_a_socket_is_replayed_too_and_no_more_is_taken(self):
        ours, theirs = socket.socketpair()
        self.addCleanup(ours.close)
        self.addCleanup(theirs.close)
        data = b"".join(b"%d\n" % number for number in range(2000))
        ours.sendall(data)
        ours.shutdown(socket.SHUT_WR)
        self.script("read x; echo got $x; test $TASKD_ATTEMPT = 2 || exit 1; read x; echo got $x")
        said = self.shell(("-c", "taskctl -q retry --delay 0s -- ./program; cat"), None,
                          stdin=theirs.fileno())
        self.assertEqual(said.encode(), b"got 0\ngot 0\ngot 1\n" + data[4:])

    def test_input_that_nobody_reads_costs_no_time(self):
        for program in ("sleep 0.5", "exec <&-; sleep 0.5"):
            source, end = os.pipe()
            os.write(end, b"unread\n")
            process = subprocess.Popen(self.command("--", "sh", "-c", program), env=self.home.env,
                                       stdin=source)
            _, status, usage = os.wait4(process.pid, 0)
            process.returncode = os.waitstatus_to_exitcode(status)
            os.close(end)
            self.assertEqual(os.read(source, 100), b"unread\n")
            os.close(source)
            self.assertEqual(process.returncode, 0)
            self.assertLess(usage.ru_utime + usage.ru_stime, 0.3)

    # ---- the end ---------------------------------------------------------------------------------

    def test_the_deadline_stops_a_command_with_all_it_started(self):
        program = self.script("sleep 600 & echo $! > child; echo up; wait")
        done = self.run_it("--deadline", "1s", "--", program)
        self.assertEqual(done.returncode, 123)
        self.assertIn("the deadline has passed", done.stderr.decode())
        with open(os.path.join(self.home.path, "child"), encoding="ascii") as file:
            child = file.read().strip()
        support.wait_for(lambda: self.has_ended(child), "the end of what it started")

    def test_no_attempt_begins_that_could_not_end_in_time(self):
        done = self.run_it("--deadline", "1s", "--delay", "1h", "--", "false")
        self.assertEqual(done.returncode, 1)
        self.assertIn("the deadline comes before another one", done.stderr.decode())

    def test_a_signal_goes_to_the_command_and_ends_it_all(self):
        for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
            process = self.begin("--delay", "0s", "--", "sh", "-c", "echo up; exec sleep 600",
                                 stdin=subprocess.DEVNULL)
            self.assertEqual(process.stdout.readline(), "up\n")
            process.send_signal(number)
            self.assertEqual(process.wait(support.DEADLINE), 128 + number)

    def test_a_command_may_end_well_after_a_signal(self):
        process = self.begin("--", "sh", "-c", "trap 'echo bye; exit 0' TERM; echo up; "
                             "while :; do sleep 0.1; done", stdin=subprocess.DEVNULL)
        self.assertEqual(process.stdout.readline(), "up\n")
        process.terminate()
        self.assertEqual(process.stdout.readline(), "bye\n")
        self.assertEqual(process.wait(support.DEADLINE), 0)

    def test_a_signal_ends_a_wait(self):
        process = self.begin("--delay", "1h", "--jitter", "none", "--", "false",
                             stdin=subprocess.DEVNULL)
        self.assertTrue(process.stderr.readline().endswith("again in 1h\n"))
        process.terminate()
        self.assertEqual(process.wait(support.DEADLINE), 128 + signal.SIGTERM)

    def test_at_a_terminal_ctrl_c_ends_the_command_once(self):
        pid, terminal = pty.fork()
        if pid == 0:
            os.execve(support.TASKCTL, self.command("--delay", "0s", "--", "sh", "-c",
                                                    "echo up; read line; echo $line; exec sleep 600"),
                      self.home.env)
        self.addCleanup(os.close, terminal)
        seen = ""

        def says(text):
            nonlocal seen
            while text not in seen:
                self.assertTrue(select.select([terminal], [], [], support.DEADLINE)[0], seen)
                seen += os.read(terminal, 4096).decode()

        says("up")
        os.write(terminal, b"typed\n")  # it may read from the terminal
        says("typed\r\ntyped")
        os.write(terminal, b"\x03")
        _, status = os.waitpid(pid, 0)
        self.assertEqual(os.waitstatus_to_exitcode(status), 128 + signal.SIGINT)
        self.assertNotIn("again in", seen)


if __name__ == "__main__":
    unittest.main()
