# SPDX-License-Identifier: Apache-2.0
"""S1, S4, S12: token, health, metadata, paths, limits, start-up."""

import http.client
import json
import socket
import unittest

from harness import App, Double, answers, call, header, raw, subscribes

BUS = [{"name": "bus", "type": "inmemory"}]


class Reaching(unittest.TestCase):
    """Section 1."""

    @classmethod
    def setUpClass(cls) -> None:
        cls.app = App({"*": answers(200, "app")})
        cls.double = Double({"apps": [{"id": "a", "app_port": cls.app.port, "api_token": "secret"},
                                      {"id": "open", "max_body": 1000}, {"id": "later", "app_port": 0},
                                      {"id": "slow", "load_delay_ms": 100000}],
                             "components": BUS})
        cls.double.wait("a", booted=True)

    @classmethod
    def tearDownClass(cls) -> None:
        cls.double.close()
        cls.app.close()

    def test_wrong_or_missing_token_is_a_text_401(self) -> None:
        for headers in ({}, {"dapr-api-token": "wrong"}):
            for path in ("/v1.0/metadata", "/v1.0/publish/bus/t", "/v1.0/invoke/a/method/x"):
                status, fields, body = self.double.call("a", "GET", path, headers=headers)
                self.assertEqual(status, 401)
                self.assertTrue(header(fields, "content-type").startswith("text/plain"))
                self.assertFalse(body.startswith(b"{"))

    def test_only_the_two_health_paths_need_no_token(self) -> None:
        self.assertEqual(self.double.call("a", "GET", "/v1.0/healthz")[0], 204)
        self.assertEqual(self.double.call("a", "GET", "/v1.0/healthz/outbound")[0], 204)
        self.assertEqual(self.double.call("a", "GET", "/v1.0/metadata", headers={"dapr-api-token": "secret"})[0], 200)

    def test_full_health_waits_for_the_app_port_and_outbound_does_not(self) -> None:
        self.double.wait("later", outbound=True)
        self.assertEqual(self.double.call("later", "GET", "/v1.0/healthz/outbound")[0], 204)
        status, _, body = self.double.call("later", "GET", "/v1.0/healthz")
        self.assertEqual((status, json.loads(body)["errorCode"]), (500, "ERR_HEALTH_NOT_READY"))
        app = App()
        self.double.control("POST", "/apps/later/app_port", {"port": app.port})
        self.double.wait("later", full=True)
        self.assertEqual(self.double.call("later", "GET", "/v1.0/healthz")[0], 204)
        app.close()

    def test_outbound_health_is_500_while_components_load(self) -> None:
        status, _, body = self.double.call("slow", "GET", "/v1.0/healthz/outbound")
        self.assertEqual((status, json.loads(body)["errorCode"]), (500, "ERR_OUTBOUND_HEALTH_NOT_READY"))

    def test_metadata_says_it_is_a_double(self) -> None:
        found = json.loads(self.double.call("open", "GET", "/v1.0/metadata")[2])
        self.assertIn("double", found["runtimeVersion"])
        self.assertEqual(found["id"], "open")
        self.assertEqual(found["components"][0]["name"], "bus")
        self.assertNotIn("appConnectionProperties", found)

    def test_put_metadata_is_shown(self) -> None:
        self.assertEqual(self.double.call("open", "PUT", "/v1.0/metadata/a+key", "v")[0], 204)
        found = json.loads(self.double.call("open", "GET", "/v1.0/metadata")[2])
        self.assertEqual(found["extended"]["a key"], "v")

    def test_a_path_not_offered_is_err_direct_invoke(self) -> None:
        for method, path in (("GET", "/v1.0/nothing"), ("GET", "/v1.0/secrets/s/k"), ("POST", "/v1.0/jobs/x"),
                             ("GET", "/"), ("GET", "/v1.0/publish/bus/t"), ("POST", "/v2/x"),
                             ("GET", "/v1.0/invoke/a"), ("GET", "/v1.0/invoke/a/method")):
            status, _, body = self.double.call("open", method, path)
            self.assertEqual((status, json.loads(body)["errorCode"]), (404, "ERR_DIRECT_INVOKE"), path)

    def test_paths_are_cleaned(self) -> None:
        for path in ("/v1.0//metadata", "/v1.0/metadata/", "/v1.0/x/../metadata", "//v1.0/./metadata", "/v1.0/metadata?"):
            self.assertEqual(self.double.call("open", "GET", path)[0], 200, path)

    def test_header_block_over_the_limit_is_431(self) -> None:
        self.assertEqual(self.double.call("open", "GET", "/v1.0/metadata", headers={"x": "y" * 3900})[0], 200)
        self.assertEqual(self.double.call("open", "GET", "/v1.0/metadata", headers={"x": "y" * 4200})[0], 431)

    def test_body_over_the_limit_is_no_413(self) -> None:
        for path, code in (("/v1.0/invoke/open/method/x", "ERR_DIRECT_INVOKE"),
                           ("/v1.0/publish/bus/t", "ERR_PUBSUB_PUBLISH_MESSAGE")):
            status, _, body = self.double.call("open", "POST", path, b"x" * 1001)
            self.assertEqual((status, json.loads(body)["errorCode"]), (500, code))
        self.assertEqual(self.double.call("open", "POST", "/v1.0/publish/bus/t", b"x" * 1000)[0], 204)

    def test_a_chunked_body_over_the_limit_is_no_413_either(self) -> None:
        answer = raw(self.double.port("open"), b"POST /v1.0/publish/bus/t HTTP/1.1\r\nHost: x\r\n"
                     b"Transfer-Encoding: chunked\r\n\r\n" + b"200\r\n" + b"x" * 512 + b"\r\n200\r\n" + b"x" * 512
                     + b"\r\n0\r\n\r\n")
        self.assertIn(b" 500 ", answer.split(b"\r\n")[0])
        self.assertIn(b"ERR_PUBSUB_PUBLISH_MESSAGE", answer)

    def test_broken_http_is_400(self) -> None:
        for data in (b"GET / HTTP/1.1\r\n\r\n", b"GET\r\n\r\n", b"GET / HTTP/1.1\r\nHost: x\r\nbad field\r\n\r\n"):
            self.assertIn(b" 400 ", raw(self.double.port("open"), data).split(b"\r\n")[0])

    def test_connections_are_kept_and_requests_may_be_pipelined(self) -> None:
        link = http.client.HTTPConnection("127.0.0.1", self.double.port("open"), timeout=5)
        for _ in range(3):
            link.request("GET", "/v1.0/healthz/outbound")
            answer = link.getresponse()
            answer.read()
            self.assertEqual(answer.status, 204)
        link.close()
        one = b"GET /v1.0/healthz/outbound HTTP/1.1\r\nHost: x\r\n\r\n"
        last = one.replace(b"\r\n\r\n", b"\r\nConnection: close\r\n\r\n")
        self.assertEqual(raw(self.double.port("open"), one + last).count(b" 204 "), 2)

    def test_malformed_baggage_is_a_text_400(self) -> None:
        status, fields, body = self.double.call("open", "GET", "/v1.0/metadata", headers={"baggage": "no equals"})
        self.assertEqual(status, 400)
        self.assertTrue(header(fields, "content-type").startswith("text/plain"))
        self.assertEqual(self.double.call("open", "GET", "/v1.0/metadata", headers={"baggage": "a=b;c, d=e"})[0], 200)


