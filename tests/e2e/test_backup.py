# SPDX-License-Identifier: Apache-2.0
"""Backups of a store that is in use, and what is put back in its place."""

import glob
import json
import os
import shutil
import signal
import sqlite3
import subprocess
import threading
import time
import unittest

import support
import zmq
from test_files import small_disk

STOP_MAX = 10.0  # seconds
BALLAST = 400_000  # rows that make a backup take its time


class BackupTestCase(support.TestCase):
    def setUp(self):
        super().setUp()
        self.copy = os.path.join(self.home.path, "copy.db")

    def taskd(self, *arguments):
        return subprocess.run([support.TASKD, *arguments], env=self.home.env, capture_output=True,
                              text=True, timeout=2 * support.DEADLINE, check=False)

    def back_up(self, path=None):
        return self.home.call("admin.backup", path=path or self.copy)

    def assert_good(self, path):
        checked = self.taskd("--check-store", path)
        self.assertEqual((checked.returncode, checked.stdout), (0, f"{path} is good\n"),
                         checked.stderr)

    def fill(self, *summaries):
        for summary in summaries:
            self.home.result("task.add", summary=summary)

    def summaries(self):
        return [task["summary"] for task in self.home.result("task.list", limit=1000)["tasks"]]

    def make_big(self):
        """A store that takes a while to copy: with a table that taskd does not know."""
        self.home.start()
        self.fill("kept")
        self.home.kill(signal.SIGTERM)
        database = sqlite3.connect(self.home.store)
        with database:
            database.execute("CREATE TABLE ballast (filling BLOB UNIQUE)")
            database.execute("WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n LIMIT "
                             f"{BALLAST}) INSERT INTO ballast SELECT randomblob(16) FROM n")
        database.close()
        self.home.start()

    def ask(self, path):
        """Asks for a backup and does not wait for it."""
        socket = self.home.socket(zmq.DEALER, "requests")
        socket.send(json.dumps({"jsonrpc": "2.0", "id": path, "method": "admin.backup",
                                "params": {"path": path}}).encode())
        return socket

    def reply(self, socket):
        self.assertTrue(socket.poll(support.DEADLINE * 1000), "no reply")
        reply = json.loads(socket.recv())
        socket.close()
        return reply


class Backup(BackupTestCase):
    def test_a_copy_made_while_clients_write_has_all_that_was_acknowledged(self):
        self.home.start()
        stop = threading.Event()
        acknowledged = [[] for _ in range(4)]
        failures = []

        def write(index):
            context = zmq.Context()
            socket = context.socket(zmq.REQ)
            socket.linger = 0
            socket.connect(f"ipc://{self.home.endpoint}/requests.sock")
            try:
                while not stop.is_set():
                    name = f"{index}-{len(acknowledged[index])}"
                    socket.send(json.dumps({"jsonrpc": "2.0", "id": 1, "method": "task.add",
                                            "params": {"summary": name}}).encode())
                    if not socket.poll(support.DEADLINE * 1000):
                        raise AssertionError("no reply")
                    acknowledged[index].append((name, json.loads(socket.recv())["result"]))
            except Exception as error:  # shown by the test's own thread
                failures.append(error)
            finally:
                context.destroy(linger=0)
        threads = [threading.Thread(target=write, args=(index,)) for index in range(4)]
        for thread in threads:
            thread.start()
            self.addCleanup(thread.join)
        self.addCleanup(stop.set)
        support.wait_for(lambda: failures or min(map(len, acknowledged)) > 20, "clients write")
        before = [list(of_one) for of_one in acknowledged]
        self.assertIn("result", self.back_up())
        support.wait_for(lambda: failures or all(
            len(now) > len(then) for now, then in zip(acknowledged, before)), "they write on")
        stop.set()
        for thread in threads:
            thread.join()
        self.assertEqual(failures, [])
        self.assert_good(self.copy)
        self.assertEqual(os.stat(self.copy).st_mode & 0o777, 0o600)
        self.home.kill(signal.SIGTERM)

        elsewhere = os.path.join(self.home.path, "elsewhere", "taskd.db")
        restored = self.taskd("--store-path", elsewhere, "--restore", self.copy)
        self.assertEqual(restored.returncode, 0, restored.stderr)
        self.home.start("--store-path", elsewhere)
        kept = []
        while True:
            page = self.home.result("task.list", limit=1000, offset=len(kept), sort="number")
            kept += page["tasks"]
            if len(kept) >= page["total"]:
                break
        by_number = {task["number"]: task["summary"] for task in kept}
        for of_one in before:
            for name, result in of_one:
                self.assertEqual(by_number[result["task"]["number"]], name)
        # Of one moment: of each client a beginning, without gaps.
        for index in range(4):
            numbers = sorted(int(s.split("-")[1]) for s in by_number.values()
                             if s.startswith(f"{index}-"))
            self.assertEqual(numbers, list(range(len(numbers))))

    def test_paths_that_can_not_be_written_are_refused_and_left_as_they_are(self):
        self.home.start()
        with open(self.copy, "w", encoding="ascii") as file:
            file.write("mine")
        for make in (lambda: None, lambda: (os.remove(self.copy), os.symlink("none", self.copy))):
            make()
            error = self.back_up()["error"]
            self.assertEqual(error["data"]["reason"], "failed_precondition")
            self.assertEqual(error["message"], f"{self.copy} exists already; name a new file")
        self.assertTrue(os.path.islink(self.copy))
        self.assertFalse(os.path.exists(os.path.join(self.home.path, "none")))
        missing = os.path.join(self.home.path, "missing", "copy.db")
        for path in (missing, "/proc/copy.db"):
            error = self.back_up(path)["error"]
            self.assertEqual(error["data"]["reason"], "unavailable")
            self.assertIn(path, error["message"])
        for path in ("copy.db", "", "../copy.db"):
            error = self.home.call("admin.backup", path=path)["error"]
            self.assertIn("is not an absolute path", error["message"])

    def test_a_full_disk_is_said_and_nothing_is_left(self):
        self.home.start()
        self.fill("kept")
        for number in range(60):
            self.home.result("task.add", summary=f"{number}", notes="x" * 50_000)
        disk = small_disk(self, "1m")
        error = self.back_up(disk + "/copy.db")["error"]
        self.assertEqual(error["data"]["reason"], "resource_exhausted")
        self.assertIn(disk + "/copy.db: the disk is full", error["message"])
        self.assertEqual(os.listdir(disk), [])  # no journal either
        # What is full is not the store's disk.
        self.home.result("task.add", summary="after")
        self.assertIn("result", self.back_up())

    def test_a_second_one_at_the_same_time_is_refused_and_the_daemon_serves_on(self):
        self.make_big()
        first = self.ask(self.copy)
        support.wait_for(lambda: os.path.exists(self.copy + ".partial"), "the backup has begun")
        error = self.back_up(self.copy + "2")["error"]
        self.assertIn("a backup is being made already", error["message"])
        self.assertFalse(first.poll(0), "it is still being made")
        self.home.result("task.add", summary="meanwhile")
        self.assertGreater(self.reply(first)["result"]["bytes"], 16 * BALLAST)
        self.assert_good(self.copy)
        self.assertEqual(sorted(glob.glob(self.copy + "*")), [self.copy])
        self.assertIn("result", self.back_up(self.copy + "2"))

    def test_a_stop_gives_it_up_and_leaves_nothing(self):
        self.make_big()
        asked = self.ask(self.copy)
        support.wait_for(lambda: os.path.exists(self.copy + ".partial"), "the backup has begun")
        begun = time.monotonic()
        self.assertEqual(self.home.kill(signal.SIGTERM), 0)
        self.assertLess(time.monotonic() - begun, STOP_MAX)
        self.assertEqual(self.reply(asked)["error"]["data"]["reason"], "unavailable")
        self.assertEqual(glob.glob(self.copy + "*"), [])
        self.home.start()
        self.assertEqual(self.summaries(), ["kept"])

    def test_what_a_crash_left_of_one_is_no_obstacle(self):
        self.make_big()
        asked = self.ask(self.copy)
        support.wait_for(lambda: os.path.exists(self.copy + ".partial"), "the backup has begun")
        self.home.kill(signal.SIGKILL)
        asked.close()
        self.home.start()
        self.assertIn("result", self.back_up())
        self.assertEqual(glob.glob(self.copy + "*"), [self.copy])


