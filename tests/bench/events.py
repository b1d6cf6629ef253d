# SPDX-License-Identifier: Apache-2.0
"""Durable events a second: taskd, Redis streams and PostgreSQL in turns, on one disk.

    TASKD_BIN_DIR=build/release /usr/bin/python3 -B tests/bench/events.py [--disk DIR] [--rounds 3]
        [--seconds 3]

Each of them answers when the event is on disk: taskd as always, Redis with appendfsync always,
PostgreSQL with synchronous_commit on. All are private to this run, on Unix sockets, and are stopped
at its end; one that is not installed is left out. Prints a Markdown table of medians."""

import argparse
import glob
import json
import os
import pwd
import select
import shutil
import signal
import statistics
import subprocess
import sys
import tempfile
import time

BIN = os.environ.get("TASKD_BIN_DIR", "build/release")
DRIVER = os.path.join(BIN, "tests", "bench_events_load")
TEXT = "The quick brown fox jumps over the lazy dog, and then over the next one, until a hundred bytes are full."

# Name, clients, outstanding requests of each, events in a request.
SHAPES = [("1 client", 1, 1, 1), ("8 clients", 8, 1, 1), ("64 clients", 64, 1, 1),
          ("8 clients, 16 outstanding", 8, 16, 1), ("8 clients, batches of 100", 8, 1, 100)]
FANS = [1, 10, 100]


class Missing(Exception):
    """A program that is not installed."""


def find(name, *directories):
    path = shutil.which(name, path=os.pathsep.join([*directories, os.environ.get("PATH", "")]))
    if path is None:
        raise Missing(name)
    return path


def wait_until(good, what, process):
    for _ in range(600):
        if good():
            return
        if process.poll() is not None:
            raise RuntimeError(f"{what} ended with {process.returncode}")
        time.sleep(0.05)
    raise RuntimeError(f"{what} did not get ready")


class Peer:
    """A server in a directory of its own on the disk; sockets elsewhere, since paths are short."""

    def __init__(self, disk, sockets):
        self.process = None
        self.data = os.path.join(disk, type(self).__name__)
        self.sockets = os.path.join(sockets, type(self).__name__)
        os.mkdir(self.data, 0o700)
        os.mkdir(self.sockets, 0o700)
        self.log = os.open(os.path.join(self.data, "log"), os.O_WRONLY | os.O_CREAT, 0o600)

    def spawn(self, command, **options):
        # A group of its own: Ctrl-C is for this script, which then ends the servers in order.
        self.process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=self.log,
                                        stderr=self.log, start_new_session=True, **options)

    def stop(self):
        if self.process is None or self.process.poll() is not None:
            return
        self.process.send_signal(signal.SIGINT)  # PostgreSQL: without waiting for clients
        try:
            self.process.wait(30)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()


class Taskd(Peer):
    def start(self):
        self.driver = find(os.path.abspath(DRIVER))
        ready, report = os.pipe()
        env = {"PATH": os.environ["PATH"], "HOME": self.data, "LANG": "C.UTF-8",
               "TASKD_ENDPOINT": self.sockets, "TASKD_STORE_PATH": self.data + "/taskd.db",
               "TASKD_QUOTA_EVENTS_PER_SECOND": "1000000000", "TASKD_RETENTION_MAX_BYTES": "0",
               "TASKD_QUOTA_EVENT_BYTES": str(10**15)}
        self.spawn([os.path.abspath(os.path.join(BIN, "taskd")), "--background-fd", str(report)],
                   env=env, pass_fds=[report])
        os.close(report)
        if not select.select([ready], [], [], 30)[0] or os.read(ready, 4096) != b"ready\n":
            raise RuntimeError("taskd did not get ready")
        os.close(ready)

    def run(self, clients, outstanding, batch, seconds, subscribers=0):
        out = subprocess.run(
            [self.driver, "--endpoint", self.sockets, "--clients", str(clients), "--outstanding",
             str(outstanding), "--batch", str(batch), "--seconds", str(seconds), "--subscribers",
             str(subscribers)], capture_output=True, text=True, check=True).stdout
        return json.loads(out)