class StartUp(unittest.TestCase):
    """Section 5: the order of the start, and what is read once."""

    def start(self, routes: dict, **more) -> tuple[App, Double]:
        app = App(routes)
        double = Double({"apps": [{"id": "a", "app_port": app.port, **more}], "components": BUS})
        self.addCleanup(app.close)
        self.addCleanup(double.close)
        return app, double

    def test_bare_connects_come_until_the_port_answers(self) -> None:
        listener = socket.socket()
        listener.bind(("127.0.0.1", 0))
        double = Double({"apps": [{"id": "a", "app_port": listener.getsockname()[1]}]})
        self.addCleanup(double.close)
        probes = double.log(2, kind="tcp_probe")
        self.assertFalse(probes[0]["ok"])
        listener.listen()
        listener.settimeout(5)
        link, _ = listener.accept()
        link.settimeout(5)
        self.assertEqual(link.recv(1), b"")
        link.close()
        listener.close()

    def test_order_is_health_config_subscribe(self) -> None:
        app, double = self.start({"/healthz": answers(200), "/dapr/subscribe": subscribes(
            {"pubsubname": "bus", "topic": "t", "route": "r"})}, health_check={"enabled": True})
        double.wait("a", subscribed=1)
        self.assertEqual([r["path"] for r in app.requests[:3]], ["/healthz", "/dapr/config", "/dapr/subscribe"])

    def test_subscribe_is_read_once_per_life(self) -> None:
        app, double = self.start({"/dapr/subscribe": subscribes({"pubsubname": "bus", "topic": "t", "route": "r"})})
        double.wait("a", subscribed=1)
        app.routes["/dapr/subscribe"] = subscribes()
        double.control("POST", "/apps/a/kill")
        with self.assertRaises(ConnectionError):
            call(double.port("a"), "GET", "/v1.0/healthz")
        double.control("POST", "/apps/a/start")
        double.wait("a", booted=True, subscribed=0)
        self.assertEqual(len(app.wait(2, "/dapr/subscribe")), 2)

    def test_any_other_answer_than_200_means_none(self) -> None:
        for status in (404, 500, 204):
            app, double = self.start({"/dapr/subscribe": answers(status, "[]")})
            double.wait("a", booted=True, subscribed=0)
            self.assertEqual(len(app.wait(1, "/dapr/subscribe")), 1)

    def test_a_connection_error_is_tried_again(self) -> None:
        tries = []

        def reset_first(request: dict):
            tries.append(1)
            if len(tries) == 1:
                request["handler"].connection.shutdown(socket.SHUT_RDWR)
                return None
            return subscribes({"pubsubname": "bus", "topic": "t", "route": "r"})(request)
        _, double = self.start({"/dapr/subscribe": reset_first})
        double.wait("a", subscribed=1)

    def test_without_a_component_nothing_is_asked(self) -> None:
        app = App()
        double = Double({"apps": [{"id": "a", "app_port": app.port}]})
        double.wait("a", booted=True)
        self.assertEqual([r["path"] for r in app.requests], ["/dapr/config"])
        double.close()
        app.close()

    def test_metadata_lists_the_subscriptions(self) -> None:
        _, double = self.start({"/dapr/subscribe": subscribes(
            {"pubsubname": "bus", "topic": "t", "route": "/r", "deadLetterTopic": "d"},
            {"pubsubname": "bus", "topic": "u", "routes": {"rules": [{"match": "event.type == 'x'", "path": "/x"}],
                                                           "default": "/y"}},
            {"pubsubname": "bus", "topic": "no route"})}, max_concurrency=3)
        double.wait("a", booted=True)
        found = json.loads(double.call("a", "GET", "/v1.0/metadata")[2])
        self.assertEqual([s["topic"] for s in found["subscriptions"]], ["t", "u"])
        self.assertEqual(found["subscriptions"][0]["rules"], [{"match": "", "path": "/r"}])
        self.assertEqual(found["subscriptions"][0]["deadLetterTopic"], "d")
        self.assertEqual(found["subscriptions"][1]["rules"][1]["path"], "/y")
        self.assertEqual(found["appConnectionProperties"]["maxConcurrency"], 3)

    def test_shutdown_answers_204_and_ends_this_sidecar(self) -> None:
        _, double = self.start({})
        self.assertEqual(double.call("a", "POST", "/v1.0/shutdown")[0], 204)
        double.wait("a", alive=False)


