# SPDX-License-Identifier: Apache-2.0
"""What `cmake --install` puts where, and what systemd thinks of the units."""

import os
import re
import shutil
import subprocess
import tempfile
import unittest

BIN = os.path.abspath(os.environ.get("TASKD_BIN_DIR", "build/dev"))
SOURCE = os.environ.get(
    "TASKD_SOURCE_DIR", os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", ".."))
UNITS = os.path.join(SOURCE, "packaging", "systemd")
EXPOSURE_MAX = "1.5"  # of the system unit; the user unit is no sandbox, and says why


def run(*words, env=None):
    return subprocess.run(words, capture_output=True, text=True, check=False, timeout=120,
                          env={**os.environ, **(env or {})})


def pages():
    return sorted(name for name in os.listdir(os.path.join(SOURCE, "man"))
                  if re.search(r"\.[0-9]$", name))


class Case(unittest.TestCase):
    """A test with an empty root to install into."""

    def setUp(self):
        self.root = tempfile.mkdtemp(prefix="taskd-install-")
        self.addCleanup(shutil.rmtree, self.root)

    def install(self, prefix, destdir=""):
        done = run("cmake", "--install", BIN, "--prefix", prefix, env={"DESTDIR": destdir})
        self.assertEqual(done.returncode, 0, done.stderr)

    def read(self, *path):
        with open(os.path.join(self.root, *path), encoding="utf-8") as file:
            return file.read()


class Install(Case):
    def test_destdir_and_prefix_are_honoured(self):
        self.install("/opt/task", self.root)
        expected = {"bin/taskd", "bin/taskctl", "bin/taskctl-dapr",
                    "lib/systemd/system/taskd.service",
                    "lib/systemd/user/taskd.service", "lib/systemd/user/taskd.socket",
                    "lib/sysusers.d/taskd.conf"}
        expected |= {f"share/man/man{page[-1]}/{page}" for page in pages()}
        top = os.path.join(self.root, "opt", "task")
        found = {os.path.relpath(os.path.join(folder, name), top)
                 for folder, _, names in os.walk(self.root) for name in names}
        found = {name for name in found if "completion" not in name and "vendor" not in name
                 and "site-functions" not in name}
        self.assertEqual(found, expected)
        for program in ("taskd", "taskctl"):
            self.assertTrue(os.access(os.path.join(top, "bin", program), os.X_OK))

    def test_the_units_start_the_taskd_that_was_installed(self):
        self.install("/opt/task", self.root)
        system = self.read("opt/task/lib/systemd/system/taskd.service")
        self.assertIn("\nExecStart=/opt/task/bin/taskd --system\n", system)
        user = self.read("opt/task/lib/systemd/user/taskd.service")
        self.assertIn("\nExecStart=/opt/task/bin/taskd\n", user)

    def test_only_the_path_of_the_program_differs_from_the_source(self):
        self.install("/opt/task", self.root)
        for installed, source in (("system/taskd.service", "taskd.service"),
                                  ("user/taskd.service", "user/taskd.service"),
                                  ("user/taskd.socket", "user/taskd.socket")):
            with open(os.path.join(UNITS, source), encoding="utf-8") as file:
                self.assertEqual(self.read("opt/task/lib/systemd", installed)
                                 .replace("/opt/task/bin/", "/usr/bin/"), file.read())


@unittest.skipUnless(shutil.which("systemd-analyze"), "systemd-analyze is not installed")
class Units(Case):
    def verify(self, *arguments):
        """systemd-analyze verify, of units whose program and manuals exist."""
        found = run("systemd-analyze", *arguments,
                    env={"MANPATH": os.path.join(self.root, "share", "man"),
                         "XDG_RUNTIME_DIR": self.root,
                         "HOME": self.root})
        return found.returncode, found.stdout + found.stderr

    def test_systemd_finds_nothing_wrong(self):
        self.install(self.root)
        units = os.path.join(self.root, "lib", "systemd")
        for words in (("verify", f"{units}/system/taskd.service"),
                      ("--user", "verify", f"{units}/user/taskd.socket",
                       f"{units}/user/taskd.service")):
            with self.subTest(words):
                self.assertEqual(self.verify(*words), (0, ""))

    def test_verify_would_find_a_mistake(self):
        self.install(self.root)
        unit = os.path.join(self.root, "lib", "systemd", "system", "taskd.service")
        with open(unit, encoding="utf-8") as file:
            text = file.read()
        with open(unit, "w", encoding="utf-8") as file:
            file.write(text.replace("ProtectHome=", "ProtectHouse="))
        self.assertIn("ProtectHouse", self.verify("verify", unit)[1])

    def test_the_system_unit_is_exposed_no_more_than_allowed(self):
        unit = os.path.join(UNITS, "taskd.service")
        words = ("systemd-analyze", "security", "--no-pager", "--offline=true")
        # systemd counts tenths here: 15 is 1.5.
        threshold = str(round(float(EXPOSURE_MAX) * 10))
        found = run(*words, "--threshold=" + threshold, unit)
        self.assertEqual(found.returncode, 0, found.stdout)
        self.assertNotEqual(run(*words, "--threshold=1", unit).returncode, 0)

    def test_the_system_unit_keeps_what_libzmq_and_the_uid_filter_need(self):
        with open(os.path.join(UNITS, "taskd.service"), encoding="utf-8") as file:
            lines = file.read().splitlines()
        self.assertIn("PrivateUsers=no", lines)
        last = [line for line in lines if line.startswith("SystemCallFilter=")][-1]
        self.assertIn("sched_setscheduler", last)


if __name__ == "__main__":
    unittest.main()
