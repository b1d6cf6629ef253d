# SPDX-License-Identifier: Apache-2.0
"""A Dapr system of a test: two taskd, their sidecars, a mail server, and a backend that can fail."""

import json
import os
import socket
import sys
import threading
import urllib.error
import urllib.request
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import support
from dapr_sidecar import Sidecars

sys.path.insert(0, os.path.join(support.SOURCE, "tests", "support"))
from smtp_server import SmtpServer  # noqa: E402

TOKEN = "the token of the apps"

# Short waits: what is tried again is tried at once, and a circuit is open for a moment only.
QUICK = """
[policies.retries.DefaultRetryPolicy]
policy = "constant"
duration = "50ms"
maxRetries = -1

[policies.circuitBreakers.DefaultCircuitBreakerPolicy]
timeout = "200ms"
trip = "consecutiveFailures > 4"
"""


def free_port():
    """One that nobody has at this moment; the daemon takes it again after each kill."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


class Service:
    """A taskd with an app id, behind a sidecar."""

    def __init__(self, test, sidecars, name, **settings):
        self.name, self.sidecars = name, sidecars
        self.home = support.Home()
        test.addCleanup(self.home.close)
        self.port = free_port()
        folder = os.path.join(self.home.path, "config", "taskd")
        os.makedirs(folder, exist_ok=True)
        with open(os.path.join(folder, "taskd.toml"), "w", encoding="utf-8") as file:
            file.write(QUICK)
        self.home.env.update({
            "APP_API_TOKEN": TOKEN, "TASKD_SERVICE_NAME": name,
            "TASKD_DAPR_PORT": str(sidecars.port(name)),
            "TASKD_HTTP_LISTEN": f"127.0.0.1:{self.port}", "TASKD_DAPR_PUBSUB": "bus"})
        self.home.env.update({"TASKD_" + key.upper(): value for key, value in settings.items()})
        self.start()
        sidecars.ask(f"/apps/{name}/app_port", {"port": self.port})

    def start(self):
        said = self.home.start()
        if said != "ready":
            raise AssertionError(said)

    def crash(self):
        self.home.kill()
        self.start()


class Backend:
    """A task backend that is not taskd: idempotent by key, and failing as it is told."""

    def __init__(self, first_id=100):
        self.tasks, self.keys, self.sent, self.requests = {}, {}, [], []
        self.users = {"ada": {"id": "ada", "email": "ada@example.org"}}
        self.answers = []  # of the next requests: a status, or "drop" after it was carried out
        self.next_id = first_id
        self.lock = threading.Lock()
        backend = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self):
                backend.serve(self, b"")

            def do_POST(self):
                backend.serve(self, self.rfile.read(int(self.headers.get("Content-Length", 0))))

            def log_message(self, *_):
                pass

        class Server(ThreadingHTTPServer):
            def handle_error(self, *_):
                pass  # a connection that was cut, as many are here

        self.server = Server(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        self.port = self.server.server_address[1]
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def close(self):
        self.server.shutdown()
        self.server.server_close()

    def serve(self, handler, body):
        with self.lock:
            path = handler.path
            if path == "/healthz" or path.startswith("/dapr/"):
                return self.answer(handler, 404, {})
            self.requests.append((handler.command, path, dict(handler.headers), body))
            told = self.answers.pop(0) if self.answers else None
            if isinstance(told, int):
                return self.answer(handler, told, {"error": "as told"})
            status, reply = self.carry_out(handler, path, body)
            if told == "drop":
                handler.connection.shutdown(socket.SHUT_RDWR)
                return None
            return self.answer(handler, status, reply)

    def carry_out(self, handler, path, body):
        if path == "/api/tasks":
            key = handler.headers["Idempotency-Key"]
            if key not in self.keys:
                self.next_id += 1
                self.keys[key] = self.next_id
                self.tasks[self.next_id] = {**json.loads(body), "id": self.next_id}
            return 201, self.tasks[self.keys[key]]
        if path.startswith("/api/users/"):
            user = self.users.get(path.rsplit("/", 1)[1])
            return (200, user) if user else (404, {"error": "no such user"})
        if path.endswith("/reminder-sent"):
            self.sent.append(path.split("/")[3])
            return 200, {}
        return 404, {}

    @staticmethod
    def answer(handler, status, reply):
        text = json.dumps(reply).encode()
        handler.send_response(status)
        handler.send_header("Content-Type", "application/json")
        handler.send_header("Content-Length", str(len(text)))
        handler.end_headers()
        handler.wfile.write(text)


class SystemTestCase(support.TestCase):
    """`apps` are the ids that have a sidecar; each gets its port when it is there."""

    BROKER = "kafka"

    def system(self, *apps):
        self.sidecars = Sidecars({
            "apps": [{"id": app, "app_port": 0, "app_api_token": TOKEN} for app in apps]
            + [{"id": "front"}],
            "components": [{"name": "bus", "type": self.BROKER}]})
        self.addCleanup(self.sidecars.close)

    def mail_server(self, *flags):
        server = SmtpServer(os.path.join(self.home.path, "mails"), *flags)
        self.addCleanup(server.close)
        return server

    def backend(self):
        backend = Backend()
        self.addCleanup(backend.close)
        return backend

    def invoke(self, app, method, body=None, verb=None, headers=None):
        """Through the sidecar of an app that is none of ours: status and answer."""
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(
            f"http://127.0.0.1:{self.sidecars.port('front')}/v1.0/invoke/{app}/method/{method}",
            data, {"Content-Type": "application/json", **(headers or {})}, method=verb)
        try:
            with urllib.request.urlopen(request, timeout=support.DEADLINE) as answer:
                return answer.status, json.loads(answer.read() or b"null")
        except urllib.error.HTTPError as error:
            with error:
                return error.code, json.loads(error.read() or b"null")

    def publish(self, *events, **more):
        self.sidecars.ask("/deliver", {"component": "bus", "topic": "task-events",
                                       "events": [{"event": event} for event in events], **more})

    def published(self, event_type, topic="task-events"):
        """What is on the topic: by event id, the first of each."""
        found = {}
        for message in self.sidecars.ask(f"/topics/bus/{topic}")["messages"]:
            event = json.loads(message["data"])
            if event["type"] == event_type:
                found.setdefault(event["id"], event)
        return list(found.values())


def completed(task_id, number=None, user="ada", **payload):
    """task.completed as the services that are out there send it, wrapped by Dapr."""
    number = task_id if number is None else number
    data = {"event_id": f"e-{number}", "event_type": "task.completed", "task_id": task_id,
            "user_id": user,
            "payload": {"title": "Daily standup", "recurring_pattern": "DAILY",
                        "completed_at": "2027-03-01T09:00:00Z", **payload}}
    return wrapped(data, f"envelope-{number}")


def reminder(task_id, number=None, user="ada"):
    data = {"event_id": f"r-{number or task_id}", "event_type": "reminder.due", "task_id": task_id,
            "user_id": user, "payload": {"title": "Pay rent", "due_at": "2027-03-01T09:00:00Z"}}
    return wrapped(data, f"reminder-{number or task_id}")


def wrapped(data, envelope_id):
    return {"specversion": "1.0", "id": envelope_id, "source": "other",
            "type": "com.dapr.event.sent", "datacontenttype": "application/json",
            "topic": "task-events", "pubsubname": "bus", "data": data}
