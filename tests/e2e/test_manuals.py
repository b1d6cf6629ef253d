# SPDX-License-Identifier: Apache-2.0
"""The manuals say what the programs do: options, keys, defaults, bounds, events, examples."""

import os
import re
import shlex
import subprocess
import unittest

import event_examples
import support

MAN = os.path.join(support.SOURCE, "man")
PAGES = sorted(name for name in os.listdir(MAN) if re.search(r"\.[0-9]$", name))
UNITS = os.path.join(support.SOURCE, "packaging", "systemd")
MILLISECONDS = {"ms": 1, "s": 1000, "m": 60_000, "h": 3_600_000, "d": 86_400_000}


def source(page):
    """A page's source with the escapes of dashes and quotes undone."""
    with open(os.path.join(MAN, page), encoding="utf-8") as file:
        text = file.read()
    for escape, meant in (("\\-", "-"), ("\\(aq", "'"), ("\\(dq", '"'), ("\\e", "\\")):
        text = text.replace(escape, meant)
    return text


def section(text, name):
    return re.search(rf"^\.SH {re.escape(name)}\n(.*?)(?=^\.SH |\Z)", text, re.M | re.S)[1]


def plain(line):
    """A line of a page as it is read: macros, quotes and fonts gone."""
    return re.sub(r"\\f.|^\.[A-Z]+ |\"", "", line)


def examples(page):
    """The blocks between .EX and .EE that are not made from the tests' own data."""
    text = re.sub(r'^\.\\" example: .*?^\.\\" end$', "", source(page), flags=re.M | re.S)
    return re.findall(r"^\.EX\n(.*?)^\.EE", text, re.M | re.S)


def run(*words, **keywords):
    return subprocess.run(words, capture_output=True, text=True, check=False,
                          timeout=support.DEADLINE, **keywords)


class Pages(unittest.TestCase):
    def test_references_lead_to_a_page(self):
        known = {f"{name[:-2]} ({name[-1]})" for name in PAGES}
        elsewhere = {"systemd (1)", "systemd.service (5)", "cut (1)", "awk (1)"}
        for page in PAGES:
            found = {f"{name} ({number})" for name, number in
                     re.findall(r"^\.BR (\S+) \((\d)\)", source(page), re.M)}
            with self.subTest(page):
                self.assertEqual(found - known - elsewhere, set())
                related = {f"{name} ({number})" for name, number in
                           re.findall(r"^\.BR (\S+) \((\d)\)",
                                      section(source(page), "SEE ALSO"), re.M)}
                self.assertGreater(len(related & known), 0)
                self.assertNotIn(f"{page[:-2]} ({page[-1]})", related)


class Configuration(support.TestCase):
    """taskd.conf(5): each key's second line is
    "TYPE; default DEFAULT; --flag; TASKD_VARIABLE; needs a restart" or "...; read again by SIGHUP".
    """

    META = re.compile(r"(Text|Integer from (?P<min>\d+) to (?P<max>\d+)|"
                      r"Span from (?P<from>\d+)(?P<from_unit>\w+) to (?P<to>\d+)(?P<to_unit>\w+)"
                      r"|Boolean); default (?P<default>[^;]+); (?P<flag>--\S+); "
                      r"(?P<variable>TASKD_\w+); (needs a restart|read again by SIGHUP)\.")

    def setUp(self):
        super().setUp()
        entries = re.findall(r"^\.TP\n\.B (\S+)\n(.*)\n",
                             section(source("taskd.conf.5"), "KEYS"), re.M)
        self.documented = dict(entries)
        self.assertEqual(len(entries), len(self.documented), "a key has two entries")
        shown = run(support.TASKD, "--print-config", env=self.home.env).stdout
        self.keys = re.findall(r"^([a-z0-9_.]+) = ", shown, re.M)
        self.assertGreater(len(self.keys), 10)

    def check_config(self, *arguments, **variables):
        done = run(support.TASKD, "--check-config", *arguments, env={**self.home.env, **variables})
        return done.returncode, done.stderr

    def meta(self, key):
        found = self.META.fullmatch(self.documented[key])
        self.assertIsNotNone(found, f"{key}: {self.documented[key]!r} is not of the form "
                                    f"{self.META.pattern}")
        return found

    def test_every_key_has_an_entry_and_no_other(self):
        lacking = [key for key in self.keys if key not in self.documented]
        self.assertEqual(lacking, [],
                         "man/taskd.conf.5 lacks these keys: add '.TP', '.B KEY', the line that "
                         "class Configuration describes, and what the key means")
        gone = [key for key in self.documented if key not in self.keys]
        self.assertEqual(gone, [], "man/taskd.conf.5 has these keys, and taskd has not")

    def test_flags_variables_and_defaults_are_the_programs(self):
        told = run(support.TASKD, "--help", env=self.home.env).stdout
        told = re.sub(r"\n {20,}", " ", told)
        for key in set(self.keys) & set(self.documented):
            with self.subTest(key):
                meta = self.meta(key)
                self.assertEqual(meta["flag"], "--" + re.sub(r"[._]", "-", key))
                self.assertEqual(meta["variable"], "TASKD_" + key.replace(".", "_").upper())
                line = re.search(rf"^ +{meta['flag']}\b.*$", told, re.M)
                self.assertIsNotNone(line, f"{meta['flag']} is not in taskd --help")
                default = re.search(r"\[([^\]]*)\]$", line[0].rstrip())
                # Without one in --help, it depends on the machine or is empty.
                if default:
                    self.assertEqual(meta["default"], default[1])
                else:
                    self.assertRegex(meta["default"], r"^(none|\*|\$XDG_)")

    def bounds(self, key):
        """The least and the greatest value of a number, and those beyond; else nothing."""
        meta = self.meta(key)
        if meta["min"]:
            return [(int(meta["min"]), ""), (int(meta["max"]), "")]
        if meta["from"]:
            return [(int(meta["from"]) * MILLISECONDS[meta["from_unit"]], "ms"),
                    (int(meta["to"]) * MILLISECONDS[meta["to_unit"]], "ms")]
        return None

    def test_bounds_are_where_the_page_says(self):
        tried = 0
        for key in set(self.keys) & set(self.documented):
            with self.subTest(key):
                bounds = self.bounds(key)
                if bounds is None:
                    continue
                tried += 1
                (low, unit), (high, _) = bounds
                flag = self.meta(key)["flag"]
                for value, status in ((low, 0), (high, 0), (low - 1, 2), (high + 1, 2)):
                    got = self.check_config(f"{flag}={value}{unit}")
                    self.assertEqual(got[0], status, f"{flag}={value}{unit}: {got[1]}")
        self.assertGreater(tried, 10)

    def test_variables_are_read(self):
        for key in set(self.keys) & set(self.documented):
            if self.bounds(key) is None:
                continue
            with self.subTest(key):
                variable = self.meta(key)["variable"]
                status, said = self.check_config(**{variable: "no"})
                self.assertEqual(status, 2)
                self.assertIn(f"environment {variable}", said)


