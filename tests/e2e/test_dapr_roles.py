# SPDX-License-Identifier: Apache-2.0
"""taskd as recurring-task service, notification service, task backend and publisher: real processes
behind sidecars, a real mail server, and everything that goes wrong between them."""

import json
import os
import pathlib
import random
import subprocess
import sys
import threading
import unittest

import support
from dapr_sidecar import FOLDER
from dapr_system import Service, SystemTestCase, completed, free_port, reminder
from http_client import Connection

ROUNDS = 6


def request_to(where, verb, path):
    with Connection(where) as connection:
        return connection.ask(verb, path, body=None if verb == "GET" else b"{}")


class Story(SystemTestCase):
    """Two taskd: the backend, and the service that makes tasks recur and sends mail."""

    def setUp(self):
        super().setUp()
        self.system("tasks", "clockwork")
        self.mails = self.mail_server()
        self.tasks = Service(self, self.sidecars, "tasks", backend_enabled="true",
                             publisher_topics="task-events")
        self.clockwork = Service(
            self, self.sidecars, "clockwork", recurring_mode="remote", notification_enabled="true",
            backend_service_id="tasks", dapr_topics="task-events", publisher_topics="made-events",
            smtp_url=self.mails.url, smtp_from="taskd@example.org")
        self.sidecars.wait_subscribed("clockwork", 1)
        self.ctl("config", "email", "ada@example.org")

    def ctl(self, *arguments):
        run = self.tasks.home.taskctl("--as", "ada", *arguments, "-o", "json")
        self.assertEqual(run.returncode, 0, run.stderr)
        return json.loads(run.stdout)

    def add(self, title, when="2027-01-31T09:00:00Z", pattern="MONTHLY", **more):
        status, task = self.invoke("tasks", "api/tasks", {
            "title": title, "user_id": "ada", "recurring_pattern": pattern,
            "next_occurrence": when, **more})
        self.assertEqual(status, 201, task)
        return task

    def all_tasks(self):
        status, page = self.invoke("tasks", "api/tasks?user_id=ada&limit=1000")
        self.assertEqual(status, 200, page)
        return page["tasks"]

    def children(self, parent):
        return [task for task in self.all_tasks() if task["parent_task_id"] == parent]

    def wait_child(self, parent):
        return support.wait_for(lambda: self.children(parent), f"the next task of {parent}")[0]

    def test_a_task_comes_back_and_its_reminder_is_mailed(self):
        first = self.add("Pay rent")
        self.ctl("done", first["id"])
        second = self.wait_child(first["id"])
        self.assertEqual((second["title"], second["next_occurrence"], second["recurring_pattern"]),
                         ("Pay rent", "2027-02-28T09:00:00Z", "MONTHLY"))
        self.ctl("done", second["id"])
        third = self.wait_child(second["id"])
        self.assertEqual(third["next_occurrence"], "2027-03-31T09:00:00Z")
        made = support.wait_for(lambda: len(self.published("task.created", "made-events")) >= 2
                                and self.published("task.created", "made-events"), "task.created")
        self.assertEqual([(event["data"]["task_id"], event["data"]["payload"]) for event in made],
                         [(second["id"], {"parent_task_id": first["id"]}),
                          (third["id"], {"parent_task_id": second["id"]})])

        self.ctl("add", "Call the bank", "--due", "in 1 second", "--remind", "0m")
        support.wait_for(self.mails.messages, "a mail")
        mail, = self.mails.messages()
        self.assertEqual((mail["to"], mail["subject"]),
                         (["ada@example.org"], "Reminder: Call the bank"))
        self.assertRegex(mail["text"], r"^Task 'Call the bank' is due at \d{4}-")
        support.wait_for(lambda: [task for task in self.all_tasks() if task["reminder_sent"]],
                         "reminder-sent")

    def test_each_process_is_killed_again_and_again(self):
        chaos = random.Random(7)
        self.sidecars.ask("/faults", [
            {"kind": "duplicate", "component": "bus", "topic": "task-events", "copies": 2},
            {"kind": "die_between_app_and_ack", "app": "clockwork", "route": "/dapr/events/*",
             "nth": 3, "times": 1, "restart_ms": 50}])
        tasks = [self.add(f"Task {number}", pattern="DAILY") for number in range(ROUNDS * 2)]
        for number, task in enumerate(tasks):
            self.ctl("done", task["id"])
            if number < ROUNDS:
                self.ctl("add", f"Mail {number}", "--due", "in 1 second", "--remind", "0m")
            victim = chaos.choice(["tasks", "clockwork", "sidecar", "nobody"])
            if victim == "sidecar":
                app = chaos.choice(["tasks", "clockwork"])
                self.sidecars.ask(f"/apps/{app}/kill", {})
                self.sidecars.ask(f"/apps/{app}/start", {})
            elif victim != "nobody":
                getattr(self, victim).crash()
        for task in tasks:
            child = self.wait_child(task["id"])
            self.assertEqual(child["next_occurrence"], "2027-02-01T09:00:00Z")
        support.wait_for(lambda: len(self.mail_ids()) >= ROUNDS, "every mail", 2 * support.DEADLINE)
        support.wait_for(
            lambda: sum(task["reminder_sent"] for task in self.all_tasks()) >= ROUNDS,
            "every reminder-sent", 2 * support.DEADLINE)
        self.assertEqual(len(self.all_tasks()), 2 * len(tasks) + ROUNDS)
        self.assertEqual(len(self.mail_ids()), ROUNDS)
        # What the mail server took just before a kill comes again, and says so by its id.
        subjects = {mail["subject"] for mail in self.mails.messages()}
        self.assertEqual(len(subjects), ROUNDS)
        for home in (self.tasks.home, self.clockwork.home):
            letters = home.result("dead_letter.list", user_id="ada")["dead_letters"]
            self.assertEqual(letters, [])

    def mail_ids(self):
        return {dict(mail["headers"])["Message-ID"] for mail in self.mails.messages()}


