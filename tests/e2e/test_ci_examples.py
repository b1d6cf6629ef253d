# SPDX-License-Identifier: Apache-2.0
"""The pipelines of examples/ci, as plain shell: run, and run again."""

import os
import subprocess
import unittest

import support
import yaml

FOLDER = os.path.join(support.SOURCE, "examples", "ci")


def pipeline(name):
    with open(os.path.join(FOLDER, name), encoding="utf-8") as file:
        return yaml.safe_load(file)


def github_scripts():
    """What each step of each job runs, in the order of the file."""
    jobs = pipeline("github.yml")["jobs"]
    return [step["run"] for job in jobs.values() for step in job["steps"] if "run" in step]


def gitlab_scripts():
    whole = pipeline("gitlab.yml")
    return ["\n".join(job["script"]) for stage in whole["stages"] for job in whole.values()
            if isinstance(job, dict) and job["stage"] == stage]


class Examples(support.TestCase):
    def setUp(self):
        super().setUp()
        self.home.start()
        self.project = os.path.join(self.home.path, "project")
        os.mkdir(self.project)
        for name in ("build", "deploy", "migrate", "check"):
            self.program(name, "true")
        self.home.env["PATH"] = os.path.dirname(support.TASKCTL) + ":" + self.home.env["PATH"]

    def program(self, name, text):
        """One of the project's: it notes that it was run."""
        path = os.path.join(self.project, name)
        with open(path, "w", encoding="utf-8") as file:
            file.write(f"#!/bin/sh\necho {name} $* | tee -a ran\n{text}\n")
        os.chmod(path, 0o755)

    def ran(self):
        with open(os.path.join(self.project, "ran"), encoding="utf-8") as file:
            return file.read().splitlines()

    def run_it(self, scripts, variables, status=0):
        """As a runner does: each script by a shell that ends at the first failure."""
        output = ""
        for script in scripts:
            # A pause that the pipeline has for real servers would only make the test slow.
            script = script.replace("--delay 5s", "--delay 0s").replace("--delay 2s", "--delay 0s")
            run = subprocess.run(["bash", "-e", "-o", "pipefail", "-c", script],
                                 env={**self.home.env, **variables}, cwd=self.project, text=True,
                                 capture_output=True, timeout=support.DEADLINE * 2, check=False,
                                 stdin=subprocess.DEVNULL)
            output += run.stdout + run.stderr
            if run.returncode != 0:
                break
        self.assertEqual(run.returncode, status, output)
        return output

    def test_github_actions(self):
        variables = {"GITHUB_REPOSITORY": "ada/tea", "GITHUB_RUN_ID": "4711",
                     "GITHUB_REF_NAME": "v42"}
        self.assertEqual(len(github_scripts()), 4)
        self.program("deploy", "test -e good")
        output = self.run_it(github_scripts(), variables, status=1)
        self.assertEqual(self.ran(), ["build", "deploy v42"])
        with open(os.path.join(self.project, "good"), "w", encoding="ascii"):
            pass
        for _ in range(2):  # run again, and once more
            output = self.run_it(github_scripts(), variables)
        self.assertIn('replayed: "deploy/ada/tea/4711" was run', output)
        self.assertEqual(self.ran().count("deploy v42"), 2)
        self.assertEqual(self.ran().count("check"), 2)
        self.assertEqual(self.home.result("task.list")["total"], 1)
        self.run_it(github_scripts(), {**variables, "GITHUB_RUN_ID": "4712"})
        self.assertEqual(self.ran().count("deploy v42"), 3)

    def test_gitlab(self):
        variables = {"CI_PIPELINE_ID": "77", "CI_COMMIT_SHA": "0a1b2c", "CI_COMMIT_REF_NAME": "main"}
        self.assertEqual(len(gitlab_scripts()), 3)
        for _ in range(2):
            self.run_it(gitlab_scripts(), variables)
        self.assertEqual(self.ran(), ["build", "migrate", "deploy main", "check", "build", "check"])
        told = self.home.result("event.read", after=0, types=["deploy.finished"])["events"]
        self.assertEqual(len(told), 1)
        self.run_it(gitlab_scripts(), {**variables, "CI_PIPELINE_ID": "78"})
        self.assertEqual(self.ran().count("migrate"), 1)
        self.assertEqual(self.ran().count("deploy main"), 2)

    def test_no_job_waits_for_one_that_may_have_to_run_behind_it(self):
        jobs = pipeline("github.yml")["jobs"]
        self.assertEqual(jobs["check"]["needs"], "deploy")
        stages = pipeline("gitlab.yml")["stages"]
        self.assertLess(stages.index("deploy"), stages.index("check"))

    def test_a_migration_that_failed_runs_again_with_the_job(self):
        variables = {"CI_PIPELINE_ID": "77", "CI_COMMIT_SHA": "0a1b2c", "CI_COMMIT_REF_NAME": "main"}
        self.program("migrate", "test -e good")
        self.run_it(gitlab_scripts(), variables, status=1)
        with open(os.path.join(self.project, "good"), "w", encoding="ascii"):
            pass
        self.run_it(gitlab_scripts(), variables)
        self.assertEqual(self.ran().count("migrate"), 2)

    def test_a_ref_may_be_called_anything(self):
        name = "it's \"a\" \\ $(ref)"
        self.run_it(gitlab_scripts(), {"CI_PIPELINE_ID": "77", "CI_COMMIT_SHA": "0a1b2c",
                                       "CI_COMMIT_REF_NAME": name})
        told = self.home.result("event.read", after=0, types=["deploy.finished"])["events"]
        self.assertEqual([(event["subject"], event["data"]) for event in told],
                         [(name, {"pipeline": 77})])


if __name__ == "__main__":
    unittest.main()