class Daemon(support.TestCase):
    def test_the_options_of_taskd_are_those_of_its_help(self):
        told = run(support.TASKD, "--help", env=self.home.env).stdout
        told = re.sub(r"^\[?Configuration.*?(?=^\S|\Z)", "", told, flags=re.M | re.S)
        options = set(re.findall(r"^ +(?:-\w,)?(--[a-z][a-z-]*)", told, re.M))
        documented = set(re.findall(r"--[a-z][a-z-]*", "\n".join(
            plain(line) for line in
            re.findall(r"^\.TP\n(.*)\n", section(source("taskd.8"), "OPTIONS"), re.M))))
        self.assertEqual(documented, options,
                         "OPTIONS of man/taskd.8 and taskd --help differ")


class Command(support.TestCase):
    def commands(self):
        """Name and help of each command that runs, "channels set" too."""
        overview = run(support.TASKCTL, "--help", env=self.home.env).stdout
        names = re.findall(r"^  ([a-z]+(?:-[a-z]+)*(?: [a-z]+(?:-[a-z]+)*)?)  +\S",
                           overview.split("Global options")[0], re.M)
        self.assertGreater(len(names), 15)
        for name in names:
            told = run(support.TASKCTL, *name.split(), "--help", env=self.home.env)
            self.assertEqual(told.returncode, 0, name)
            yield name, told.stdout

    def entries(self):
        """Each command of taskctl(1) with the options that its own entry lists."""
        found = {}
        name = None
        depth = 0
        lines = section(source("taskctl.1"), "COMMANDS").splitlines()
        for before, line in zip([""] + lines, lines):
            depth += {".RS": 1, ".RE": -1}.get(line, 0)
            if before != ".TP":
                continue
            if depth == 0:
                # "channels set NAME exec": the words up to the first in another font.
                name = re.match(r"\.BR? \"?([a-z -]+)", line)[1].strip()
                self.assertNotIn(name, found, "taskctl(1) has two entries of this command")
                found[name] = set()
            elif name is not None:
                found[name] |= set(re.findall(r"--[a-z][a-z-]*", plain(line)))
        return found

    def test_the_entry_of_a_command_has_the_options_of_its_help(self):
        entries = self.entries()
        everywhere = {"--help", "--idempotency-key"}  # in OPTIONS, once for all
        for name, told in self.commands():
            with self.subTest(name):
                if name not in entries:
                    self.fail(f"man/taskctl.1 lacks an entry '.B {name}' in COMMANDS")
                options = set(re.findall(r"^ +(?:-\w, )? *(--[a-z][a-z-]*)",
                                         told.partition("Options:")[2], re.M)) - everywhere
                self.assertEqual(entries[name] - everywhere, options,
                                 f"the entry {name} of man/taskctl.1 and taskctl {name} --help")

    def test_the_page_has_no_command_that_is_gone(self):
        self.assertEqual(set(self.entries()) - {name for name, _ in self.commands()}, set())


