# SPDX-License-Identifier: Apache-2.0
"""The examples of taskd-events(7): one event of each type, as a daemon writes it.

STORY and SEQUEL make a daemon write each type at least once. tests/data/events/TYPE.json holds the first event
of each, with what differs from run to run replaced; the page shows those files.

python3 event_examples.py plays the story, writes the files, and puts them into the page. After a new
type: add the request that causes it to one of them and a section to the page, then run it."""

import datetime
import http.server
import json
import os
import re
import signal
import sqlite3
import threading

import support

FOLDER = os.path.join(support.SOURCE, "tests", "data", "events")
PAGE = os.path.join(support.SOURCE, "man", "taskd-events.7")

DAY = {"at": "2031-03-01 09:00", "tz": "Europe/Berlin"}
STORY = [
    ("channel.set", {"name": "bell", "kind": "exec", "argv": ["true"]}),
    ("channel.set", {"name": "broken", "kind": "exec", "argv": ["false"]}),
    ("channel.set", {"name": "desk", "kind": "exec", "argv": ["true"],
                     "rate": {"max": 1, "per_ms": 1000}}),
    ("channel.set", {"name": "hook", "kind": "webhook", "url": "http://127.0.0.1:{port}/gone"}),
    ("channel.test", {"name": "hook"}),
    # A command whose holder was not heard of in time.
    ("run.claim", {"key": "deploy-v42", "command": ["./deploy", "v42"], "lease_ms": 1,
                   "holder": "runner-4711-6f3a09c2"}),
    # A task's life.
    ("task.add", {"summary": "Water the plants", "project": "home", "tags": ["balcony"],
                  "due": DAY["at"], "tz": DAY["tz"]}),
    ("task.update", {"task": "1", "priority": 2}),
    ("task.start", {"task": "1"}),
    ("task.complete", {"task": "1"}),
    ("task.reopen", {"task": "1"}),
    ("task.delete", {"task": "1"}),
    ("task.restore", {"task": "1"}),
    ("task.cancel", {"task": "1"}),
    # A series whose only slot is done, undone, and deleted.
    ("task.add", {"summary": "Tax return", "every": "FREQ=YEARLY;COUNT=1", **DAY}),
    ("task.complete", {"task": "2"}),
    ("task.reopen", {"task": "2"}),
    ("task.delete", {"task": "2"}),
    # A series that rests for a while.
    ("task.add", {"summary": "Stand-up", "every": "weekday", **DAY}),
    ("series.move", {"series": "3", "to": "2031-03-04 14:00"}),
    ("series.pause", {"series": "3", "note": "holidays"}),
    ("series.resume", {"series": "3"}),
    # Reminders: now, on two channels; and days too late.
    ("task.add", {"summary": "Take the tea out", "due": "in 1 second", "tz": DAY["tz"],
                  "remind": ["0"], "channels": ["bell", "broken"]}),
    ("task.add", {"summary": "Call Zoe", "due": "2020-01-02 09:00", "tz": DAY["tz"],
                  "remind": ["0"], "channels": ["bell"]}),
    # Two at once, more than this channel takes: a digest.
    ("task.add", {"summary": "Feed the cat", "due": "{soon}", "tz": "UTC",
                  "remind": ["0"], "channels": ["desk"]}),
    ("task.add", {"summary": "Feed the dog", "due": "{soon}", "tz": "UTC",
                  "remind": ["0"], "channels": ["desk"]}),
    # Something that reports, and a rule that hears of it.
    ("rule.set", {"types": ["ping.received"], "action": "notify",
                  "text": "{data.payload.name} says: {data.payload.kind}"}),
    ("expectation.set", {"name": "backup", "every": "day", "by": "2031-03-01 04:00",
                         "tz": DAY["tz"]}),
    ("expectation.ping", {"name": "backup", "kind": "fail", "run": "17"}),
]
# What comes by itself after that, and the story's end.
AWAITED = {"reminder.due", "reminder.missed", "reminder.digest", "delivery.succeeded",
           "delivery.failed", "delivery.suppressed", "channel.disabled", "run.abandoned"}
SEQUEL = [
    ("reminder.snooze", {"task": "4", "until": "20m", "tz": DAY["tz"]}),
    ("reminder.acknowledge", {"task": "4"}),
    ("user.set", {"zone": DAY["tz"], "agenda": "08:00"}),
]
DAEMON = ("--delivery-attempts-max", "1")


class Gone(http.server.BaseHTTPRequestHandler):
    """A receiver of webhooks that wants no more."""

    def do_POST(self):
        self.send_response(410)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *_):
        pass