class Health(unittest.TestCase):
    def test_state_machine(self) -> None:
        app = App({"/healthz": answers(503), "/x": answers(200, "x"), "/dapr/subscribe": subscribes(
            {"pubsubname": "bus", "topic": "t", "route": "/r"}), "/r": answers(200)})
        double = Double({"apps": [{"id": "a", "app_port": app.port, "health_check": {"enabled": True}}, {"id": "b"}],
                         "components": BUS, "time_scale": 0.01})
        self.addCleanup(app.close)
        self.addCleanup(double.close)
        double.log(2, kind="health_probe", app="a")
        state = double.wait("a", app_health="unhealthy")
        self.assertEqual((state["subscribed"], state["full"]), (0, True))
        self.assertEqual([r for r in app.requests if r["path"].startswith("/dapr")], [])
        status, _, body = double.call("b", "GET", "/v1.0/invoke/a/method/x")
        self.assertEqual((status, json.loads(body)["errorCode"]), (500, "ERR_DIRECT_INVOKE"))
        app.routes["/healthz"] = answers(204)
        double.wait("a", app_health="healthy", subscribed=1)
        self.assertEqual(double.call("b", "GET", "/v1.0/invoke/a/method/x")[0], 200)
        double.control("POST", "/clear")
        app.routes["/healthz"] = answers(500)
        double.wait("a", app_health="unhealthy", subscribed=0)
        self.assertEqual(sum(e["status"] == 500 for e in double.log(3, kind="health_probe")), 3)
        app.routes["/healthz"] = answers(200)
        double.wait("a", app_health="healthy", subscribed=1)
        self.assertEqual(len([r for r in app.requests if r["path"] == "/dapr/subscribe"]), 1)

    def test_probes_carry_no_token(self) -> None:
        app = App({"/alive": answers(200)})
        double = Double({"apps": [{"id": "a", "app_port": app.port, "app_api_token": "t",
                                   "health_check": {"enabled": True, "path": "/alive"}}]})
        self.addCleanup(app.close)
        self.addCleanup(double.close)
        double.wait("a", booted=True)
        self.assertIsNone(header(app.wait(1, "/alive")[0]["headers"], "dapr-api-token"))
        self.assertEqual(header(app.wait(1, "/dapr/config")[0]["headers"], "dapr-api-token"), "t")
