# SPDX-License-Identifier: Apache-2.0
"""taskd under a service manager: what it reports, the watchdog, sockets that it is given."""

import os
import re
import select
import shlex
import shutil
import signal
import socket
import subprocess
import time
import unittest

import support

WATCHDOG = 0.4  # seconds; fed at half of it


class Manager:
    """The receiving end of NOTIFY_SOCKET."""

    def __init__(self, home):
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.path = os.path.join(home.path, "notify")
        self.socket.bind(self.path)
        home.env["NOTIFY_SOCKET"] = self.path

    def message(self, deadline=support.DEADLINE):
        """The next message as a dictionary; nothing if none comes in time."""
        if not select.select([self.socket], [], [], deadline)[0]:
            return None
        return dict(line.split("=", 1) for line in self.socket.recv(4096).decode().splitlines())

    def drain(self):
        """What has arrived already."""
        found = []
        while message := self.message(0):
            found.append(message)
        return found

    def close(self):
        self.socket.close()


class Started(support.TestCase):
    def setUp(self):
        super().setUp()
        self.manager = Manager(self.home)
        self.addCleanup(self.manager.close)

    def start(self, *arguments, **descriptors):
        """Starts taskd in the foreground, as systemd does: the process itself, no fork between."""
        shell = ["export LISTEN_PID=$$ WATCHDOG_PID=$$"]
        for number, descriptor in enumerate(descriptors.values(), 3):
            # Through high numbers, or one could take the other's place.
            os.dup2(descriptor, 60 + number)
            shell.append(f"exec {number}>&{60 + number} {60 + number}>&-")
        shell.append("exec " + shlex.join([support.TASKD, *arguments]))
        if descriptors:
            self.home.env["LISTEN_FDS"] = str(len(descriptors))
        self.home.process = subprocess.Popen(
            ["bash", "-c", "; ".join(shell)], env=self.home.env, stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
            pass_fds=[63 + i for i in range(len(descriptors))])
        for i in range(len(descriptors)):
            os.close(63 + i)
        self.addCleanup(self.home.process.stdout.close)
        self.addCleanup(self.home.process.stderr.close)
        return self.home.process


class Notify(Started):
    def test_it_is_ready_once_requests_are_accepted(self):
        self.start()
        message = self.manager.message()
        self.assertEqual(message["READY"], "1")
        self.assertEqual(message["STATUS"], f"serving {self.home.endpoint}")
        self.assertEqual(self.home.result("admin.health")["pid"], self.home.process.pid)

    def test_a_start_that_fails_is_never_ready(self):
        process = self.start("--turn-requests-max", "0")
        self.assertEqual(process.wait(support.DEADLINE), 2)
        self.assertEqual(self.manager.drain(), [])

    def test_sighup_is_a_reload_with_an_end(self):
        process = self.start()
        before = self.manager.message()
        process.send_signal(signal.SIGHUP)
        self.assertEqual(self.manager.message()["RELOADING"], "1")
        self.assertEqual(self.manager.message(), before)

    def test_it_says_that_it_stops(self):
        for end in (lambda: self.home.process.send_signal(signal.SIGTERM),
                    lambda: self.home.result("admin.shutdown")):
            self.start()
            self.assertEqual(self.manager.message()["READY"], "1")
            end()
            self.assertEqual(self.manager.message()["STOPPING"], "1")
            self.assertEqual(self.home.process.wait(support.DEADLINE), 0)

    def test_a_daemon_that_taskctl_started_speaks_for_nobody(self):
        # taskctl may run in the service of somebody else, whose socket this then is.
        self.assertEqual(self.home.taskctl("add", "Tea", env={"WATCHDOG_USEC": "1000"}).returncode,
                         0)
        self.assertEqual(self.home.taskctl("shutdown").returncode, 0)
        self.assertEqual(self.manager.drain(), [])


