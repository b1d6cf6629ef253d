# SPDX-License-Identifier: Apache-2.0
"""Everything that may be wrong with the files that taskd needs: said so, and nothing is lost."""

import os
import re
import shutil
import signal
import sqlite3
import subprocess
import unittest

import support

PAGE = 4096
# A user that no other run of this test is at the same time.
PLAIN_UID = 100_000 + os.getpid()


class FilesTestCase(support.TestCase):
    def give_to_plain_user(self):
        """File modes mean nothing to root, so what tests them is run by another."""
        if os.geteuid() != 0:
            self.skipTest("needs root, to run taskd as somebody else")
        os.chmod(self.home.path, 0o755)
        os.makedirs(self.home.env["XDG_STATE_HOME"], exist_ok=True)
        self.give_to(PLAIN_UID)

    def give_to(self, uid):
        for path, directories, files in os.walk(self.home.path):
            for name in directories + files:
                os.chown(os.path.join(path, name), uid, uid, follow_symlinks=False)

    def refusal(self, *arguments, without=(), as_plain=False, **env):
        """Starts what must not serve; gives the status and what it says."""
        environment = {**self.home.env, **env}
        for name in without:
            environment.pop(name)
        who = {"user": PLAIN_UID, "group": PLAIN_UID, "extra_groups": []} if as_plain else {}
        done = subprocess.run([support.TASKD, *arguments], env=environment, capture_output=True,
                              text=True, timeout=support.DEADLINE, check=False, **who)
        self.assertEqual(done.stdout, "")
        return done.returncode, done.stderr

    def assert_refused(self, refusal, status, *words):
        self.assertEqual(refusal[0], status, refusal[1])
        for word in words:
            self.assertIn(word, refusal[1])

    def write_task(self):
        self.home.start()
        self.home.result("task.add", summary="kept")
        self.home.kill(signal.SIGTERM)

    def assert_kept(self):
        self.assertEqual(self.home.start(), "ready")
        tasks = self.home.result("task.list")["tasks"]
        self.assertEqual([task["summary"] for task in tasks], ["kept"])