class SdkService(SystemTestCase):
    """The same with a third service that nobody here wrote the library of: @dapr/dapr from npm."""

    def setUp(self):
        super().setUp()
        folder = pathlib.Path(os.environ.get("TASKD_NPM_DIR") or self.home.path + "/npm")
        sys.path.insert(0, os.path.join(FOLDER, "sdk"))
        import test_sdk
        test_sdk.install(folder)
        port = free_port()
        self.system("tasks", "clockwork", "web")
        self.tasks = Service(self, self.sidecars, "tasks", backend_enabled="true")
        self.clockwork = Service(self, self.sidecars, "clockwork", recurring_mode="remote",
                                 backend_service_id="tasks", dapr_topics="task-events",
                                 publisher_topics="made-events")
        env = {**os.environ, "TASKD_NPM_DIR": str(folder.resolve()), "APP_PORT": str(port),
               "DAPR_HTTP_PORT": str(self.sidecars.port("web"))}
        self.web = subprocess.Popen(
            ["node", os.path.join(os.path.dirname(os.path.abspath(__file__)), "sdk", "front.mjs")],
            env=env, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
        self.addCleanup(self.end)
        self.heard = []
        threading.Thread(target=self.listen, daemon=True).start()
        self.sidecars.ask("/apps/web/app_port", {"port": port})
        self.sidecars.wait_subscribed("web", 1)
        self.sidecars.wait_subscribed("clockwork", 1)

    def listen(self):
        for line in self.web.stdout:
            if line.startswith("{"):
                self.heard.append(json.loads(line))

    def end(self):
        self.web.terminate()
        self.web.wait(support.DEADLINE)
        self.web.stdout.close()

    def test_it_completes_a_task_and_hears_of_the_next(self):
        status, task = self.invoke("tasks", "api/tasks", {"title": "Pay rent", "user_id": "ada"})
        self.assertEqual(status, 201, task)
        told = {"event_id": "e-1", "event_type": "task.completed", "task_id": task["id"],
                "user_id": "ada", "payload": {"title": "Pay rent", "recurring_pattern": "WEEKLY",
                                              "completed_at": "2027-03-01T09:00:00Z"}}
        for _ in range(3):  # Dapr gives each publish an envelope id of its own
            self.assertEqual(self.invoke("web", "complete", told)[0], 200)
        support.wait_for(lambda: self.heard, "task.created")
        self.clockwork.crash()
        self.assertEqual(self.invoke("web", "complete", told)[0], 200)
        tasks = self.invoke("tasks", "api/tasks?user_id=ada")[1]["tasks"]
        self.assertEqual([one["next_occurrence"] for one in tasks], [None, "2027-03-08T09:00:00Z"])
        made = [one for one in self.heard if one["event_type"] == "task.created"]
        self.assertEqual([(one["task_id"], one["payload"]) for one in made],
                         [(tasks[1]["id"], {"parent_task_id": task["id"]})])


class FailingBackend(SystemTestCase):
    """The backend is another program, which is down, slow, or says no."""

    def setUp(self):
        super().setUp()
        self.system("tasks", "clockwork")
        self.mails = self.mail_server()
        self.tasks = self.backend()
        self.sidecars.ask("/apps/tasks/app_port", {"port": self.tasks.port})
        self.service = Service(
            self, self.sidecars, "clockwork", recurring_mode="remote", notification_enabled="true",
            backend_service_id="tasks", dapr_topics="task-events", publisher_topics="made-events",
            smtp_url=self.mails.url, smtp_from="taskd@example.org", call_timeout="500ms")
        self.sidecars.wait_subscribed("clockwork", 1)

    def letters(self):
        return self.service.home.result("dead_letter.list", user_id="ada")["dead_letters"]

    def wait_tasks(self, count):
        support.wait_for(lambda: len(self.tasks.tasks) >= count, f"{count} tasks")
        support.wait_for(lambda: len(self.published("task.created", "made-events")) >= count,
                         "task.created")

    def test_no_answer_and_5xx_are_tried_again_under_one_key(self):
        self.tasks.answers = [500, "drop", 503, 429]
        self.publish(completed(17), copies=3)
        self.wait_tasks(1)
        posts = [headers for verb, path, headers, _ in self.tasks.requests
                 if (verb, path) == ("POST", "/api/tasks")]
        self.assertEqual(len(posts), 5)
        self.assertEqual(len({headers["Idempotency-Key"] for headers in posts}), 1)
        self.assertEqual(len(self.tasks.tasks), 1)
        task, = self.tasks.tasks.values()
        self.assertEqual(task, {
            "id": 101, "title": "Daily standup", "user_id": "ada", "recurring_pattern": "DAILY",
            "next_occurrence": "2027-03-02T09:00:00Z", "parent_task_id": 17})
        event, = self.published("task.created", "made-events")
        self.assertEqual((event["data"]["task_id"], event["data"]["payload"]),
                         (101, {"parent_task_id": 17}))
        self.assertEqual(self.letters(), [])

    def test_a_backend_that_hangs_is_asked_again(self):
        self.sidecars.ask("/faults", {"kind": "hang", "app": "tasks", "times": 2})
        self.publish(completed(30))
        self.wait_tasks(1)
        self.assertEqual(len(self.tasks.tasks), 1)
        self.assertEqual(self.letters(), [])

    def test_409_and_422_are_dead_letters_that_can_be_tried_again(self):
        for status in (409, 422):
            self.tasks.answers = [status]
            self.publish(completed(status))
            letter, = support.wait_for(self.letters, "a dead letter")
            self.assertEqual(letter["origin"], "delivery")
            self.assertIn(f"answered {status}", letter["reason"])
            run = self.service.home.taskctl("--as", "ada", "dead-letters", "retry", letter["id"])
            self.assertEqual(run.returncode, 0, run.stderr)
            support.wait_for(lambda wanted=status: [
                task for task in self.tasks.tasks.values() if task["parent_task_id"] == wanted],
                "the task")
            self.assertEqual(self.letters(), [])

    def test_an_app_that_is_down_for_a_while_gets_everything(self):
        self.sidecars.ask("/faults", {"kind": "refuse", "app": "tasks"})
        self.publish(*[completed(number) for number in range(20)])
        support.wait_for(lambda: self.circuit() in ("open", "half-open"), "an open circuit")
        self.service.crash()
        self.sidecars.ask("/faults", method="DELETE")
        self.wait_tasks(20)
        self.assertEqual(len(self.tasks.tasks), 20)
        self.assertEqual(self.letters(), [])

    def circuit(self):
        health = self.service.home.result("admin.health")
        return next((breaker["state"] for breaker in health.get("breakers", [])
                     if breaker["target"] == "tasks"), "")

    def test_a_mail_goes_to_the_user_or_is_a_dead_letter(self):
        self.tasks.users["bob"] = {"id": "bob", "email": None}
        self.publish(reminder(5), reminder(6, user="bob"), reminder(7, user="nobody"),
                     reminder(5), copies=2)
        support.wait_for(lambda: self.tasks.sent, "reminder-sent")
        for user, why in (("bob", "has no address"), ("nobody", "answered 404")):
            letters = support.wait_for(lambda who=user: self.service.home.result(
                "dead_letter.list", user_id=who)["dead_letters"], f"the dead letter of {user}")
            self.assertIn(why, letters[0]["reason"])
            self.assertEqual(letters[0]["event"]["type"], "reminder.due")
        self.assertEqual([mail["to"] for mail in self.mails.messages()], [["ada@example.org"]])
        self.assertEqual(self.tasks.sent, ["5"])
        # The address is kept for a while: the next reminder asks nobody.
        self.publish(reminder(8))
        support.wait_for(lambda: len(self.tasks.sent) >= 2, "the second reminder-sent")
        asked = [path for verb, path, _, _ in self.tasks.requests if path == "/api/users/ada"]
        self.assertEqual(len(asked), 1)


class OneDaemon(SystemTestCase):
    """Backend and recurring-task service in one: never do both make the next task."""

    def run_once(self, **settings):
        self.system("tasks")
        service = Service(self, self.sidecars, "tasks", backend_enabled="true",
                          dapr_topics="task-events", publisher_topics="task-events", **settings)
        self.sidecars.wait_subscribed("tasks", 1)
        status, task = self.invoke("tasks", "api/tasks", {
            "title": "Pay rent", "user_id": "ada", "recurring_pattern": "MONTHLY",
            "next_occurrence": "2027-01-31T09:00:00Z"})
        self.assertEqual(status, 201, task)
        run = service.home.taskctl("--as", "ada", "done", task["id"])
        self.assertEqual(run.returncode, 0, run.stderr)

        def pages():
            return self.invoke("tasks", "api/tasks?user_id=ada")[1]["tasks"]
        support.wait_for(lambda: len(pages()) >= 2, "the next task")
        # It hears of the completion by its own topic, and twice at that.
        support.wait_for(lambda: self.published("task.completed"), "task.completed")
        event, = self.published("task.completed")
        self.publish(event)
        support.wait_for(lambda: self.sidecars.counter("acked.bus.tasks") >= 3, "deliveries")
        self.assertEqual([task["next_occurrence"] for task in pages()],
                         ["2027-01-31T09:00:00Z", "2027-02-28T09:00:00Z"])
        return event

    def test_local(self):
        event = self.run_once(recurring_mode="local")
        self.assertNotIn("recurring_pattern", event["data"]["payload"])

    def test_the_backend_recurs(self):
        self.run_once(recurring_mode="remote", backend_service_id="tasks", backend_recur="local")

    def test_remote_to_itself(self):
        event = self.run_once(recurring_mode="remote", backend_service_id="tasks")
        self.assertEqual(event["data"]["payload"]["recurring_pattern"], "MONTHLY")


class Routes(SystemTestCase):
    """/api/tasks and /api/users as other services call them."""

    def setUp(self):
        super().setUp()
        self.system("tasks")
        self.service = Service(self, self.sidecars, "tasks", backend_enabled="true")
        support.wait_for(lambda: self.invoke("tasks", "health/live")[0] == 200, "the app")

    def test_the_same_key_is_the_same_task(self):
        body = {"title": "Pay rent", "user_id": "ada", "recurring_pattern": "FREQ=WEEKLY;BYDAY=MO",
                "parent_task_id": 7}
        first = self.invoke("tasks", "api/tasks", body, headers={"Idempotency-Key": "k1"})
        self.assertEqual(first[0], 201)
        self.assertEqual(first[1]["parent_task_id"], 7)
        self.assertIsNone(first[1]["next_occurrence"])
        self.assertEqual(self.invoke("tasks", "api/tasks", body,
                                     headers={"Idempotency-Key": "k1"}), first)
        self.assertEqual(self.invoke("tasks", "api/tasks", {**body, "idempotency_key": "k1"}), first)
        status, problem = self.invoke("tasks", "api/tasks", {**body, "title": "Other"},
                                      headers={"Idempotency-Key": "k1"})
        self.assertEqual((status, problem["reason"]), (409, "conflict"))

    def test_users_see_their_own_only(self):
        task = self.invoke("tasks", "api/tasks", {"title": "Mine", "user_id": "ada"})[1]
        self.assertEqual(len(self.invoke("tasks", "api/tasks?user_id=ada")[1]["tasks"]), 1)
        self.assertEqual(self.invoke("tasks", "api/tasks?user_id=bob")[1]["tasks"], [])
        sent = f"api/tasks/{task['id']}/reminder-sent"
        self.assertEqual(self.invoke("tasks", sent, {"reminder_sent": True, "user_id": "bob"})[0],
                         404)
        status, after = self.invoke("tasks", sent, {"reminder_sent": True},
                                    headers={"baggage": "tier=1,user_id=ada;p=1"})
        self.assertEqual((status, after["reminder_sent"]), (200, True))

    def test_users(self):
        self.assertEqual(self.invoke("tasks", "api/users/ada")[0], 404)
        run = self.service.home.taskctl("--as", "ada", "config", "email", "ada@example.org")
        self.assertEqual(run.returncode, 0, run.stderr)
        self.assertEqual(self.invoke("tasks", "api/users/ada"),
                         (200, {"id": "ada", "email": "ada@example.org", "time_zone": None,
                                "quiet_hours": None}))

    def test_wrong_input_names_the_field(self):
        for body, field, words in (
                ({"user_id": "ada"}, "title", "title"),
                ({"title": "x"}, "user_id", "is missing"),
                ({"title": 7, "user_id": "ada"}, "title", "7"),
                ({"title": "x", "user_id": "ada", "recurring_pattern": "HOURLYISH"},
                 "recurring_pattern", "use DAILY, WEEKLY, MONTHLY, YEARLY or an RRULE"),
                ({"title": "x", "user_id": "ada", "next_occurrence": "soonish"},
                 "next_occurrence", "soonish"),
                ({"title": "x", "user_id": "ada", "parent_task_id": []}, "parent_task_id", "[]")):
            with self.subTest(body=body):
                status, problem = self.invoke("tasks", "api/tasks", body)
                self.assertEqual((status, problem.get("field")), (400, field), problem)
                self.assertIn(words, problem["detail"])
        status, _ = self.invoke("tasks", "api/tasks?user_id=ada&limit=x")
        self.assertEqual(status, 400)

    def test_without_the_token_nobody_is_served(self):
        for verb, path in (("GET", "/api/tasks?user_id=ada"), ("POST", "/api/tasks"),
                           ("GET", "/api/users/ada"), ("POST", "/api/tasks/1/reminder-sent")):
            answer = request_to(("127.0.0.1", self.service.port), verb, path)
            self.assertEqual(answer.status, 401, path)


class Readiness(SystemTestCase):
    def test_ready_says_that_the_sidecar_is_missing(self):
        self.system("tasks")
        service = Service(self, self.sidecars, "tasks", publisher_topics="task-events")

        def ready():
            return request_to(("127.0.0.1", service.port), "GET", "/health/ready")
        support.wait_for(lambda: ready().status == 200, "ready")
        self.sidecars.ask("/apps/tasks/kill", {})
        support.wait_for(lambda: ready().status == 503, "not ready")
        self.assertIn("the sidecar: ", ready().json()["reasons"][0])
        self.assertEqual(request_to(("127.0.0.1", service.port), "GET", "/healthz").status, 200)
        run = service.home.taskctl("status")
        self.assertRegex(run.stdout, r"sidecar +nothing listens there")
        # What happens meanwhile is published when it is back.
        service.home.taskctl("add", "While it was away")
        self.sidecars.ask("/apps/tasks/start", {})
        support.wait_for(lambda: self.published("task.created"), "the event")
        support.wait_for(lambda: ready().status == 200, "ready again")


if __name__ == "__main__":
    unittest.main()
