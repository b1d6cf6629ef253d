# SPDX-License-Identifier: Apache-2.0
"""Many commands due in the same minute: how late they begin, how many end per second, and what the
daemon needs for it, beside a loop that only starts `true` as often.

    TASKD_BIN_DIR=build/release /usr/bin/python3 -B tests/bench/commands.py [--disk DIR] [--count 10000]

Prints a Markdown table; a daemon of its own runs the commands."""

import argparse
import datetime
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time

import zmq

BIN = os.path.abspath(os.environ.get("TASKD_BIN_DIR", "build/release"))
BATCH = 100


class Daemon:
    def __init__(self, home, count):
        runtime = os.path.join(home, "run")
        os.mkdir(runtime, 0o700)
        self.env = {**os.environ, "XDG_RUNTIME_DIR": runtime,
                    "XDG_STATE_HOME": os.path.join(home, "state"),
                    "XDG_CONFIG_HOME": os.path.join(home, "config"),
                    "TASKD_QUOTA_TASKS": str(count + 1000)}
        subprocess.run([os.path.join(BIN, "taskctl"), "list"], env=self.env, check=True,
                       stdout=subprocess.DEVNULL)
        health = subprocess.run([os.path.join(BIN, "taskctl"), "health", "-o", "json"],
                                env=self.env, check=True, capture_output=True, text=True)
        self.pid = json.loads(health.stdout)["pid"]
        self.socket = zmq.Context.instance().socket(zmq.REQ)
        self.socket.connect("ipc://" + os.path.join(runtime, "taskd", "requests.sock"))

    def calls(self, requests):
        self.socket.send(json.dumps([{"jsonrpc": "2.0", "id": i, "method": method, "params": params}
                                     for i, (method, params) in enumerate(requests)]).encode())
        replies = json.loads(self.socket.recv())
        for reply in replies:
            if "error" in reply:
                raise RuntimeError(reply["error"]["message"])
        return [reply["result"] for reply in sorted(replies, key=lambda one: one["id"])]

    def resident(self):
        with open(f"/proc/{self.pid}/status", encoding="utf-8") as file:
            return next(int(line.split()[1]) for line in file if line.startswith("VmHWM")) / 1024

    def stop(self):
        subprocess.run([os.path.join(BIN, "taskctl"), "shutdown"], env=self.env, check=False)


def instant(text):
    return datetime.datetime.fromisoformat(text.replace("Z", "+00:00"))


def lags_of(home):
    """From the store itself, read-only: a page of 1000 runs would not do."""
    import sqlite3  # pylint: disable=import-outside-toplevel
    path = os.path.join(home, "state", "taskd", "taskd.db")
    with sqlite3.connect(f"file:{path}?mode=ro", uri=True) as store:
        return sorted(row[0] for row in store.execute(
            "SELECT started - planned FROM delivery WHERE command_group IS NOT NULL "
            "AND state = 'succeeded'"))


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n", maxsplit=1)[0])
    parser.add_argument("--disk", default=None, help="where the store is (default: TMPDIR)")
    parser.add_argument("--count", type=int, default=10_000)
    parser.add_argument("--ahead", type=int, default=0, help="seconds until they are due")
    options = parser.parse_args()

    home = tempfile.mkdtemp(prefix="taskd-bench-", dir=options.disk)
    daemon = Daemon(home, options.count)
    try:
        before = daemon.resident()
        ahead = options.ahead or 10 + options.count // 200
        due = datetime.datetime.now(datetime.timezone.utc) + datetime.timedelta(seconds=ahead)
        at = due.strftime("%Y-%m-%dT%H:%M:%S")
        task = {"summary": "true", "due": at, "tz": "UTC", "command": {"argv": ["true"]}}
        begun = time.monotonic()
        for first in range(0, options.count, BATCH):
            size = min(BATCH, options.count - first)
            daemon.calls([("task.add", task)] * size)
        added = time.monotonic() - begun
        if datetime.datetime.now(datetime.timezone.utc) >= due:
            sys.exit("adding them took longer than --ahead seconds")
        time.sleep(max(0, (due - datetime.datetime.now(datetime.timezone.utc)).total_seconds()))
        begun = time.monotonic()
        while len(lags_of(home)) < options.count:
            time.sleep(0.2)
        took = time.monotonic() - begun
        lags = lags_of(home)
        peak = daemon.resident()
        begun = time.monotonic()
        for _ in range(options.count):
            subprocess.run(["true"], check=True)
        bare = time.monotonic() - begun

        print("| what | value |\n| --- | ---: |")
        print(f"| added, batches of {BATCH} | {options.count / added:.0f}/s |")
        print(f"| all ended after | {took:.1f} s, {options.count / took:.0f}/s |")
        for name, share in (("p50", .5), ("p99", .99), ("last", 1)):
            lag = lags[min(len(lags) - 1, int(share * len(lags)))]
            print(f"| start lag, {name} | {lag / 1000:.2f} s |")
        print(f"| `true`, one after the other by Python | {bare:.1f} s, {options.count / bare:.0f}/s |")
        print(f"| ratio to that | {took / bare:.2f} |")
        print(f"| memory before, at most | {before:.0f} MiB, {peak:.0f} MiB |")
    finally:
        daemon.stop()
        shutil.rmtree(home)


if __name__ == "__main__":
    main()