class Store(FilesTestCase):
    def test_a_newer_store_is_refused(self):
        self.write_task()
        database = sqlite3.connect(self.home.store)
        before, = database.execute("SELECT value FROM meta WHERE key = 'schema_version'").fetchone()
        for version in ("99", before):
            with database:
                database.execute("UPDATE meta SET value = ? WHERE key = 'schema_version'",
                                 (version,))
            if version == "99":
                self.assertIn("was written by a newer taskd", self.home.start())
        database.close()
        self.assert_kept()

    def test_a_file_that_is_no_store_is_refused_and_left_as_it_is(self):
        os.makedirs(os.path.dirname(self.home.store))
        with open(self.home.store, "wb") as file:
            file.write(b"not a database " * 1000)
        self.assert_refused(self.refusal(), 1, f"store.path: {self.home.store}",
                            "the store is damaged")
        with open(self.home.store, "rb") as file:
            self.assertTrue(file.read().startswith(b"not a database"))

    def spoil(self):
        """Overwrites the pages in the middle that have task 201."""
        with open(self.home.store, "r+b") as file:
            text = file.read()
            pages = {at.start() // PAGE for at in re.finditer(rb"needle 200", text)}
            self.assertTrue(pages)
            for page in pages:
                file.seek(page * PAGE)
                file.write(b"\xa5" * PAGE)

    def fill(self):
        self.home.start()
        for number in range(400):
            self.home.result("task.add", summary=f"needle {number}", notes="n" * 1500)

    def test_a_damaged_page_is_told_to_who_reads_it_and_the_rest_is_served(self):
        self.fill()
        self.home.kill(signal.SIGTERM)
        self.spoil()
        self.assertEqual(self.home.start(), "ready")
        error = self.home.call("task.list", limit=1000)["error"]
        self.assertEqual(error["data"]["reason"], "data_loss")
        self.assertIn("the store is damaged", error["message"])
        self.assertIn("restore a backup", error["data"]["hint"])
        # Ids are random, so which tasks share the damaged pages differs; most do not.
        served = [number for number in range(1, 401)
                  if "result" in self.home.call("task.get", task=str(number))]
        self.assertGreater(len(served), 200)
        self.assertEqual(self.home.result("channel.list")["channels"], [])
        support.wait_for(lambda: "the store is damaged" in self.home.log(), "the log says it")
        self.assertEqual(self.home.kill(signal.SIGTERM), 0)
        checked = self.refusal("--check-store", self.home.store)
        self.assert_refused(checked, 1, self.home.store, "is damaged")

    def test_damage_is_found_after_an_unclean_stop_without_being_read(self):
        self.fill()
        self.home.kill(signal.SIGTERM)
        self.home.start()
        self.home.result("task.add", summary="in the log")
        self.home.kill(signal.SIGKILL)
        self.spoil()
        self.home.start()
        support.wait_for(lambda: "store_damaged found=" in self.home.log(), "the store is checked")

    def test_a_read_only_directory_or_file_is_said_and_nothing_is_lost(self):
        self.write_task()
        directory = os.path.dirname(self.home.store)
        self.give_to_plain_user()
        for path, mode, later in ((directory, 0o500, 0o700), (self.home.store, 0o400, 0o600)):
            with self.subTest(path):
                os.chmod(path, mode)
                self.assert_refused(self.refusal(as_plain=True), 6,
                                    f"store.path: {self.home.store}", "can't be written to")
                os.chmod(path, later)
        # Where there is no store yet it can't be made.
        empty = self.home.path + "/empty"
        os.mkdir(empty, 0o500)
        self.give_to_plain_user()
        self.assert_refused(self.refusal("--store-path", empty + "/t.db", as_plain=True), 6,
                            f"store.path: {empty}/t.db", "Permission denied")
        self.assert_refused(self.refusal("--store-path", empty + "/sub/t.db", as_plain=True), 6,
                            f"store.path: can't make {empty}/sub", "Permission denied")
        os.chmod(empty, 0)
        self.assert_refused(self.refusal("--store-path", empty + "/sub/t.db", as_plain=True), 6,
                            f"store.path: can't make {empty}/sub", "Permission denied")
        self.give_to(0)
        self.assert_kept()

    def test_paths_that_can_be_no_store_are_said(self):
        os.makedirs(self.home.store)
        self.assert_refused(self.refusal(), 6, f"store.path: {self.home.store}",
                            "unable to open database file")
        self.assert_refused(self.refusal("--store-path", "t.db"), 2,
                            'store.path: "t.db" is not an absolute path')
        self.assertTrue(os.path.isdir(self.home.store))

    def test_a_full_disk_refuses_writes_and_recovers_without_a_restart(self):
        disk = small_disk(self, "3m")
        # The log stays elsewhere: a full disk must not need it.
        self.home.start("--store-path", disk + "/taskd.db")
        numbers = []
        for number in range(200):
            reply = self.home.call("task.add", summary=f"{number}", notes="x" * 50_000)
            if "error" in reply:
                break
            numbers.append(reply["result"]["task"]["number"])
        self.assertEqual(reply["error"]["data"]["reason"], "resource_exhausted")
        self.assertIn("the disk is full", reply["error"]["message"])
        self.assertEqual(self.home.result("task.list", limit=1000)["total"], len(numbers))
        subprocess.run(["mount", "-o", "remount,size=16m", disk], check=True)
        self.home.result("task.add", summary="after")
        self.home.kill(signal.SIGTERM)


def small_disk(test, size):
    if os.geteuid() != 0:
        test.skipTest("needs root to mount a small tmpfs")
    disk = test.home.path + "/disk"
    os.makedirs(disk)
    mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={size}", "tmpfs", disk],
                             capture_output=True, check=False)
    if mounted.returncode != 0:
        test.skipTest("can't mount a tmpfs here")
    test.addCleanup(subprocess.run, ["umount", "-l", disk], check=False)
    return disk


class LocksAndSockets(FilesTestCase):
    def test_a_socket_directory_of_somebody_else_is_refused(self):
        os.makedirs(self.home.endpoint, mode=0o777)
        os.chmod(self.home.endpoint, 0o777)
        self.assert_refused(self.refusal(), 5, self.home.endpoint, "can't be trusted")

    def test_a_link_in_place_of_the_socket_directory_is_refused(self):
        os.makedirs(self.home.path + "/elsewhere", mode=0o700)
        os.symlink(self.home.path + "/elsewhere", self.home.endpoint)
        self.assert_refused(self.refusal(), 5, self.home.endpoint, "can't be trusted")
        self.assertEqual(os.listdir(self.home.path + "/elsewhere"), [])

    def test_a_link_or_a_directory_in_place_of_a_lock_is_refused(self):
        for lock, key in ((self.home.store + ".lock", "store.path"),
                          (self.home.endpoint + "/lock", "endpoint")):
            os.makedirs(os.path.dirname(lock), mode=0o700, exist_ok=True)
            target = self.home.path + "/target"
            os.symlink(target, lock)
            self.assert_refused(self.refusal(), 6, f"{key}: {lock}: is a symbolic link",
                                "remove it")
            self.assertFalse(os.path.exists(target))
            os.remove(lock)
            os.mkdir(lock)
            self.assert_refused(self.refusal(), 6, f"{key}: {lock}: Is a directory")
            # taskctl tells it too, rather than that another daemon is there.
            started = self.home.taskctl("list")
            self.assertEqual(started.returncode, 6, started.stderr)
            self.assertIn("Is a directory", started.stderr)
            os.rmdir(lock)
        self.assertEqual(self.home.start(), "ready")

    def test_stale_sockets_and_locks_are_no_obstacle(self):
        self.home.start()
        self.home.kill(signal.SIGKILL)
        self.assertTrue(os.path.exists(self.home.endpoint + "/requests.sock"))
        for lock in (self.home.store + ".lock", self.home.endpoint + "/lock"):
            for text in ("", "1\n", "garbage", "9" * 40):
                with open(lock, "w", encoding="ascii") as file:
                    file.write(text)
                self.assertEqual(self.home.start(), "ready")
                self.assertEqual(self.home.result("admin.health")["status"], "ok")
                self.assertEqual(self.home.pid(), self.home.process.pid)
                self.home.kill(signal.SIGKILL)

    def test_a_path_too_long_for_a_socket_is_said_so(self):
        self.assert_refused(self.refusal("--endpoint", self.home.path + "/" + "x" * 100), 2,
                            "endpoint: ", "too long for a socket")


