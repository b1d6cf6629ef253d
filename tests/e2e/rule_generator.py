# SPDX-License-Identifier: Apache-2.0
"""Random rules within the grammar of RFC 5545 section 3.3.10, by a seed."""
import datetime
import random

WEEKDAYS = ["MO", "TU", "WE", "TH", "FR", "SA", "SU"]
SUB_DAILY = ("SECONDLY", "MINUTELY", "HOURLY")


def numbers(rng, low, high, signed=False, most=4):
    values = []
    for _ in range(rng.randint(1, most)):
        value = rng.randint(low, high)
        values.append(-value if signed and rng.random() < 0.35 else value)
    return ",".join(map(str, values))


def weekdays(rng, ordinal_max):
    days = []
    for _ in range(rng.randint(1, 4)):
        day = rng.choice(WEEKDAYS)
        if ordinal_max and rng.random() < 0.5:
            day = str(rng.choice([-1, 1]) * rng.randint(1, ordinal_max)) + day
        days.append(day)
    return ",".join(days)


def rule(rng, frequency=None):
    """A dict of rule parts; every combination that the RFC's table does not call N/A."""
    frequency = frequency or rng.choice(
        ["YEARLY", "MONTHLY", "WEEKLY", "DAILY", "HOURLY", "MINUTELY", "SECONDLY"])
    parts = {"FREQ": frequency}
    sub = frequency in SUB_DAILY

    def maybe(chance=0.25):
        return rng.random() < chance

    if maybe(0.5):
        parts["INTERVAL"] = str(rng.choice([2, 3, 4, 5, 6, 7, 10, 12, 15, 24, 30, 36, 90]
                                           if sub else [2, 3, 4, 5, 7, 13]))
    if maybe():
        parts["BYMONTH"] = numbers(rng, 1, 12)
    if maybe(0.3) and frequency == "YEARLY":
        parts["BYWEEKNO"] = numbers(rng, 1, 53, True)
    if maybe(0.2) and (frequency == "YEARLY" or sub):
        parts["BYYEARDAY"] = numbers(rng, 1, 366, True, 8)
    if maybe(0.3) and frequency != "WEEKLY":
        parts["BYMONTHDAY"] = numbers(rng, 1, 31, True)
    if maybe(0.4):
        ordinal = 0
        if frequency == "MONTHLY":
            ordinal = 5
        if frequency == "YEARLY" and "BYWEEKNO" not in parts:
            ordinal = 5 if "BYMONTH" in parts else 53
        parts["BYDAY"] = weekdays(rng, ordinal)
    if maybe(0.2):
        parts["BYHOUR"] = numbers(rng, 0, 23)
    if maybe(0.2):
        parts["BYMINUTE"] = numbers(rng, 0, 59)
    if maybe(0.2):
        parts["BYSECOND"] = numbers(rng, 0, 59)
    if maybe(0.2) and any(name.startswith("BY") for name in parts):
        parts["BYSETPOS"] = numbers(rng, 1, rng.choice([2, 5, 20]), True, 3)
    if maybe(0.2):
        parts["WKST"] = rng.choice(WEEKDAYS)
    if maybe(0.15):
        parts["COUNT"] = str(rng.randint(1, 30))
    return parts


def text(rng, parts):
    """The parts in any order and case."""
    items = list(parts.items())
    rng.shuffle(items)
    line = ";".join(f"{name}={value}" for name, value in items)
    return line.lower() if rng.random() < 0.2 else line


def dtstart(rng):
    day = datetime.datetime(1990, 1, 1) + datetime.timedelta(days=rng.randint(0, 15000))
    return day.replace(hour=rng.randint(0, 23), minute=rng.choice([0, 0, 15, 30, rng.randint(0, 59)]),
                       second=rng.choice([0, 0, 0, rng.randint(0, 59)]))
