# SPDX-License-Identifier: Apache-2.0
"""taskctl events consume: every event is handled, in order, whoever dies meanwhile."""

import json
import os
import signal
import subprocess
import unittest

import support


class ConsumeCase(support.TestCase):
    def setUp(self):
        super().setUp()
        self.home.start()
        self.seen = self.path("seen")

    def path(self, name):
        return os.path.join(self.home.path, name)

    def publish(self, count=1, first=1, event_type="job", subject=None, data=None):
        """Events job-1 and so on; each with its own subject unless one is given."""
        events = [{"specversion": "1.0", "id": f"{event_type}-{n}", "source": "/test",
                   "type": event_type, "subject": subject or f"s{n}",
                   "data": {"n": n} if data is None else data}
                  for n in range(first, first + count)]
        results = self.home.result("event.publish", events=events)["events"]
        return [result["userseq"] for result in results]

    def script(self, text, name="command"):
        """A command; $SEEN is where it says what it did."""
        path = self.path(name)
        with open(path, "w", encoding="utf-8") as file:
            file.write(f"#!/bin/sh\nSEEN={self.seen}\n{text}\n")
        os.chmod(path, 0o700)
        return path

    def consume(self, *words, group="g", command=None, **options):
        """A member in the background; its standard error goes to a file."""
        errors = open(self.path(f"errors-{len(os.listdir(self.home.path))}"), "w+",
                      encoding="utf-8")
        self.addCleanup(errors.close)
        member = subprocess.Popen(
            [support.TASKCTL, "events", "consume", "--group", group, *words, "--", *command],
            env=self.home.env, stdin=subprocess.DEVNULL, stderr=errors,
            stdout=subprocess.DEVNULL, **options)
        member.errors = errors
        self.addCleanup(self.end, member)
        return member

    @staticmethod
    def end(member):
        if member.poll() is None:
            member.kill()
            member.wait()

    def said(self, member):
        member.errors.seek(0)
        return member.errors.read()

    def once(self, *words, group="g", command=None, status=0):
        done = self.home.taskctl("events", "consume", "--group", group, "--once", *words, "--",
                                 *command)
        self.assertEqual(done.returncode, status, done.stderr)
        return done

    def lines(self):
        if not os.path.exists(self.seen):
            return []
        with open(self.seen, encoding="utf-8") as file:
            return file.read().splitlines()

    def wait_lines(self, count):
        return support.wait_for(lambda: len(self.lines()) >= count and self.lines(),
                                f"{count} lines; there are {self.lines()}")

    def group(self, name="g"):
        found = [each for each in self.home.result("consumer.list")["consumers"]
                 if each["name"] == name]
        return found[0] if found else None

    def wait_group(self, **members):
        return support.wait_for(
            lambda: all(self.group()[name] == value for name, value in members.items()),
            f"{members}; it is {self.group()}")

    def create(self, *words, group="g"):
        done = self.home.taskctl("consumers", "create", group, *words)
        self.assertEqual(done.returncode, 0, done.stderr)


