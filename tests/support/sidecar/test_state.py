# SPDX-License-Identifier: Apache-2.0
"""S8: the state table of section 6, for a store with etags and for one that answers as Redis does."""

import json
import unittest

from harness import Double, header

FIRST = {"concurrency": "first-write", "consistency": "strong"}


class State(unittest.TestCase):
    def setUp(self) -> None:
        self.double = Double({"apps": [{"id": "a", "max_body": 2000}, {"id": "b"}], "components": [
            {"name": "st", "type": "state"}, {"name": "re", "type": "state", "mode": "redis"},
            {"name": "shared", "type": "state", "key_prefix": "none"}]})
        self.addCleanup(self.double.close)

    def save(self, store: str, *items, app: str = "a", query: str = "") -> tuple[int, str]:
        return self.code(self.double.call(app, "POST", f"/v1.0/state/{store}{query}", json.dumps(items)))

    def code(self, answer) -> tuple[int, str]:
        return answer[0], json.loads(answer[2])["errorCode"] if answer[2] else ""

    def look(self, store: str, key: str, app: str = "a"):
        return self.double.call(app, "GET", f"/v1.0/state/{store}/{key}")

    def test_claim_look_finish_release(self) -> None:
        claim = {"key": "idem/x", "value": {"s": "run"}, "options": FIRST, "metadata": {"ttlInSeconds": "600"}}
        self.assertEqual(self.look("st", "idem%2Fx")[0], 204)
        self.assertEqual(self.save("st", claim), (204, ""))
        self.assertEqual(self.save("st", claim), (409, "ERR_STATE_SAVE"))
        status, fields, body = self.look("st", "idem%2Fx")
        etag = header(fields, "etag")
        self.assertEqual((status, json.loads(body)), (200, {"s": "run"}))
        self.assertIsNotNone(header(fields, "metadata.ttlExpireTime"))
        self.assertEqual(self.save("st", {**claim, "etag": "99"}), (409, "ERR_STATE_SAVE"))
        self.assertEqual(self.save("st", {**claim, "etag": "bad"}), (400, "ERR_STATE_SAVE"))
        self.assertEqual(self.save("st", {**claim, "value": 1, "etag": etag}), (204, ""))
        path = "/v1.0/state/st/idem%2Fx"
        self.assertEqual(self.code(self.double.call("a", "DELETE", path, headers={"If-Match": etag})),
                         (409, "ERR_STATE_DELETE"))
        etag = header(self.look("st", "idem%2Fx")[1], "etag")
        self.assertEqual(self.double.call("a", "DELETE", path, headers={"If-Match": etag})[0], 204)
        self.assertEqual(self.look("st", "idem%2Fx")[0], 204)

    def test_redis_answers_500_and_remembers_first_write(self) -> None:
        claim = {"key": "k", "value": 1, "options": FIRST}
        self.assertEqual(self.save("re", claim), (204, ""))
        self.assertEqual(self.save("re", claim), (500, "ERR_STATE_SAVE"))
        self.assertEqual(self.save("re", {"key": "k", "value": 2}), (500, "ERR_STATE_SAVE"))
        self.assertEqual(self.save("st", claim), (204, ""))
        self.assertEqual(self.save("st", {"key": "k", "value": 2}), (204, ""))

    def test_ttl(self) -> None:
        self.save("st", {"key": "k", "value": 1, "metadata": {"ttlInSeconds": "600"}}, query="?metadata.ttlInSeconds=5")
        self.double.control("POST", "/clock", {"advance_s": 6})
        self.assertEqual(self.look("st", "k")[0], 204)
        self.assertEqual(self.save("st", {"key": "k", "value": 2, "options": FIRST}), (204, ""))

    def test_keys_are_per_app_unless_told_otherwise(self) -> None:
        self.save("st", {"key": "k", "value": 1})
        self.save("shared", {"key": "k", "value": 1})
        self.assertEqual([self.look(s, "k", app="b")[0] for s in ("st", "shared")], [204, 200])

    def test_bad_requests(self) -> None:
        for item in ({"key": "a||b", "value": 1}, {"value": 1}, {"key": "", "value": 1}, {"key": "k", "etag": 5},
                     {"key": "k", "value": "x" * 3000}):
            self.assertEqual(self.save("st", item), (400, "ERR_MALFORMED_REQUEST"), item)
        self.assertEqual(self.save("none", {"key": "k"}), (400, "ERR_STATE_STORE_NOT_FOUND"))

    def test_without_a_store(self) -> None:
        double = Double({"apps": [{"id": "a"}]})
        self.assertEqual(self.code(double.call("a", "GET", "/v1.0/state/s/k")), (500, "ERR_STATE_STORE_NOT_CONFIGURED"))
        double.close()

    def test_transaction_and_bulk(self) -> None:
        def transact(store: str, *operations) -> tuple[int, str]:
            return self.code(self.double.call("a", "POST", f"/v1.0/state/{store}/transaction", json.dumps(
                {"operations": [{"operation": o, "request": r} for o, r in operations]})))
        self.assertEqual(transact("st", ("upsert", {"key": "x", "value": 1}), ("upsert", {"key": "y", "value": 2}),
                                  ("delete", {"key": "z"})), (204, ""))
        self.assertEqual(transact("st", ("delete", {"key": "x"}), ("upsert", {"key": "y", "value": 3, "etag": "99"})),
                         (500, "ERR_STATE_TRANSACTION"))
        found = json.loads(self.double.call("a", "POST", "/v1.0/state/st/bulk", '{"keys":["x","y","z"]}')[2])
        self.assertEqual([(f["key"], f.get("data")) for f in found], [("x", 1), ("y", 2), ("z", None)])
        self.save("re", {"key": "k", "value": 1})
        self.assertEqual(transact("re", ("upsert", {"key": "k", "value": 2, "options": FIRST})), (204, ""))