class Redis(Peer):
    """XADD to one stream. There is no check for a repeated key: XADD has none."""

    def start(self):
        self.socket = os.path.join(self.sockets, "redis.sock")
        self.benchmark = find("redis-benchmark")
        self.client = find("redis-cli")
        self.rates = {}
        # No rewrite of the file in between: it would be a pause of Redis' own.
        self.spawn([find("redis-server"), "--port", "0", "--unixsocket", self.socket,
                    "--appendonly", "yes", "--appendfsync", "always", "--save", "",
                    "--auto-aof-rewrite-percentage", "0", "--dir", self.data])
        wait_until(lambda: self.call("PING") == "PONG", "redis-server", self.process)

    def call(self, *words):
        return subprocess.run([self.client, "-s", self.socket, *words], capture_output=True,
                              text=True, check=False).stdout.strip()

    def run(self, clients, outstanding, batch, seconds):
        depth = outstanding * batch
        shape = (clients, depth)
        if shape not in self.rates:  # it counts requests, not seconds
            self.rates[shape] = self.measure(clients, depth, 50 * clients * depth)
        self.rates[shape] = self.measure(clients, depth, int(self.rates[shape] * seconds))
        return self.rates[shape]

    def measure(self, clients, depth, count):
        out = subprocess.run(
            [self.benchmark, "-s", self.socket, "-c", str(clients), "-P", str(depth), "-n",
             str(max(count, clients * depth)), "-r", "1000000000000", "--csv", "XADD", "bench", "*",
             "id", "__rand_int__", "source", "/bench", "type", "bench.event", "subject", "s1",
             "data", '{"n":__rand_int__,"text":"' + TEXT + '"}'],
            capture_output=True, text=True, check=True).stdout
        self.call("DEL", "bench")  # its memory, not its file
        return float(out.strip().splitlines()[-1].rsplit('",', 7)[1].strip('"'))


class Postgres(Peer):
    """One row an event in a transaction of its own; batches are one insert of many rows. 16
    outstanding are a pipeline, which PostgreSQL commits at its end: one sync for the 16."""

    table = """CREATE TABLE event (user_id text, source text, dedup_key text, type text,
        subject text, data jsonb, received timestamptz DEFAULT now(), seq bigserial PRIMARY KEY,
        UNIQUE (user_id, source, dedup_key))"""
    insert = ("INSERT INTO event (user_id, source, dedup_key, type, subject, data) SELECT 'bench', "
              "'/bench', ((:key)::bigint + i)::text, 'bench.event', 's1', jsonb_build_object('n', i, 'text', "
              f"'{TEXT}') FROM generate_series(1, {{batch}}) i;\n")
    single = ("INSERT INTO event (user_id, source, dedup_key, type, subject, data) VALUES ('bench', "
              "'/bench', (:key)::bigint::text, 'bench.event', 's1', "
              f"'{{\"n\": 1, \"text\": \"{TEXT}\"}}');\n")

    def start(self):
        programs = sorted(glob.glob("/usr/lib/postgresql/*/bin"), reverse=True)
        self.pgbench = find("pgbench", *programs)
        self.psql = find("psql", *programs)
        postgres = find("postgres", *programs)
        data = os.path.join(self.data, "data")
        as_user = []
        if os.getuid() == 0:  # it refuses to run as root
            try:
                user = pwd.getpwnam("postgres")
            except KeyError:
                user = pwd.getpwnam("nobody")
            as_user = [find("setpriv"), f"--reuid={user.pw_uid}", f"--regid={user.pw_gid}",
                       "--clear-groups"]
            for path in (self.data, self.sockets):
                os.chown(path, user.pw_uid, user.pw_gid)
        subprocess.run([*as_user, find("initdb", *programs), "-D", data, "-A", "trust", "-U",
                        "bench", "-E", "UTF8", "--locale=C.UTF-8"], cwd="/", stdout=self.log,
                       stderr=self.log, check=True)
        self.spawn([*as_user, postgres, "-D", data, "-k", self.sockets, "-c",
                    "listen_addresses=", "-c", "synchronous_commit=on", "-c", "fsync=on"], cwd="/")
        wait_until(lambda: self.sql("SELECT 1") == 0, "postgres", self.process)
        if self.sql(self.table) != 0:
            raise RuntimeError("postgres refused the table")

    def sql(self, text):
        return subprocess.run([self.psql, "-q", "-h", self.sockets, "-U", "bench", "-d",
                               "postgres", "-c", text], stdout=subprocess.DEVNULL,
                              stderr=self.log, check=False).returncode

    def run(self, clients, outstanding, batch, seconds):
        one = "\\set key random(1, 1000000000000000)\n" + (
            self.single if batch == 1 else self.insert.format(batch=batch))
        script = os.path.join(self.sockets, "script")
        with open(script, "w", encoding="ascii") as file:
            file.write(one if outstanding == 1 else
                       "\\startpipeline\n" + one * outstanding + "\\endpipeline\n")
        out = subprocess.run(
            [self.pgbench, "-h", self.sockets, "-U", "bench", "-n", "-f", script, "-c",
             str(clients), "-j", str(min(2, clients)), "-M", "prepared", "-T", str(seconds),
             "postgres"], capture_output=True, text=True, check=True).stdout
        tps = next(line for line in out.splitlines() if line.startswith("tps = "))
        return float(tps.split()[2]) * outstanding * batch


def syncs(disk, seconds, overwrite):
    """Writes of 4 KiB, each with fdatasync, a second: what the disk can do, one at a time. An append
    also changes the file's size, which the file system has to write too; a log that goes over its
    old space again, as SQLite's and PostgreSQL's do, is spared that."""
    path = os.path.join(disk, "sync")
    file = os.open(path, os.O_RDWR | os.O_CREAT | os.O_TRUNC, 0o600)
    if overwrite:
        for _ in range(16):
            os.write(file, b"x" * (1 << 20))
        os.fsync(file)
    count = 0
    begin = time.monotonic()
    while time.monotonic() - begin < seconds:
        os.pwrite(file, b"y" * 4096, count % 4096 * 4096 if overwrite else count * 4096)
        os.fdatasync(file)
        count += 1
    rate = count / (time.monotonic() - begin)
    os.close(file)
    os.unlink(path)
    return rate


