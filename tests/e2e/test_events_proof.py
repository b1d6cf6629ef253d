# SPDX-License-Identifier: Apache-2.0
"""Once, whatever happens: many producers of the same events; and a load under which daemon, consumers and
subscribers are killed again and again. TASKD_CHAOS_SECONDS makes the second longer than its short default."""

import json
import os
import random
import signal
import subprocess
import sys
import threading
import time
import unittest

import zmq

import support

CHAOS_SECONDS = float(os.environ.get("TASKD_CHAOS_SECONDS", "8"))
PRODUCERS = 20
EVENTS = 1000


def event(number, kind="task.requested"):
    return {"specversion": "1.0", "id": f"envelope-{os.getpid()}-{number}-{random.random()}",
            "source": "/proof", "type": kind, "subject": f"s{number % 7}",
            "data": {"event_id": f"e-{number}", "payload": {"summary": f"task {number}"}}}


class Producer:
    """Sends until it has an answer, as any client that means it."""

    def __init__(self, endpoint):
        self.context = zmq.Context()
        self.endpoint = endpoint

    def publish(self, events):
        request = json.dumps({"jsonrpc": "2.0", "id": 1, "method": "event.publish",
                              "params": {"events": events}}).encode()
        until = time.monotonic() + support.DEADLINE
        while time.monotonic() < until:
            socket = self.context.socket(zmq.DEALER)
            socket.linger = 0
            socket.connect(f"ipc://{self.endpoint}/requests.sock")
            socket.send(request)
            got = socket.poll(1000) and json.loads(socket.recv())
            socket.close()
            if got and "result" in got:
                return got["result"]
            # Not within a second, or a daemon that stops: perhaps it was taken. Ask again.
            assert not got or got["error"]["data"]["reason"] in ("unavailable", "unknown"), got
        raise AssertionError("no answer")


def produce_the_same(endpoint, seed):
    """What each of the many processes does: all events, in an order of its own."""
    random.seed(seed)
    numbers = list(range(EVENTS))
    random.shuffle(numbers)
    producer = Producer(endpoint)
    for start in range(0, EVENTS, 50):
        producer.publish([event(n) for n in numbers[start:start + 50]])


class Once(support.TestCase):
    def test_twenty_processes_with_the_same_thousand_events_have_a_thousand_effects(self):
        self.home.start()
        processes = [subprocess.Popen([sys.executable, "-B", __file__, "produce", self.home.endpoint,
                                       str(seed)], env=dict(os.environ)) for seed in range(PRODUCERS)]
        for process in processes:
            self.assertEqual(process.wait(300), 0)
        tasks = self.home.result("task.list", limit=1)["total"]
        self.assertEqual(tasks, EVENTS)
        page = self.home.result("event.read", types=["task.requested"], limit=1000)
        self.assertEqual(len(page["events"]), EVENTS)
        self.assertEqual(len({e["data"]["event_id"] for e in page["events"]}), EVENTS)
        self.assertEqual(self.home.result("dead_letter.list")["total"], 0)


