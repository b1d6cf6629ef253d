# SPDX-License-Identifier: Apache-2.0
"""S11: the double against the official JavaScript SDK, as its sidecar and as the sidecar in front of its server.

`npm install` goes into TASKD_NPM_DIR (kept, shared by runs), else into a temporary folder.
"""

import fcntl
import json
import os
import shutil
import subprocess
import sys
import tempfile
import threading
import unittest
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.dont_write_bytecode = True
sys.path.insert(0, str(HERE.parent))

from harness import Double, free_port, until  # noqa: E402

INSTALL_SECONDS = 240
RUN_SECONDS = 60


def install(folder: Path) -> None:
    """Installs the SDK once; skips the tests when there is no npm or no registry."""
    if shutil.which("npm") is None or shutil.which("node") is None:
        raise unittest.SkipTest("npm or node is not installed")
    folder.mkdir(parents=True, exist_ok=True)
    wanted = (HERE / "package.json").read_text()
    with open(folder / "lock", "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        done = folder / "installed.json"
        if done.exists() and done.read_text() == wanted:
            return
        (folder / "package.json").write_text(wanted)
        try:
            run = subprocess.run(["npm", "install", "--no-audit", "--no-fund", "--ignore-scripts"], cwd=folder,
                                 capture_output=True, text=True, timeout=INSTALL_SECONDS)
        except subprocess.TimeoutExpired:
            raise unittest.SkipTest(f"npm install took more than {INSTALL_SECONDS} s") from None
        if run.returncode != 0:
            said = (run.stderr.strip().splitlines() or ["no word"])[0]
            raise unittest.SkipTest(f"npm install failed, is there a registry? {said}")
        done.write_text(wanted)


class Sdk(unittest.TestCase):
    @classmethod
    def setUpClass(cls) -> None:
        kept = os.environ.get("TASKD_NPM_DIR")
        cls.folder = Path(kept) if kept else Path(tempfile.mkdtemp(prefix="sidecar-sdk-"))
        if not kept:
            cls.addClassCleanup(shutil.rmtree, cls.folder, ignore_errors=True)
        install(cls.folder)
        port = free_port()
        cls.double = Double({"apps": [{"id": "served", "app_port": port}, {"id": "caller", "api_token": "tok"}],
                             "components": [{"name": "bus", "type": "inmemory"}, {"name": "st", "type": "state"}], "time_scale": 0.05})
        cls.addClassCleanup(cls.double.close)
        cls.server = subprocess.Popen(["node", str(HERE / "server.mjs")], stdout=subprocess.PIPE, text=True,
                                      stderr=subprocess.DEVNULL, env=cls.env("served", APP_PORT=str(port)))
        cls.addClassCleanup(cls.end)
        cls.said: list[dict] = []
        threading.Thread(target=cls.listen, daemon=True).start()
        cls.double.wait("served", subscribed=5)
        run = subprocess.run(["node", str(HERE / "client.mjs")], capture_output=True, text=True, timeout=RUN_SECONDS,
                             env=cls.env("caller", DAPR_API_TOKEN="tok"))
        lines = [line for line in run.stdout.splitlines() if line.startswith("{")]
        if not lines:
            raise AssertionError(f"client.mjs: {run.stdout[-500:]} {run.stderr[-1500:]}")
        cls.out = json.loads(lines[-1])

    @classmethod
    def env(cls, app: str, **more: str) -> dict:
        return {**os.environ, "TASKD_NPM_DIR": str(cls.folder.resolve()), "DAPR_HTTP_PORT": str(cls.double.port(app)),
                **more}

    @classmethod
    def listen(cls) -> None:
        for line in cls.server.stdout:
            if line.startswith("{"):
                cls.said.append(json.loads(line))

    @classmethod
    def end(cls) -> None:
        cls.server.kill()
        cls.server.wait(10)
        cls.server.stdout.close()

    def heard(self, what: str, count: int = 1) -> list:
        def look() -> list | None:
            found = [s["data"] for s in self.said if s["what"] == what]
            return found if len(found) >= count and self.double.control("GET", "/counters") else None
        return until(look, what)

    def statuses(self, topic: str) -> list[dict]:
        entry = self.double.log(1, kind="delivery", path=f"/bus--{topic}")[-1]
        return [json.loads(entry["response_body"]), entry["status"]]

    def test_client_metadata_and_health(self) -> None:
        self.assertIn("double", self.out["metadata"]["runtimeVersion"])
        self.assertEqual((self.out["metadata"]["id"], self.out["health"]), ("caller", True))

    def test_client_invokes(self) -> None:
        self.assertEqual(self.out["get"]["hello"], "world")
        self.assertEqual(json.loads(self.out["post"]) if isinstance(self.out["post"], str) else self.out["post"], {"n": 1})
        self.assertIn("ERR_DIRECT_INVOKE", self.out["missing"])

    def test_server_replies_without_content_type_and_with_200(self) -> None:
        entry = self.double.log(1, kind="forwarded", path="/hello")[0]
        self.assertEqual(entry["status"], 200)
        self.assertNotIn("content-type", [n.lower() for n, _ in entry["response_headers"]])

    def test_client_publishes_and_server_gets_it(self) -> None:
        self.assertEqual([self.out[k] for k in ("publish", "text", "ttl")], [{}, {}, {}])
        self.assertCountEqual(self.heard("single", 3), [{"n": 2}, "words", {"n": 9}])
        self.assertEqual(self.statuses("single"), [{"status": "SUCCESS"}, 200])
        self.assertIn("ERR_PUBSUB_NOT_FOUND", self.out["nowhere"])

    def test_server_statuses(self) -> None:
        self.assertEqual(self.heard("retried"), [{"n": 3}])
        self.assertEqual(self.statuses("retried")[0], {"status": "RETRY"})
        self.heard("dropped")
        self.assertEqual(self.statuses("dropped")[0], {"status": "DROP"})
        until(lambda: self.double.messages("bus", "dead"), "the dead letter")

    def test_a_throwing_handler_still_answers_success(self) -> None:
        self.heard("thrown")
        self.assertEqual(self.statuses("thrown")[0], {"status": "SUCCESS"})

    def test_bulk_both_ways(self) -> None:
        self.assertEqual(self.out["bulk"], {"failedMessages": []})
        self.assertCountEqual(self.heard("many", 3), [{"n": 6}, "seven", {"n": 8}])
        answer = self.statuses("many")[0]
        self.assertEqual([s["status"] for s in answer["statuses"]], ["SUCCESS"] * 3)
        paths = {e["target"].split("?")[0] for e in self.double.log(1, kind="received", path="/v1.0-alpha1/")}
        self.assertEqual(paths, {"/v1.0-alpha1/publish/bulk/bus/many"})

    def test_client_state(self) -> None:
        self.assertEqual([self.out[k] for k in ("saved", "looked", "kept", "deleted", "gone")],
                         [{}, {"n": 1}, {"n": 1}, {}, ""])
        self.assertIn("ERR_STATE_SAVE", self.out["conflict"])
        self.assertIn("ERR_STATE_DELETE", self.out["refused"])

    def test_server_has_no_health_and_no_config(self) -> None:
        entry, = self.double.log(1, kind="startup", target="/dapr/config")
        self.assertEqual(entry["status"], 404)


if __name__ == "__main__":
    unittest.main()
