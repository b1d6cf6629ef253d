# SPDX-License-Identifier: Apache-2.0
"""The system daemon under load at its end: killed, told to stop, started many times at once."""

import json
import os
import random
import signal
import socket
import subprocess
import threading
import time
import unittest

import http_client
import support
import system_home
from system_home import UIDS

STOP_MAX = 10.0  # seconds from SIGTERM to the end, whatever clients do


class Ends(system_home.TestCase):
    def setUp(self):
        super().setUp()
        os.chmod(self.home.state, 0o755)
        self.http = os.path.join(self.home.state, "http.sock")
        self.flags = ("--http-listen", f"unix:{self.http}", "--exec-allow", "/bin/sleep")

    def http_load(self, token, prefix, stop, acknowledged):
        number = 0
        while not stop.is_set():
            name = f"{prefix}-{number}"
            try:
                with http_client.Connection(self.http, timeout=5) as connection:
                    answer = connection.rpc("task.add", token=token, summary=name,
                                            idempotency_key=name)
                    done = answer is not None and answer.status == 200
            except OSError:
                done = False  # nobody is there at the moment
            if done:
                acknowledged[name] = answer.json()["result"]["task"]["number"]
                number += 1

    def begin_load(self):
        """ada and bob write over ZeroMQ, carol over HTTP, and each hears of it."""
        token = self.home.get("carol", "admin.token_create", name="load")["secret"]
        self.stop = threading.Event()
        self.over_http = {}
        self.thread = threading.Thread(target=self.http_load,
                                       args=(token, "carol", self.stop, self.over_http))
        self.thread.start()
        self.addCleanup(self.thread.join)
        self.addCleanup(self.stop.set)
        for name in ("ada", "bob"):
            peer = self.home.peer(name)
            peer.open(name="events", kind="sub", path=self.home.events(name))
            peer.begin_load(path=self.home.requests(name), prefix=name)

    def progress(self):
        return min(len(self.over_http), self.home.peer("ada").progress(prefix="ada"),
                   self.home.peer("bob").progress(prefix="bob"))

    def test_nothing_acknowledged_is_lost_or_doubled_over_kills_and_stops(self):
        self.start(*self.flags)
        self.begin_load()
        chance = random.Random(5)
        for number in (signal.SIGKILL, signal.SIGTERM) * 3:
            want = self.progress() + chance.randrange(1, 20)
            support.wait_for(lambda want=want: self.progress() >= want, "all make progress")
            begun = time.monotonic()
            status = self.home.kill(number)
            self.assertLess(time.monotonic() - begun, STOP_MAX)
            self.assertEqual(status, 0 if number == signal.SIGTERM else -signal.SIGKILL)
            self.start(*self.flags)
        self.stop.set()
        self.thread.join(support.DEADLINE)
        acknowledged = {"carol": self.over_http}
        for name in ("ada", "bob"):
            acknowledged[name] = self.home.peer(name).end_load(prefix=name)
        for name, tasks in acknowledged.items():
            kept = []
            while True:
                page = self.home.get(name, "task.list", limit=1000, offset=len(kept), sort="number")
                kept += page["tasks"]
                if len(kept) >= page["total"]:
                    break
            summaries = [task["summary"] for task in kept]
            self.assertEqual(len(set(summaries)), len(summaries), "nothing is doubled")
            numbers = {task["summary"]: task["number"] for task in kept}
            self.assertGreater(len(tasks), 6)
            for summary, number in tasks.items():
                self.assertEqual(numbers.get(summary), number, "nothing is lost")
            # One more than was acknowledged at most: the one whose answer was never read.
            self.assertLessEqual(len(kept), len(tasks) + 1)

    def test_stuck_clients_and_a_running_program_do_not_hold_the_end(self):
        self.start(*self.flags)
        self.home.get("ada", "channel.set", name="slow", argv=["/bin/sleep", "600"],
                      timeout_ms=600_000, is_default=True)
        self.home.get("ada", "task.add", summary="now", at="in 1 second", remind=["0"])
        support.wait_for(lambda: any(d["state"] == "running" for d in self.home.get(
            "ada", "delivery.list")["deliveries"]), "the program runs")
        for number in range(50):
            self.home.get("bob", "task.add", summary=f"{number}", notes="n" * 5000)
        bob = self.home.peer("bob")
        bob.open(name="stuck", kind="dealer", path=self.home.requests("bob"))
        bob.send(name="stuck", method="task.list", times=3000)  # and reads nothing
        bob.open(name="events", kind="sub", path=self.home.events("bob"))
        carol = self.home.peer("carol")
        carol.open(name="poll", kind="dealer", path=self.home.requests("carol"))
        carol.send(name="poll", method="event.read", first=9,
                   params={"wait_ms": 60_000})
        half = http_client.Connection(self.http)
        self.addCleanup(half.close)
        half.send("POST /v1/rpc HTTP/1.1\r\nHost: localhost\r\nContent-Length: 500\r\n\r\n{")
        idle = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.addCleanup(idle.close)
        idle.connect(self.home.requests("root"))
        self.home.get("ada", "task.add", summary="last")
        programs = self.programs()
        self.assertEqual(len(programs), 1)
        begun = time.monotonic()
        self.assertEqual(self.home.kill(signal.SIGTERM), 0)
        self.assertLess(time.monotonic() - begun, STOP_MAX)
        # The poll is told so, and its client may ask the next daemon.
        reply = json.loads(carol.receive(name="poll", ms=30_000)[-1])
        self.assertEqual((reply["id"], reply["error"]["data"]["reason"]), (9, "unavailable"))
        support.wait_for(lambda: not os.path.exists(f"/proc/{programs[0]}"),
                         "the program ends with the daemon")
        self.start(*self.flags)
        self.assertEqual(self.home.get("ada", "task.list")["total"], 2)

    def programs(self):
        """What the daemon has started and is still running."""
        return subprocess.run(["pgrep", "-P", str(self.home.process.pid)], capture_output=True,
                              text=True, check=False).stdout.split()

    def test_of_20_starts_at_once_one_serves_and_the_others_name_it(self):
        prefix = ["setpriv", f"--reuid={UIDS['taskd']}", f"--regid={UIDS['taskd']}",
                  "--clear-groups"]
        started = [subprocess.Popen([*prefix, support.TASKD, "--system"], env=self.home.env,
                                    stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                                    stderr=subprocess.PIPE, text=True) for _ in range(20)]
        for process in started:
            self.addCleanup(process.stderr.close)
            self.addCleanup(process.wait)
            self.addCleanup(process.kill)
        support.wait_for(lambda: sum(p.poll() is not None for p in started) >= 19, "19 have ended")
        support.wait_for(lambda: os.path.exists(self.home.requests("root")), "the last one serves")
        running = [process for process in started if process.poll() is None]
        self.assertEqual(len(running), 1)
        self.assertEqual(self.home.get("root", "admin.health")["pid"], running[0].pid)
        for process in started:
            if process is running[0]:
                continue
            self.assertEqual(process.returncode, 4)
            self.assertIn(f"another taskd (pid {running[0].pid}) holds", process.stderr.read())
        running[0].terminate()
        self.assertEqual(running[0].wait(support.DEADLINE), 0)


if __name__ == "__main__":
    unittest.main()
