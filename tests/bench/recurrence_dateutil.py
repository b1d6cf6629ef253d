# SPDX-License-Identifier: Apache-2.0
"""Prints ns per occurrence and ns for the next one 30 years on, for one rule."""
import datetime
import itertools
import sys
import time

from dateutil.rrule import rrulestr

START = datetime.datetime(1997, 9, 2, 9)
rule = rrulestr(sys.argv[1], dtstart=START)
begin = time.perf_counter_ns()
items = sum(1 for _ in itertools.islice(iter(rule), 500))
walk = (time.perf_counter_ns() - begin) / items
begin = time.perf_counter_ns()
if "SECONDLY" in sys.argv[1] or "MINUTELY" in sys.argv[1]:
    later = START + datetime.timedelta(days=365)  # 30 years take minutes; one year, times thirty
    rule.after(later)
    print(walk, (time.perf_counter_ns() - begin) * 30)
else:
    rule.after(START.replace(year=2027))
    print(walk, time.perf_counter_ns() - begin)
