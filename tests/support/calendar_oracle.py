# SPDX-License-Identifier: Apache-2.0
"""systemd-analyze as the judge of calendar events. As a program it writes what the unit tests
compare with: python3 tests/support/calendar_oracle.py > tests/data/calendar_times.txt"""

import os
import re
import subprocess
import sys

ANALYZE = "/usr/bin/systemd-analyze"
CORPUS = os.path.join(os.path.dirname(__file__), "..", "data", "calendar_events.txt")
TIMES = 3
# Before and behind the days on which the clock changes, and within an hour that comes twice.
BASES = [("UTC", "2026-11-28T08:00:00Z"), ("UTC", "2028-02-27T23:59:30Z"),
         ("Europe/Berlin", "2027-03-27T20:17:30Z"), ("Europe/Berlin", "2026-10-24T21:50:00Z"),
         ("Europe/Berlin", "2026-10-25T01:10:00Z"), ("America/New_York", "2027-03-14T05:00:00Z"),
         ("America/New_York", "2026-11-01T04:20:30Z"),
         ("Australia/Lord_Howe", "2026-10-03T14:10:00Z"),
         ("Australia/Lord_Howe", "2027-04-03T14:10:00Z")]


def corpus(marks=("",)):
    """The expressions with one of these marks: "" for those that are taken, "~" and "!"."""
    found = []
    with open(CORPUS, encoding="utf-8") as file:
        for line in file.read().splitlines():
            mark = line[1] if line[:2] in ("#~", "#!") else "#" if line.startswith("#") else ""
            if mark in marks:
                found.append(line[3:] if mark else line)
    return found


def is_recorded_version():
    """Whether it is the systemd whose own ways, those marked "~", are known."""
    run = subprocess.run([ANALYZE, "--version"], capture_output=True, text=True, check=False)
    return run.stdout.startswith("systemd 252 ")


def elapses(expressions, zone, base):
    """The next times of each by systemd, in UTC."""
    run = subprocess.run(
        [ANALYZE, "calendar", f"--iterations={TIMES}",
         "--base-time=" + base.replace("T", " ").replace("Z", " UTC"), "--", *expressions],
        env={"TZ": zone, "LC_ALL": "C"}, capture_output=True, text=True, check=False)
    blocks = run.stdout.strip().split("\n\n")
    if run.returncode != 0 or len(blocks) != len(expressions):
        raise AssertionError(run.stderr)
    form = re.compile(r"^ +(?:Next elapse|Iter\. #\d+|\(in UTC\)): \w+ (\S+) (\S+) UTC$",
                      re.MULTILINE)
    return [[f"{day}T{time}Z" for day, time in form.findall(block)] for block in blocks]


def main():
    expressions = corpus(("", "~"))
    print("# ZONE|FROM|EXPRESSION|TIMES: what systemd 252 gives, by support/calendar_oracle.py.")
    for zone, base in BASES:
        # systemd gives the timer up where its search stumbles over a change of the clock.
        asked = [one for one in expressions if one != "0/7:00" or zone == "UTC"]
        for expression, times in zip(asked, elapses(asked, zone, base)):
            print("|".join([zone, base, expression, " ".join(times)]))


if __name__ == "__main__":
    sys.exit(main())