class Watchdog(Started):
    def start_watched(self):
        self.home.env["WATCHDOG_USEC"] = str(round(WATCHDOG * 1e6))
        process = self.start()
        message = self.manager.message()
        while "READY" not in message:
            message = self.manager.message()
        return process

    def test_an_idle_loop_feeds_it_within_the_interval(self):
        self.start_watched()
        self.assertEqual(self.manager.message(), {"WATCHDOG": "1"})
        last = time.monotonic()
        gaps = []
        for _ in range(10):
            self.assertEqual(self.manager.message(), {"WATCHDOG": "1"})
            gaps.append(time.monotonic() - last)
            last = time.monotonic()
        # About half the interval each: neither late nor as fast as it can. The middle one, since
        # the machine may hold up any one of them.
        self.assertLess(sorted(gaps)[5], WATCHDOG)
        self.assertGreater(sorted(gaps)[5], WATCHDOG / 4)

    def test_a_loop_that_stands_still_does_not_feed_it(self):
        process = self.start_watched()
        self.assertEqual(self.manager.message(), {"WATCHDOG": "1"})
        process.send_signal(signal.SIGSTOP)
        os.waitid(os.P_PID, process.pid, os.WSTOPPED)
        self.manager.drain()
        self.assertIsNone(self.manager.message(WATCHDOG * 5))
        process.send_signal(signal.SIGCONT)
        self.assertEqual(self.manager.message(), {"WATCHDOG": "1"})

    def test_an_idle_daemon_without_one_does_not_wake(self):
        process = self.start()
        self.assertEqual(self.manager.message()["READY"], "1")
        self.home.result("admin.health")  # the first head is out, every thread is at its poll

        def wakes():
            """How often each thread went to sleep, which it does once for each time it woke."""
            found = {}
            for thread in os.listdir(f"/proc/{process.pid}/task"):
                with open(f"/proc/{process.pid}/task/{thread}/status", encoding="ascii") as file:
                    found[thread] = re.search(r"^voluntary_ctxt_switches:\s+(\d+)", file.read(),
                                              re.M)[1]
            return found

        def quiet():
            before = wakes()
            self.assertIsNone(self.manager.message(3))
            return before == wakes()
        support.wait_for(quiet, "three seconds without a thread that wakes")

    def test_without_one_nothing_is_fed(self):
        self.start()
        self.assertEqual(self.manager.message()["READY"], "1")
        self.home.result("admin.health")
        self.home.kill(signal.SIGTERM)
        self.assertEqual([list(message) for message in self.manager.drain()],
                         [["STOPPING", "STATUS"]])

    def test_another_process_s_watchdog_is_not_ours(self):
        self.home.env["WATCHDOG_USEC"] = str(round(WATCHDOG * 1e6))
        self.home.process = subprocess.Popen(
            [support.TASKD], env={**self.home.env, "WATCHDOG_PID": str(os.getpid())},
            stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        self.assertEqual(self.manager.message()["READY"], "1")
        self.home.result("admin.health")
        self.home.kill(signal.SIGTERM)
        self.assertNotIn({"WATCHDOG": "1"}, self.manager.drain())


class Activation(Started):
    def listen(self, name, directory=None):
        listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.addCleanup(listener.close)
        directory = directory or self.home.endpoint
        os.makedirs(directory, mode=0o700, exist_ok=True)
        listener.bind(os.path.join(directory, name))
        listener.listen(16)
        return listener

    def start_with(self, *listeners):
        return self.start(**{f"fd{i}": one.fileno() for i, one in enumerate(listeners)})

    def refusal(self, *listeners):
        process = self.start_with(*listeners)
        _, said = process.communicate(timeout=support.DEADLINE)
        self.assertEqual(process.returncode, 2)
        self.assertEqual(self.manager.drain(), [])
        return said

    def inode(self, name):
        return os.stat(os.path.join(self.home.endpoint, name)).st_ino

    def test_it_serves_on_the_sockets_that_it_is_given(self):
        # In either order; they are told apart by path.
        for names in (("requests.sock", "events.sock"), ("events.sock", "requests.sock")):
            with self.subTest(names):
                listeners = [self.listen(name) for name in names]
                inodes = [self.inode(name) for name in names]
                subscriber = self.home.socket(support.zmq.SUB, "events")
                self.start_with(*listeners)
                self.assertEqual(self.manager.message()["READY"], "1")
                added = self.home.taskctl("add", "Tea", "--no-start")
                self.assertEqual(added.returncode, 0, added.stderr)
                self.assertTrue(subscriber.poll(support.DEADLINE * 1000))
                self.assertEqual(self.home.kill(signal.SIGTERM), 0)
                # The files are systemd's: they stay, so that the next request starts taskd again.
                self.assertEqual([self.inode(name) for name in names], inodes)
                subscriber.close()
                for listener, name in zip(listeners, names):
                    listener.close()
                    os.unlink(os.path.join(self.home.endpoint, name))
                self.manager.drain()

    def test_a_request_that_came_before_the_daemon_is_answered(self):
        listeners = [self.listen("requests.sock"), self.listen("events.sock")]
        request = self.home.socket(support.zmq.REQ, "requests")
        request.send(b'{"jsonrpc":"2.0","id":1,"method":"admin.health"}')
        # The connection stands in the backlog: this is what starts the service under systemd.
        self.assertTrue(select.select([listeners[0]], [], [], support.DEADLINE)[0])
        self.start_with(*listeners)
        self.assertTrue(request.poll(support.DEADLINE * 1000))
        self.assertIn(b"\"result\"", request.recv())
        request.close()

    def test_the_next_daemon_takes_the_same_sockets(self):
        listeners = [self.listen("requests.sock"), self.listen("events.sock")]
        for _ in range(2):
            self.start_with(*listeners)
            self.assertEqual(self.manager.message()["READY"], "1")
            self.assertEqual(self.home.result("admin.health")["pid"], self.home.process.pid)
            self.home.kill(signal.SIGKILL)

    def test_taskctl_shutdown_does_not_call_for_the_next_one(self):
        listeners = [self.listen("requests.sock"), self.listen("events.sock")]
        self.start_with(*listeners)
        self.assertEqual(self.manager.message()["READY"], "1")
        # The daemon must be collected, as systemd does, or its number would still be there.
        shutdown = subprocess.Popen([support.TASKCTL, "shutdown"], env=self.home.env,
                                    stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL)
        self.assertEqual(self.home.process.wait(support.DEADLINE), 0)
        self.assertEqual(shutdown.wait(support.DEADLINE), 0)
        # A connection that waits would make systemd start the service again.
        self.assertEqual(select.select(listeners, [], [], 0)[0], [])

    @unittest.skipUnless(shutil.which("systemd-socket-activate"), "systemd is not installed")
    def test_systemd_s_own_activation_starts_it_with_the_first_command(self):
        os.makedirs(self.home.endpoint, mode=0o700)
        sockets = [os.path.join(self.home.endpoint, name)
                   for name in ("requests.sock", "events.sock")]
        self.home.process = subprocess.Popen(
            ["systemd-socket-activate", "-l", sockets[0], "-l", sockets[1],
             "-E", "HOME", "-E", "XDG_RUNTIME_DIR", "-E", "XDG_STATE_HOME", "-E", "XDG_CONFIG_HOME",
             "-E", "NOTIFY_SOCKET", support.TASKD], env=self.home.env,
            stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        # Refused until the sockets are there; the first that is not starts taskd.
        support.wait_for(lambda: self.home.taskctl("list", "--no-start").returncode == 0,
                         "an answer")
        self.assertEqual(self.manager.message()["READY"], "1")

    def test_a_socket_of_another_directory_is_refused(self):
        other = os.path.join(self.home.path, "other")
        said = self.refusal(self.listen("requests.sock", other), self.listen("events.sock"))
        self.assertIn(f"LISTEN_FDS: descriptor 3 listens on {other}/requests.sock, which is no "
                      f"socket of {self.home.endpoint}", said)
        self.assertIn(f"ListenStream={self.home.endpoint}/requests.sock", said)

    def test_a_missing_socket_is_refused(self):
        said = self.refusal(self.listen("requests.sock"))
        self.assertIn(f"no descriptor listens on {self.home.endpoint}/events.sock", said)

    def test_the_same_socket_twice_is_refused(self):
        listener = self.listen("requests.sock")
        self.assertIn("a second time", self.refusal(listener, listener))

    def test_what_does_not_listen_is_refused(self):
        datagrams = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.addCleanup(datagrams.close)
        silent = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.addCleanup(silent.close)
        network = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
        self.addCleanup(network.close)
        network.listen(1)
        ready, report = os.pipe()
        self.addCleanup(os.close, ready)
        self.addCleanup(os.close, report)
        for wrong in (datagrams.fileno(), silent.fileno(), network.fileno(), ready):
            process = self.start(wrong=wrong)
            _, said = process.communicate(timeout=support.DEADLINE)
            self.assertEqual(process.returncode, 2)
            self.assertIn("descriptor 3 is no listening Unix stream socket", said)

    def test_descriptors_of_another_process_are_left_alone(self):
        listener = self.listen("requests.sock")
        env = {**self.home.env, "LISTEN_FDS": "1", "LISTEN_PID": str(os.getpid())}
        listener.close()
        self.home.process = subprocess.Popen(
            [support.TASKD], env=env, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL)
        self.assertEqual(self.manager.message()["READY"], "1")
        self.assertEqual(self.home.result("admin.health")["pid"], self.home.process.pid)


class UserManager(Started):
    """taskctl where the user's systemd runs; systemctl is a script that does what it would."""

    def setUp(self):
        super().setUp()
        private = os.path.join(self.home.env["XDG_RUNTIME_DIR"], "systemd", "private")
        os.makedirs(os.path.dirname(private))
        with open(private, "w", encoding="utf-8"):
            pass
        self.asked = os.path.join(self.home.path, "asked")

    def systemctl(self, script):
        directory = os.path.join(self.home.path, "bin")
        os.makedirs(directory, exist_ok=True)
        path = os.path.join(directory, "systemctl")
        with open(path, "w", encoding="utf-8") as file:
            file.write(f'#!/bin/sh\necho "$@" >>{self.asked}\n{script}\n')
        os.chmod(path, 0o700)
        self.home.env["PATH"] = directory + ":" + self.home.env["PATH"]

    def times_asked(self):
        if not os.path.exists(self.asked):
            return 0
        with open(self.asked, encoding="utf-8") as file:
            lines = file.read().splitlines()
        self.assertEqual(set(lines), {"--user start taskd.socket taskd.service"})
        return len(lines)

    def test_the_service_is_started_and_used(self):
        ready = os.path.join(self.home.path, "ready")
        os.mkfifo(ready)
        self.systemctl(f"exec 3<>{ready}\n{support.TASKD} --background-fd 3 "
                       f"--log-file {self.home.path}/log >/dev/null 2>&1 &\nhead -n 1 <&3")
        added = self.home.taskctl("add", "Tea")
        self.assertEqual((added.returncode, added.stderr), (0, ""))
        self.assertEqual(self.times_asked(), 1)
        # It is this one that answers, and taskctl started no second one beside its log.
        self.assertFalse(os.path.exists(self.home.store.replace("taskd.db", "taskd.log")))
        self.home.taskctl("list")
        self.assertEqual(self.times_asked(), 1)

    def test_without_units_taskctl_starts_one_itself(self):
        self.systemctl("exit 5")  # what systemctl answers for a unit that is not there
        self.assertEqual(self.home.taskctl("add", "Tea").returncode, 0)
        self.assertEqual(self.times_asked(), 1)
        self.assertTrue(os.path.exists(self.home.store.replace("taskd.db", "taskd.log")))

    def test_without_a_systemctl_taskctl_starts_one_itself(self):
        self.home.env["PATH"] = "/nonexistent"
        self.assertEqual(self.home.taskctl("add", "Tea").returncode, 0)

    def test_sockets_without_a_service_are_an_error_and_not_taken_over(self):
        os.makedirs(self.home.endpoint, mode=0o700)
        listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.addCleanup(listener.close)
        listener.bind(os.path.join(self.home.endpoint, "requests.sock"))
        start, started = (os.path.join(self.home.path, name) for name in ("start", "started"))
        os.mkfifo(start)
        os.mkfifo(started)
        self.systemctl(f"echo >{start}; read line <{started}; exit 1")
        added = subprocess.Popen([support.TASKCTL, "add", "Tea"], env=self.home.env,
                                 stdin=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
        with open(start, encoding="ascii") as file:
            file.readline()
        listener.listen(1)
        with open(started, "w", encoding="ascii") as file:
            file.write("\n")
        _, said = added.communicate(timeout=support.DEADLINE)
        self.assertEqual(added.returncode, 6)
        self.assertIn("systemctl --user start taskd.service failed", said)
        self.assertIn("journalctl --user -u taskd", said)
        self.assertFalse(os.path.exists(self.home.store))

    def test_another_directory_is_none_of_its_business(self):
        self.systemctl("exit 0")
        other = os.path.join(self.home.path, "other")
        self.home.endpoint = other
        self.assertEqual(self.home.taskctl("add", "Tea", "--endpoint", other).returncode, 0)
        self.addCleanup(self.home.taskctl, "shutdown", "--endpoint", other)
        self.assertEqual(self.times_asked(), 0)

    def test_no_start_asks_nobody(self):
        self.systemctl("exit 0")
        self.assertEqual(self.home.taskctl("add", "Tea", "--no-start").returncode, 6)
        self.assertEqual(self.times_asked(), 0)


if __name__ == "__main__":
    unittest.main()