def miss_a_morning(home):
    """As if the machine had been off at the time of the agenda."""
    home.kill(signal.SIGTERM)
    with sqlite3.connect(home.store) as store:
        (user,) = store.execute("SELECT user_id FROM user WHERE agenda <> ''").fetchone()
        store.execute("DELETE FROM timer WHERE kind = 'agenda'")
        store.execute("INSERT INTO timer VALUES ('agenda', 1, ?, '')", (user,))
        store.execute("UPDATE user SET agenda_ms = 1 WHERE user_id = ?", (user,))
    store.close()
    home.start(*DAEMON)


def play(home):
    """The events of the story, from the log."""
    server = http.server.HTTPServer(("127.0.0.1", 0), Gone)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        return play_with(home, server.server_address[1])
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def play_with(home, port):
    home.start(*DAEMON)
    soon = (datetime.datetime.now(datetime.timezone.utc) +
            datetime.timedelta(seconds=4)).strftime("%Y-%m-%dT%H:%M:%S")
    for method, params in STORY:
        for name, value in {"url": {"port": port}, "due": {"soon": soon}}.items():
            if name in params:
                params = {**params, name: params[name].format(**value)}
        home.result(method, **params)

    def log():
        return home.result("event.read", after=0, limit=1000)["events"]

    def await_types(wanted):
        support.wait_for(lambda: wanted <= {event["type"] for event in log()},
                         "reminders and deliveries")

    await_types(AWAITED)
    for method, params in SEQUEL:
        home.result(method, **params)
    dead = next(event for event in log() if event["type"] == "delivery.failed" and
                event["data"]["payload"]["channel"] == "broken")
    home.result("delivery.retry", delivery=dead["data"]["payload"]["id"])
    fence = next(event for event in log() if event["type"] == "run.started")["userseq"]
    home.result("run.extend", key="deploy-v42", fence=fence)
    home.result("run.finish", key="deploy-v42", fence=fence, status=3, took_ms=1500)
    home.result("run.forget", key="deploy-v42")
    miss_a_morning(home)
    await_types({"agenda.due"})
    return log()


def normal(event):
    """The event without what differs from run to run."""
    text = json.dumps(event, sort_keys=True)
    text = re.sub(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", "<uuid>", text)
    text = re.sub(r"(?!2031|2020)\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", "<time>", text)
    text = re.sub(r'"(?!2031|2020)\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d"', '"<local>"', text)
    text = re.sub(r'"rulechain": "[0-9a-f]{8}"', '"rulechain": "<rules>"', text)
    text = re.sub(r'"took_ms": \d+', '"took_ms": "<ms>"', text)
    text = re.sub(r'no connection: [^"]*', 'no connection: <why>', text)
    text = re.sub(r'"late_ms": \d+', '"late_ms": "<ms>"', text)
    # Timers and channels run side by side, so what comes when differs.
    text = re.sub(r'"(userseq|event_userseq|fence)": \d+', r'"\1": "<n>"', text)
    event = json.loads(text)
    event["source"] = "/taskd/<node>"
    event["userid"] = "<user>"
    event["data"]["user_id"] = "<user>"
    if "user_id" in event["data"]["payload"]:
        event["data"]["payload"]["user_id"] = "<user>"
    return event


def first_of_each(events):
    found = {}
    for event in events:
        found.setdefault(event["type"], normal(event))
    return found


def types():
    """The types that have an example."""
    return sorted(name[:-5] for name in os.listdir(FOLDER) if name.endswith(".json"))


def example(event_type):
    with open(os.path.join(FOLDER, event_type + ".json"), encoding="utf-8") as file:
        return json.load(file)


def block(event_type):
    text = json.dumps(example(event_type), indent=1).replace("\\", "\\e").replace("-", "\\-")
    return f".EX\n{text}\n.EE\n"


def page_with_examples(page):
    return re.sub(r'\.\\" example: (\S+)\n(?:.*?\n)??\.\\" end\n',
                  lambda match: f'.\\" example: {match[1]}\n{block(match[1])}.\\" end\n', page,
                  flags=re.S)


def write():
    home = support.Home()
    try:
        for event_type, event in first_of_each(play(home)).items():
            with open(os.path.join(FOLDER, event_type + ".json"), "w", encoding="utf-8") as file:
                json.dump(event, file, indent=1, sort_keys=True)
                file.write("\n")
    finally:
        home.close()
    with open(PAGE, encoding="utf-8") as file:
        page = page_with_examples(file.read())
    with open(PAGE, "w", encoding="utf-8") as file:
        file.write(page)


if __name__ == "__main__":
    write()
