# SPDX-License-Identifier: Apache-2.0
"""packaging/dapr as a new user would try it: its files are given to the double of the sidecar, its
services are started as dapr.yaml says, and its README's commands are typed."""

import os
import re
import subprocess
import unittest

import support
import yaml
from dapr_sidecar import Sidecars
from dapr_system import TOKEN, SmtpServer, free_port

FOLDER = os.path.join(support.SOURCE, "packaging", "dapr")


def read(*path):
    with open(os.path.join(FOLDER, *path), encoding="utf-8") as file:
        return file.read()


class TryOut(support.TestCase):
    def setUp(self):
        super().setUp()
        self.file = yaml.safe_load(read("dapr.yaml"))
        resources = [os.path.join(FOLDER, path) for path in self.file["common"]["resourcesPaths"]]
        component = yaml.safe_load(read("kafka", "pubsub.yaml"))
        self.sidecars = Sidecars({
            "apps": [{"id": app["appID"], "app_port": 0, "app_api_token": TOKEN,
                      "health_check": {"enabled": True, "path": app["appHealthCheckPath"],
                                       "timeout_ms": 5000}}
                     for app in self.file["apps"]],
            "components": [{"name": component["metadata"]["name"], "type": "kafka"}],
            "resiliency": os.path.join(resources[0], "resiliency.yaml")})
        self.addCleanup(self.sidecars.close)
        self.mails = SmtpServer(os.path.join(self.home.path, "mails"))
        self.addCleanup(self.mails.close)
        self.places = {}
        for app in self.file["apps"]:
            self.start(app)

    def start(self, app):
        """As `dapr run` does, with ports and places of this test."""
        name, port = app["appID"], free_port()
        folder = os.path.join(self.home.path, name)
        self.places["/var/tmp/taskd-dapr/" + name] = folder
        env = {**app["env"], "TASKD_HTTP_LISTEN": f"127.0.0.1:{port}",
               "TASKD_DAPR_PORT": str(self.sidecars.port(name)), "TASKD_ENDPOINT": folder,
               "TASKD_STORE_PATH": folder + ".db"}
        if "TASKD_SMTP_URL" in env:
            env["TASKD_SMTP_URL"] = self.mails.url
        self.assertEqual(app["command"], ["taskd"])
        process = subprocess.Popen([support.TASKD],
                                   env={**self.home.env, **env, "APP_API_TOKEN": TOKEN},
                                   stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        self.addCleanup(process.wait, support.DEADLINE)
        self.addCleanup(process.terminate)
        support.wait_for(lambda: os.path.exists(folder + "/requests.sock"), "the daemon")
        self.sidecars.ask(f"/apps/{name}/app_port", {"port": port})

    def commands(self):
        """The README's lines that begin with taskctl, as a shell would read them."""
        text = re.sub(r"\n        ", " ", read("README.md"))
        lines = [line.strip() for line in text.splitlines()
                 if line.startswith("    taskctl ")]
        for theirs, ours in self.places.items():
            lines = [line.replace(theirs, ours) for line in lines]
        return lines

    def run_line(self, line):
        env = {**self.home.env, "DAPR_HTTP_PORT": str(self.sidecars.port("tasks")),
               "PATH": os.path.abspath(support.BIN) + ":" + self.home.env["PATH"]}
        run = subprocess.run(["/bin/sh", "-c", line], env=env, capture_output=True, text=True,
                             timeout=support.DEADLINE, check=False)
        self.assertEqual(run.returncode, 0, line + "\n" + run.stderr)
        return run.stdout

    def test_the_readme_is_right(self):
        self.sidecars.wait_subscribed("clockwork", 1)
        add, done, look = self.commands()
        self.assertIn('"status":"needs-action"', self.run_line(add))
        self.assertIn("Completed task 1", self.run_line(done))
        support.wait_for(lambda: '"next_occurrence":"2027-02-28T09:00:00Z"' in self.run_line(look),
                         "the second task")
        def status_of_clockwork():
            return self.run_line(
                f"taskctl --endpoint {self.places['/var/tmp/taskd-dapr/clockwork']} status")
        support.wait_for(lambda: re.search(r"sidecar +ok\n", status_of_clockwork()), "the sidecar")
        status = status_of_clockwork()
        self.assertRegex(status, r"topic task-events +\d+ behind")
        self.assertRegex(status, r"circuit tasks +closed\n")

    def test_the_policies_of_the_readme_are_accepted(self):
        block = "\n".join(line[4:] for line in read("README.md").splitlines()
                          if line.startswith("    ") and re.match(r"    [\[\w]+[.\w]*\]?( =|$)", line))
        self.assertIn("consecutiveFailures", block)
        path = os.path.join(self.home.path, "policies.toml")
        with open(path, "w", encoding="utf-8") as file:
            file.write(block)
        run = subprocess.run([support.TASKD, "--config", path, "--check-config"], env=self.home.env,
                             capture_output=True, text=True, timeout=support.DEADLINE, check=False)
        self.assertEqual(run.returncode, 0, run.stderr + block)

    def test_the_other_files_are_what_dapr_takes(self):
        for path in ("try-out/pubsub.yaml", "kafka/pubsub.yaml"):
            component = yaml.safe_load(read(path))
            self.assertEqual((component["apiVersion"], component["kind"], component["metadata"]["name"]),
                             ("dapr.io/v1alpha1", "Component", "bus"))
        subscription = yaml.safe_load(read("subscription.yaml"))
        self.assertEqual((subscription["apiVersion"], subscription["kind"]),
                         ("dapr.io/v2alpha1", "Subscription"))
        self.assertEqual(subscription["spec"]["routes"]["default"], "/api/events/task-events")


if __name__ == "__main__":
    unittest.main()
