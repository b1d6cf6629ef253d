# SPDX-License-Identifier: Apache-2.0
"""taskctl preview --jsonl against python3-dateutil and libical on random rules. Where they differ,
a class below says why; taskd-recurrence(7) lists them under CHOICES WHERE ENGINES DIFFER. Anything
else fails. TASKD_PEER_CASES=N for more, TASKD_PEER_SEED=N for others."""
import datetime
import json
import os
import random
import re
import signal
import subprocess
import unittest
import warnings

import rule_generator
import support
from dateutil import rrule as dateutil

CASES = int(os.environ.get("TASKD_PEER_CASES", "100"))
SEED = int(os.environ.get("TASKD_PEER_SEED", "20261124"))
LIMIT = 200
PEER_SECONDS = 0.5
FORM = "%Y%m%dT%H%M%S"
HORIZON = {"SECONDLY": datetime.timedelta(hours=8), "MINUTELY": datetime.timedelta(days=8),
           "HOURLY": datetime.timedelta(days=200), "DAILY": datetime.timedelta(days=3000),
           "WEEKLY": datetime.timedelta(days=5000), "MONTHLY": datetime.timedelta(days=9000),
           "YEARLY": datetime.timedelta(days=15000)}
LIBICAL_PEER = os.path.join(support.BIN, "tests", "libical_peer")
SUB_DAILY = rule_generator.SUB_DAILY


def ordered(rule):
    """The rule with sorted lists without repeats: libical takes them as they come, and gives slots
    out of order and twice."""
    parts = []
    for part in rule.upper().split(";"):
        name, value = part.split("=")
        values = sorted(set(value.split(",")), key=lambda text: (
            int(re.sub(r"[A-Z]", "", text) or 0),
            rule_generator.WEEKDAYS.index(text[-2:]) if text[-2:].isalpha() else 0)
        ) if name.startswith("BY") else [value]
        parts.append(f"{name}={','.join(values)}")
    return ";".join(parts)


def has_ordinal(parts):
    return re.search(r"\d", parts.get("BYDAY", "")) is not None


def is_mixed(parts):
    return has_ordinal(parts) and any(
        not re.search(r"\d", day) for day in parts["BYDAY"].split(","))


# Each is (name, predicate over the rule's parts); the reason stands beside it.
DATEUTIL_CLASSES = [
    # Seven days there; ours, as for other parts that are not there, DTSTART's weekday.
    ("BYWEEKNO without a day", lambda p: "BYWEEKNO" in p and not
     {"BYDAY", "BYMONTHDAY", "BYYEARDAY"} & set(p)),
    # It wants a day to be one of each kind; the RFC has one list.
    ("plain and numbered BYDAY", is_mixed),
    # Its first week begins at DTSTART; the RFC's at WKST.
    ("WEEKLY with BYSETPOS", lambda p: p["FREQ"] == "WEEKLY" and "BYSETPOS" in p),
    # It numbers the days of the neighbouring years' weeks in its own way.
    ("BYWEEKNO at the year's edge", lambda p: any(
        abs(int(week)) in (1, 51, 52, 53) for week in p.get("BYWEEKNO", "0").split(","))),
    # It counts periods from DTSTART on, so a first set is cut.
    ("BYSETPOS in DTSTART's own period", lambda p: p["FREQ"] in SUB_DAILY and "BYSETPOS" in p),
]
TIMES = {"BYHOUR", "BYMINUTE", "BYSECOND"}
LIBICAL_CLASSES = [
    # 3.0 applies BYSETPOS to the days of a month or year; the RFC to a period's slots, of any FREQ.
    ("BYSETPOS", lambda p: "BYSETPOS" in p and (
        p["FREQ"] not in ("MONTHLY", "YEARLY") or TIMES & set(p) or "BYWEEKNO" in p)),
    # Passed over where they limit; the RFC's table limits by them.
    ("negative BYMONTHDAY finer than MONTHLY", lambda p: p["FREQ"] in SUB_DAILY + ("DAILY",) and
     "-" in p.get("BYMONTHDAY", "")),
    # INTERVAL is dropped where a part names the unit itself or a coarser one, and the finer fields
    # stay DTSTART's; the RFC limits the slots that the interval gives.
    ("time parts that limit", lambda p: p["FREQ"] in SUB_DAILY and TIMES & set(p)),
    # Only days of DTSTART's month; by the RFC BYMONTHDAY names them in each month.
    ("YEARLY BYMONTHDAY without BYMONTH", lambda p: p["FREQ"] == "YEARLY" and
     "BYMONTHDAY" in p and "BYMONTH" not in p),
]