class Consume(ConsumeCase):
    def test_each_event_is_handled_once_and_acknowledged(self):
        numbers = self.publish(5)
        command = self.script('cat >>$SEEN')
        self.once("--from", "oldest", "--type", "job", command=[command])
        events = [json.loads(line) for line in self.lines()]
        self.assertEqual([event["userseq"] for event in events], numbers)
        self.assertEqual([event["data"]["n"] for event in events], [1, 2, 3, 4, 5])
        done = self.once(command=[command])
        self.assertEqual(len(self.lines()), 5, "nothing comes again")
        self.assertIn("0 acknowledged", done.stderr)

    def test_what_fails_comes_again_under_the_same_key_and_a_higher_fence(self):
        number, = self.publish()
        command = self.script('echo "$TASKD_EVENT_SEQ $TASKD_ATTEMPT $TASKD_FENCE '
                              '$TASKD_IDEMPOTENCY_KEY" >>$SEEN; [ $TASKD_ATTEMPT = 3 ]')
        member = self.consume("--from", "oldest", "--backoff", "1s", command=[command])
        lines = [line.split() for line in self.wait_lines(3)]
        self.assertEqual([line[0] for line in lines], [str(number)] * 3)
        self.assertEqual([line[1] for line in lines], ["1", "2", "3"])
        fences = [int(line[2]) for line in lines]
        self.assertEqual(fences, sorted(set(fences)))
        self.assertEqual({line[3] for line in lines}, {f"g/{number}"})
        self.wait_group(lag=0, waiting=0)
        member.send_signal(signal.SIGINT)
        self.assertEqual(member.wait(support.DEADLINE), 130)
        self.assertIn("exit 1 in attempt 1; it is tried again", self.said(member))
        self.assertIn("1 acknowledged, 2 to be tried again", self.said(member))

    def test_the_last_attempt_makes_a_dead_letter(self):
        self.publish()
        self.create("--from", "oldest", "--attempts", "1")
        done = self.once(command=["false"])
        self.assertIn("that was the last attempt", done.stderr)
        letter, = self.home.result("dead_letter.list")["dead_letters"]
        self.assertEqual((letter["origin"], letter["name"], letter["attempts"]),
                         ("consumer", "g", 1))
        self.assertIn("exit 1", letter["reason"])

    def test_statuses_say_what_becomes_of_an_event(self):
        self.publish(3)
        command = self.script('case $TASKD_EVENT_SUBJECT in s1) exit 65;; s2) exit 75;; s3) '
                              'exit 9;; esac')
        done = self.once("--from", "oldest", "--drop-on", "64-66", "--retry-on", "75",
                         command=[command])
        self.assertIn("0 acknowledged, 1 to be tried again, 2 dead letters", done.stderr)
        self.wait_group(dead=2, waiting=1)

    def test_stop_on_gives_the_event_back_and_passes_the_status_through(self):
        self.publish(3)
        command = self.script('echo "$TASKD_EVENT_SEQ $TASKD_ATTEMPT" >>$SEEN; exit 3')
        self.once("--from", "oldest", "--stop-on", "3", command=[command], status=3)
        self.assertEqual(len(self.lines()), 1)
        self.wait_group(in_flight=0)
        self.once(command=["true"])
        self.wait_group(lag=0)

    def test_a_batch_settles_its_events_one_by_one(self):
        numbers = self.publish(4)
        command = self.script(
            'cat >>$SEEN\n'
            f'echo "{numbers[0]} ack" >&$TASKD_RESULTS_FD\n'
            f'echo "{numbers[1]} drop" >&$TASKD_RESULTS_FD\n'
            f'echo "{numbers[2]} retry" >&$TASKD_RESULTS_FD\n'
            'exit 0')
        done = self.once("--from", "oldest", "--batch", "10", command=[command])
        self.assertEqual([json.loads(line)["userseq"] for line in self.lines()], numbers)
        self.assertIn("2 acknowledged, 1 to be tried again, 1 dead letter", done.stderr)
        self.wait_group(dead=1, waiting=1)

    def test_commands_run_side_by_side(self):
        self.publish(3)
        gate = self.path("gate")
        command = self.script(f'echo begun >>$SEEN; until [ -e {gate} ]; do sleep 0.02; done')
        member = self.consume("--from", "oldest", "--concurrency", "3", command=[command])
        self.wait_lines(3)
        self.assertEqual(self.group()["in_flight"], 3)
        with open(gate, "w", encoding="utf-8"):
            pass
        self.wait_group(lag=0)
        member.send_signal(signal.SIGTERM)
        self.assertEqual(member.wait(support.DEADLINE), 143)

    def test_the_events_of_a_subject_come_in_their_order(self):
        for subject in ("a", "b", "c"):
            self.publish(5, event_type=subject, subject=subject)
        command = self.script('echo "$TASKD_EVENT_SUBJECT $TASKD_EVENT_SEQ" >>$SEEN')
        self.once("--from", "oldest", "--concurrency", "8", command=[command])
        lines = [line.split() for line in self.lines()]
        self.assertEqual(len(lines), 15)
        for subject in ("a", "b", "c"):
            numbers = [int(number) for name, number in lines if name == subject]
            self.assertEqual(numbers, sorted(numbers))

    def test_a_group_is_taken_as_it_is_and_not_changed_by_accident(self):
        self.create("--type", "job", "--attempts", "2")
        self.publish()
        self.once(command=["true"])
        self.once("--type", "job", command=["true"])
        self.assertEqual(self.group()["attempts_max"], 2, "what is not said stays")
        done = self.once("--type", "other", command=["true"], status=120)
        self.assertIn("--replace", done.stderr)
        self.once("--type", "other", "--replace", command=["true"])
        self.assertEqual((self.group()["types"], self.group()["attempts_max"]), (["other"], 2))

    def test_its_own_failures_have_statuses_of_their_own(self):
        for words, status, says in (
                ((), 120, "--group"),
                (("--group", "g", "--drop-on", "0"), 120, "drop-on"),
                (("--group", "g", "--drop-on", "3", "--stop-on", "1-5"), 120, "3 stands in"),
                (("--group", "g", "--concurrency", "65"), 120, "1 to 64"),
                (("--group", "g", "--frobnicate"), 120, "--frobnicate"),
                (("--group", "g", "--where", "=5"), 120, "where"),
                (("--group", "g", "--type", "a*b"), 120, "types")):
            with self.subTest(words):
                done = self.home.taskctl("events", "consume", *words, "--", "true")
                self.assertEqual(done.returncode, status, done.stderr)
                self.assertIn(says, done.stderr)
        self.assertEqual(self.home.taskctl("events", "consume", "--group", "g").returncode, 120)
        self.assertIsNone(self.group(), "nothing was made")
        self.once(command=["no-such-program"], status=124)
        self.assertIsNone(self.group())
        self.home.kill(signal.SIGTERM)
        done = self.home.taskctl("--no-start", "events", "consume", "--group", "g", "--", "true")
        self.assertEqual(done.returncode, 121, done.stderr)

    def test_a_command_that_can_not_be_started_gives_its_event_back(self):
        self.publish()
        path = self.path("odd")
        with open(path, "w", encoding="utf-8") as file:
            file.write("no interpreter is named here\n")
        os.chmod(path, 0o700)
        done = self.once("--from", "oldest", command=[path], status=124)
        self.assertIn("#!", done.stderr)
        self.wait_group(in_flight=0)
        self.once(command=["true"])
        self.wait_group(lag=0)

    def test_a_group_that_is_removed_ends_its_members(self):
        member = self.consume(command=["true"])
        support.wait_for(self.group, "the group")
        self.assertEqual(self.home.taskctl("consumers", "remove", "g").returncode, 0)
        self.assertEqual(member.wait(support.DEADLINE), 122)