class Chaos(support.TestCase):
    """Everything that can be killed is killed, at random times, until the time is up."""

    def setUp(self):
        super().setUp()
        self.random = random.Random(7)
        self.over = threading.Event()
        self.answered = []
        self.seen = os.path.join(self.home.path, "seen")
        self.tail_out = os.path.join(self.home.path, "tail")
        self.tail_cursor = os.path.join(self.home.path, "tail.cursor")
        open(self.seen, "w", encoding="ascii").close()

    def produce(self, name):
        producer = Producer(self.home.endpoint)
        number = 0
        while not self.over.is_set():
            events = [event(f"{name}{number + i}" and number + i, "job.made") for i in range(5)]
            for one in events:
                one["data"]["event_id"] = f"{name}-{number}"
                number += 1
            self.answered += producer.publish(events)["events"]

    def consumer(self):
        # The effect is one line under O_APPEND: which event, under which fence.
        return subprocess.Popen(
            [support.TASKCTL, "events", "consume", "--group", "work", "--type", "job.*", "--from", "oldest",
             "--lease", "2s", "--attempts", "100", "--backoff", "1s", "--concurrency", "2", "--", "sh", "-c",
             f'cat >/dev/null; echo "$TASKD_EVENT_SEQ $TASKD_FENCE" >>{self.seen}'],
            env={**self.home.env, "TASKCTL_NO_START": "1"}, stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True)

    def tail(self):
        with open(self.tail_out, "ab") as out:
            return subprocess.Popen(
                [support.TASKCTL, "events", "tail", "--follow", "--since", "0", "--cursor", self.tail_cursor,
                 "-o", "jsonl"], env={**self.home.env, "TASKCTL_NO_START": "1"},
                stdin=subprocess.DEVNULL, stdout=out, stderr=subprocess.DEVNULL)

    def kill_something(self, consumers, tails):
        victim = self.random.randrange(6)
        if victim < 2:
            self.home.kill()
            self.home.start()
        elif victim < 5:
            index = self.random.randrange(len(consumers))
            consumers[index].kill()
            consumers[index].wait()
            consumers[index] = self.consumer()
        else:
            tails[0].kill()
            tails[0].wait()
            tails[0] = self.tail()

    def test_no_event_is_lost_or_counted_twice_while_everything_is_killed(self):
        self.home.start()
        self.home.result("consumer.create", name="work", types=["job.*"], **{"from": "oldest"}, lease_ms=2000,
                         attempts_max=100, backoff_ms=1000)
        threads = [threading.Thread(target=self.produce, args=(name,)) for name in "abc"]
        consumers = [self.consumer() for _ in range(3)]
        tails = [self.tail()]
        for thread in threads:
            thread.start()
        try:
            until = time.monotonic() + CHAOS_SECONDS
            while time.monotonic() < until:
                self.over.wait(self.random.uniform(0.2, 0.6))
                self.kill_something(consumers, tails)
            self.over.set()
            for thread in threads:
                thread.join(support.DEADLINE)
            self.check(consumers, tails)
        finally:
            self.over.set()
            for process in consumers + tails:
                process.kill()
                process.wait()

    def log_of_jobs(self):
        events, after = [], 0
        while True:
            page = self.home.result("event.read", after=after, limit=1000)
            events += page["events"]
            after = page["next"]
            if after >= page["head"]:
                return events

    def check(self, consumers, tails):
        log = self.log_of_jobs()
        self.assertEqual([e["userseq"] for e in log], list(range(1, len(log) + 1)))  # P7
        stored = {e["userseq"]: e["id"] for e in log}
        self.assertEqual(len({e["data"]["event_id"] for e in log}), len(log))  # P4
        self.assertGreater(len(self.answered), 50)
        for one in self.answered:  # P1
            self.assertEqual(stored[one["userseq"]], one["id"])

        def settled():
            consumer = self.home.result("consumer.list")["consumers"][0]
            return consumer["lag"] == 0 and consumer["dead"] == 0

        support.wait_for(settled, "the group is at the head", deadline=120)
        with open(self.seen, encoding="ascii") as file:
            runs = [tuple(map(int, line.split())) for line in file.read().splitlines()]
        self.assertEqual({number for number, _ in runs}, set(stored), "each event has its effect")
        fences = {}
        for number, fence in runs:
            fences.setdefault(number, []).append(fence)
        for number, given in fences.items():
            self.assertEqual(len(set(given)), len(given), f"event {number} ran twice under one lease")
        # Run again only what a kill took from its member: an acknowledged event never comes back.
        again = sum(len(given) - 1 for given in fences.values())
        self.assertLess(again, len(runs) / 2, "repeats are what kills explain")

        def printed():
            with open(self.tail_out, encoding="utf-8") as file:
                text = file.read()
            return [json.loads(line)["userseq"] for line in text.splitlines() if line.endswith("}")]

        support.wait_for(lambda: printed() and printed()[-1] == len(log), "the subscriber is at the head")
        numbers = printed()
        # A kill between an event's print and its cursor repeats that one, and nothing is left out.
        distinct = [n for i, n in enumerate(numbers) if i == 0 or n != numbers[i - 1]]
        self.assertEqual(distinct, list(range(1, len(log) + 1)))
        print(f"chaos: {len(log)} events, {len(runs)} runs ({again} again), {len(self.answered)} answers",
              file=sys.stderr)


if __name__ == "__main__":
    if sys.argv[1:2] == ["produce"]:
        produce_the_same(sys.argv[2], int(sys.argv[3]))
    else:
        unittest.main()
