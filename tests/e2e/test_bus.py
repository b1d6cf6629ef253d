# SPDX-License-Identifier: Apache-2.0
"""The live bus: a thousand subscribers, prefixes, and one who does not read."""

import json
import re
import resource
import unittest

import zmq

import support

SUBSCRIBERS = 1000


def event(number, type_="job.made", data=None):
    return {"specversion": "1.0", "id": f"e-{number}", "source": "/bus", "type": type_, "data": data}


class Bus(support.TestCase):
    def setUp(self):
        super().setUp()
        _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
        resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
        self.home.start()

    def subscriber(self, context, prefix):
        socket = context.socket(zmq.SUB)
        socket.linger = 0
        socket.subscribe(prefix)
        socket.subscribe(b"taskd.head")
        socket.connect(f"ipc://{self.home.endpoint}/events.sock")
        return socket

    def receive(self, socket):
        self.assertTrue(socket.poll(support.DEADLINE * 1000), "a message comes")
        return socket.recv_multipart()

    def test_a_thousand_subscribers_get_each_event(self):
        context = zmq.Context()
        context.max_sockets = SUBSCRIBERS + 10
        self.addCleanup(context.destroy, linger=0)
        sockets = [self.subscriber(context, b"job.") for _ in range(SUBSCRIBERS)]
        for socket in sockets:
            self.assertEqual(self.receive(socket)[0], b"taskd.head")  # each is welcomed
        self.home.result("event.publish", events=[event(1), event(2, "other.made"), event(3)])
        for socket in sockets:
            numbers = []
            while len(numbers) < 2:
                topic, number, _ = self.receive(socket)
                if topic != b"taskd.head":
                    numbers.append((topic, int(number)))
            self.assertEqual(numbers, [(b"job.made", 1), (b"job.made", 3)])

    def memory(self):
        with open(f"/proc/{self.home.process.pid}/status", encoding="ascii") as file:
            return int(re.search(r"VmRSS:\s+(\d+)", file.read())[1]) * 1024

    def test_one_who_does_not_read_loses_copies_and_costs_a_bounded_memory(self):
        context = zmq.Context()
        self.addCleanup(context.destroy, linger=0)
        quick = self.subscriber(context, b"job.")
        slow = context.socket(zmq.SUB)
        slow.linger = 0
        slow.rcvhwm = 1
        slow.subscribe(b"job.")
        slow.connect(f"ipc://{self.home.endpoint}/events.sock")
        self.receive(quick)
        before = self.memory()
        text = "x" * 10_000
        got, wanted = set(), 3000
        for start in range(0, wanted, 100):
            self.home.result("event.publish",
                             events=[event(n, data=text) for n in range(start, start + 100)])
            while len(got) < start + 100:
                topic, number, _ = self.receive(quick)
                if topic == b"job.made":
                    got.add(int(number))
        self.assertEqual(got, set(range(1, wanted + 1)))  # who reads has lost nothing
        if not support.is_sanitized():
            # 1000 messages of 10 kB wait for the slow one, and the store's own cache is in here too.
            self.assertLess(self.memory() - before, 60_000_000)
        numbers = []
        while slow.poll(500):
            numbers.append(int(slow.recv_multipart()[1]))
        self.assertLess(len(numbers), wanted)
        # It sees the gap by the numbers: the next live copy is past what it has.
        self.home.result("event.publish", events=[event(wanted, data=1)])
        _, number, body = self.receive(slow)
        self.assertEqual(int(number), wanted + 1)
        self.assertGreater(int(number), numbers[-1] + 1)
        self.assertEqual(json.loads(body)["userseq"], wanted + 1)
        self.assertEqual(len(self.home.result("event.read", after=numbers[-1], limit=1000)["events"]) > 0,
                         True)


if __name__ == "__main__":
    unittest.main()
