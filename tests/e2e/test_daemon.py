# SPDX-License-Identifier: Apache-2.0
"""taskd as a process: start, stop, kill, configuration, and what the manual says it answers."""

import json
import os
import random
import re
import signal
import subprocess
import threading
import time
import unittest

import protocol_examples
import support
import zmq


class Process(support.TestCase):
    def test_a_second_instance_is_refused_and_names_the_first(self):
        self.assertEqual(self.home.start(), "ready")
        second = subprocess.run([support.TASKD], env=self.home.env, capture_output=True, text=True,
                                timeout=support.DEADLINE, check=False)
        self.assertEqual(second.returncode, 4)
        self.assertIn(f"another taskd (pid {self.home.process.pid}) holds", second.stderr)
        # Another store in the same socket directory is refused as well.
        third = subprocess.run([support.TASKD, "--store-path", self.home.path + "/other/t.db"],
                               env=self.home.env, capture_output=True, text=True,
                               timeout=support.DEADLINE, check=False)
        self.assertEqual(third.returncode, 4)
        self.assertIn(f"pid {self.home.process.pid}", third.stderr)
        self.assertEqual(self.home.result("admin.health")["pid"], self.home.process.pid)

    def test_term_finishes_the_turn_and_ends_with_0(self):
        self.home.start()
        socket = self.home.socket(zmq.DEALER, "requests")
        for number in range(200):
            socket.send(json.dumps({"jsonrpc": "2.0", "id": number, "method": "task.add",
                                    "params": {"summary": f"t{number}"}}).encode())
        socket.recv()  # one turn at least is done
        self.assertEqual(self.home.kill(signal.SIGTERM), 0)
        answered = {0}
        while socket.poll(200):
            answered.add(json.loads(socket.recv())["id"])
        self.assertFalse(os.path.exists(self.home.store + "-wal"), "a clean end leaves no WAL")
        self.home.start()
        page = self.home.result("task.list", limit=1000)
        kept = {int(task["summary"][1:]) for task in page["tasks"]}
        self.assertLessEqual(answered, kept, "what was answered is kept")

    def test_int_ends_it_too_and_hup_does_not(self):
        self.home.start()
        self.home.process.send_signal(signal.SIGHUP)
        self.assertEqual(self.home.result("admin.health")["status"], "ok")
        self.assertEqual(self.home.kill(signal.SIGINT), 0)

    def test_nothing_acknowledged_is_lost_and_nothing_doubled_over_kills(self):
        """Several clients write while the daemon is killed; each resends under its key."""
        self.home.start()
        stop = threading.Event()
        acknowledged = [[] for _ in range(3)]
        failures = []

        def client(index):
            context = zmq.Context()
            try:
                for number in range(10_000):
                    if stop.is_set():
                        return
                    request = {"jsonrpc": "2.0", "id": number, "method": "task.add", "params": {
                        "summary": f"c{index}-{number}", "idempotency_key": f"c{index}-{number}"}}
                    while True:
                        socket = context.socket(zmq.DEALER)
                        socket.linger = 0
                        socket.connect(f"ipc://{self.home.endpoint}/requests.sock")
                        socket.send(json.dumps(request).encode())
                        reply = json.loads(socket.recv()) if socket.poll(300) else None
                        socket.close()
                        if reply is not None:
                            break
                        if stop.is_set():
                            return
                    acknowledged[index].append(reply["result"]["task"]["number"])
            except Exception as error:  # shown by the test's own thread
                failures.append(error)
            finally:
                context.destroy(linger=0)

        threads = [threading.Thread(target=client, args=(i,)) for i in range(3)]
        for thread in threads:
            thread.start()
        chance = random.Random(11)
        for _ in range(8):
            done = sum(map(len, acknowledged)) + chance.randrange(1, 40)
            support.wait_for(lambda want=done: sum(map(len, acknowledged)) >= want or failures,
                             "clients make progress")
            self.home.kill(signal.SIGKILL)
            self.home.start()
        stop.set()
        for thread in threads:
            thread.join()
        self.assertEqual(failures, [])
        everything = []
        while True:
            page = self.home.result("task.list", limit=1000, offset=len(everything), sort="number")
            everything += page["tasks"]
            if len(everything) >= page["total"]:
                break
        by_number = {task["number"]: task["summary"] for task in everything}
        self.assertEqual(len(set(by_number.values())), len(everything), "nothing is doubled")
        for index, numbers in enumerate(acknowledged):
            for order, number in enumerate(numbers):
                self.assertEqual(by_number[number], f"c{index}-{order}")
        support.wait_for(lambda: "store_checked after=unclean_stop result=ok" in self.home.log(),
                         "the store is checked after an unclean stop")

    def test_a_reminder_fires_while_serving_and_late_after_a_kill(self):
        self.home.start()
        mark = os.path.join(self.home.path, "mark")
        script = os.path.join(self.home.path, "ring")
        with open(script, "w", encoding="utf-8") as file:
            file.write(f"#!/bin/sh\ncat >>{mark}\necho \"$TASKD_SUMMARY\" >>{mark}\necho rang\n")
        os.chmod(script, 0o700)
        self.home.result("channel.set", name="bell", argv=[script], is_default=True)
        self.home.result("task.add", summary="now", at="in 1 second", remind=["0"])
        support.wait_for(lambda: self.home.result("delivery.list")["deliveries"][0:1]
                         and self.home.result("delivery.list")["deliveries"][0]["state"]
                         == "succeeded", "the command ran")
        delivery = self.home.result("delivery.list")["deliveries"][0]
        self.assertEqual((delivery["result"], delivery["output"], delivery["attempts"]),
                         ("exit 0", "rang\n", 1))
        with open(mark, encoding="utf-8") as file:
            event, summary = file.read().rsplit("}", 1)
        event = json.loads(event + "}")
        self.assertEqual((event["type"], summary.strip()), ("reminder.due", "now"))
        self.assertLess(event["data"]["payload"]["late_ms"], 1000)

        self.home.result("task.add", summary="later", at="in 1 second", remind=["0"])
        self.home.kill(signal.SIGKILL)
        before = os.path.getsize(mark)
        passed = time.time() + 1.2
        support.wait_for(lambda: time.time() > passed, "its time passes while the daemon is away")
        self.home.start()
        support.wait_for(lambda: os.path.getsize(mark) > before, "it fires after the start")
        due = [e["data"]["payload"] for e in self.home.result(
            "event.read", types=["reminder.due"])["events"]]
        self.assertEqual([d["summary"] for d in due], ["now", "later"])
        self.assertGreater(due[1]["late_ms"], 0)

    def test_a_slow_subscriber_does_not_hold_the_daemon(self):
        self.home.start()
        self.home.socket(zmq.SUB, "events")  # never read
        for number in range(300):
            self.home.result("task.add", summary=f"{number}", notes="x" * 60_000)
        self.assertEqual(self.home.result("admin.health")["tasks_open"], 300)