class Environment(FilesTestCase):
    def test_without_a_runtime_directory_the_sockets_are_in_tmp(self):
        self.give_to_plain_user()
        directory = f"/tmp/taskd-{PLAIN_UID}"
        self.addCleanup(shutil.rmtree, directory, ignore_errors=True)
        self.addCleanup(lambda: os.path.islink(directory) and os.remove(directory))
        # Somebody was there first, with a link or a directory of their own.
        os.symlink(self.home.path, directory)
        refused = self.refusal(without=["XDG_RUNTIME_DIR"], as_plain=True)
        self.assert_refused(refused, 5, directory, "can't be trusted", "set XDG_RUNTIME_DIR")
        os.remove(directory)
        os.mkdir(directory, 0o700)
        refused = self.refusal(without=["XDG_RUNTIME_DIR"], as_plain=True)
        self.assert_refused(refused, 5, directory, "can't be trusted")
        os.rmdir(directory)
        environment = {k: v for k, v in self.home.env.items() if k != "XDG_RUNTIME_DIR"}
        daemon = subprocess.Popen([support.TASKD], env=environment, user=PLAIN_UID,
                                  group=PLAIN_UID, extra_groups=[], stderr=subprocess.DEVNULL)
        self.addCleanup(daemon.wait)
        self.addCleanup(daemon.kill)
        self.home.endpoint = directory
        support.wait_for(lambda: os.path.exists(directory + "/events.sock"), "it serves")
        self.assertEqual(os.stat(directory).st_mode & 0o777, 0o700)
        listed = subprocess.run([support.TASKCTL, "--no-start", "add", "Milk"], env=environment,
                                user=PLAIN_UID, group=PLAIN_UID, extra_groups=[],
                                capture_output=True, text=True, check=False,
                                timeout=support.DEADLINE)
        self.assertEqual(listed.returncode, 0, listed.stderr)
        daemon.terminate()
        self.assertEqual(daemon.wait(support.DEADLINE), 0)

    def test_no_home_and_one_that_can_not_be_written(self):
        self.give_to_plain_user()
        refused = self.refusal(without=["HOME", "XDG_STATE_HOME", "XDG_CONFIG_HOME"], as_plain=True)
        self.assert_refused(refused, 6, "there is no home directory to keep the store in",
                            "set HOME, or XDG_STATE_HOME and XDG_CONFIG_HOME")
        refused = self.refusal(without=["XDG_STATE_HOME", "XDG_CONFIG_HOME"], as_plain=True)
        self.assert_refused(refused, 6, f"store.path: can't make {self.home.path}/.local/state/",
                            "Permission denied")
        refused = self.refusal(as_plain=True, XDG_RUNTIME_DIR="/nonexistent/run")
        self.assert_refused(refused, 6, "endpoint: can't make /nonexistent/run/taskd")

    def test_a_configuration_that_can_not_be_read_is_not_taken_for_none(self):
        directory = os.path.join(self.home.env["XDG_CONFIG_HOME"], "taskd")
        path = directory + "/taskd.toml"
        os.makedirs(path)
        self.assert_refused(self.refusal(), 2, f"config: {path} is a directory")
        os.rmdir(path)
        with open(path, "w", encoding="ascii") as file:
            file.write('[log]\nlevel = "off"\n')
        self.give_to_plain_user()
        for what, mode in ((path, 0), (directory, 0)):
            os.chmod(what, mode)
            self.assert_refused(self.refusal(as_plain=True), 2,
                                f"config: can't read {path}: Permission denied")
            os.chmod(what, 0o700)
        self.assert_refused(self.refusal("--config", self.home.path + "/none"), 2,
                            f"config: {self.home.path}/none does not exist")


if __name__ == "__main__":
    unittest.main()
