# SPDX-License-Identifier: Apache-2.0
"""The examples of taskd-events(7): one event of each type, as a daemon writes it.

STORY and SEQUEL make a daemon write each type at least once. tests/data/events/TYPE.json holds the first event
of each, with what differs from run to run replaced; the page shows those files.

python3 event_examples.py plays the story, writes the files, and puts them into the page. After a new
type: add the request that causes it to one of them and a section to the page, then run it."""

import json
import os
import re

import support

FOLDER = os.path.join(support.SOURCE, "tests", "data", "events")
PAGE = os.path.join(support.SOURCE, "man", "taskd-events.7")

DAY = {"at": "2031-03-01 09:00", "tz": "Europe/Berlin"}
STORY = [
    ("channel.set", {"name": "bell", "kind": "exec", "argv": ["true"]}),
    ("channel.set", {"name": "broken", "kind": "exec", "argv": ["false"]}),
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
]
# What comes by itself after that, and the story's end.
AWAITED = {"reminder.due", "reminder.missed", "delivery.succeeded", "delivery.failed"}
SEQUEL = [
    ("reminder.snooze", {"task": "4", "until": "20m", "tz": DAY["tz"]}),
    ("reminder.acknowledge", {"task": "4"}),
]
DAEMON = ("--delivery-attempts-max", "1")


def play(home):
    """The events of the story, from the log."""
    home.start(*DAEMON)
    for method, params in STORY:
        home.result(method, **params)

    def log():
        return home.result("event.read", after=0, limit=1000)["events"]

    support.wait_for(lambda: AWAITED <= {event["type"] for event in log()},
                     "reminders and deliveries")
    for method, params in SEQUEL:
        home.result(method, **params)
    return log()


def normal(event):
    """The event without what differs from run to run."""
    text = json.dumps(event, sort_keys=True)
    text = re.sub(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", "<uuid>", text)
    text = re.sub(r"(?!2031|2020)\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", "<time>", text)
    text = re.sub(r'"(?!2031|2020)\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d"', '"<local>"', text)
    text = re.sub(r'"late_ms": \d+', '"late_ms": "<ms>"', text)
    # Timers and channels run side by side, so what comes when differs.
    text = re.sub(r'"(userseq|event_userseq)": \d+', r'"\1": "<n>"', text)
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
