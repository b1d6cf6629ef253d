# SPDX-License-Identifier: Apache-2.0
"""Where reminders go: real mail and web servers, a session bus, child processes, and what a user is
told about each delivery. Timers of minutes and days run on libfaketime."""

import base64
import datetime
import hashlib
import hmac
import json
import os
import re
import signal
import threading
import unittest
import zoneinfo

import support
from channel_peers import MailServer, Screen, WebServer, make_authority

FAKETIME = "/usr/lib/x86_64-linux-gnu/faketime/libfaketime.so.1"
MINE = "ada@example.org"
ENDED = ("succeeded", "suppressed", "dead")


def instant(text):
    return datetime.datetime.fromisoformat(text.replace("Z", "+00:00"))


class ChannelCase(support.TestCase):
    def serve(self, kind, *arguments):
        """A peer that ends with the test."""
        server = kind(*arguments)
        self.addCleanup(server.close)
        return server

    def start(self, *flags):
        self.flags = flags
        self.assertEqual(self.home.start(*flags), "ready")

    def ok(self, *words, **options):
        done = self.home.taskctl(*words, **options)
        self.assertEqual(done.returncode, 0, (words, done.stdout, done.stderr))
        return done.stdout

    def refused(self, *words):
        done = self.home.taskctl(*words)
        self.assertEqual(done.returncode, 2, (words, done.stdout, done.stderr))
        return done.stderr

    def read(self, *words):
        return json.loads(self.ok("-o", "json", *words))

    def path(self, *names):
        return os.path.join(self.home.path, *names)

    def text(self, name):
        if not os.path.exists(self.path(name)):
            return ""
        with open(self.path(name), encoding="utf-8") as file:
            return file.read()

    def write(self, name, text):
        with open(self.path(name), "w", encoding="utf-8") as file:
            file.write(text)
        return self.path(name)

    def add(self, title, *flags):
        """A task's number."""
        return str(self.read("add", *flags, "--", title)["task"]["number"])

    def remind(self, title, *flags):
        """The same; it reminds at once."""
        return self.add(title, "--due", "now", "--remind", "0m", *flags)

    def deliveries(self, *flags):
        return self.read("deliveries", *flags)["deliveries"]

    def ended(self, task, count=1, states=ENDED):
        """A task's deliveries, oldest first, once so many have ended."""

        def look():
            rows = self.deliveries("--task", task)
            done = [row for row in rows if row["state"] in states]
            return len(done) >= count and list(reversed(rows))

        return support.wait_for(look, f"{count} deliveries of task {task} are {states}")

    def one(self, task, state="succeeded"):
        delivery, = self.ended(task)
        self.assertEqual(delivery["state"], state, delivery)
        return delivery

    def events(self, kind):
        lines = self.ok("events", "list", "--type", kind, "-o", "jsonl").splitlines()
        return [json.loads(line) for line in lines]


