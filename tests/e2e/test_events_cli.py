# SPDX-License-Identifier: Apache-2.0
"""taskctl's commands around the log: publish, import, export, tail and dead letters."""

import json
import os
import signal
import stat
import subprocess
import unittest

import support


def event(number, **more):
    return {"specversion": "1.0", "id": f"e{number}", "source": "/test", "type": "job.done",
            "data": {"n": number}, **more}


def jsonl(events):
    return "".join(json.dumps(each) + "\n" for each in events)


class EventsCase(support.TestCase):
    def setUp(self):
        super().setUp()
        self.home.start()

    def path(self, name, text=None):
        path = os.path.join(self.home.path, name)
        if text is not None:
            with open(path, "w", encoding="utf-8") as file:
                file.write(text)
        return path

    def run_ok(self, *words, **options):
        done = self.home.taskctl(*words, **options)
        self.assertEqual(done.returncode, 0, (words, done.stderr))
        return done.stdout

    def head(self):
        return self.home.result("event.list")["head"]

    def log(self):
        return self.home.result("event.read", after=0, limit=1000)["events"]


class Publish(EventsCase):
    def test_an_event_from_options(self):
        out = self.run_ok("events", "publish", "--type", "build.finished", "--subject", "main",
                          "-d", '{"ok":true}', "--attribute", "branch=x", "-o", "table")
        self.assertIn("Published event 1: build.finished", out)
        self.run_ok("events", "publish", "--type", "build.finished", "-d", "-", stdin="[1, 2]")
        self.run_ok("events", "publish", "--type", "note", "--content-type", "text/plain",
                    "-d", "caf\u00e9", "--time", "2026-11-24T08:30:00Z", "--source", "/me")
        first, second, third = self.log()
        self.assertEqual((first["data"], first["subject"], first["branch"], first["source"]),
                         ({"ok": True}, "main", "x", "/taskctl"))
        self.assertNotEqual(first["id"], second["id"])
        self.assertEqual(second["data"], [1, 2])
        self.assertEqual((third["data"], third["datacontenttype"], third["source"]),
                         ("caf\u00e9", "text/plain", "/me"))
        self.assertTrue(third["time"].startswith("2026-11-24T08:30:00"))

    def test_the_same_id_is_the_same_event(self):
        words = ("events", "publish", "--type", "t", "--id", "one", "-o", "plain")
        self.assertEqual(self.run_ok(*words), "1\tpublished\tone\t\n")
        self.assertEqual(self.run_ok(*words), "1\tduplicate\tone\t\n")
        self.assertEqual(self.head(), 1)

    def test_bytes_that_are_no_text(self):
        path = self.path("bytes")
        with open(path, "wb") as file:
            file.write(bytes(range(256)))
        self.run_ok("events", "publish", "--type", "t", "--content-type",
                    "application/octet-stream", "-d", "@" + path)
        self.assertIn("data_base64", self.log()[0])

    def test_wrong_input_says_what_is_accepted(self):
        for words, says in (
                ((), "--type"),
                (("--type", "t", "-d", "{oops"), "is not JSON"),
                (("--type", "t", "-d", "@/no/such"), "/no/such"),
                (("--type", "t", "--attribute", "x"), "NAME=VALUE"),
                (("--type", "t", "--attribute", "Big=1"), "Attribute Naming"),
                (("--type", "t", "--time", "whenever"), "2026-11-24T08:30:00Z"),
                (("--type", "t", "--content-type", "text/plain"), "--data"),
                (("--type", "t", "--source", "/taskd/me"), "/taskd/"),
                (("--type", "t", "-"), "--type"),
                (("--all-or-nothing", "--type", "t"), "FILE"),
                (("/no/such",), "/no/such"),
                (("/tmp",), "directory")):
            with self.subTest(words):
                done = self.home.taskctl("events", "publish", *words)
                self.assertEqual(done.returncode, 2, done.stderr)
                self.assertIn(says, done.stderr)
        self.assertEqual(self.head(), 0)

    def test_a_file_goes_on_after_what_it_can_not_take(self):
        text = jsonl([event(1), event(2)]) + "nonsense\n" + jsonl(
            [event(3, source="/taskd/forged"), event(1), event(4)])
        done = self.home.taskctl("events", "publish", "-", "-o", "plain", stdin=text)
        self.assertEqual(done.returncode, 2)
        rows = [line.split("\t")[:3] for line in done.stdout.splitlines()]
        self.assertEqual(sorted(row for row in rows if row[0]),
                         [["1", "duplicate", "e1"], ["1", "published", "e1"],
                          ["2", "published", "e2"], ["3", "published", "e4"]])
        self.assertEqual([row[1] for row in rows if not row[0]], ["refused", "refused"])
        self.assertIn("line 3: not JSON", done.stderr)
        self.assertIn("line 4: ", done.stderr)
        summary = self.home.taskctl("events", "publish", "-", "-o", "table", stdin=text)
        self.assertEqual(summary.stdout,
                         "0 events published, 4 were there already, 2 refused\n")
        told = json.loads(self.home.taskctl("events", "publish", "-", "-o", "json",
                                            stdin=text).stdout)
        self.assertEqual((told["published"], told["duplicates"], told["refused"]), (0, 4, 2))
        self.assertEqual(len(told["events"]), 6)

    def test_only_the_first_refusals_are_told(self):
        done = self.home.taskctl("events", "publish", "-", stdin="x\n" * 50)
        self.assertEqual(done.returncode, 2)
        self.assertEqual(done.stderr.count("taskctl: line"), 20)
        self.assertIn("and 30 more were refused", done.stderr)

    def test_many_events_go_in_batches_and_once(self):
        path = self.path("many", jsonl(event(n) for n in range(2500)))
        self.assertEqual(self.run_ok("events", "publish", path, "-o", "table"),
                         "2500 events published\n")
        self.assertEqual(self.run_ok("events", "publish", path, "-o", "table"),
                         "0 events published, 2500 were there already\n")
        self.assertEqual(self.head(), 2500)

    def test_large_events_go_in_batches_that_fit(self):
        large = [event(n, data="x" * 250_000) for n in range(40)]
        self.assertEqual(self.run_ok("events", "publish", "-", "-o", "table", stdin=jsonl(large)),
                         "40 events published\n")

    def test_events_without_an_id_are_known_by_their_content(self):
        text = jsonl([{"specversion": "1.0", "source": "/t", "type": "a", "data": n}
                      for n in (1, 2, 1)])
        self.assertEqual(self.run_ok("events", "publish", "-", "-o", "table", stdin=text),
                         "2 events published, 1 was there already\n")

    def test_a_slow_writer_is_not_kept_waiting(self):
        publisher = subprocess.Popen(
            [support.TASKCTL, "events", "publish", "-", "-o", "plain"], env=self.home.env,
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        self.addCleanup(publisher.stdout.close)
        for number in (1, 2):
            publisher.stdin.write(jsonl([event(number)]))
            publisher.stdin.flush()
            self.assertEqual(publisher.stdout.readline(), f"{number}\tpublished\te{number}\t\n")
        publisher.stdin.close()
        self.assertEqual(publisher.wait(support.DEADLINE), 0)

    def test_all_or_nothing(self):
        good = self.path("good", json.dumps([event(1), event(2)]))
        bad = self.path("bad", jsonl([event(3), event(4, source="/taskd/x")]))
        unreadable = self.path("unreadable", jsonl([event(3)]) + "{\n")
        words = ("events", "publish", "--all-or-nothing")
        self.run_ok(*words, good)
        self.assertEqual(self.home.taskctl(*words, bad).returncode, 2)
        done = self.home.taskctl(*words, unreadable)
        self.assertEqual((done.returncode, "line 2" in done.stderr), (2, True), done.stderr)
        many = self.path("many", jsonl(event(n) for n in range(10, 1011)))
        self.assertEqual(self.home.taskctl(*words, many).returncode, 2)
        self.assertEqual(self.head(), 2)

    def test_a_key_makes_a_file_one_command(self):
        path = self.path("many", jsonl(event(n) for n in range(1500)))
        words = ("events", "publish", path, "--idempotency-key", "k", "-o", "table")
        self.assertEqual(self.run_ok(*words), "1500 events published\n")
        again = self.home.taskctl(*words)
        self.assertEqual((again.returncode, again.stdout), (0, "1500 events published\n"))
        self.assertIn("replayed", again.stderr)


class Export(EventsCase):
    def test_an_export_is_imported_elsewhere_with_all_that_it_is(self):
        self.run_ok("add", "Water the plants", "--every", "day")
        self.run_ok("done", "1")
        self.run_ok("events", "publish", "--type", "t", "-d", '"\\u009b"')
        path = self.path("log.jsonl")
        done = self.home.taskctl("events", "export", path)
        self.assertEqual((done.returncode, done.stdout), (0, ""))
        count = self.head()
        self.assertIn(f"exported {count} events", done.stderr)
        self.assertEqual(stat.S_IMODE(os.stat(path).st_mode), 0o600)
        before = self.log()
        other = support.Home()
        self.addCleanup(other.close)
        other.start()
        words = ("events", "import", path, "-o", "table")
        self.assertEqual(other.taskctl(*words).stdout, f"{count} events imported\n")
        self.assertEqual(other.taskctl(*words).stdout,
                         f"0 events imported, {count} were there already\n")
        after = other.result("event.read", after=0, limit=1000)["events"]
        for one, two in zip(before, after):
            for name in ("id", "source", "type", "time", "data"):
                self.assertEqual(one.get(name), two.get(name))
        self.assertEqual(other.taskctl("list", "-q").stdout, "", "no handler was run")

    def test_a_file_that_is_there_is_left_alone(self):
        path = self.path("log.jsonl", "mine")
        done = self.home.taskctl("events", "export", path)
        self.assertEqual(done.returncode, 4)
        self.assertIn("--force", done.stderr)
        with open(path, encoding="utf-8") as file:
            self.assertEqual(file.read(), "mine")
        self.run_ok("events", "publish", "--type", "t")
        self.run_ok("events", "export", path, "--force")
        with open(path, encoding="utf-8") as file:
            self.assertEqual(len(file.readlines()), 1)
        self.assertEqual([name for name in os.listdir(self.home.path) if "log.jsonl." in name], [])

    def test_bounds_and_types(self):
        self.home.taskctl("events", "publish", "-", stdin=jsonl(event(n) for n in range(1200)))
        self.run_ok("events", "publish", "--type", "other")
        numbers = [json.loads(line)["userseq"] for line in
                   self.run_ok("events", "export", "--since", "1100", "--until", "1150").splitlines()]
        self.assertEqual(numbers, list(range(1101, 1151)))
        self.assertEqual(len(self.run_ok("events", "export").splitlines()), 1201)
        self.assertEqual(len(self.run_ok("events", "export", "--type", "other").splitlines()), 1)
        self.assertEqual(len(self.run_ok("events", "export", "--since", "1h").splitlines()), 1201)
        self.assertEqual(self.run_ok("events", "export", "--until", "1h ago"), "")


class Tail(EventsCase):
    def tail(self, *words, **options):
        process = subprocess.Popen([support.TASKCTL, "events", "tail", "-q", *words],
                                   env=self.home.env, stdout=subprocess.PIPE,
                                   stderr=subprocess.PIPE, text=True, **options)

        def end():
            if process.poll() is None:
                process.kill()
            process.communicate()
        self.addCleanup(end)
        return process

    def publish(self, count, first=1):
        text = jsonl(event(n) for n in range(first, first + count))
        self.assertEqual(self.home.taskctl("events", "publish", "-", stdin=text).returncode, 0)

    def numbers(self, *words):
        return [int(line) for line in self.run_ok("events", "tail", "-q", *words).splitlines()]

    def test_bounds(self):
        self.publish(20)
        self.assertEqual(self.numbers("--no-follow"), list(range(11, 21)))
        self.assertEqual(self.numbers("--no-follow", "--since", "17"), [18, 19, 20])
        self.assertEqual(self.numbers("--since", "3", "--until", "6"), [4, 5, 6], "it stops there")
        self.assertEqual(self.numbers("--until", "4"), [1, 2, 3, 4])
        self.assertEqual(len(self.numbers("--no-follow", "--since", "1h")), 20)
        self.assertEqual(len(self.numbers("--no-follow", "--since", "yesterday")), 20)
        self.assertEqual(self.numbers("--until", "2h ago"), [])
        for wrong in (("--since", "tomorrow"), ("--since", "whenever"), ("--until", "-5")):
            self.assertEqual(self.home.taskctl("events", "tail", *wrong).returncode, 2, wrong)

    def test_an_end_that_is_still_to_come_is_waited_for(self):
        process = self.tail("--since", "0", "--until", "in 2 seconds")
        self.publish(1)
        self.assertEqual(process.stdout.readline(), "1\n")
        self.assertEqual(process.wait(support.DEADLINE), 0)

    def test_a_number_that_is_still_to_come_is_waited_for(self):
        process = self.tail("--since", "0", "--until", "3")
        self.publish(5)
        self.assertEqual(process.communicate(timeout=support.DEADLINE)[0], "1\n2\n3\n")

    def test_a_cursor_goes_on_where_it_was(self):
        cursor = self.path("cursor")
        self.publish(3)
        seen = []
        for round_ in range(4):
            process = self.tail("--cursor", cursor, "--since", "0")
            self.publish(3, first=10 * (round_ + 1))
            while len(seen) < 3 * (round_ + 2):
                seen.append(int(process.stdout.readline()))
            process.send_signal(signal.SIGINT)
            seen += [int(line) for line in process.communicate(timeout=support.DEADLINE)[0].split()]
            self.assertEqual(process.returncode, -signal.SIGINT)
        self.assertEqual(seen, list(range(1, 16)))
        self.assertEqual(self.numbers("--cursor", cursor, "--no-follow"), [])
        with open(cursor, encoding="ascii") as file:
            self.assertEqual(file.read(), "15\n")

    def test_a_cursor_is_checked(self):
        cursor = self.path("cursor", "seventeen\n")
        done = self.home.taskctl("events", "tail", "--no-follow", "--cursor", cursor)
        self.assertEqual((done.returncode, "seventeen" in done.stderr), (2, True))
        self.path("cursor", "17\n")
        done = self.home.taskctl("events", "tail", "--no-follow", "--cursor", cursor)
        self.assertEqual((done.returncode, "17 was read before" in done.stderr), (1, True),
                         done.stderr)
        done = self.home.taskctl("events", "tail", "--cursor", cursor)
        self.assertEqual((done.returncode, "17 was read before" in done.stderr), (1, True))

    def test_a_tail_survives_a_daemon_that_is_killed(self):
        process = self.tail("--since", "0")
        self.publish(1, first=5000)
        self.assertEqual(process.stdout.readline(), "1\n")  # one that has begun
        for round_ in range(3):
            self.publish(50, first=100 * round_)
            self.home.kill()
            self.home.start()
        self.publish(1, first=999)
        numbers = [int(process.stdout.readline()) for _ in range(151)]
        self.assertEqual(numbers, list(range(2, 153)))

    def test_another_store_is_noticed(self):
        self.publish(17)
        process = self.tail("--since", "0")
        for _ in range(17):
            process.stdout.readline()
        self.home.kill()
        for suffix in ("", "-wal", "-shm"):
            if os.path.exists(self.home.store + suffix):
                os.remove(self.home.store + suffix)
        self.home.start()
        self.publish(3)
        _, errors = process.communicate(timeout=support.DEADLINE)
        self.assertEqual(process.returncode, 1)
        self.assertIn("the store was replaced", errors)

    def test_a_reader_that_goes_away_is_no_failure(self):
        self.publish(3)
        done = subprocess.run(
            ["bash", "-c", f"{support.TASKCTL} events tail --since 0 -q | head -n 2; "
             "echo ${PIPESTATUS[0]}"], env=self.home.env, capture_output=True, text=True,
            timeout=support.DEADLINE, check=False)
        self.assertEqual((done.stdout, done.stderr), ("1\n2\n0\n", ""))


class DeadLetters(EventsCase):
    def setUp(self):
        super().setUp()
        text = jsonl(event(n, subject=f"s{n}") for n in range(1, 4))
        self.home.taskctl("events", "publish", "-", stdin=text)
        done = self.home.taskctl("events", "consume", "--group", "g", "--from", "oldest", "--once",
                                 "--drop-on", "1", "--", "false")
        self.assertEqual(done.returncode, 0, done.stderr)

    def ids(self, *words):
        return self.run_ok("dead-letters", "list", "-q", *words).split()

    def test_list_and_show(self):
        table = self.run_ok("dead-letters", "list", "-o", "table")
        self.assertIn("REASON", table)
        self.assertIn("exit 1", table)
        ids = self.ids()
        self.assertEqual(len(ids), 3)
        self.assertIn(ids[0][:8], table)
        self.assertEqual(self.ids("--name", "other"), [])
        self.assertEqual(len(self.ids("--origin", "consumer", "--type", "job.*")), 3)
        self.assertEqual(len(self.ids("--limit", "2")), 2)
        shown = self.run_ok("dead-letters", "show", ids[0])
        for text in ("exit 1", "job.done", "consumer", "/test"):
            self.assertIn(text, shown)
        self.assertEqual(self.home.taskctl("dead-letters", "show", "ffffffff-0000").returncode, 3)

    def test_retry_hands_them_out_again(self):
        ids = self.ids()
        self.assertIn("1 dead letter", self.run_ok("dead-letters", "retry", ids[0]))
        self.assertEqual(len(self.ids()), 2)
        self.assertIn("2 dead letters", self.run_ok("dead-letters", "retry", "--name", "g"))
        done = self.home.taskctl("events", "consume", "--group", "g", "--once", "--", "true")
        self.assertIn("3 acknowledged", done.stderr)
        self.assertEqual(self.home.taskctl("dead-letters", "retry", ids[0]).returncode, 3)

    def test_drop_needs_to_be_meant(self):
        ids = self.ids()
        self.assertIn("1 dead letter", self.run_ok("dead-letters", "drop", ids[0]))
        for words in ((), ("--all",), ("--name", "g"), (ids[1], "--all")):
            with self.subTest(words):
                self.assertEqual(self.home.taskctl("dead-letters", "drop", *words).returncode, 2)
        self.assertEqual(len(self.ids()), 2)
        self.assertEqual(self.home.taskctl("dead-letters", "drop", ids[0]).returncode, 3)
        self.assertIn("2 dead letters", self.run_ok("dead-letters", "drop", "--all", "--yes"))
        self.assertEqual(self.ids(), [])


class Consumers(EventsCase):
    def test_the_life_of_a_consumer(self):
        self.home.taskctl("events", "publish", "-", stdin=jsonl(event(n) for n in range(5)))
        words = ("consumers", "create", "mail", "--type", "job.*", "--lease", "1m")
        self.assertIn("Created consumer mail", self.run_ok(*words))
        self.assertIn("already", self.run_ok(*words))
        refused = self.home.taskctl("consumers", "create", "mail", "--type", "other")
        self.assertEqual((refused.returncode, "--replace" in refused.stderr), (4, True))
        self.run_ok("consumers", "create", "mail", "--attempts", "2", "--replace")
        shown = json.loads(self.run_ok("consumers", "show", "mail", "-o", "json"))
        self.assertEqual((shown["types"], shown["lease_ms"], shown["attempts_max"], shown["cursor"]),
                         (["job.*"], 60_000, 2, 5))
        self.assertIn("Reset consumer mail to 0 of 5",
                      self.run_ok("consumers", "reset", "mail", "--to", "oldest"))
        self.assertIn("job.*", self.run_ok("consumers", "list", "-o", "table"))
        self.run_ok("consumers", "reset", "mail", "--to", "3")
        self.assertEqual(json.loads(self.run_ok("consumers", "list", "-o", "jsonl"))["lag"], 2)
        self.run_ok("consumers", "reset", "mail", "--to", "yesterday")
        self.assertIn("mail", self.home.taskctl("__complete", "consumers", "show", "").stdout)
        for words, status in ((("reset", "mail"), 2), (("reset", "mail", "--to", "soon"), 2),
                              (("reset", "mial", "--to", "now"), 3), (("show", "mial"), 3),
                              (("remove", "mial"), 3), (("create", "x", "--attempts", "0"), 2),
                              (("create", "x", "--where", "=="), 2)):
            with self.subTest(words):
                done = self.home.taskctl("consumers", *words)
                self.assertEqual(done.returncode, status, done.stderr)
        self.assertIn("Removed consumer mail", self.run_ok("consumers", "remove", "mail"))
        self.assertEqual(self.run_ok("consumers", "list"), "")


if __name__ == "__main__":
    unittest.main()
