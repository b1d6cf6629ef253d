# SPDX-License-Identifier: Apache-2.0
"""What taskctl once adds to a command: the first run and the replay of `true`, beside plain `true`,
`flock FILE true`, and one durable write of the disk, in turns.

    TASKD_BIN_DIR=build/release /usr/bin/python3 -B tests/bench/once.py [--disk DIR] [--rounds 200]

Prints a Markdown table of medians and their ratios to `flock`; a daemon of its own serves it."""

import argparse
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time

BIN = os.path.abspath(os.environ.get("TASKD_BIN_DIR", "build/release"))
TASKCTL = os.path.join(BIN, "taskctl")


def timed(work):
    begun = time.perf_counter()
    work()
    return (time.perf_counter() - begun) * 1000


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n", maxsplit=1)[0])
    parser.add_argument("--disk", default=None, help="where the store is (default: TMPDIR)")
    parser.add_argument("--rounds", type=int, default=200)
    options = parser.parse_args()

    home = tempfile.mkdtemp(prefix="taskd-bench-", dir=options.disk)
    runtime = os.path.join(home, "run")
    os.mkdir(runtime, 0o700)
    env = {**os.environ, "XDG_RUNTIME_DIR": runtime, "XDG_STATE_HOME": os.path.join(home, "state"),
           "XDG_CONFIG_HOME": os.path.join(home, "config")}
    lock = os.path.join(home, "lock")
    sync = os.open(os.path.join(home, "sync"), os.O_WRONLY | os.O_CREAT, 0o600)

    def command(*words):
        return lambda: subprocess.run(words, env=env, check=True, stdin=subprocess.DEVNULL,
                                      stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)

    def write():
        os.pwrite(sync, b"x" * 4096, 0)
        os.fdatasync(sync)

    try:
        command(TASKCTL, "list")()  # starts the daemon
        command(TASKCTL, "once", "kept", "--", "true")()
        times = {name: [] for name in ("true", "flock true", "once true, first", "once true, replayed",
                                       "taskctl version", "a 4 KiB write and fdatasync")}
        for number in range(options.rounds):
            times["true"].append(timed(command("true")))
            times["flock true"].append(timed(command("flock", lock, "true")))
            times["once true, first"].append(timed(command(TASKCTL, "once", f"key-{number}", "--", "true")))
            times["once true, replayed"].append(timed(command(TASKCTL, "once", "kept", "--", "true")))
            times["taskctl version"].append(timed(command(TASKCTL, "version", "--no-start")))
            times["a 4 KiB write and fdatasync"].append(timed(write))
    finally:
        subprocess.run([TASKCTL, "shutdown"], env=env, check=False, stdout=subprocess.DEVNULL)
        os.close(sync)
        shutil.rmtree(home, ignore_errors=True)

    peer = statistics.median(times["flock true"])
    print("| command | median | 95 % within | x flock |\n| --- | ---: | ---: | ---: |")
    for name, all_times in times.items():
        middle = statistics.median(all_times)
        late = sorted(all_times)[int(len(all_times) * 0.95)]
        print(f"| {name} | {middle:.2f} ms | {late:.2f} ms | {middle / peer:.2f} |")
    return 0


if __name__ == "__main__":
    sys.exit(main())
