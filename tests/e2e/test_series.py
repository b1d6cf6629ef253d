# SPDX-License-Identifier: Apache-2.0
"""taskctl's commands of series, as people and as programs use them."""

import json
import os
import unittest

import support

CALENDAR = """BEGIN:VCALENDAR
VERSION:2.0
PRODID:-//test//EN
BEGIN:VEVENT
UID:1
DTSTART;VALUE=DATE:20301225
DTEND;VALUE=DATE:20301227
SUMMARY:Christmas
END:VEVENT
BEGIN:VEVENT
UID:2
DTSTART;VALUE=DATE:20150101
RRULE:FREQ=YEARLY
SUMMARY:New Year
END:VEVENT
BEGIN:VEVENT
UID:3
DTSTART:20300601T090000Z
SUMMARY:Meeting
END:VEVENT
END:VCALENDAR
"""


class Series(support.TestCase):
    def ok(self, *words):
        done = self.home.taskctl(*words)
        self.assertEqual(done.returncode, 0, (words, done.stderr))
        return done.stdout

    def table(self, *words):
        return self.ok("-o", "table", *words)

    def json(self, *words):
        return json.loads(self.ok("-o", "json", *words))

    def refused(self, status, says, *words):
        done = self.home.taskctl(*words)
        self.assertEqual(done.returncode, status, (words, done.stdout, done.stderr))
        self.assertIn(says, done.stderr, words)
        self.assertEqual(done.stdout, "")

    def add(self, *more):
        """Fridays at 9:30 from 2031-01-03 on."""
        self.ok("add", "Stand-up", "--every", "friday at 9:30 starting 2031-01-03",
                "--tz", "Europe/Berlin", *more)

    def file(self, text):
        path = os.path.join(self.home.path, "days.ics")
        with open(path, "w", encoding="utf-8") as file:
            file.write(text)
        return "@" + path

    def test_edit_echoes_what_was_understood_with_the_next_slots(self):
        self.add()
        out = self.table("series", "edit", "1", "--at", "18:00")
        self.assertRegex(out, r"^Edited series [0-9a-f]{8}: Stand-up\n"
                              r"  every week on Friday at 18:00, Europe/Berlin\n"
                              r"  task 1, Fri 2031-01-03 18:00.*\n"
                              r"  next  Fri 2031-01-03 18:00.*\n"
                              r"        Fri 2031-01-10 18:00.*\n"
                              r"        Fri 2031-01-17 18:00.*\n$")
        changed = self.json("series", "edit", "1", "--summary", "Call", "--tag", "team",
                            "--priority", "2", "--project", "work", "--notes", "short")
        self.assertEqual(changed["series"]["summary"], "Call")
        task = self.json("show", "1")["task"]
        self.assertEqual((task["summary"], task["tags"], task["priority"], task["project"]),
                         ("Call", ["team"], 2, "work"))
        self.ok("series", "edit", "1", "--no-tag", "team", "--priority", "0")
        same = self.home.taskctl("series", "edit", "1", "--summary", "Call")
        self.assertIn("nothing is different", same.stderr)
        series_id = self.json("show", "1")["series"]["id"]
        self.assertEqual(self.ok("--quiet", "series", "edit", "1", "--at", "8:00"),
                         series_id + "\n")

    def test_policies_are_set_taken_back_and_shown_with_where_they_come_from(self):
        self.add("--overlap", "stack")
        self.ok("series", "edit", "1", "--catch-up", "all", "--window", "3d")
        shown = self.table("series", "show", "1")
        self.assertRegex(shown, r"overlap +stack \(given when it was added\)")
        self.assertRegex(shown, r"catch_up +all \(changed later\)")
        self.assertRegex(shown, r"max +100 \(default\)")
        self.assertRegex(self.table("show", "1"),
                         r"policies +overlap stack \(add\), catch_up all \(changed\), window 3d")
        self.ok("series", "edit", "1", "--window", "default", "--catch-up", "default")
        policies = {p["name"]: p for p in self.json("series", "show", "1")["policies"]}
        self.assertEqual(policies["catch_up"]["value"], "skip")
        self.assertEqual(policies["overlap"]["origin"], "add")
        self.refused(2, "anchor completion", "series", "edit", "1", "--anchor", "completion")
        self.refused(2, "is not one of one, stack", "series", "edit", "1", "--overlap", "two")
        self.refused(2, "window", "series", "edit", "1", "--window", "3d")

    def test_split_links_both_parts(self):
        self.add("--remind", "10m")
        out = self.table("series", "split", "1", "--from", "2031-01-17 09:30", "--at", "11:00")
        self.assertIn("every week on Friday at 11:00, Europe/Berlin\n", out)
        self.assertIn("  task 2, Fri 2031-01-17 11:00", out)
        first = self.json("series", "show", "1")["series"]
        second = self.json("series", "show", "2")["series"]
        self.assertEqual(first["successor"], second["id"])
        self.assertEqual(second["predecessor"], first["id"])
        self.assertEqual(first["words"], "every week on Friday at 09:30, until 2031-01-10")
        self.assertIn("goes on as", self.table("series", "show", "1"))
        self.assertIn("and then it ends", self.table("series", "preview", "1"))
        self.refused(4, "since it was split", "series", "end", "1", "--on", "2031-02-01")
        self.refused(2, "is not a slot of the series", "series", "split", "1",
                     "--from", "2031-01-04T09:30:00")
        self.refused(2, "is not a slot's local time", "series", "split", "1", "--from", "friday")
        self.refused(4, "is the first of the series", "series", "split", "1", "--at", "8:00")

    def test_end_now_after_some_or_on_a_day(self):
        self.add()
        out = self.table("series", "end", "1", "--after", "2")
        self.assertIn("Set the end of series", out)
        self.assertIn("until 2031-01-10, Europe/Berlin\n", out)
        self.assertIn("        and then it ends\n", out)
        self.assertIn("until 2031-02-28", self.ok("series", "end", "1", "--on", "2031-02-28"))
        self.refused(2, "keep one", "series", "end", "1", "--after", "1", "--on", "friday")
        self.refused(2, "after", "series", "end", "1", "--after", "0")
        self.refused(2, "is in the past", "series", "end", "1", "--on", "2020-01-01")
        self.assertIn("task 1 stays open", self.ok("series", "end", "1"))
        self.refused(4, "has ended", "series", "end", "1")
        self.refused(4, "has ended", "series", "edit", "1", "--at", "8:00")

    def test_skip_and_move_show_in_the_preview(self):
        self.add()
        self.ok("series", "skip", "1", "--slot", "2031-01-10 09:30")
        self.ok("series", "move", "1", "--slot", "2031-01-17T09:30:00", "14:00")
        out = self.table("series", "preview", "1", "--count", "3")
        lines = out.splitlines()
        self.assertEqual(lines[0],
                         "Stand-up: every week on Friday at 09:30, Europe/Berlin")
        self.assertRegex(lines[2], r"Fri 2031-01-03 09:30 \+01:00 ")
        self.assertRegex(lines[3], r"Fri 2031-01-17 14:00 \+01:00 .*moved from Fri 2031-01-17 09:30")
        self.assertRegex(lines[4], r"Fri 2031-01-24 09:30")
        slots = self.json("series", "preview", "1")["slots"]
        self.assertEqual(len(slots), 5)
        self.assertEqual(slots[1]["change"], "moved")
        self.assertEqual(slots[1]["recurrence_id"], "2031-01-17T09:30:00")
        self.assertEqual(self.ok("--quiet", "series", "preview", "1", "--count", "1"),
                         "2031-01-03T09:30:00\n")
        self.refused(2, "count", "series", "preview", "1", "--count", "0")
        self.refused(3, "", "series", "preview", "99")

    def test_preview_marks_what_the_clock_and_days_off_do(self):
        self.ok("add", "Night", "--every", "sunday at 2:30 starting 2031-03-23",
                "--tz", "Europe/Berlin")
        self.assertIn("shifted: 02:30 does not exist", self.table("series", "preview", "1"))
        self.ok("config", "holidays", "2031-06-06,2031-06-09")
        self.ok("add", "Bins", "--every", "friday at 8:00 starting 2031-06-06",
                "--tz", "Europe/Berlin", "--shift", "next")
        self.assertIn("Tue 2031-06-10 08:00 +02:00", self.table("series", "preview", "2"))
        self.assertIn("shifted from Fri 2031-06-06 08:00", self.table("series", "preview", "2"))

    def test_what_a_newcomer_types(self):
        self.add()
        self.refused(2, "nothing to change was given", "series", "edit", "1")
        self.refused(2, 'did you mean "edit"', "series", "edt", "1")
        self.refused(2, 'did you mean "--shift"', "series", "edit", "1", "--shfit", "next")
        self.refused(2, "every", "series", "edit", "1", "--every", "blue moon")
        self.refused(2, "at", "series", "edit", "1", "--at", "tomorrow 9am")
        self.refused(2, "tz", "series", "edit", "1", "--tz", "Berlin")
        self.refused(3, "", "series", "edit", "77", "--at", "8:00")
        self.refused(2, "tag", "series", "edit", "1", "--no-tag", "none")
        for command in ("edit", "split", "end", "preview", "skip", "move"):
            self.assertIn("SERIES", self.ok("series", command, "--help"))

    def test_holidays_are_a_list_or_a_calendar(self):
        self.ok("config", "holidays", "2031-01-01", "2030-12-25")
        self.assertEqual(self.ok("config", "holidays"), "2030-12-25\n2031-01-01\n")
        self.ok("config", "holidays", self.file(CALENDAR))
        days = self.json("config")["holidays"]
        self.assertLess({"2030-12-25", "2030-12-26", "2031-01-01"}, set(days))
        self.assertEqual(len([d for d in days if d.endswith("-01-01")]), 11)
        self.assertNotIn("2030-06-01", days)
        self.assertRegex(self.table("config"), r"holidays +\d{4}-01-01, .* and \d+ more")
        self.ok("config", "--unset", "holidays")
        self.assertNotIn("holidays", self.json("config"))

    def test_a_calendar_that_is_none_is_refused(self):
        for text, says in (
                ("", "not an iCalendar file"),
                ("hello\n", "not an iCalendar file"),
                ("BEGIN:VCALENDAR\nEND:VCALENDAR\n", "no all-day event"),
                ("BEGIN:A\n" * 100_000, "not an iCalendar file"),
                ("x" * (1024 * 1024 + 1), "larger than 1 MiB"),
                (CALENDAR.replace("YEARLY", "DAILY"), "more than 1000 days"),
                (CALENDAR.replace("YEARLY", "FORTNIGHTLY"), "New Year"),
                (CALENDAR.replace("20301227", "20991227"), "longer than a year"),
                (CALENDAR.replace("20150101", "2015"), "New Year")):
            with self.subTest(text[:40]):
                self.refused(2, says, "config", "holidays", self.file(text))
        self.refused(2, "can't be read", "config", "holidays", "@/nowhere.ics")
        self.refused(2, "is not a day such as", "config", "holidays", "2031-13-01")
        self.refused(2, "is not a day such as", "config", "holidays", "christmas")


if __name__ == "__main__":
    unittest.main()
