# SPDX-License-Identifier: Apache-2.0
"""Admitted users who mean harm, or don't know better: the daemon serves the others and stays small.

Each number below was measured with libzmq 4.3.4, and the bounds leave room for other machines."""

import contextlib
import os
import random
import shutil
import signal
import socket
import struct
import time
import unittest

import support
import system_home

NULL_MECHANISM = b"NULL".ljust(20, b"\0")
GREETING = b"\xff" + bytes(8) + b"\x7f\x03\x00" + NULL_MECHANISM + bytes(32)  # ZMTP 3.0, client
OLD_GREETINGS = {
    # A REQ that speaks ZMTP 1.0 begins with its identity's frame, then its message.
    "ZMTP 1.0": b"\x01\x00" + b"\x01\x01" + b"\x3b\x00" +
                b'{"jsonrpc":"2.0","id":1,"method":"admin.health"}'.ljust(58),
    "ZMTP 2.0": b"\xff" + bytes(7) + b"\x01\x7f\x01\x03" + b"\x00\x00" + b"\x01\x00" +
                b'\x00\x30{"jsonrpc":"2.0","id":1,"method":"admin.health"}',
    "HTTP": b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n",
    "JSON": b'{"jsonrpc":"2.0","id":1,"method":"admin.health"}\n',
    "random": random.Random(4).randbytes(5000),
    "another mechanism": GREETING.replace(b"NULL".ljust(20, b"\0"), b"CURVE".ljust(20, b"\0")),
}


class Hostile(system_home.TestCase):
    def gauge(self, name):
        samples = self.home.get("root", "admin.stats")["samples"]
        return sum(s["value"] for s in samples if s["name"] == name)

    def assert_serves(self, name="ada"):
        self.assertEqual(self.home.get(name, "admin.health")["status"], "ok")

    def raw(self, path):
        """A connection of root's, to root's own sockets: past the uid filter."""
        connection = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.addCleanup(connection.close)
        connection.settimeout(support.DEADLINE)
        connection.connect(path)
        return connection

    def received(self, connection):
        """Everything until the daemon hangs up."""
        data = b""
        while True:
            try:
                more = connection.recv(65536)
            except ConnectionResetError:
                return data
            if not more:
                return data
            data += more

    def greeted(self, path, socket_type):
        """A connection after its handshake, ready for frames."""
        connection = self.raw(path)
        name, kind = b"Socket-Type", socket_type.encode()
        ready = (b"\x05READY" + bytes([len(name)]) + name + struct.pack(">I", len(kind)) + kind)
        connection.sendall(GREETING + b"\x04" + bytes([len(ready)]) + ready)
        # 64 bytes of greeting, then the command READY.
        data = b""
        while len(data) < 66 or len(data) < 66 + data[65]:
            more = connection.recv(4096)
            self.assertTrue(more, "the handshake was refused")
            data += more
        return connection


class Greetings(Hostile):
    def test_old_and_wrong_greetings_are_dropped_or_refused_and_others_served(self):
        self.home.start()
        open_ones = []
        for name, text in OLD_GREETINGS.items():
            for path in (self.home.requests("root"), self.home.events("root")):
                connection = self.raw(path)
                connection.sendall(text)
                open_ones.append((name, connection))
        for part in (0, 1, 10, 11, 40, 63):  # nothing at all, and parts of a greeting
            connection = self.raw(self.home.requests("root"))
            connection.sendall(GREETING[:part])
            open_ones.append((f"{part} bytes", connection))
        self.assert_serves()
        for name, connection in open_ones:
            with self.subTest(name):
                if name.startswith("ZMTP") or name in ("HTTP", "JSON", "random"):
                    continue
                self.received(connection)  # ends, after 2 s at the latest
        self.assert_serves()
        # Old protocols have no metadata: no Peer-Address, so no reply, whatever they say.
        for name, connection in open_ones:
            if name.startswith("ZMTP"):
                connection.shutdown(socket.SHUT_WR)
                self.assertNotIn(b"jsonrpc", self.received(connection), name)
        self.assert_serves()

    def test_a_message_without_a_peer_address_is_refused_and_counted(self):
        self.home.start()
        connection = self.raw(self.home.requests("root"))
        # ZMTP 1.0: an empty identity, then one message of delimiter and body.
        body = b'{"jsonrpc":"2.0","id":1,"method":"task.add","params":{"summary":"old"}}'
        connection.sendall(b"\x01\x00" + b"\x01\x01" + bytes([len(body) + 1]) + b"\x00" + body)
        support.wait_for(lambda: self.gauge("taskd_messages_refused_total") >= 1,
                         "the message is refused")
        self.assertEqual(self.home.get("root", "task.list")["total"], 0)
        connection.shutdown(socket.SHUT_WR)
        self.assertNotIn(b"jsonrpc", self.received(connection))