class Events(support.TestCase):
    """tests/core checks that the page's types are those of the code."""

    def test_the_examples_are_what_a_daemon_writes(self):
        found = event_examples.first_of_each(event_examples.play(self.home))
        for event_type in event_examples.types():
            with self.subTest(event_type):
                self.assertIn(event_type, found,
                              "the story in tests/e2e/event_examples.py never causes it")
                self.assertEqual(found[event_type], event_examples.example(event_type))
        self.assertEqual(set(found) - set(event_examples.types()), set(),
                         "no example: run tests/e2e/event_examples.py")

    def test_the_page_shows_the_examples(self):
        with open(event_examples.PAGE, encoding="utf-8") as file:
            page = file.read()
        self.assertEqual(page, event_examples.page_with_examples(page),
                         "run tests/e2e/event_examples.py")
        shown = re.findall(r'^\.\\" example: (\S+)$', page, re.M)
        self.assertEqual(sorted(shown), event_examples.types())

    def test_the_fields_of_the_envelope_are_described(self):
        described = set(re.findall(r"^\.TP\n\.B (\S+)", section(source("taskd-events.7"),
                                                               "ENVELOPE"), re.M))
        for event_type in event_examples.types():
            self.assertLessEqual(set(event_examples.example(event_type)), described, event_type)


class Examples(support.TestCase):
    """Each example of a page is run; what needs a running systemd is checked against the units."""

    def setUp(self):
        super().setUp()
        self.ran = 0
        self.home.env["PATH"] = os.path.abspath(support.BIN) + ":" + self.home.env["PATH"]

    def shell(self, line):
        done = run("sh", "-c", line, env=self.home.env, cwd=self.home.path,
                   stdin=subprocess.DEVNULL)
        self.assertEqual((done.returncode, done.stderr), (0, ""), line)
        return done.stdout

    def toml(self, text):
        path = os.path.join(self.home.path, "taskd.toml")
        with open(path, "w", encoding="utf-8") as file:
            file.write(text)
        self.assertEqual(run(support.TASKD, "--config", path, "--check-config",
                             env=self.home.env).returncode, 0, text)

    def command(self, line):
        words = shlex.split(line)
        if words[0] == "taskctl":
            self.shell(line + (" --no-follow" if "tail" in words else ""))
        elif words[0] == "taskd" and "--endpoint" in words:
            self.home.start(*(word.replace("/tmp/", self.home.path + "/") for word in words[1:]))
            self.home.kill(support.signal.SIGTERM)
        elif words[0] == "taskd":
            self.assertIn(words[-1], ("--check-config", "--print-config"))
            self.shell(line)
        elif words[0] == "systemctl":
            place = "user" if "--user" in words else "."
            self.assertTrue(os.path.exists(os.path.join(UNITS, place, words[-1])), line)
        else:
            # Adds to the group by which a user is admitted; it would change this machine.
            self.assertRegex(line, r"^adduser [a-z]+ taskd$")

    def drop_in(self, text):
        """Names that the system unit itself uses or could use; verify knows them all."""
        folder = os.path.join(self.home.path, "taskd.service.d")
        os.makedirs(folder, exist_ok=True)
        with open(os.path.join(folder, "example.conf"), "w", encoding="utf-8") as file:
            file.write(text)
        with open(os.path.join(UNITS, "taskd.service"), encoding="utf-8") as file:
            unit = re.sub(r"^(ExecStart=).*$", r"\1/bin/true", file.read(), flags=re.M)
        path = os.path.join(self.home.path, "taskd.service")
        with open(path, "w", encoding="utf-8") as file:
            file.write(re.sub(r"^Documentation=.*\n", "", unit, flags=re.M))
        done = run("systemd-analyze", "verify", path)
        self.assertEqual((done.returncode, done.stderr), (0, ""), text)

    def python(self, text):
        """A client that goes on for ever: it shows every event that there is."""
        self.home.taskctl("add", "Tea")
        count = self.home.result("admin.health")["event_head"]
        reader = subprocess.Popen(["/usr/bin/python3", "-c", text], env=self.home.env,
                                  stdout=subprocess.PIPE, text=True)
        self.addCleanup(reader.stdout.close)
        for number in range(1, count + 1):
            self.assertTrue(reader.stdout.readline().startswith(f"{number} "))
        reader.kill()
        reader.wait()

    def test_every_example_runs(self):
        self.toml("[log]\nlevel = 'info'\n")
        for page in PAGES:
            if page == "taskd-protocol.7":  # replayed by test_daemon
                continue
            for text in examples(page):
                with self.subTest(page=page, example=text):
                    self.ran += 1
                    if text.startswith("[Service]"):
                        self.drop_in(text)
                    elif text.startswith("["):
                        self.toml(text)
                    elif text.startswith("import "):
                        self.python(text)
                    else:
                        for line in text.splitlines():
                            self.command(line)
        self.assertGreater(self.ran, 10)


if __name__ == "__main__":
    unittest.main()
