# SPDX-License-Identifier: Apache-2.0
"""S5: what lands on the broker, row by row of section 4, and the errors of section 9."""

import base64
import json
import re
import unittest

from harness import Double

CE = "application/cloudevents+json"
TRACE = "00-" + "a" * 32 + "-" + "b" * 16 + "-01"


class Publishing(unittest.TestCase):
    @classmethod
    def setUpClass(cls) -> None:
        scopes = {"allowedTopics": "", "protectedTopics": "safe", "publishingScopes": "a=one,two"}
        cls.double = Double({"apps": [{"id": "a"}, {"id": "b"}], "components": [
            {"name": "bus", "type": "inmemory"}, {"name": "my bus", "type": "inmemory"},
            {"name": "private", "type": "inmemory", "scopes": ["b"]},
            {"name": "scoped", "type": "inmemory", "metadata": scopes},
            {"name": "allowed", "type": "inmemory", "metadata": {"allowedTopics": "x,y"}}]})
        cls.double.wait("a", outbound=True)
        cls.topics = 0

    @classmethod
    def tearDownClass(cls) -> None:
        cls.double.close()

    def lands(self, body, kind: str | None, query: str = "", headers=None, method: str = "POST") -> dict:
        """Publishes to a fresh topic and returns the message on the broker."""
        Publishing.topics += 1
        topic = f"t{Publishing.topics}"
        fields = {**({"Content-Type": kind} if kind else {}), **(headers or {})}
        status, _, answer = self.double.call("a", method, f"/v1.0/publish/bus/{topic}{query}", body, fields)
        self.assertEqual((status, answer), (204, b""))
        message, = self.double.messages("bus", topic)
        message["topic"] = topic
        return message

    def event(self, *args, **more) -> dict:
        return json.loads(self.lands(*args, **more)["data"])

    def error(self, path: str, status: int, code: str, body=b"x", kind: str = "text/plain", app: str = "a") -> dict:
        found, _, answer = self.double.call(app, "POST", path, body, {"Content-Type": kind})
        answer = json.loads(answer)
        self.assertEqual((found, answer["errorCode"]), (status, code), path)
        return answer

    def test_envelope(self) -> None:
        message = self.lands("hi", None)
        event = json.loads(message["data"])
        self.assertEqual(set(event), {"id", "specversion", "datacontenttype", "source", "type", "topic", "pubsubname",
                                      "traceid", "traceparent", "tracestate", "time", "data"})
        self.assertRegex(event["id"], r"^[0-9a-f-]{36}$")
        self.assertRegex(event["time"], r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$")
        self.assertEqual({**event, "id": 0, "time": 0}, {
            "id": 0, "time": 0, "specversion": "1.0", "datacontenttype": "text/plain", "source": "a", "data": "hi",
            "type": "com.dapr.event.sent", "topic": message["topic"], "pubsubname": "bus", "traceid": "",
            "traceparent": "", "tracestate": ""})

    def test_json(self) -> None:
        for kind in ("application/json", "application/json; charset=utf-8"):
            event = self.event('{"b":1}', kind)
            self.assertEqual((event["data"], event["datacontenttype"]), ({"b": 1}, kind))

    def test_unparsable_json_is_a_string(self) -> None:
        for text in ('{"b":', "", "NaN", "[1] x", "\ufeff{}"):
            self.assertEqual(self.event(text.encode(), "application/json")["data"], text)

    def test_octet_stream(self) -> None:
        event = self.event(b"\x00\xff", "application/octet-stream")
        self.assertEqual((event["data_base64"], "data" in event), (base64.b64encode(b"\x00\xff").decode(), False))

    def test_anything_else_is_a_string(self) -> None:
        for kind in ("application/problem+json", "text/plain", "application/xml", "application/jsonx"):
            event = self.event('{"b":1}', kind)
            self.assertEqual((event["data"], event["datacontenttype"]), ('{"b":1}', kind))

    def test_json_is_serialised_again(self) -> None:
        data = self.lands('{ "z": 1.0e3, "a": 12345678901234567890.10, "m": "<&>\\u00e4" }', "application/json")["data"]
        self.assertIn('"data":{"a":12345678901234567890.10,"m":"\\u003c\\u0026\\u003e\u00e4","z":1.0e3}', data)

    def test_a_cloud_event_is_not_wrapped(self) -> None:
        event = self.event('{"id":"i","data":{"n":1},"ext":"x","topic":"forged","pubsubname":"forged"}', CE)
        self.assertEqual((event["id"], event["data"], event["ext"], event["pubsubname"]), ("i", {"n": 1}, "x", "bus"))
        self.assertRegex(event["topic"], r"^t\d+$")
        self.assertEqual((event["source"], event["type"], event["specversion"], event["traceid"], event["tracestate"]),
                         ("Dapr", "com.dapr.event.sent", "1.0", "", ""))

    def test_absent_id_is_not_added(self) -> None:
        self.assertNotIn("id", self.event('{"data":1}', CE))

    def test_only_what_is_absent_is_filled(self) -> None:
        own = {"id": "i", "source": "s", "type": "t", "specversion": "0.3", "time": "then", "traceid": "x",
               "traceparent": "y", "tracestate": "z"}
        self.assertEqual({k: v for k, v in self.event(json.dumps(own), CE + "; charset=utf-8").items() if k in own}, own)

    def test_a_bad_cloud_event_is_500(self) -> None:
        for body in ("{", "", "[]", '"x"', "null"):
            self.error("/v1.0/publish/bus/t", 500, "ERR_PUBSUB_CLOUD_EVENTS_SER", body.encode(), CE)

    def test_raw_payload(self) -> None:
        for kind in (None, "application/json", CE):
            for word in ("true", "1", "T"):
                self.assertEqual(self.lands("{ not an event", kind, f"?metadata.rawPayload={word}")["data"],
                                 "{ not an event")
        self.assertIn("specversion", self.event("x", None, "?metadata.rawPayload=false"))
        self.error("/v1.0/publish/bus/t?metadata.rawPayload=yes", 400, "ERR_PUBSUB_REQUEST_METADATA")

    def test_ttl_sets_the_expiration(self) -> None:
        for body, kind in (("x", None), ('{"id":"1"}', CE)):
            self.assertRegex(self.event(body, kind, "?metadata.ttlInSeconds=60")["expiration"], r"^\d{4}-.*Z$")
        self.assertNotIn("expiration", self.event("x", None, "?metadata.ttlInSeconds=soon"))

    def test_overrides(self) -> None:
        names = ("id", "source", "type", "subject", "traceparent", "traceid", "tracestate")
        query = "?" + "&".join(f"metadata.cloudevent.{n}=my-{n}" for n in names)
        event = self.event("x", None, query)
        self.assertEqual({n: event[n] for n in names}, {n: "my-" + n for n in names})
        event = self.event('{"id":"own"}', CE, query)
        self.assertEqual((event["id"], event["source"], "subject" in event), ("own", "Dapr", False))

    def test_trace_is_taken_from_the_request(self) -> None:
        event = self.event("x", None, headers={"traceparent": TRACE, "tracestate": "k=v"})
        self.assertEqual((event["traceid"], event["traceparent"], event["tracestate"]), (TRACE, TRACE, "k=v"))

    def test_metadata_goes_to_the_broker(self) -> None:
        self.assertEqual(self.lands("x", None, "?metadata.one=a+b&two=x")["metadata"], {"one": "a b"})

    def test_put_and_topics_with_slashes(self) -> None:
        self.lands("x", None, method="PUT")
        for path, component, topic in (("bus/a/b", "bus", "a/b"), ("bus/a%2Fc", "bus", "a/c"), ("bus/a+b", "bus", "a b"),
                                       ("bus/a%2Bb", "bus", "a+b"), ("my+bus/x", "my bus", "x")):
            self.assertEqual(self.double.call("a", "POST", "/v1.0/publish/" + path, "x")[0], 204)
            found = self.double.control("GET", f"/topics/{component.replace(' ', '%20')}")
            self.assertIn(topic, found)

    def test_errors(self) -> None:
        self.error("/v1.0/publish/none/t", 404, "ERR_PUBSUB_NOT_FOUND")
        self.error("/v1.0/publish/private/t", 404, "ERR_PUBSUB_NOT_FOUND")
        self.error("/v1.0/publish/bus", 404, "ERR_TOPIC_NAME_EMPTY")
        self.error("/v1.0/publish/bus/", 404, "ERR_TOPIC_NAME_EMPTY")
        self.error("/v1.0/publish", 404, "ERR_PUBSUB_EMPTY")
        for topic in ("three", "safe"):
            self.error("/v1.0/publish/scoped/" + topic, 403, "ERR_PUBSUB_FORBIDDEN")
        self.error("/v1.0/publish/scoped/safe", 403, "ERR_PUBSUB_FORBIDDEN", app="b")
        self.error("/v1.0/publish/allowed/z", 403, "ERR_PUBSUB_FORBIDDEN")
        self.assertEqual(self.double.call("a", "POST", "/v1.0/publish/scoped/one", "x")[0], 204)
        self.assertEqual(self.double.call("b", "POST", "/v1.0/publish/scoped/three", "x")[0], 204)
        status, fields, body = self.double.call("a", "POST", "/v1.0/publish/bus/a%zz", "x")
        self.assertEqual((status, body[:1] == b"{"), (400, False))

    def test_error_details(self) -> None:
        detail, = self.error("/v1.0/publish/none/t", 404, "ERR_PUBSUB_NOT_FOUND")["details"]
        self.assertTrue(detail["@type"].endswith("ErrorInfo"))
        self.assertEqual((detail["domain"], detail["reason"][:5]), ("dapr.io", "DAPR_"))

    def test_broker_failure_is_500(self) -> None:
        self.double.control("POST", "/faults", {"kind": "fail_publish", "topic": "broken", "nth": 1})
        self.error("/v1.0/publish/bus/broken", 500, "ERR_PUBSUB_PUBLISH_MESSAGE")
        self.assertEqual(self.double.call("a", "POST", "/v1.0/publish/bus/broken", "x")[0], 204)


class Bulk(unittest.TestCase):
    @classmethod
    def setUpClass(cls) -> None:
        cls.double = Double({"apps": [{"id": "a"}], "components": [{"name": "bus", "type": "inmemory"}]})
        cls.old = Double({"apps": [{"id": "a"}], "components": [{"name": "bus", "type": "inmemory"}], "version": "1.16"})
        cls.topics = 0

    @classmethod
    def tearDownClass(cls) -> None:
        cls.double.close()
        cls.old.close()

    def bulk(self, entries, query: str = "", base: str = "/v1.0/publish/bulk/bus/", topic: str | None = None):
        Bulk.topics += 1
        topic = topic or f"t{Bulk.topics}"
        body = entries if isinstance(entries, str) else json.dumps(entries)
        status, _, answer = self.double.call("a", "POST", base + topic + query, body,
                                             {"Content-Type": "application/json"})
        return status, json.loads(answer) if answer else None, self.double.messages("bus", topic)

    def one(self, event, kind: str, **more) -> dict:
        status, _, messages = self.bulk([{"entryId": "1", "event": event, "contentType": kind, **more}])
        self.assertEqual(status, 204)
        return json.loads(messages[0]["data"])

    def test_both_paths(self) -> None:
        for base in ("/v1.0/publish/bulk/bus/", "/v1.0-alpha1/publish/bulk/bus/"):
            status, _, messages = self.bulk([{"entryId": i, "event": i, "contentType": "text/plain"} for i in "12"],
                                            base=base)
            self.assertEqual((status, [json.loads(m["data"])["data"] for m in messages]), (204, ["1", "2"]))

    def test_before_1_17_the_stable_path_reads_as_a_pubsub(self) -> None:
        body = json.dumps([{"entryId": "1", "event": 1, "contentType": "application/json"}])
        status, _, answer = self.old.call("a", "POST", "/v1.0/publish/bulk/bus/t", body)
        self.assertEqual((status, json.loads(answer)["errorCode"]), (404, "ERR_PUBSUB_NOT_FOUND"))
        self.assertEqual(self.old.call("a", "POST", "/v1.0-alpha1/publish/bulk/bus/t", body)[0], 204)

    def test_content_types(self) -> None:
        self.assertEqual(self.one({"n": 1}, "application/json")["data"], {"n": 1})
        self.assertEqual(self.one("s", "text/x")["data"], "s")
        self.assertEqual(self.one("AP8=", "application/octet-stream")["data_base64"], "AP8=")
        event = self.one({"data": 1, "id": "own"}, "application/cloudevents+json")
        self.assertEqual((event["id"], event["data"], event["pubsubname"]), ("own", 1, "bus"))

    def test_field_names_match_without_case_and_metadata_may_be_null(self) -> None:
        status, _, messages = self.bulk([{"entryID": "1", "EVENT": 5, "contenttype": "application/json",
                                          "metadata": None}])
        self.assertEqual((status, json.loads(messages[0]["data"])["data"]), (204, 5))

    def test_bad_entries_are_400(self) -> None:
        good = {"entryId": "1", "event": 1, "contentType": "application/json"}
        for entries in ("{", "{}", [1], [{**good, "entryId": ""}], [good, good], [{"entryId": "1", "event": 1}],
                        [{"event": 1, "contentType": "text/plain"}], [{**good, "contentType": "text/plain"}],
                        [{**good, "contentType": "application/octet-stream", "event": "?"}], [{**good, "entryId": 1}],
                        [{**good, "metadata": {"a": 1}}]):
            status, answer, messages = self.bulk(entries)
            self.assertEqual((status, answer["errorCode"], messages), (400, "ERR_PUBSUB_EVENTS_SER", []), entries)

    def test_failed_entries_are_named(self) -> None:
        self.double.control("POST", "/faults", {"kind": "fail_publish", "topic": "half", "nth": 2})
        status, answer, messages = self.bulk(
            [{"entryId": i, "event": i, "contentType": "text/plain"} for i in "123"], topic="half")
        self.assertEqual((status, answer["errorCode"], len(messages)), (500, "ERR_PUBSUB_PUBLISH_MESSAGE", 2))
        self.assertEqual([f["entryId"] for f in answer["failedEntries"]], ["2"])

    def test_request_metadata_reaches_entries_with_a_metadata_object(self) -> None:
        entry = {"event": 1, "contentType": "application/json"}
        _, _, messages = self.bulk([{**entry, "entryId": "1"}, {**entry, "entryId": "2", "metadata": {}},
                                    {**entry, "entryId": "3", "metadata": {"k": "own"}}], "?metadata.k=v")
        self.assertEqual([m["metadata"] for m in messages], [{}, {"k": "v"}, {"k": "own"}])

    def test_large_numbers_lose_precision(self) -> None:
        body = '[{"entryId":"1","contentType":"application/json","event":{"n":9007199254740993,"m":1.50}}]'
        _, _, messages = self.bulk(body)
        self.assertTrue(re.search(r'"data":\{"m":1\.5,"n":9007199254740992\}', messages[0]["data"]))

    def test_not_found_and_raw(self) -> None:
        status, answer, _ = self.bulk([], base="/v1.0/publish/bulk/none/")
        self.assertEqual((status, answer["errorCode"]), (404, "ERR_PUBSUB_NOT_FOUND"))
        _, _, messages = self.bulk([{"entryId": "1", "event": "x", "contentType": "text/plain", "metadata": {}}],
                                   "?metadata.rawPayload=true")
        self.assertEqual(messages[0]["data"], "x")