class Mail(ChannelCase):
    def mail(self, *flags, server=None, options=()):
        self.mails = server or self.serve(MailServer)
        self.start("--smtp-url", self.mails.url, "--smtp-from", "taskd <taskd@example.org>", *flags)
        self.ok("channels", "set", "mail", "email", MINE, "--default", "--backoff", "1s", *options)

    def received(self, count=1):
        return support.wait_for(
            lambda: len(self.mails.requests()) >= count and self.mails.requests(), f"{count} mails")

    def test_a_reminder_is_text_and_html_and_says_what_it_is(self):
        self.mail()
        task = self.remind("Kaffee für <b>Zoë</b> & co ☕", "--notes", "one\ntwo")
        delivery = self.one(task)
        self.assertEqual(delivery["result"], "250 kept")
        mail, = self.received()
        self.assertEqual((mail.sender, mail.to, mail["To"]), ("taskd@example.org", [MINE], MINE))
        self.assertIn("Kaffee für <b>Zoë</b> & co ☕", mail["Subject"])
        self.assertTrue(mail.raw.isascii())
        self.assertIn(b"Subject: =?utf-8?", mail.raw.replace(b"=?UTF-8?", b"=?utf-8?"))
        self.assertEqual(mail.message.get_content_type(), "multipart/alternative")
        self.assertRegex(mail["List-Id"], r"<[\w.-]+\.example\.org>")
        self.assertEqual(mail["Auto-Submitted"], "auto-generated")
        self.assertEqual(mail["Message-ID"], f"<{delivery['id']}@taskd>")
        self.assertIn(f"taskctl done {task}", mail.part("plain"))
        html = mail.part("html")
        self.assertIn("Kaffee für &lt;b&gt;Zoë&lt;/b&gt; &amp; co ☕", html)
        self.assertNotIn("<b>Zoë", html)
        self.assertIn("one<br>\ntwo", html)

    def test_an_address_of_a_page_is_a_link_in_html(self):
        self.mail()
        self.one(self.remind("Read", "--notes", "see https://example.org/x?a=1&b=2 today"))
        mail, = self.received()
        self.assertIn('href="https://example.org/x?a=1&amp;b=2"', mail.part("html"))

    def test_a_title_adds_no_header(self):
        self.mail()
        title = "Lunch\r\nBcc: eve@example.org\r\n\r\nText"
        self.one(self.remind(title, "--notes", "one\r\n.\r\nRCPT TO:<eve@example.org>"))
        self.ok("channels", "set", "mail", "email", MINE, "--default", "--subject", title)
        self.one(self.remind("Lunch"))
        for mail in self.received(2):
            self.assertEqual((mail["Bcc"], mail.to), (None, [MINE]))
            self.assertIn("Bcc: eve@example.org", mail["Subject"], "it is a part of the title")
        self.assertIn("RCPT TO:<eve@example.org>", self.mails.requests()[0].part("plain"))

    def test_starttls_with_the_authority_that_is_known(self):
        authority, certificate = make_authority(self.home.path, "known")
        self.mail("--smtp-tls", "required", "--smtp-ca-file", authority,
                  server=self.serve(MailServer, certificate))
        self.one(self.remind("Secret"))
        mail, = self.received()
        self.assertTrue(mail.tls)

    def test_starttls_with_another_authority_is_an_error_that_says_so(self):
        stranger, _ = make_authority(self.home.path, "stranger")
        _, certificate = make_authority(self.home.path, "known")
        self.mail("--smtp-tls", "required", "--smtp-ca-file", stranger,
                  server=self.serve(MailServer, certificate), options=("--attempts", "1"))
        self.assertIn("certificate", self.one(self.remind("Secret"), "dead")["result"])
        tried = self.home.taskctl("channels", "test", "mail")
        self.assertEqual(tried.returncode, 1)
        self.assertIn("certificate", tried.stdout)
        self.assertEqual(self.mails.requests(), [])

    def test_a_greylisted_mail_comes_again_as_the_same(self):
        self.mail()
        self.mails.replies.extend(["451 4.7.1 greylisted, come back"] * 2)
        delivery = self.one(self.remind("Patience"))
        self.assertEqual([attempt["result"] for attempt in delivery["log"]],
                         ["451 4.7.1 greylisted, come back"] * 2 + ["250 kept"])
        self.assertEqual({mail["Message-ID"] for mail in self.received(3)},
                         {f"<{delivery['id']}@taskd>"})

    def test_a_mail_that_is_refused_is_dead_until_it_is_tried_again(self):
        self.mail()
        self.mails.always = "554 5.7.1 we do not like it"
        tasks = [self.remind("First"), self.remind("Second")]
        for task in tasks:
            delivery = self.one(task, "dead")
            self.assertEqual((delivery["attempts"], delivery["result"]),
                             (1, "554 5.7.1 we do not like it"))
        self.assertIn("554 5.7.1 we do not like it", self.ok("deliveries", "--failed"))
        self.assertEqual(len(self.deliveries("--failed")), 2)
        before = {mail["Message-ID"] for mail in self.mails.requests()}
        self.mails.always = None
        self.assertEqual(len(self.ok("deliveries", "retry", "--failed").splitlines()), 2)
        for task in tasks:
            self.ended(task, states=("succeeded",))
        self.assertEqual({mail["Message-ID"] for mail in self.mails.requests()[2:]}, before)
        self.assertEqual(self.deliveries("--failed"), [])

    def remind_seven(self):
        """Seven tasks that remind at the same instant."""
        gate = self.add("Gate")
        waiting = [self.add(f"Task {number}", "--depends-on", gate, "--remind", "when unblocked")
                   for number in range(7)]
        self.ok("done", gate)
        return waiting

    def check_digest(self, mail):
        self.assertIn("7 reminders", mail["Subject"])
        for number in range(7):
            self.assertIn(f"Task {number}", mail.part("plain"))
            self.assertIn(f"Task {number}", mail.part("html"))

    def test_a_digest_survives_a_kill_and_a_refusal(self):
        self.mail(options=("--rate", "2/1s"))
        self.mails.replies.extend([MailServer.HOLD, "451 later", "554 no"])
        self.remind_seven()
        self.received()
        self.home.kill()
        self.start(*self.flags)
        support.wait_for(lambda: self.deliveries("--failed"), "the refusal")
        self.ok("deliveries", "retry", "--failed")
        for mail in self.received(4):
            self.check_digest(mail)
        self.assertEqual(len({mail["Message-ID"] for mail in self.mails.requests()}), 1)
        support.wait_for(lambda: [row for row in self.deliveries() if row["state"] == "succeeded"],
                         "the digest")
        self.assertEqual(len(self.mails.requests()), 4)

    def test_seven_reminders_at_once_are_one_digest(self):
        self.mail(options=("--rate", "2/1m"))
        waiting = self.remind_seven()
        mail, = self.received()
        self.check_digest(mail)
        digests = set()
        for task in waiting:
            told = self.one(task, "suppressed")
            self.assertIn("goes into a digest", told["result"])
            digests.add(told["digest_id"])
        digest, = support.wait_for(
            lambda: [row for row in self.deliveries() if row["state"] == "succeeded"], "the digest")
        self.assertEqual(digests, {digest["id"]})
        event, = self.events("reminder.digest")
        self.assertEqual(event["data"]["payload"]["count"], 7)
        self.assertEqual(len(self.mails.requests()), 1)

    def test_beyond_the_rate_the_rest_waits_for_a_digest(self):
        self.mail(options=("--rate", "2/4s"))
        for number in range(5):
            self.remind(f"Task {number}")
        support.wait_for(lambda: {number for mail in self.mails.requests() for number in "01234"
                                  if f"Task {number}" in mail.part("plain") + mail["Subject"]}
                         == set("01234"), "each is told")
        self.assertLess(len(self.mails.requests()), 5)

    def test_in_quiet_hours_deliveries_wait_and_events_do_not(self):
        self.mail()
        now = datetime.datetime.now(datetime.timezone.utc)
        start, end = now - datetime.timedelta(hours=2), now + datetime.timedelta(hours=2)
        self.ok("config", "zone", "UTC")
        self.ok("config", "quiet-hours", f"{start:%H:%M}-{end:%H:%M}")
        task = self.remind("Later")
        support.wait_for(lambda: self.events("reminder.due"), "the event")
        row, = self.deliveries("--task", task)
        self.assertEqual((row["state"], row["attempts"]), ("pending", 0))
        self.assertEqual(instant(row["next_attempt"]), end.replace(second=0, microsecond=0))
        self.assertIn("mail: pending: waits: quiet hours; to be sent on", self.ok("explain", task))
        self.assertIn("succeeded", self.ok("channels", "test", "mail"), "a test does not wait")
        self.ok("done", task)
        self.assertIn("completed", self.one(task, "suppressed")["result"])
        self.assertEqual(len(self.mails.requests()), 1)

    def test_a_kill_before_the_answer_sends_the_same_mail_again(self):
        self.mail()
        self.mails.replies.append(MailServer.HOLD)
        task = self.remind("Twice at worst")
        self.received()
        self.home.kill()
        self.start(*self.flags)
        delivery = self.one(task)
        self.assertEqual({mail["Message-ID"] for mail in self.received(2)},
                         {f"<{delivery['id']}@taskd>"})
        self.assertEqual(delivery["attempts"], 2)


