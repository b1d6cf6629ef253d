# SPDX-License-Identifier: Apache-2.0
"""What the documents show is what happens: the README's session and its five minutes."""

import os
import re
import shlex
import subprocess
import unittest

import support

README = os.path.join(support.SOURCE, "README.md")
MAN = os.path.join(support.SOURCE, "man")
PAGES = tuple(sorted(name for name in os.listdir(MAN) if re.search(r"\.[0-9]$", name)))


def blocks(kind):
    with open(README, encoding="utf-8") as file:
        return re.findall(rf"```{kind}\n(.*?)```", file.read(), flags=re.S)


def shape(text):
    """Text without what depends on the day: dates, weekdays, distances and clock times of now."""
    text = re.sub(r"20\d\d-\d\d-\d\dT[0-9:.]+Z", "<time>", text)
    text = re.sub(r"\b(Mon|Tue|Wed|Thu|Fri|Sat|Sun) 20\d\d-\d\d-\d\d", "<day>", text)
    text = re.sub(r"[+-]\d\d:00  ", "<offset>  ", text)
    text = re.sub(r"\bin (\d+ (second|minute|hour|day|month|year)s?( |$))+", "in <span> ", text,
                  flags=re.M)
    return re.sub(r"\bin (\d+(mo|[dhmsy])( |$))+", "in <span> ", text, flags=re.M).replace(" \n",
                                                                                         "\n").strip()


class Readme(support.TestCase):
    def test_the_session_is_what_happens(self):
        for block in blocks("console"):
            for part in re.split(r"^\$ ", block, flags=re.M)[1:]:
                command, _, expected = part.partition("\n")
                words = shlex.split(command)
                self.assertEqual(words[0], "taskctl")
                with self.subTest(command):
                    run = self.home.taskctl(*words[1:], env={"TASKCTL_OUTPUT": "table"})
                    self.assertEqual(shape(run.stdout + run.stderr), shape(expected))

    def test_the_five_minutes_work(self):
        lines = [line for block in blocks("sh") for line in block.splitlines()
                 if line.startswith("taskctl")]
        self.assertGreater(len(lines), 6)
        for line in lines:
            for command in shlex.split(line, comments=True), :
                for words in self.commands(command):
                    if words[1:3] == ["events", "tail"]:
                        words.append("--no-follow")
                    with self.subTest(words):
                        run = self.home.taskctl(*words[1:])
                        self.assertEqual(run.returncode, 0, run.stderr)

    def commands(self, words):
        command = []
        for word in words:
            if word.endswith(";"):
                yield command + [word[:-1]]
                command = []
            else:
                command.append(word)
        yield command

    def test_the_manual_pages_are_clean(self):
        for page in PAGES:
            path = os.path.join(MAN, page)
            with self.subTest(page):
                man = subprocess.run(["man", "--warnings", "-E", "UTF-8", "-l", path],
                                     capture_output=True, text=True, check=False,
                                     env={**self.home.env, "MANWIDTH": "80", "MANPAGER": "cat"})
                self.assertEqual((man.returncode, man.stderr), (0, ""))
                lint = subprocess.run(["mandoc", "-T", "lint", "-W", "warning", path],
                                      capture_output=True, text=True, check=False)
                self.assertEqual((lint.returncode, lint.stdout), (0, ""))


if __name__ == "__main__":
    unittest.main()
