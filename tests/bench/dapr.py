# SPDX-License-Identifier: Apache-2.0
"""What Dapr's side of taskd costs: calls against curl on the same sidecar, events that come in, and
events that go out.

    TASKD_BIN_DIR=build/release /usr/bin/python3 -B tests/bench/dapr.py [--rounds 5] [--seconds 3]

The sidecar of this bench answers at once and keeps nothing, so that what is measured is ours: a
real one adds its own time to both sides. Prints Markdown tables of medians; ratios are of one run."""

import argparse
import asyncio
import json
import os
import statistics
import subprocess
import sys
import threading
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "e2e"))
os.environ.setdefault("TASKD_BIN_DIR", "build/release")
import support  # noqa: E402
from dapr_system import TOKEN, free_port  # noqa: E402

TASKCTL_DAPR = os.path.join(support.BIN, "taskctl-dapr")
BULK = 100


class Sidecar:
    """Takes every request, says 200 or 204, and counts requests and published entries."""

    def __init__(self):
        self.requests, self.entries, self.news = 0, 0, threading.Condition()
        self.loop = asyncio.new_event_loop()
        ready = threading.Event()
        threading.Thread(target=self.run, args=(ready,), daemon=True).start()
        ready.wait()

    def run(self, ready):
        async def begin():
            server = await asyncio.start_server(self.serve, "127.0.0.1", 0)
            self.port = server.sockets[0].getsockname()[1]
            ready.set()
        self.loop.create_task(begin())
        self.loop.run_forever()

    async def serve(self, reader, writer):
        try:
            while True:
                head = await reader.readuntil(b"\r\n\r\n")
                length = 0
                for line in head.split(b"\r\n"):
                    if line.lower().startswith(b"content-length:"):
                        length = int(line[15:])
                body = await reader.readexactly(length) if length else b""
                with self.news:
                    self.requests += 1
                    if b"/publish/bulk/" in head:
                        self.entries += body.count(b'"entryId"')
                    elif b"/publish/" in head:
                        self.entries += 1
                    self.news.notify_all()
                if b"/invoke/" in head:
                    writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}")
                else:
                    writer.write(b"HTTP/1.1 204 No Content\r\nContent-Length: 0\r\n\r\n")
        except (asyncio.IncompleteReadError, ConnectionError):
            writer.close()

    def wait(self, what, least):
        with self.news:
            if not self.news.wait_for(lambda: getattr(self, what) >= least, 120):
                raise RuntimeError(f"{what} stand at {getattr(self, what)}, not {least}")


def daemon(sidecar, **settings):
    home, port = support.Home(), free_port()
    home.env.update({"APP_API_TOKEN": TOKEN, "TASKD_DAPR_PORT": str(sidecar.port),
                     "TASKD_DAPR_PUBSUB": "bus", "TASKD_DAPR_TOPICS": "t",
                     "TASKD_HTTP_LISTEN": f"127.0.0.1:{port}", "TASKD_QUOTA_CALLS": "1000000",
                     **{"TASKD_" + key.upper(): value for key, value in settings.items()}})
    said = home.start()
    if said != "ready":
        raise RuntimeError(said)
    return home, port


def timed(work):
    begin = time.monotonic()
    work()
    return time.monotonic() - begin


def calls(rounds):
    """Milliseconds of one call: curl, taskctl, and how long taskd takes to carry out a durable one."""
    sidecar = Sidecar()
    home, _ = daemon(sidecar)
    path = "/v1.0/invoke/billing/method/api/v1/invoices"
    url = f"http://127.0.0.1:{sidecar.port}{path}"
    env = {**home.env, "DAPR_HTTP_PORT": str(sidecar.port)}

    def run(*command):
        subprocess.run(command, env=env, check=True, stdout=subprocess.DEVNULL)

    def durable():
        before = sidecar.requests
        home.result("dapr.invoke", app="billing", path="api/v1/invoices", body="{}")
        sidecar.wait("requests", before + 1)

    ways = {
        "curl": lambda: run("curl", "-s", "-X", "POST", "-H", "content-type: application/json",
                            "-d", "{}", url),
        "taskctl-dapr invoke": lambda: run(TASKCTL_DAPR, "invoke", "billing", "api/v1/invoices",
                                           "-d", "{}"),
        "taskctl invoke": lambda: run(support.TASKCTL, "invoke", "billing", "api/v1/invoices",
                                      "-d", "{}"),
        "dapr.invoke, from the request until the app has the call": durable,
    }
    found = {name: [] for name in ways}
    for _ in range(rounds * 10):
        for name, way in ways.items():
            found[name].append(timed(way) * 1000)
    # Many durable calls at once: what the workers carry out.
    count, before = 500, sidecar.requests
    took = timed(lambda: (
        [home.result("dapr.invoke", app="billing", path=f"api/{i}", body="{}") for i in range(count)],
        sidecar.wait("requests", before + count)))
    home.close()
    medians = {name: statistics.median(times) for name, times in found.items()}
    print("| a call | ms | to curl |\n| --- | --- | --- |")
    for name, value in medians.items():
        print(f"| {name} | {value:.1f} | {value / medians['curl']:.2f} |")
    print(f"\n{count} durable calls one after another: {count / took:.0f}/s kept on disk and made.\n")