class Deaths(ConsumeCase):
    def gate(self):
        """A command that waits for the test; and what opens it."""
        gate = self.path("gate")
        os.mkfifo(gate)
        command = self.script(
            f'echo "$TASKD_EVENT_SEQ $TASKD_ATTEMPT $TASKD_FENCE" >>$SEEN; read -r _ <{gate}')

        def open_gate():
            # It stays open: a command that comes to it later passes too.
            handle = os.open(gate, os.O_RDWR)
            self.addCleanup(os.close, handle)
            os.write(handle, b"go\n" * 10)
        return command, open_gate

    def test_the_first_signal_lets_what_runs_finish(self):
        self.publish(2)
        command, open_gate = self.gate()
        member = self.consume("--from", "oldest", command=[command])
        self.wait_lines(1)
        member.send_signal(signal.SIGTERM)
        support.wait_for(lambda: "a second signal" in self.said(member), "what it waits for")
        open_gate()
        self.assertEqual(member.wait(support.DEADLINE), 143)
        self.assertIn("1 acknowledged", self.said(member))
        self.assertEqual(len(self.lines()), 1)
        self.wait_group(in_flight=0)

    def test_the_second_signal_ends_it_and_gives_the_event_back(self):
        self.publish()
        command, _ = self.gate()
        member = self.consume("--from", "oldest", command=[command])
        self.wait_lines(1)
        member.send_signal(signal.SIGINT)
        support.wait_for(lambda: "a second signal" in self.said(member), "what it waits for")
        member.send_signal(signal.SIGINT)
        self.assertEqual(member.wait(support.DEADLINE), 130)
        self.assertIn("1 given back", self.said(member))
        self.wait_group(in_flight=0)
        done = self.once(command=["true"])
        self.assertIn("1 acknowledged", done.stderr)

    def test_what_a_killed_member_had_comes_to_another(self):
        self.publish()
        command, open_gate = self.gate()
        first = self.consume("--from", "oldest", "--lease", "1s", command=[command])
        self.wait_lines(1)
        first.kill()
        first.wait()
        self.consume(command=[command])
        first_line, second_line = (line.split() for line in self.wait_lines(2))
        self.assertEqual(first_line[0], second_line[0])
        self.assertGreater(int(second_line[2]), int(first_line[2]), "the fence rises")
        open_gate()
        self.wait_group(lag=0)

    def test_a_lease_is_renewed_as_long_as_a_command_runs(self):
        self.publish()
        command, open_gate = self.gate()
        self.consume("--from", "oldest", "--lease", "1s", command=[command])
        self.wait_lines(1)
        # Whoever asks for three leases long gets nothing.
        taken = self.home.result("consumer.fetch", name="g", member="other", limit=1, wait_ms=3000)
        self.assertEqual(taken["events"], [])
        open_gate()
        self.wait_group(lag=0)
        self.assertEqual(len(self.lines()), 1)

    def test_a_lease_that_was_lost_ends_its_command(self):
        self.publish()
        command, open_gate = self.gate()
        first = self.consume("--from", "oldest", "--lease", "1s", command=[command])
        self.wait_lines(1)
        first.send_signal(signal.SIGSTOP)  # as a laptop that sleeps
        self.consume(command=[command])
        self.wait_lines(2)
        first.send_signal(signal.SIGCONT)
        support.wait_for(lambda: "its lease was lost" in self.said(first), "the loss is said")
        open_gate()
        self.wait_group(lag=0, in_flight=0)
        first.send_signal(signal.SIGTERM)
        self.assertEqual(first.wait(support.DEADLINE), 143)
        self.assertIn("0 acknowledged", self.said(first))

    def test_a_daemon_that_dies_is_waited_for_and_nothing_is_done_twice(self):
        self.publish()
        command, open_gate = self.gate()
        member = self.consume("--from", "oldest", command=[command])
        self.wait_lines(1)
        self.home.kill()
        open_gate()  # it ends while there is no daemon
        self.home.start()
        self.wait_group(lag=0, in_flight=0)
        self.publish(first=2)
        self.wait_lines(2)
        open_gate()
        self.wait_group(lag=0)
        self.assertEqual(len(self.lines()), 2)
        self.assertIsNone(member.poll())

    def test_many_events_survive_a_daemon_that_is_killed_again_and_again(self):
        command = self.script('echo $TASKD_EVENT_SEQ >>$SEEN')
        self.create("--from", "oldest", "--type", "job", "--lease", "5s")
        numbers = self.publish(60)
        member = self.consume("--concurrency", "4", command=[command])
        other = self.consume("--concurrency", "4", command=[command])
        for count in (5, 20, 40):
            self.wait_lines(count)
            self.home.kill()
            self.home.start()
        support.wait_for(lambda: set(self.lines()) >= {str(n) for n in numbers}, "every event")
        self.wait_group(lag=0, in_flight=0, dead=0)
        self.assertIsNone(member.poll(), self.said(member))
        self.assertIsNone(other.poll(), self.said(other))

    def test_a_daemon_that_stays_away_ends_it(self):
        self.publish()
        member = self.consume("--from", "oldest", "--timeout", "2s", command=["true"])
        support.wait_for(lambda: self.group() and self.group()["lag"] == 0, "the first event")
        self.home.kill()
        self.assertEqual(member.wait(support.DEADLINE), 121)
        self.home.start()

    def test_members_share_and_a_killed_one_costs_nothing(self):
        command = self.script('echo $TASKD_EVENT_SEQ >>$SEEN')
        self.create("--from", "oldest", "--type", "job", "--lease", "1s")
        numbers = self.publish(100)
        members = [self.consume("--concurrency", "2", command=[command]) for _ in range(3)]
        self.wait_lines(10)
        members[0].kill()
        support.wait_for(lambda: set(self.lines()) >= {str(n) for n in numbers}, "every event")
        self.wait_group(lag=0, in_flight=0)


if __name__ == "__main__":
    unittest.main()
