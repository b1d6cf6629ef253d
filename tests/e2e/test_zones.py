# SPDX-License-Identifier: Apache-2.0
"""The zone file is swapped under a running daemon; SIGHUP moves what is pending."""

import os
import shutil
import signal
import sqlite3
import unittest

from support import Home, wait_for


class Zones(unittest.TestCase):
    def setUp(self):
        self.home = Home()
        self.addCleanup(self.home.close)
        self.zones = os.path.join(self.home.path, "zoneinfo")
        os.makedirs(os.path.join(self.zones, "Test"))
        self.home.env["TZDIR"] = self.zones
        self.home.env["TZ"] = "UTC"

    def put(self, zone):
        """Test/Town keeps the time of another town from now on."""
        fresh = os.path.join(self.zones, "Test", "fresh")
        shutil.copyfile(os.path.join("/usr/share/zoneinfo", zone), fresh)
        os.replace(fresh, os.path.join(self.zones, "Test", "Town"))

    def next_reminder(self):
        with sqlite3.connect(f"file:{self.home.store}?mode=ro", uri=True) as store:
            return store.execute("SELECT max(next_ms) FROM reminder").fetchone()[0]

    def test_sighup_moves_reminders_and_leaves_what_fired(self):
        self.put("Asia/Tokyo")
        self.home.start()
        run = self.home.taskctl
        run("add", "lunch", "--at", "2099-06-01T12:00", "--tz", "Test/Town", "--remind", "1h")
        before = self.next_reminder()
        self.put("America/New_York")
        self.home.process.send_signal(signal.SIGHUP)
        moved = wait_for(lambda: self.next_reminder() != before and self.next_reminder(), "a move")
        self.assertEqual(moved - before, 13 * 3_600_000)
        self.assertIn("2099-06-01T12:00:00-04:00", run("show", "1", "-o", "plain").stdout)

        # And at a start that finds another tzdata.
        self.home.kill()
        self.put("Asia/Tokyo")
        os.utime(self.zones, (1, 1))
        self.home.start()
        wait_for(lambda: self.next_reminder() == before, "the way back")


if __name__ == "__main__":
    unittest.main()