class Sizes(Hostile):
    def test_a_frame_above_4_mib_ends_its_connection_and_takes_no_memory(self):
        self.home.start()
        self.assert_serves()
        before = self.home.rss_mib()
        for size in (4 * 1024 * 1024 + 1, 1 << 40, (1 << 63) - 1):
            connection = self.greeted(self.home.requests("root"), "DEALER")
            connection.sendall(b"\x02" + struct.pack(">Q", size) + b"x" * 1000)
            self.received(connection)
        # One at the bound is taken whole, and answered as what it is.
        dealer = self.home.peer("ada")
        dealer.open(name="big", kind="dealer", path=self.home.requests("ada"))
        dealer.send_frames(name="big", frames=1, size=4 * 1024 * 1024)
        self.assertIn("error", dealer.receive(name="big", ms=30_000)[0])
        self.assertLess(self.home.rss_mib() - before, 64)

    def test_a_subscription_above_64_bytes_ends_its_connection(self):
        self.home.start()
        for size, stays in ((64, True), (65, False)):
            connection = self.greeted(self.home.events("root"), "SUB")
            connection.sendall(b"\x00" + bytes([size]) + b"\x01" + b"t" * (size - 1))
            if stays:
                # A second one, to all, is answered with the head: the connection is alive.
                connection.sendall(b"\x00\x01\x01")
                self.assertIn(b"taskd.head", connection.recv(4096))
            else:
                self.assertEqual(self.received(connection), b"")

    def test_a_flood_of_subscriptions_stays_small(self):
        self.home.start()
        before = self.home.rss_mib()
        connection = self.greeted(self.home.events("root"), "SUB")
        for number in range(20_000):
            connection.sendall(b"\x00\x3d\x01" + str(number).ljust(60).encode())
        self.assert_serves()
        self.assertLess(self.home.rss_mib() - before, 100)
        connection.close()
        self.assert_serves("root")

    def test_200_000_frames_of_one_message_are_refused_and_memory_is_bounded(self):
        self.home.start()
        self.assert_serves()
        before = self.home.rss_mib()
        bob = self.home.peer("bob")
        bob.open(name="many", kind="dealer", path=self.home.requests("bob"))
        bob.send_frames(name="many", frames=200_000)
        bob.send(name="many", method="admin.health")
        self.assert_serves()
        # The next message of the same client is answered: the flood was read to its end.
        self.assertIn("result", bob.receive(name="many", ms=30_000)[0])
        self.assertEqual(self.gauge("taskd_messages_refused_total"), 1)
        self.assertLess(self.home.rss_mib() - before, 150)


