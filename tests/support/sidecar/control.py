# SPDX-License-Identifier: Apache-2.0
"""The control API for tests, on a loopback port of its own."""

import asyncio
import base64
import json
from typing import TYPE_CHECKING, Any

import clock
from gojson import dumps
from http1 import Request
from http_server import HttpServer, Responder
from paths import form_segment, parse_query

if TYPE_CHECKING:
    from brokers import Component
    from world import World

BODY_MAX = 64 << 20


class Refused(Exception):
    """A control request that makes no sense: status and reason."""

    def __init__(self, status: int, why: str) -> None:
        super().__init__(why)
        self.status = status


class Control:
    def __init__(self, world: "World") -> None:
        self.world = world
        self.server = HttpServer(self.handle, 16384, BODY_MAX)

    async def handle(self, request: Request, responder: Responder) -> None:
        query = dict(parse_query(request.query))
        parts = [form_segment(p) or "" for p in request.path.strip("/").split("/")]
        try:
            raw = await request.read(BODY_MAX)
            body = json.loads(raw) if raw.strip() else None
            status, answer = 200, await self.serve(request.method, parts, query, body)
        except Refused as bad:
            status, answer = bad.status, {"error": str(bad)}
        except (ValueError, TypeError, KeyError) as bad:
            status, answer = 400, {"error": f"{type(bad).__name__}: {bad}"}
        await responder.answer(status, (json.dumps(answer) + "\n").encode(), "application/json")

    async def serve(self, method: str, parts: list[str], query: dict[str, str], body) -> Any:
        world = self.world
        match (method, *parts):
            case ("GET", "log"):
                return await self.read_log(query)
            case ("GET", "counters"):
                return dict(sorted(world.log.counters.items()))
            case ("POST", "clear"):
                world.log.clear()
                world.faults.list.clear()
                return {}
            case ("GET", "faults"):
                return world.faults.shown()
            case ("DELETE", "faults"):
                world.faults.list.clear()
                return {}
            case ("POST", "faults"):
                return {"ids": [world.faults.add(one) for one in (body if isinstance(body, list) else [body])]}
            case ("POST", "apps", name, action):
                return await self.app(name, action, body or {})
            case ("POST", "deliver"):
                return self.deliver(body or {})
            case ("GET", "topics", component):
                return self.component(component).topics
            case ("GET", "topics", component, *topic):
                return self.component(component).shown("/".join(topic))
            case ("POST", "clock"):
                clock.advance(float((body or {})["advance_s"]))
                return {"now": clock.text()}
            case ("GET", "health"):
                return await self.health(query)
        raise Refused(404, f"no {method} /{'/'.join(parts)} here")

    async def app(self, name: str, action: str, body: dict) -> dict:
        sidecar = self.world.sidecars.get(name)
        if sidecar is None:
            raise Refused(404, f"no app {name!r}, want one of {sorted(self.world.sidecars)}")
        if action not in ("kill", "start", "app_port"):
            raise Refused(404, f"no action {action!r}, want kill, start or app_port")
        if "app_port" in body:
            sidecar.set_app_port(int(body["app_port"]))
        elif "port" in body:
            sidecar.set_app_port(int(body["port"]))
        if action == "kill":
            sidecar.kill()
        elif action == "start":
            await sidecar.start()
        return sidecar.state()

    def component(self, name: str) -> "Component":
        if name not in self.world.components:
            raise Refused(404, f"no component {name!r}, want one of {sorted(self.world.components)}")
        return self.world.components[name]

    def deliver(self, body: dict) -> dict:
        """Puts events on a topic exactly as given: `event`, `data` or `data_base64`, or a list `events` of those."""
        component = self.component(body["component"])
        items = body.get("events") or [body]
        items = [one for one in items for _ in range(int(one.get("copies", 1)))] * int(
            body.get("repeat", 1))
        if "order" in body:
            items = [items[int(i)] for i in body["order"]]
        numbers = []
        for one in items:
            if "data_base64" in one:
                data = base64.b64decode(one["data_base64"])
            elif "data" in one:
                data = one["data"].encode()
            else:
                data = dumps(one["event"]).encode()
            words = {k: str(v) for k, v in (one.get("metadata") or body.get("metadata") or {}).items()}
            numbers.append(component.put(one.get("topic") or body["topic"], data, words).number)
        return {"numbers": numbers}

    async def read_log(self, query: dict[str, str]) -> list[dict]:
        """Entries that match; with `count`, waits until there are that many (or `timeout_ms` have passed)."""
        wanted = {k: v for k, v in query.items() if k not in ("count", "timeout_ms")}
        count = int(query.get("count", 0))
        if count:
            wanted.setdefault("done", "1")
        await self.until(lambda: len(self.world.log.matching(wanted)) >= count, query)
        return self.world.log.matching(wanted)

    async def health(self, query: dict[str, str]) -> dict:
        """The states of all apps; with `app` and more fields, waits until that app's state has these values."""
        states = lambda: {name: one.state() for name, one in self.world.sidecars.items()}  # noqa: E731
        wanted = {k: v.lower() for k, v in query.items() if k not in ("app", "timeout_ms")}
        app = query.get("app")
        if app:
            await self.until(lambda: all(str(states()[app].get(k)).lower() == v for k, v in wanted.items()), query)
        return states()

    async def until(self, condition, query: dict[str, str]) -> None:
        try:
            async with asyncio.timeout(float(query.get("timeout_ms", 5000)) / 1000):
                while not condition():
                    await self.world.log.changed.wait()
        except TimeoutError:
            pass