class Web(ChannelCase):
    KEY = b"0123456789abcdef0123456789abcdef"

    def setUp(self):
        super().setUp()
        self.web = self.serve(WebServer)

    def hook(self, *flags, path="/hook", kind="webhook"):
        self.ok("channels", "set", "hook", kind, self.web.url + path, "--default",
                "--backoff", "1s", *flags)

    def secret(self):
        return self.write("key", "whsec_" + base64.b64encode(self.KEY).decode() + "\n")

    def requests(self, count=1):
        return support.wait_for(lambda: len(self.web.requests()) >= count and self.web.requests(),
                                f"{count} requests")

    def check_signature(self, request):
        signed = ".".join((request.headers["webhook-id"], request.headers["webhook-timestamp"], ""))
        digest = hmac.new(self.KEY, signed.encode() + request.body, hashlib.sha256).digest()
        self.assertEqual(request.headers["webhook-signature"],
                         "v1," + base64.b64encode(digest).decode())

    def test_a_webhook_gets_the_event_signed_and_the_same_again_after_a_failure(self):
        self.start()
        self.hook("--secret-file", self.secret())
        self.web.replies.append((503, {"Retry-After": "2"}))
        delivery = self.one(self.remind("Post ✓"))
        first, second = self.requests(2)
        for request in (first, second):
            self.assertEqual(request.headers["content-type"].split(";")[0],
                             "application/cloudevents+json")
            event = request.json()
            self.assertEqual((event["specversion"], event["type"]), ("1.0", "reminder.due"))
            self.assertEqual(event["data"]["payload"]["summary"], "Post ✓")
            self.assertEqual((request.path, request.headers["idempotency-key"],
                              request.headers["webhook-id"]),
                             ("/hook", delivery["id"], delivery["id"]))
            self.check_signature(request)
        self.assertEqual(first.body, second.body)
        self.assertIn("503", delivery["log"][0]["result"])
        waited = instant(delivery["log"][1]["at"]) - instant(delivery["log"][0]["at"])
        self.assertGreaterEqual(waited.total_seconds(), 1.9, "as Retry-After asks")

    def test_a_redirect_is_not_followed(self):
        self.start()
        self.hook("--attempts", "1")
        self.web.always = (302, {"Location": self.web.url + "/elsewhere"})
        result = self.one(self.remind("Moved"), "dead")["result"]
        self.assertIn("302", result)
        self.assertIn("/elsewhere", result)
        self.assertEqual([request.path for request in self.web.requests()], ["/hook"])

    def test_gone_disables_the_channel_until_it_is_set_again(self):
        self.start()
        self.hook()
        self.web.replies.append((410, {}))
        self.assertIn("410", self.one(self.remind("Last"), "dead")["result"])
        self.assertIn("410 Gone", self.ok("channels", "list"))
        self.assertEqual(len(self.events("channel.disabled")), 1)
        later = self.remind("Later")
        self.assertIn("disabled", self.one(later, "dead")["result"])
        self.assertIn("disabled", self.ok("explain", later))
        self.assertEqual(len(self.web.requests()), 1)
        self.hook()
        self.assertNotIn("410", self.ok("channels", "list"))
        self.one(self.remind("Again"))
        self.ok("deliveries", "retry", "--failed")
        self.ended(later, states=("succeeded",))

    def test_a_body_of_json_stays_json_whatever_the_title_holds(self):
        self.start()
        self.hook("--body", '{"text": "do {summary}!", "parts": ["{number}", 7, {"{{": null}]}')
        title = '"},{"evil": "{text}\\'
        number = self.remind(title)
        self.one(number)
        request, = self.requests()
        self.assertEqual(request.headers["content-type"].split(";")[0], "application/json")
        self.assertEqual(request.json()["text"], f"do {title}!")
        self.assertEqual(request.json()["parts"][:2], [number, 7])

    def test_an_unknown_field_is_refused_with_those_there_are(self):
        self.start()
        said = self.refused("channels", "set", "hook", "webhook", self.web.url, "--body",
                            '{"text": "{sumary}"}')
        self.assertIn('"{sumary}" is not a field', said)
        self.assertIn("{summary}", said)
        self.assertEqual(self.read("channels", "list")["channels"], [])

    def test_networks_that_are_not_allowed_are_not_reached(self):
        self.start("--webhook-networks", "public")
        self.hook()
        delivery = self.one(self.remind("Knock"), "dead")
        self.assertEqual(delivery["attempts"], 1)
        self.assertIn("127.0.0.1", delivery["result"])
        self.assertIn("webhook.networks", delivery["result"])
        self.assertEqual(self.web.requests(), [])

    def test_ntfy_and_gotify_get_their_own_json_and_token(self):
        self.start()
        self.write("token", "tk_secret\n")
        token = ("--secret-file", self.path("token"))
        self.ok("channels", "set", "phone", "ntfy", self.web.url + "/my-topic", *token)
        self.ok("channels", "set", "house", "gotify", self.web.url + "/message", *token)
        title = 'Tea "now" 🍵'
        task = self.remind(title, "--channel", "phone", "--channel", "house", "--priority", "1")
        self.assertEqual([row["state"] for row in self.ended(task, 2)], ["succeeded"] * 2)
        by_path = {request.path: request for request in self.requests(2)}
        ntfy, gotify = by_path["/"], by_path["/message"]
        self.assertEqual((ntfy.json()["topic"], ntfy.json()["title"], ntfy.json()["priority"]),
                         ("my-topic", title, 4))
        self.assertEqual(ntfy.headers["authorization"], "Bearer tk_secret")
        self.assertEqual((gotify.json()["title"], gotify.json()["priority"]), (title, 8))
        self.assertEqual(gotify.headers["x-gotify-key"], "tk_secret")
        self.assertIn("Due ", gotify.json()["message"])
        shown = self.ok("channels", "list", "-o", "json") + self.ok("deliveries", "-o", "json")
        self.assertNotIn("tk_secret", shown)

    def test_a_kill_before_the_answer_sends_the_same_key_again(self):
        self.start()
        self.hook("--secret-file", self.secret())
        self.web.replies.append(WebServer.HOLD)
        task = self.remind("Twice at worst")
        self.requests()
        self.home.kill()
        self.start()
        delivery = self.one(task)
        first, second = self.requests(2)
        self.assertEqual({request.headers["idempotency-key"] for request in (first, second)},
                         {delivery["id"]})
        self.assertEqual(first.body, second.body)
        self.check_signature(second)

    def test_what_is_not_needed_any_more_is_not_sent(self):
        self.start()
        self.hook("--backoff", "1h")
        self.web.always = (503, {})
        for words, why in ((["done"], "completed"), (["ack"], "acknowledged"),
                           (["snooze", "1h"], "snoozed"), (["cancel"], "cancelled"),
                           (["delete"], "deleted")):
            with self.subTest(why=why):
                task = self.remind(why)
                support.wait_for(lambda: self.deliveries("--task", task)[0].get("log"),
                                 "an attempt")
                self.ok(words[0], task, *words[1:])
                if why == "deleted":
                    row = [row for row in self.deliveries() if row["state"] == "suppressed"][0]
                else:
                    row = self.one(task, "suppressed")
                self.assertIn(why, row["result"])
                self.assertIn("503", row["result"], "what was tried is still told")

    def test_an_attempt_under_way_is_the_last_once_the_task_is_done(self):
        self.start()
        self.hook()
        go = threading.Event()
        for status, state in ((503, "suppressed"), (204, "succeeded")):
            with self.subTest(state=state):
                go.clear()
                self.web.replies.extend([go, (status, {})])
                before = len(self.web.requests())
                task = self.remind("Held")
                self.requests(before + 1)
                self.ok("done", task)
                go.set()
                delivery = self.one(task, state)
                self.assertIn(str(status), delivery["result"])
                self.assertEqual(delivery["attempts"], 1)

    def test_https_needs_an_authority_that_is_known(self):
        known, certificate = make_authority(self.home.path, "known")
        stranger, _ = make_authority(self.home.path, "stranger")
        self.web = self.serve(WebServer, certificate)
        self.start("--webhook-ca-file", stranger)
        self.hook("--attempts", "1")
        self.assertIn("certificate", self.one(self.remind("Secret"), "dead")["result"])
        self.home.kill(signal.SIGTERM)
        self.start("--webhook-ca-file", known)
        self.one(self.remind("Secret"))
        self.assertEqual(len(self.web.requests()), 1)

    def test_explain_tells_the_story(self):
        self.start()
        self.hook("--backoff", "1h")
        self.ok("channels", "set", "log", "exec", "--", "true")
        self.web.always = (503, {})
        task = self.remind("Story", "--channel", "hook", "--channel", "log", "--nag", "1h")
        self.ended(task)
        support.wait_for(lambda: "503" in self.ok("deliveries", "--task", task), "an answer")
        story = self.ok("explain", task)
        self.assertRegex(story, r"reminder\s+at the time.*went off on .*not acknowledged")
        self.assertRegex(story, r"again on \w+ \d{4}-|next on \w+ \d{4}-")
        self.assertRegex(story, r"log: succeeded on .* after 1 try: exit 0")
        self.assertRegex(story, r"hook: pending after 1 try: HTTP 503.*; next try on ")


