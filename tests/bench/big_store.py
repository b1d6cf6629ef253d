# SPDX-License-Identifier: Apache-2.0
"""A store with 100 000 tasks and 1 000 000 pending timers: start to ready, memory, list and add.

    TASKD_BIN_DIR=build/quickstart /usr/bin/python3 tests/bench/big_store.py [TASKS] [TIMERS]

Uses hyperfine where it is installed, else a plain loop."""

import os
import shutil
import sqlite3
import subprocess
import sys
import time
import uuid

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "e2e"))
import support  # noqa: E402


def fill(path, tasks, timers):
    """Rows as taskd would have written them; the bulk way, since a million commands take a while."""
    database = sqlite3.connect(path)
    user, head = database.execute("SELECT user_id, task_number_head FROM user").fetchone()
    now = int(time.time() * 1000)
    far = now + 365 * 86_400_000
    ids = [str(uuid.uuid4()) for _ in range(tasks)]
    database.executemany(
        "INSERT INTO task (user_id, id, number, summary, notes, project, priority, status, created,"
        " modified, revision) VALUES (?, ?, ?, ?, '', 'p', 0, 'needs-action', ?, ?, 1)",
        ((user, ids[n], head + 1 + n, f"task {n}", now, now) for n in range(tasks)))
    reminders = [(user, str(uuid.uuid4()), ids[n % tasks], far + n) for n in range(timers)]
    database.executemany(
        "INSERT INTO reminder (user_id, id, task_id, before_ms, channels, grace_ms, fired, next_ms)"
        " VALUES (?, ?, ?, 0, '[]', 86400000, 0, ?)", reminders)
    database.executemany("INSERT INTO timer VALUES ('reminder', ?, ?, ?)",
                         ((due, user, ref) for user, ref, _, due in reminders))
    database.execute("UPDATE user SET task_number_head = ?", (head + tasks,))
    database.commit()
    database.close()


def rss(pid):
    with open(f"/proc/{pid}/status", encoding="ascii") as file:
        return next(line.split()[1] for line in file if line.startswith("VmRSS"))


def measure(home, name, command):
    if shutil.which("hyperfine"):
        out = subprocess.run(["hyperfine", "-N", "-w", "3", "-r", "30", "--style", "basic", command],
                             env=home.env, capture_output=True, text=True, check=True).stdout
        print(name + ":", next(line.strip() for line in out.splitlines() if "Time" in line))
        return
    begin = time.monotonic()
    for _ in range(30):
        subprocess.run(command.split(), env=home.env, stdout=subprocess.DEVNULL, check=True)
    print(f"{name}: {(time.monotonic() - begin) / 30 * 1000:.1f} ms each, 30 runs")


def main():
    tasks = int(sys.argv[1]) if len(sys.argv) > 1 else 100_000
    timers = int(sys.argv[2]) if len(sys.argv) > 2 else 1_000_000
    home = support.Home()
    try:
        for name, filled in (("empty", False), (f"{tasks} tasks, {timers} timers", True)):
            home.start()
            home.result("task.add", summary="first")
            home.kill(15)
            if filled:
                fill(home.store, tasks, timers)
            begin = time.monotonic()
            home.start()
            ready = (time.monotonic() - begin) * 1000
            print(f"{name}: ready after {ready:.0f} ms, RSS {rss(home.process.pid)} kB, "
                  f"store {os.path.getsize(home.store) // 1_000_000} MB")
            taskctl = os.path.abspath(support.TASKCTL)
            measure(home, "  taskctl list (100 of them)", f"{taskctl} list")
            measure(home, "  taskctl list --limit 1000", f"{taskctl} list --limit 1000")
            measure(home, "  taskctl add", f"{taskctl} add something")
            measure(home, "  taskctl version --help", f"{taskctl} --version")
            print(f"  afterwards RSS {rss(home.process.pid)} kB")
            home.kill(15)
    finally:
        home.close()


if __name__ == "__main__":
    main()