class Configuration(support.TestCase):
    def taskd(self, *arguments, env=None):
        return subprocess.run([support.TASKD, *arguments], env={**self.home.env, **(env or {})},
                              capture_output=True, text=True, timeout=support.DEADLINE, check=False)

    def test_check_and_print_say_what_is_in_force_and_where_from(self):
        path = self.home.path + "/taskd.toml"
        with open(path, "w", encoding="utf-8") as file:
            file.write("[log]\nlevel = \"debug\"\n")
        self.assertEqual(self.taskd("--check-config", "--config", path).returncode, 0)
        printed = self.taskd("--print-config", "--config", path, "--polls-max", "9",
                             env={"TASKD_UNDO_TTL": "2d"}).stdout
        self.assertIn(f'log.level = "debug"  # {path}', printed)
        self.assertIn("polls.max = 9  # flag --polls-max", printed)
        self.assertIn('undo.ttl = "2d"  # environment TASKD_UNDO_TTL', printed)
        self.assertIn(f'store.path = "{self.home.store}"  # default', printed)

    def test_wrong_input_names_the_key_and_the_nearest(self):
        path = self.home.path + "/taskd.toml"
        with open(path, "w", encoding="utf-8") as file:
            file.write("[log]\nlevle = \"debug\"\n")
        wrong = self.taskd("--check-config", "--config", path)
        self.assertEqual(wrong.returncode, 2)
        self.assertIn('did you mean "log.level"?', wrong.stderr)
        self.assertEqual(self.taskd("--check-config", "--polls-max", "many").returncode, 2)
        self.assertEqual(self.taskd("--check-config", "--config", "/nonexistent").returncode, 2)
        self.assertEqual(self.taskd("--nonsense").returncode, 2)


class Protocol(support.TestCase):
    def masked(self, value, key=""):
        """The reply with what differs from run to run replaced as the manual does."""
        if isinstance(value, dict):
            return {k: self.masked(v, k) for k, v in value.items()}
        if isinstance(value, list):
            return [self.masked(v, key) for v in value]
        if key == "pid":
            return "<pid>"
        if key == "after":  # the newest event: a run that an example began may have ended
            return "<n>"
        if not isinstance(value, str):
            return value
        if re.fullmatch(r"[0-9a-f]{8}-[0-9a-f]{4}-[47][0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}",
                        value):
            return "<uuid>"
        named = {"user_id": "<user>", "userid": "<user>", "store": "<path>", "endpoint": "<path>",
                 "version": "<version>",
                 "secret": "<secret>"}
        if key in named:
            return named[key]
        if key == "source" and value.startswith("/taskd/"):
            return "/taskd/<node>"
        if key in ("created", "modified", "completed", "deleted", "time", "started", "paused", "ended", "expires",
                   "lease_until", "oldest", "next_attempt", "until", "finished", "received"):
            return "<time>"
        return re.sub(r"\(20\d\d-[^)]*Z\)", "(<time>)", value)

    def test_the_examples_of_the_manual_are_what_the_daemon_answers(self):
        self.home.start()
        socket = self.home.socket(zmq.REQ, "requests")
        for name in protocol_examples.names():
            for request, expected in protocol_examples.exchanges(name):
                with self.subTest(name, request=request[:60]):
                    socket.send(request.encode())
                    self.assertTrue(socket.poll(support.DEADLINE * 1000), "no reply")
                    self.assertEqual(self.masked(json.loads(socket.recv())), expected)
        self.assertEqual(self.home.process.wait(support.DEADLINE), 0)  # the last one is shutdown
        self.home.process = None

    def test_the_manual_shows_the_examples(self):
        with open(protocol_examples.PAGE, encoding="utf-8") as file:
            page = file.read()
        self.assertEqual(page, protocol_examples.page_with_examples(page),
                         "run tests/e2e/protocol_examples.py")
        for name in protocol_examples.names():
            self.assertIn(f'.\\" example: {name}\n', page)


if __name__ == "__main__":
    unittest.main()
