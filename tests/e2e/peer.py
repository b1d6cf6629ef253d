# SPDX-License-Identifier: Apache-2.0
"""A client process with a uid of its own: it does what its parent says, a line of JSON at a time.

Run by system_home.Peer; the parent's sockets would have the parent's uid."""

import json
import sys
import threading

import zmq

KINDS = {"dealer": zmq.DEALER, "req": zmq.REQ, "sub": zmq.SUB}


class Load:
    """Adds tasks, each under its key until it is answered, as the manual tells a client to."""

    def __init__(self, peer, path, prefix):
        self.stop = threading.Event()
        self.acknowledged = {}
        self.thread = threading.Thread(target=self.run, args=(peer.context, path, prefix))
        self.thread.start()

    def run(self, context, path, prefix):
        number = 0
        while not self.stop.is_set():
            name = f"{prefix}-{number}"
            request = {"jsonrpc": "2.0", "id": number, "method": "task.add",
                       "params": {"summary": name, "idempotency_key": name}}
            socket = context.socket(zmq.DEALER)
            socket.linger = 0
            socket.connect(path)
            socket.send(json.dumps(request).encode())
            reply = json.loads(socket.recv()) if socket.poll(300) else {}
            socket.close()
            if "result" in reply:
                self.acknowledged[name] = reply["result"]["task"]["number"]
                number += 1


class Peer:
    def __init__(self):
        self.context = zmq.Context()
        self.sockets = {}
        self.loads = {}

    def open(self, name, kind, path, identity=None, topic="", hwm=0):
        """The name's older socket ends first."""
        self.close(name)
        socket = self.context.socket(KINDS[kind])
        socket.linger = 0
        socket.sndhwm = 0
        socket.rcvhwm = hwm
        if identity is not None:
            socket.setsockopt(zmq.ROUTING_ID, bytes.fromhex(identity))
        if kind == "sub":
            socket.subscribe(topic)
        socket.connect(f"ipc://{path}")
        self.sockets[name] = socket

    def close(self, name):
        if name in self.sockets:
            self.sockets.pop(name).close()

    def send(self, name, method, times=1, first=0, params=None):
        for number in range(first, first + times):
            self.sockets[name].send(json.dumps({"jsonrpc": "2.0", "id": number, "method": method,
                                                "params": params or {}}).encode())

    def send_frames(self, name, frames, size=1):
        """One message of that many frames."""
        socket = self.sockets[name]
        for _ in range(frames - 1):
            socket.send(b"x" * size, zmq.SNDMORE)
        socket.send(b"x" * size)

    def receive(self, name, ms):
        """The next message, or None within the time."""
        socket = self.sockets[name]
        if not socket.poll(ms):
            return None
        return [part.decode("utf-8", "replace") for part in socket.recv_multipart()]

    def receive_all(self, name, ms):
        """All messages until there is none for the time."""
        messages = []
        while (message := self.receive(name, ms)) is not None:
            messages.append(message)
        return messages

    def begin_load(self, path, prefix):
        self.loads[prefix] = Load(self, f"ipc://{path}", prefix)

    def progress(self, prefix):
        return len(self.loads[prefix].acknowledged)

    def end_load(self, prefix):
        load = self.loads.pop(prefix)
        load.stop.set()
        load.thread.join()
        return load.acknowledged


def main():
    peer = Peer()
    for line in sys.stdin:
        order = json.loads(line)
        print(json.dumps(getattr(peer, order["do"])(**order["with"])), flush=True)
    for load in peer.loads.values():
        load.stop.set()
        load.thread.join()
    peer.context.destroy(linger=0)


main()