class Desktop(ChannelCase):
    def setUp(self):
        super().setUp()
        self.screen = self.serve(Screen, self.home.path)
        self.home.env["DBUS_SESSION_BUS_ADDRESS"] = self.screen.address
        self.start()
        self.ok("channels", "set", "desk", "desktop", "--default")

    def shown(self):
        return self.screen.next("call", "Notify")

    def test_done_on_the_screen_completes_the_task(self):
        task = self.remind("Water <b>plants</b>")
        call = self.shown()
        self.assertEqual(call["summary"], "Water <b>plants</b>")
        buttons = dict(zip(call["actions"][::2], call["actions"][1::2]))
        done, = [key for key, label in buttons.items() if label == "Done"]
        self.one(task)
        self.screen.command("action", id=call["id"], key=done)
        support.wait_for(lambda: self.events("task.completed"), "task.completed")
        self.assertEqual(self.read("show", task)["task"]["status"], "completed")

    def test_snooze_on_the_screen_is_ten_minutes(self):
        task = self.remind("Water plants")
        call = self.shown()
        snooze, = [key for key, label in zip(call["actions"][::2], call["actions"][1::2])
                   if label.startswith("Snooze")]
        self.one(task)
        before = datetime.datetime.now(datetime.timezone.utc)
        self.screen.command("action", id=call["id"], key=snooze)
        until = support.wait_for(
            lambda: self.read("show", task)["reminders"][0].get("snoozed_until"), "the snooze")
        away = (instant(until) - before).total_seconds()
        self.assertTrue(595 <= away <= 600 + support.DEADLINE, away)

    def test_what_is_over_leaves_the_screen(self):
        for words in (["done"], ["snooze", "1h"], ["ack"], ["delete"]):
            with self.subTest(words=words):
                task = self.remind("Water plants")
                call = self.shown()
                self.assertEqual(call["replaces_id"], 0, "each task has its own")
                self.one(task)
                self.ok(words[0], task, *words[1:])
                self.assertEqual(self.screen.next("call", "CloseNotification")["id"], call["id"])


