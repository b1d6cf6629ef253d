# SPDX-License-Identifier: Apache-2.0
"""The double of the Dapr sidecar (tests/support/sidecar) as a process of a test."""

import json
import os
import select
import subprocess
import tempfile
import urllib.request

import support

FOLDER = os.path.join(support.SOURCE, "tests", "support", "sidecar")


class Sidecars:
    """`config` as its README tells; ends with close(), and with this process."""

    def __init__(self, config):
        self.folder = tempfile.TemporaryDirectory(prefix="taskd-sidecar-")
        path = os.path.join(self.folder.name, "config.json")
        with open(path, "w", encoding="utf-8") as file:
            json.dump({"time_scale": 0.05, **config}, file)
        self.process = subprocess.Popen(["/usr/bin/python3", "-B", FOLDER, path],
                                        stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        if not select.select([self.process.stdout], [], [], support.DEADLINE)[0]:
            self.close()
            raise AssertionError("the sidecar did not get ready")
        places = json.loads(self.process.stdout.readline())
        self.apps = places["apps"]
        self.control = f"http://127.0.0.1:{places['control_port']}"

    def close(self):
        self.process.stdin.close()
        self.process.wait(support.DEADLINE)
        self.process.stdout.close()
        self.folder.cleanup()

    def port(self, app):
        return self.apps[app]["http_port"]

    def ask(self, path, body=None, method=None):
        """The control API; GET without a body, POST with one."""
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(self.control + path, data, method=method)
        with urllib.request.urlopen(request, timeout=support.DEADLINE) as answer:
            return json.loads(answer.read() or b"null")

    def wait_subscribed(self, app, count):
        self.ask(f"/health?app={app}&subscribed={count}&timeout_ms={support.DEADLINE * 1000}")

    def counter(self, name):
        return self.ask("/counters").get(name, 0)