class Restore(BackupTestCase):
    def setUp(self):
        super().setUp()
        self.home.start()
        self.fill("old")
        self.assertIn("result", self.back_up())
        self.fill("new")

    def restore(self, path=None):
        return self.taskd("--restore", path or self.copy)

    def assert_refused(self, status, *words, path=None):
        done = self.restore(path)
        self.assertEqual(done.returncode, status, done.stderr)
        for word in words:
            self.assertIn(word, done.stderr)
        directory = os.path.dirname(self.home.store)
        self.assertEqual([name for name in os.listdir(directory) if "restor" in name], [])

    def test_the_backup_takes_the_stores_place_and_the_store_is_kept(self):
        # Killed: what was written last is in the log beside the store, and is kept with it.
        self.home.kill(signal.SIGKILL)
        done = self.restore()
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertIn(f"restored {self.home.store} from {self.copy}", done.stdout)
        kept = done.stdout.split("is kept as ")[1].strip()
        self.home.start()
        self.assertEqual(self.summaries(), ["old"])
        self.fill("newer")
        self.home.kill(signal.SIGTERM)
        self.assert_good(self.copy)
        # And back again, by the same way.
        self.assertEqual(self.restore(kept).returncode, 0)
        self.home.start()
        self.assertEqual(sorted(self.summaries()), ["new", "old"])

    def test_a_running_daemon_is_named_and_nothing_changes(self):
        self.assert_refused(4, f"another taskd (pid {self.home.process.pid}) holds")
        self.assertEqual(sorted(self.summaries()), ["new", "old"])

    def test_what_is_no_good_backup_is_refused_and_the_store_stays(self):
        self.home.kill(signal.SIGTERM)
        damaged, foreign, newer, text = (self.copy + end for end in (".d", ".f", ".n", ".t"))
        shutil.copy(self.copy, damaged)
        with open(damaged, "r+b") as file:
            file.seek(os.path.getsize(damaged) // 2 // 4096 * 4096)
            file.write(b"\xa5" * 4096)
        database = sqlite3.connect(foreign)
        with database:
            database.execute("CREATE TABLE t (x)")
        database.close()
        shutil.copy(self.copy, newer)
        database = sqlite3.connect(newer)
        with database:
            database.execute("UPDATE meta SET value = '99' WHERE key = 'schema_version'")
        database.close()
        with open(text, "w", encoding="ascii") as file:
            file.write("not a database " * 1000)
        self.assert_refused(1, damaged, "damaged", path=damaged)
        self.assert_refused(1, text, "damaged", path=text)
        self.assert_refused(4, foreign, "not one of taskd's", path=foreign)
        self.assert_refused(4, newer, "was written by a newer taskd", path=newer)
        missing = self.home.path + "/missing"
        done = self.restore(missing)
        self.assertNotEqual(done.returncode, 0)
        self.assertIn(f"there is no file {missing}", done.stderr)
        self.home.start()
        self.assertEqual(sorted(self.summaries()), ["new", "old"])


if __name__ == "__main__":
    unittest.main()