class NoDesktop(ChannelCase):
    def test_without_a_bus_a_test_says_so_and_the_daemon_lives(self):
        self.start()
        self.ok("channels", "set", "desk", "desktop", "--default")
        tried = self.home.taskctl("channels", "test", "desk")
        self.assertEqual(tried.returncode, 1)
        self.assertIn("no session bus", tried.stdout)
        task = self.remind("Unseen")
        row = support.wait_for(lambda: [row for row in self.deliveries("--task", task)
                                        if row.get("log")], "an attempt")[0]
        self.assertEqual(row["state"], "pending", "a desktop waits for its user to log in")
        self.assertIsNone(self.home.process.poll())
        self.assertEqual(self.ok("health"), "healthy\n")


def is_running(pid):
    """Not counting one that is dead and has no parent that cares."""
    try:
        with open(f"/proc/{pid}/stat", encoding="utf-8", errors="replace") as file:
            return file.read().rsplit(")", 1)[1].split()[0] not in "ZX"
    except FileNotFoundError:
        return False


class Exec(ChannelCase):
    def command(self, script, *flags, name="run"):
        self.ok("channels", "set", name, "exec", "--default", "--attempts", "1", *flags, "--",
                "/bin/sh", "-c", script)

    def pids(self, count):
        """Of the processes that a script wrote down; they are ended with the test at the latest."""
        pids = support.wait_for(
            lambda: len(self.text("pids").splitlines()) == count and self.text("pids").split(),
            "pids")
        for pid in map(int, pids):
            self.addCleanup(lambda pid=pid: is_running(pid) and os.kill(pid, signal.SIGKILL))
        return [int(pid) for pid in pids]

    def test_a_command_that_hangs_is_ended_with_all_its_children(self):
        self.start()
        self.command(f"trap '' TERM; sleep 600 & echo $! >>{self.path('pids')};"
                     f" echo $$ >>{self.path('pids')}; wait", "--timeout", "1s")
        task = self.remind("Hang")
        pids = self.pids(2)
        self.assertIn("timed out after 1", self.one(task, "dead")["result"])
        for pid in pids:
            support.wait_for(lambda pid=pid: not is_running(pid), f"{pid} is gone")

    def test_a_flood_is_bounded(self):
        self.start()
        self.command("yes äöü | head -c 20000000; echo end >&2; exit 3")
        delivery = self.one(self.remind("Flood"), "dead")
        self.assertEqual(delivery["result"], "exit 3")
        self.assertTrue(100 < len(delivery["output"].encode()) <= 4096)

    def test_one_that_leaves_a_child_behind_is_not_waited_for(self):
        self.start()
        self.command(f"sleep 600 & echo $! >>{self.path('pids')}; echo left")
        task = self.remind("Fork")
        self.pids(1)
        delivery = self.one(task)
        self.assertEqual((delivery["result"], delivery["output"].strip()), ("exit 0", "left"))

    def test_nor_one_that_floods_from_behind(self):
        self.start()
        self.command(f"yes & echo $! >>{self.path('pids')}; echo left", "--timeout", "2s")
        task = self.remind("Flood from behind")
        self.pids(1)
        self.one(task)

    def test_nothing_of_a_title_is_read_by_a_shell(self):
        self.start()
        self.command(f"printf '%s\\n' \"$TASKD_SUMMARY\" \"$TASKD_ATTEMPT\" >{self.path('out')}")
        title = f"$(touch {self.path('evil')}); `id` 'x' \"y\" ü"
        self.one(self.remind(title))
        self.assertEqual(self.text("out"), f"{title}\n1\n")
        self.assertFalse(os.path.exists(self.path("evil")))

    def test_no_more_at_once_than_allowed(self):
        self.start("--exec-concurrency", "1")
        self.command(f"mkdir {self.path('busy')} || exit 9; sleep 0.15; rmdir {self.path('busy')}")
        tasks = [self.remind(f"Turn {number}") for number in range(4)]
        for task in tasks:
            self.assertEqual(self.one(task)["result"], "exit 0")