class Sender(threading.Thread):
    """One connection of a sidecar that delivers."""

    def __init__(self, port, number, bulk, until):
        super().__init__()
        self.port, self.number, self.bulk, self.until, self.sent = port, number, bulk, until, 0

    def event(self, count):
        data = {"event_id": f"{self.number}-{count}", "event_type": "build.done", "task_id": count,
                "user_id": "ada", "payload": {"text": "x" * 60}}
        return {"specversion": "1.0", "id": f"{self.number}-{count}", "source": "ci",
                "type": "com.dapr.event.sent", "data": data}

    def run(self):
        import http.client
        connection = http.client.HTTPConnection("127.0.0.1", self.port)
        headers = {"dapr-api-token": TOKEN, "Content-Type": "application/cloudevents+json"}
        while time.monotonic() < self.until:
            events = [self.event(self.sent + i) for i in range(self.bulk)]
            body = events[0] if self.bulk == 1 else {
                "id": "b", "type": "com.dapr.event.sent.bulk", "topic": "t", "pubsubname": "bus",
                "metadata": {}, "entries": [{"entryId": event["id"], "event": event,
                                        "contentType": "application/cloudevents+json"}
                                       for event in events]}
            connection.request("POST", "/dapr/events/t", json.dumps(body), headers)
            answer = connection.getresponse()
            text = answer.read()
            if answer.status != 200 or b"SUCCESS" not in text:
                raise RuntimeError(text)
            self.sent += self.bulk


def inbound(rounds, seconds):
    sidecar = Sidecar()
    shapes = [("1 connection, one by one", 1, 1), ("16 connections, one by one", 16, 1),
              ("4 connections, bulk of 100", 4, BULK)]
    found = {name: [] for name, _, _ in shapes}
    number = 0
    for _ in range(rounds):
        for name, connections, bulk in shapes:
            home, port = daemon(sidecar)
            until = time.monotonic() + seconds
            senders = []
            for _ in range(connections):
                number += 1
                senders.append(Sender(port, number, bulk, until))
            took = timed(lambda: ([one.start() for one in senders], [one.join() for one in senders]))
            found[name].append(sum(one.sent for one in senders) / took)
            home.close()
    first = statistics.median(found[shapes[0][0]])
    print("| events in, each on disk before its answer | a second | to the first |\n| --- | --- | --- |")
    for name, rates in found.items():
        rate = statistics.median(rates)
        print(f"| {name} | {rate:.0f} | {rate / first:.1f} |")
    print()


def outbound(rounds):
    """Events of tasks that are added, from the log to the sidecar: behind from an outage."""
    count, rates, alone = 5000, [], []
    for batch, into in ((1, alone), (BULK, rates)):
        for _ in range(rounds):
            sidecar = Sidecar()
            home, _ = daemon(sidecar, publisher_topics="t", publisher_batch_max=str(batch),
                             dapr_endpoint="http://127.0.0.1:1")
            requests = [{"jsonrpc": "2.0", "id": i, "method": "task.add", "params": {"summary": "t"}}
                        for i in range(100)]
            for _ in range(count // 100):
                import zmq
                socket = home.socket(zmq.REQ, "requests")
                socket.send(json.dumps(requests).encode())
                socket.recv()
                socket.close()
            home.kill()
            home.env.pop("TASKD_DAPR_ENDPOINT")
            took = timed(lambda: (home.start(), sidecar.wait("entries", count)))
            into.append(count / took)
            home.close()
    one, many = statistics.median(alone), statistics.median(rates)
    print("| events out, behind by 5 000, from the start of taskd | a second | to one by one |\n"
          "| --- | --- | --- |")
    print(f"| one by one (publisher.batch_max = 1) | {one:.0f} | 1.0 |")
    print(f"| in bulk (100) | {many:.0f} | {many / one:.1f} |")


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=float, default=3)
    options = parser.parse_args()
    calls(options.rounds)
    inbound(options.rounds, options.seconds)
    outbound(options.rounds)


if __name__ == "__main__":
    main()