class SlowReaders(Hostile):
    def test_a_client_that_reads_no_replies_delays_nobody_and_memory_is_bounded(self):
        self.home.start()
        for number in range(20):
            self.home.get("root", "task.add", user_id="bob", summary=f"{number} " + "x" * 400,
                          notes="n" * 2000)
        before = self.home.rss_mib()
        bob = self.home.peer("bob")
        bob.open(name="stuck", kind="dealer", path=self.home.requests("bob"), hwm=1)
        bob.send(name="stuck", method="task.list", times=5000)
        slowest = 0
        for number in range(50):
            begun = time.monotonic()
            self.home.get("ada", "task.add", summary=f"{number}")
            slowest = max(slowest, time.monotonic() - begun)
        self.assertLess(slowest, 5)
        # 1000 replies of 50 kB wait for the client, and what the kernel holds; the others are lost.
        support.wait_for(lambda: self.gauge("taskd_replies_dropped_total") > 3000,
                         "replies are lost")
        self.assertLess(self.home.rss_mib() - before, 150)
        self.assertEqual(self.home.get("bob", "task.list")["total"], 20)

    def test_one_users_slow_requests_do_not_fill_a_turn(self):
        self.home.start()
        for number in range(200):
            self.home.get("root", "task.add", user_id="bob", summary=f"{number}", notes="n" * 2000)
        bob = self.home.peer("bob")
        bob.open(name="many", kind="dealer", path=self.home.requests("bob"))
        bob.send(name="many", method="task.list", times=2000, params={"limit": 1000})
        for number in range(10):
            begun = time.monotonic()
            self.home.get("ada", "task.add", summary=f"{number}")
            self.assertLess(time.monotonic() - begun, 3)  # 8 s, in turns of 1024 of them

    def test_a_subscriber_that_does_not_read_delays_nobody_and_memory_is_bounded(self):
        self.home.start()
        stuck = [self.greeted(self.home.events("root"), "SUB") for _ in range(10)]
        for connection in stuck:
            connection.sendall(b"\x00\x01\x01")
        reader = self.home.peer("root")
        reader.open(name="events", kind="sub", path=self.home.events("root"))
        self.assertEqual(reader.receive(name="events", ms=30_000)[0], "taskd.head")
        before = self.home.rss_mib()
        for number in range(1500):
            begun = time.monotonic()
            self.home.call("task.add", summary=f"{number}", notes="x" * 4000)
            self.assertLess(time.monotonic() - begun, 5)
        events = [message for message in reader.receive_all(name="events", ms=1000)
                  if message[0] == "task.created"]
        self.assertEqual(len(events), 1500)
        # 10 of them hold at most 1000 messages of 5 kB each.
        self.assertLess(self.home.rss_mib() - before, 120)


class Descriptors(Hostile):
    def flood(self, count=300):
        connections = []
        for _ in range(count):
            connection = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM | socket.SOCK_NONBLOCK)
            self.addCleanup(connection.close)
            support.wait_for(lambda one=connection: self.connects(one), "the queue has room")
            connections.append(connection)
        return connections

    def connects(self, connection):
        try:
            connection.connect(self.home.requests("root"))
            return True
        except BlockingIOError:
            return False  # the queue is full; it is being emptied

    def test_a_flood_of_connections_at_64_and_256_descriptors_ends_nothing(self):
        for limit in (64, 256):
            with self.subTest(limit):
                self.home.start(limit=limit)
                with open(f"/proc/{self.home.process.pid}/limits", encoding="ascii") as file:
                    self.assertRegex(file.read(), rf"Max open files +{limit} +{limit} ")
                connections = self.flood()
                used = lambda: len(os.listdir(f"/proc/{self.home.process.pid}/fd"))
                support.wait_for(lambda: used() >= limit - 2, "all descriptors are in use")
                # Refused connections are closed, and not left to wait.
                support.wait_for(lambda: any(self.is_closed(c) for c in connections),
                                 "one is refused")
                self.assertIsNone(self.home.process.poll())
                for connection in connections:
                    connection.close()
                self.assert_serves()
                self.assertEqual(self.home.kill(signal.SIGTERM), 0)

    def is_closed(self, connection):
        try:
            while connection.recv(4096):
                pass
            return True
        except BlockingIOError:
            return False
        except ConnectionResetError:
            return True

    def test_without_its_own_accept4_the_daemon_would_be_ended(self):
        """The same flood on a copy whose accept4 has another name, so that libc's is called."""
        copy = os.path.join(self.home.path, "taskd-without")
        with open(support.TASKD, "rb") as file:
            text = file.read()
        self.assertIn(b"\0accept4\0", text)
        with open(copy, "wb") as file:
            file.write(text.replace(b"\0accept4\0", b"\0accept5\0"))
        shutil.copymode(support.TASKD, copy)
        self.home.start(binary=copy, limit=64)
        with contextlib.suppress(ConnectionRefusedError):  # it may end before the last of them
            self.flood()
        self.assertEqual(self.home.process.wait(support.DEADLINE), -signal.SIGABRT)
        self.home.process = None


if __name__ == "__main__":
    unittest.main()