class Times(ChannelCase):
    """When reminders go off, by the real clock."""

    def setUp(self):
        super().setUp()
        self.start()
        self.ok("channels", "set", "log", "exec", "--default", "--", "/bin/sh", "-c", "cat")

    def told(self, task):
        """The payload of what went off for a task."""
        return json.loads(self.one(task)["output"])["data"]["payload"]

    @staticmethod
    def hours_ago(hours):
        zone = datetime.timezone.utc
        return f"{datetime.datetime.now(zone) - datetime.timedelta(hours=hours):%Y-%m-%dT%H:%M} UTC"

    def test_what_passed_while_taskd_was_off_is_late_or_missed(self):
        late = self.add("Late", "--due", "in 4 seconds", "--remind", "0m")
        missed = self.add("Missed", "--due", "in 4 seconds", "--remind", "0m", "--grace", "1s")
        self.home.kill(signal.SIGTERM)
        due = datetime.datetime.now(datetime.timezone.utc) + datetime.timedelta(seconds=4 + 1.2)
        support.wait_for(lambda: datetime.datetime.now(datetime.timezone.utc) > due, "it is past")
        self.start()
        row = self.one(late)
        payload = self.told(late)
        really = instant(row["created"]) - instant(payload["planned"])
        self.assertAlmostEqual(payload["late_ms"], really.total_seconds() * 1000, delta=5)
        self.assertGreaterEqual(payload["late_ms"], 1000)
        event, = self.events("reminder.missed")
        self.assertEqual(event["data"]["payload"]["summary"], "Missed")
        self.assertEqual(self.deliveries("--task", missed), [])

    def test_explain_says_that_a_reminder_was_missed(self):
        task = self.add("Missed", "--due", self.hours_ago(2),
                        "--remind", "0m", "--grace", "1h")
        support.wait_for(lambda: self.events("reminder.missed"), "reminder.missed")
        self.assertRegex(self.ok("explain", task), r"reminder\s+at the time.*missed")

    def test_explain_has_the_times_of_your_zone(self):
        task = self.add("Timeless", "--remind", "at in 1 second")
        self.one(task)
        went_off = instant(self.read("show", task)["reminders"][0]["fired_at"])
        local = went_off.astimezone(zoneinfo.ZoneInfo(self.home.env["TZ"]))
        # A full minute is said without its seconds.
        moment = f"{local:%a %Y-%m-%d %H:%M:%S}".removesuffix(":00")
        self.assertIn(f"went off on {moment}", self.ok("explain", task))

    def test_before_the_start_and_at_a_time_of_its_own(self):
        start = self.add("Start", "--start", "in 1 minute", "--due", "tomorrow",
                         "--remind", "59s before start")
        fixed = self.add("Fixed", "--remind", "at in 1 second")
        for task in (start, fixed):
            self.assertLess(self.told(task)["late_ms"], support.DEADLINE * 1000)

    def test_when_the_last_dependency_is_done(self):
        first, second = self.add("First"), self.add("Second")
        task = self.add("Then", "--depends-on", first, "--depends-on", second,
                        "--remind", "when unblocked")
        self.ok("done", first)
        self.assertEqual(self.deliveries("--task", task), [])
        self.ok("done", second)
        self.assertEqual(self.told(task)["summary"], "Then")

    def test_new_tasks_have_the_reminders_of_their_project_or_tag_or_all(self):
        self.ok("reminders", "set", "0m")
        self.ok("reminders", "set", "1d", "1h", "--project", "taxes")
        self.ok("reminders", "set", "2h", "--tag", "urgent", "--nag", "5m")
        self.assertEqual(len(self.ok("reminders", "list").splitlines()), 3)

        def before(*flags):
            task = self.add("Task", "--due", "2031-01-02T09:00", *flags)
            return sorted(one["before_ms"] // 60000 for one in self.read("show", task)["reminders"])

        self.assertEqual(before("--project", "taxes", "--tag", "urgent"), [60, 1440])
        self.assertEqual(before("--tag", "urgent"), [120])
        self.assertEqual(before("--tag", "other"), [0])
        self.assertEqual(before("--remind", "none"), [])
        self.assertEqual(before("--project", "taxes", "--remind", "5m"), [5])
        self.ok("reminders", "clear", "--project", "taxes")
        self.assertEqual(before("--project", "taxes"), [0])
        task = self.add("Now", "--due", "in 1 second")
        self.assertEqual(self.told(task)["summary"], "Now")

    def test_a_test_of_a_channel_says_how_it_ended(self):
        self.assertIn("succeeded", self.ok("channels", "test", "log"))
        self.ok("channels", "set", "bad", "exec", "--", "/bin/sh", "-c", "echo broken; exit 7")
        tried = self.home.taskctl("channels", "test", "bad")
        self.assertEqual(tried.returncode, 1)
        self.assertIn("exit 7", tried.stdout)
        self.assertEqual(self.home.taskctl("channels", "test", "none").returncode, 3)

    def test_the_default_channel_takes_the_place_of_one_that_was_removed(self):
        self.ok("channels", "set", "gone", "exec", "--", "true")
        task = self.add("Task", "--due", "in 1 second", "--remind", "0m", "--channel", "gone")
        self.ok("channels", "remove", "gone")
        self.assertEqual(self.one(task, "succeeded")["channel"], "log")

    def test_a_channel_that_was_removed_is_why_a_reminder_failed(self):
        self.ok("channels", "set", "gone", "exec", "--", "true")
        task = self.add("Task", "--due", "in 1 second", "--remind", "0m", "--channel", "gone")
        self.ok("channels", "remove", "log")
        self.ok("channels", "remove", "gone")
        self.assertIn('"gone" was removed', self.one(task, "dead")["result"])


@unittest.skipUnless(os.path.exists(FAKETIME), "without libfaketime: Debian package faketime")
class LongTimes(ChannelCase):
    """Minutes and days: every process of the test has a clock that the test sets."""

    def setUp(self):
        super().setUp()
        if support.is_sanitized():
            self.skipTest("sanitizers want to be loaded first")
        self.ahead(0)
        self.home.env.update(LD_PRELOAD=FAKETIME, FAKETIME_TIMESTAMP_FILE=self.path("clock"),
                             FAKETIME_NO_CACHE="1", FAKETIME_DONT_FAKE_MONOTONIC="1",
                             FAKETIME_DISABLE_SHM="1")
        self.start()
        self.ok("channels", "set", "log", "exec", "--default", "--", "/bin/sh", "-c", "cat")

    def ahead(self, seconds):
        """Sets the clock so far ahead of the real one."""
        self.write("clock.new", f"+{seconds}\n")
        os.replace(self.path("clock.new"), self.path("clock"))

    def later(self, seconds):
        """The same; what was armed by the old clock is looked at with the next turn."""
        self.ahead(seconds)
        self.ok("health")

    def payloads(self, rows):
        return [json.loads(row["output"])["data"]["payload"] for row in rows]

    def test_what_was_missed_while_taskd_was_off_is_explained_so(self):
        self.ok("config", "zone", "UTC")
        self.ok("add", "Backup", "--every", "day", "--at", "3:00", "--run", "--", "true")
        self.ok("expect", "job", "--every", "day", "--by", "4:00", "--grace", "10m")
        self.home.kill(signal.SIGTERM)
        self.ahead(4 * 86400)
        self.start()
        missed = self.home.taskctl("missed")
        rows = [line.split("\t") for line in missed.stdout.splitlines()]
        self.assertIn(("Backup", "not caught up with"), {(row[2], row[4]) for row in rows})
        self.assertIn(("job", "no ping has come yet"), {(row[2], row[4]) for row in rows})
        self.assertRegex(missed.stderr, "(?m)^taskd was off or its machine slept from .* until ")
        report = json.loads(self.ok("missed", "-o", "json"))
        self.assertEqual([len(report["gaps"]), len(report["expectations"])], [1, 1])
        lines = [json.loads(line) for line in self.ok("missed", "-o", "jsonl").splitlines()]
        self.assertEqual([line["state"] for line in lines if "state" in line], ["down"])
        told = self.ok("explain", "1")
        self.assertIn("taskd was off or its machine slept then, from ", told)

    def test_it_nags_until_it_is_acknowledged(self):
        task = self.remind("Pill", "--nag", "1m")
        self.ended(task)
        for nag in (1, 2):
            self.later(nag * 65)
            self.ended(task, nag + 1)
        self.assertEqual([payload.get("nag", 0) for payload in self.payloads(self.ended(task, 3))],
                         [0, 1, 2])
        self.assertRegex(self.ok("explain", task), "again|next on")
        self.ok("ack", task)
        self.later(3600)
        self.assertEqual(len(self.deliveries("--task", task)), 3)
        self.assertIn("acknowledged", self.ok("explain", task))

    def test_a_nag_takes_the_place_of_what_is_on_the_screen(self):
        screen = self.serve(Screen, self.home.path)
        self.home.kill(signal.SIGTERM)
        self.home.env["DBUS_SESSION_BUS_ADDRESS"] = screen.address
        self.start()
        self.ok("channels", "set", "desk", "desktop", "--default")
        task = self.remind("Pill", "--nag", "1m")
        first = screen.next("call", "Notify")
        self.ended(task)
        self.later(65)
        again = screen.next("call", "Notify")
        self.assertEqual((first["replaces_id"], again["replaces_id"], again["id"]),
                         (0, first["id"], first["id"]))
        self.assertEqual(again["hints"]["urgency"], 2)
        self.ended(task, 2)

    def test_the_last_nag_is_the_last(self):
        task = self.remind("Pill", "--nag", "1m", "--nag-max", "1")
        for minutes in (0, 2, 4, 600):
            self.later(minutes * 60)
        self.assertEqual(len(self.ended(task, 2)), 2)

    def test_it_goes_to_another_channel_once_nobody_answers(self):
        self.ok("channels", "set", "boss", "exec", "--", "/bin/sh", "-c", "cat")
        flags = ("--escalate", "10m", "--escalate-to", "boss")
        seen, unseen = self.remind("Seen", *flags), self.remind("Unseen", *flags)
        for task in (seen, unseen):
            self.ended(task)
        self.ok("ack", seen)
        self.later(601)
        rows = self.ended(unseen, 2)
        self.assertEqual([row["channel"] for row in rows], ["log", "boss"])
        self.assertEqual([payload.get("escalated", False) for payload in self.payloads(rows)],
                         [False, True])
        self.assertEqual([row["channel"] for row in self.deliveries("--task", seen)], ["log"])
        self.later(86400)
        self.assertEqual(len(self.deliveries("--task", unseen)), 2)

    def test_an_agenda_comes_once_a_day(self):
        self.ok("config", "zone", "UTC")
        self.add("Today", "--due", "in 1 hour", "--remind", "none")
        self.add("Next season", "--due", "in 300 days", "--remind", "none")
        soon = datetime.datetime.now(datetime.timezone.utc) + datetime.timedelta(hours=3)
        self.ok("config", "agenda", f"{soon:%H:%M}")
        self.assertEqual(self.deliveries(), [])
        for day in (0, 1):
            self.later(day * 86400 + 3 * 3600 + 5)
            support.wait_for(lambda: sum(row["state"] == "succeeded" for row in self.deliveries())
                             == day + 1, "the agenda")
        agenda = [event["data"]["payload"] for event in self.events("agenda.due")]
        self.assertEqual([[item["summary"] for item in one["items"]] for one in agenda],
                         [["Today"], ["Today"]])
        self.assertEqual(agenda[1]["items"][0]["why"], "overdue")
        self.ok("config", "--unset", "agenda")
        self.later(3 * 86400)
        self.assertEqual(len(self.events("agenda.due")), 2)

    def test_quiet_hours_end_and_what_waited_goes_out(self):
        mails = self.serve(MailServer)
        self.home.kill(signal.SIGTERM)
        self.start("--smtp-url", mails.url, "--smtp-from", "taskd@example.org")
        self.ok("channels", "set", "mail", "email", MINE, "--default")
        self.ok("config", "zone", "UTC")
        now = datetime.datetime.now(datetime.timezone.utc)
        end = now + datetime.timedelta(hours=2)
        self.ok("config", "quiet-hours", f"{now - datetime.timedelta(hours=2):%H:%M}-{end:%H:%M}")
        task = self.remind("Good morning")
        self.later(3600)
        self.assertEqual((self.deliveries("--task", task)[0]["state"], mails.requests()),
                         ("pending", []))
        self.later(7200)
        self.one(task)
        mail, = mails.requests()
        self.assertTrue(re.search("Good morning", mail["Subject"]))

    def test_nags_of_quiet_hours_do_not_pile_up(self):
        mails = self.serve(MailServer)
        self.home.kill(signal.SIGTERM)
        self.start("--smtp-url", mails.url, "--smtp-from", "taskd@example.org")
        self.ok("channels", "set", "mail", "email", MINE)
        self.ok("config", "zone", "UTC")
        now = datetime.datetime.now(datetime.timezone.utc)
        end = now + datetime.timedelta(hours=2)
        self.ok("config", "quiet-hours", f"{now - datetime.timedelta(hours=2):%H:%M}-{end:%H:%M}")
        task = self.remind("Pill", "--nag", "10m", "--channel", "log", "--channel", "mail")
        for nag in range(1, 8):
            self.later(nag * 605)
        self.assertLessEqual(
            len([row for row in self.deliveries("--task", task) if row["state"] == "pending"]), 2,
            "the newest on each channel")
        self.later(7200)
        support.wait_for(mails.requests, "a mail")
        self.assertEqual(mails.requests()[0]["Subject"], "Pill")

    def test_a_failure_of_hours_is_outlived_by_mail(self):
        mails = self.serve(MailServer)
        mails.always = "421 down for maintenance"
        self.home.kill(signal.SIGTERM)
        self.start("--smtp-url", mails.url, "--smtp-from", "taskd@example.org")
        self.ok("channels", "set", "mail", "email", MINE, "--default")
        task = self.remind("Patience")
        for hour in range(4):
            self.later(hour * 3700)
            support.wait_for(lambda: len(self.deliveries("--task", task)[0].get("log", [])) > hour,
                             f"attempt {hour + 1}")
            self.home.kill()
            self.start(*self.flags)
        mails.always = None
        self.later(4 * 3700)
        self.assertEqual(self.one(task)["attempts"], 5)


if __name__ == "__main__":
    unittest.main()