def measure(peers, disk, rounds, seconds):
    """All of it in turns, so that they meet the same machine; {(shape, who): [figures]}."""
    figures = {}
    loads = []

    def note(key, value):
        figures.setdefault(key, []).append(value)
        loads.append(os.getloadavg()[0])

    for number in range(rounds):
        print(f"round {number + 1} of {rounds}", file=sys.stderr)
        note("appends", syncs(disk, min(2, seconds), False))
        note("overwrites", syncs(disk, min(2, seconds), True))
        for name, *shape in SHAPES:
            for peer in peers:
                note((name, type(peer)), peer.run(*shape, seconds))
        for fan in FANS:
            for peer in peers:
                if isinstance(peer, Taskd):
                    note(("fan", fan), peer.run(8, 1, 1, seconds, fan))
    return figures, loads


def report(peers, figures, loads):
    kinds = [type(peer) for peer in peers]

    def ours(key, name):
        return statistics.median(one[name] for one in figures[key])

    def number(value):
        return f"{value:,.0f}".replace(",", " ")

    def ratios(name, kind):
        """Of each round, since the machine is another one a minute later: median (least-most)."""
        each = sorted(one["events_per_s"] / other for one, other in
                      zip(figures[(name, Taskd)], figures[(name, kind)]))
        return f"{statistics.median(each):.2f} ({each[0]:.2f}-{each[-1]:.2f})"

    appends, overwrites = (number(statistics.median(figures[key]))
                           for key in ("appends", "overwrites"))
    print(f"The disk: {appends} appends or {overwrites} overwrites of 4 KiB with fdatasync a second. "
          f"Load {min(loads):.1f} to {max(loads):.1f} on {os.cpu_count()} cores, the benchmark's own "
          "included.\n")
    print("| events/s | taskd | p50 ms | p99 ms | Redis | PostgreSQL | taskd / Redis | "
          "taskd / PostgreSQL |\n| --- | --- | --- | --- | --- | --- | --- | --- |")
    for name, *_ in SHAPES:
        key = (name, Taskd)
        rate = ours(key, "events_per_s")
        peer = {kind: statistics.median(figures[(name, kind)]) for kind in kinds if kind != Taskd}
        shown = [number(peer[kind]) if kind in peer else "-" for kind in (Redis, Postgres)]
        shown += [ratios(name, kind) if kind in peer else "-" for kind in (Redis, Postgres)]
        print(f"| {name} | {number(rate)} | {ours(key, 'p50_ms'):.2f} | {ours(key, 'p99_ms'):.2f} "
              f"| {' | '.join(shown)} |")
    print("\n| subscribers (8 clients publish) | events/s | copies/s | lost of all copies | p50 ms "
          "| p99 ms |\n| --- | --- | --- | --- | --- | --- |")
    for fan in FANS:
        key = ("fan", fan)
        lost = sum(one["lost"] for one in figures[key])
        copies = lost + sum(one["copies"] for one in figures[key])
        print(f"| {fan} | {number(ours(key, 'events_per_s'))} | "
              f"{number(ours(key, 'copies_per_s'))} | {100 * lost / copies:.1f} % | "
              f"{ours(key, 'p50_ms'):.2f} | {ours(key, 'p99_ms'):.2f} |")


def main():
    parser = argparse.ArgumentParser(description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--disk", default=".", help="a directory on the disk to measure")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--seconds", type=float, default=3, help="of each measurement")
    arguments = parser.parse_args()
    arguments.seconds = max(1, round(arguments.seconds))  # pgbench takes whole ones

    disk = tempfile.mkdtemp(prefix="bench-events-", dir=os.path.abspath(arguments.disk))
    sockets = tempfile.mkdtemp(prefix="bench-events-")
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # so that the servers are stopped
    peers = []
    try:
        for path in (disk, sockets):
            os.chmod(path, 0o711)  # PostgreSQL runs as somebody else
        for kind in (Taskd, Redis, Postgres):
            peer = kind(disk, sockets)
            peers.append(peer)
            try:
                peer.start()
            except Missing as missing:
                peers.remove(peer)
                print(f"{kind.__name__} is left out: {missing} is not installed", file=sys.stderr)
                if kind == Taskd:
                    return 1
        report(peers, *measure(peers, disk, arguments.rounds, arguments.seconds))
        return 0
    except KeyboardInterrupt:
        return 130
    except subprocess.CalledProcessError as failure:
        print(f"{failure}\n{failure.stderr or ''}", file=sys.stderr)
        return 1
    finally:
        for peer in peers:
            peer.stop()
        for path in (disk, sockets):
            shutil.rmtree(path, ignore_errors=True)


if __name__ == "__main__":
    sys.exit(main())