class Peers(unittest.TestCase):
    def setUp(self):
        rng = random.Random(SEED)
        self.cases = []
        for number in range(CASES):
            parts = rule_generator.rule(rng)
            start = rule_generator.dtstart(rng)
            self.cases.append({"id": number, "parts": parts, "rule": rule_generator.text(rng, parts),
                               "start": start, "end": start + HORIZON[parts["FREQ"]]})
        lines = "".join(json.dumps({
            "id": case["id"], "dtstart": case["start"].strftime(FORM), "limit": LIMIT,
            "lines": ["RRULE:" + case["rule"]],
            "before": (case["end"] + datetime.timedelta(seconds=1)).strftime(FORM)}) + "\n"
            for case in self.cases)
        done = subprocess.run([support.TASKCTL, "preview", "--jsonl"], input=lines, text=True,
                              capture_output=True, check=True, timeout=support.DEADLINE)
        for case, line in zip(self.cases, done.stdout.splitlines(), strict=True):
            answer = json.loads(line)
            self.assertNotIn("error", answer, case["rule"])
            case["ours"] = answer["occurrences"]

    def compare(self, name, answer, classes):
        used = {}
        compared = 0
        unexplained = []
        for case in self.cases:
            theirs = answer(case)
            if theirs is None:
                continue
            compared += 1
            if case["ours"] == theirs:
                continue
            known = [title for title, applies in classes if applies(case["parts"])]
            if known:
                used[known[0]] = used.get(known[0], 0) + 1
                continue
            at = next((index for index, pair in enumerate(zip(case["ours"], theirs))
                       if pair[0] != pair[1]), min(len(case["ours"]), len(theirs)))
            unexplained.append(f"{case['start'].strftime(FORM)} {case['rule']}: at {at} ours "
                               f"{case['ours'][at:at + 3]}, {name} {theirs[at:at + 3]}")
        print(f"{name}: {compared} compared; {used}")
        self.assertGreater(compared, CASES // 2)
        self.assertEqual(unexplained, [], "\n".join([""] + unexplained[:40]))

    def test_dateutil(self):
        class TooSlow(Exception):
            pass

        def stop(*_):
            raise TooSlow

        def answer(case):
            signal.setitimer(signal.ITIMER_REAL, PEER_SECONDS)
            try:
                with warnings.catch_warnings():
                    warnings.simplefilter("ignore")
                    each = dateutil.rrulestr(case["rule"].upper(), dtstart=case["start"])
                found = []
                for slot in each:
                    if slot > case["end"] or len(found) == LIMIT:
                        break
                    found.append(slot.strftime(FORM))
                return found
            except (TooSlow, ValueError):  # it refuses some rules that can never match
                return None
            finally:
                signal.setitimer(signal.ITIMER_REAL, 0)

        before = signal.signal(signal.SIGALRM, stop)
        self.addCleanup(signal.signal, signal.SIGALRM, before)
        self.compare("dateutil", answer, DATEUTIL_CLASSES)

    @unittest.skipUnless(os.path.exists(LIBICAL_PEER), "built without libical")
    def test_libical(self):
        def answer(case):
            line = (f"{case['start'].strftime(FORM)} {ordered(case['rule'])} "
                    f"{case['end'].strftime(FORM)} {LIMIT}\n")
            try:
                done = subprocess.run([LIBICAL_PEER], input=line, text=True, capture_output=True,
                                      check=True, timeout=PEER_SECONDS)
            except subprocess.TimeoutExpired:
                return None
            found = done.stdout.split()
            return None if found == ["-"] else found

        self.compare("libical", answer, LIBICAL_CLASSES)


if __name__ == "__main__":
    unittest.main()
