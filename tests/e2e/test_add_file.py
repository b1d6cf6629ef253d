# SPDX-License-Identifier: Apache-2.0
"""taskctl add -f: tasks from JSON Lines, each on its own, each once for its key."""

import json
import os
import subprocess
import unittest

import support


class AddFile(support.TestCase):
    def setUp(self):
        super().setUp()
        self.home.start()

    def add(self, text, *words, status=0):
        run = self.home.taskctl("add", "-f", "-", *words, stdin=text)
        self.assertEqual(run.returncode, status, run.stdout + run.stderr)
        return run

    def lines(self, *tasks):
        return "".join(json.dumps(task) + "\n" for task in tasks)

    def summaries(self):
        tasks = self.home.result("task.list")["tasks"]
        return sorted(task["summary"] for task in tasks)

    def test_each_line_becomes_a_task(self):
        run = self.add(self.lines({"summary": "Tea", "at": "2031-03-01 09:30", "tags": ["a"]},
                                  {"summary": "Rent", "every": "month on the last day"}))
        self.assertEqual(run.stdout, "1\tadded\t1\tTea\n2\tadded\t2\tRent\n")
        self.assertEqual(run.stderr, "2 tasks added\n")
        task = self.home.result("task.get", task="1")["task"]
        self.assertEqual((task["due"]["tzid"], task["tags"]), ("Europe/Berlin", ["a"]))

    def test_options_are_for_those_that_do_not_say_otherwise(self):
        self.add(self.lines({"summary": "a"}, {"summary": "b", "project": "other"}),
                 "--project", "home", "--priority", "2")
        tasks = [self.home.result("task.get", task=number)["task"] for number in "12"]
        self.assertEqual([(task["project"], task["priority"]) for task in tasks],
                         [("home", 2), ("other", 2)])

    def test_what_is_refused_keeps_no_other_back(self):
        text = (self.lines({"summary": "first"}) + "{bad\n" +
                self.lines({"sumary": "typo"}, ["no"], {"summary": ""},
                           {"summary": "x", "due": "whenever"}, {"summary": "last"}))
        run = self.add(text, "-o", "plain", status=1)
        rows = [row.split("\t") for row in run.stdout.splitlines()]
        self.assertEqual([(row[0], row[1]) for row in rows],
                         [("1", "added"), ("2", "refused"), ("3", "refused"), ("4", "refused"),
                          ("5", "refused"), ("6", "refused"), ("7", "added")])
        self.assertIn('line 3: sumary: is not a field of a task', run.stderr)
        self.assertIn('did you mean "summary"?', run.stderr)
        self.assertIn("line 6: due:", run.stderr)
        self.assertIn("2 tasks added, 5 refused", run.stderr)
        self.assertEqual(self.summaries(), ["first", "last"])

    def test_the_same_keys_add_nothing_twice(self):
        text = self.lines({"summary": "a", "idempotency_key": "mine"}, {"summary": "b"})
        self.add(text, "--idempotency-key", "job-7")
        run = self.add(text, "--idempotency-key", "job-7")
        self.assertEqual(run.stdout, "1\treplayed\t1\ta\n2\treplayed\t2\tb\n")
        self.assertEqual(run.stderr, "0 tasks added, 2 were there already\n")
        other = self.add(self.lines({"summary": "c", "idempotency_key": "mine"}), status=1)
        self.assertIn("was used for another request", other.stderr)
        self.assertEqual(self.summaries(), ["a", "b"])
        self.add(text)  # without keys of the call the second one is a new task
        self.assertEqual(self.summaries(), ["a", "b", "b"])

    def test_keys_count_the_tasks_and_not_the_lines(self):
        for outcome in ("added", "replayed"):
            run = self.add('[{"summary":"E"},{"summary":"F"}]', "--idempotency-key", "arr")
            self.assertEqual(run.stdout, f"1\t{outcome}\t1\tE\n1\t{outcome}\t2\tF\n")

    def test_for_programs(self):
        text = self.lines({"summary": "a", "idempotency_key": "k"}, {"summary": ""})
        rows = [json.loads(row) for row in
                self.add(text, "-o", "jsonl", status=1).stdout.splitlines()]
        self.assertEqual([(row["line"], row["outcome"]) for row in rows],
                         [(1, "added"), (2, "refused")])
        self.assertEqual(rows[0]["task"]["number"], 1)
        self.assertEqual(rows[1]["error"]["field"], "summary")
        whole = json.loads(self.add(text, "-o", "json", status=1).stdout)
        self.assertEqual((whole["added"], whole["replayed"], whole["refused"]), (0, 1, 1))
        self.assertTrue(whole["tasks"][0]["replayed"])
        self.assertEqual(self.add(text, "-q", status=1).stdout, "1\n")

    def test_arrays_files_and_many(self):
        path = os.path.join(self.home.path, "tasks.json")
        with open(path, "w", encoding="utf-8") as file:
            json.dump([{"summary": f"task {n}"} for n in range(250)], file, indent=1)
        run = self.home.taskctl("add", "-f", path)
        self.assertEqual(run.returncode, 0, run.stderr)
        self.assertEqual(run.stderr, "250 tasks added\n")
        self.assertEqual(len(run.stdout.splitlines()), 250)
        self.assertEqual(self.home.result("task.list", limit=1)["total"], 250)

    def test_one_that_is_written_slowly_is_not_kept_waiting(self):
        with subprocess.Popen([support.TASKCTL, "add", "-f", "-"], env=self.home.env, text=True,
                              stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                              stderr=subprocess.PIPE) as process:
            for number in (1, 2):
                process.stdin.write(self.lines({"summary": f"t{number}"}))
                process.stdin.flush()
                self.assertEqual(process.stdout.readline(), f"{number}\tadded\t{number}\tt{number}\n")
            process.stdin.close()
            self.assertEqual(process.wait(support.DEADLINE), 0)

    def test_nothing_and_wrong_usage(self):
        self.assertEqual(self.add("").stderr, "0 tasks added\n")
        self.assertEqual(self.home.taskctl("add").returncode, 2)
        self.assertEqual(self.home.taskctl("add", "-f", "-", "words").returncode, 2)
        self.assertEqual(self.home.taskctl("add", "-f", "/missing").returncode, 2)
        self.home.kill()
        run = self.add(self.lines({"summary": "a"}), "--no-start", status=6)
        self.assertIn("from line 1 on", run.stderr)


if __name__ == "__main__":
    unittest.main()
