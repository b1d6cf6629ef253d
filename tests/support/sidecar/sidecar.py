# SPDX-License-Identifier: Apache-2.0
"""One app's sidecar: its life from start to kill, in the order of section 5."""

import asyncio
import os
from typing import TYPE_CHECKING, Coroutine

from api import Api
from app_channel import AppChannel
from app_client import CallFailed
from delivery import Delivery
from health import AppHealth
from http1 import Headers
from http_server import HttpServer
from resiliency import Resiliency
from subscriptions import Subscription, merge, parse_programmatic

if TYPE_CHECKING:
    from world import World

DEFAULTS = {"max_body": 4 << 20, "max_header": 4096}
STARTUP_TRIES = 10


class Sidecar:
    def __init__(self, world: "World", config: dict) -> None:
        self.world = world
        self.config = {**DEFAULTS, **config}
        self.id = str(config["id"])
        self.api = Api(self)
        self.server = HttpServer(self.api.handle, self.config["max_header"], self.config["max_body"])
        self.socket_path = os.path.join(world.socket_dir, f"dapr-{self.id}-http.socket") if world.socket_dir else None
        self.alive = False
        self.tasks: set[asyncio.Task] = set()
        self.forget()

    def forget(self) -> None:
        """Everything a sidecar keeps in memory only."""
        self.loaded = False
        self.app_ready = False
        self.booted = False
        self.extended: dict[str, str] = {}
        self.subscriptions: list[Subscription] = []
        self.active: list = []
        self.channel = AppChannel(self)
        self.health = AppHealth(self)
        self.resiliency = Resiliency(self.world.resiliency, self.id, self.world.time_scale, self.world.timeout_scale)

    @property
    def has_app(self) -> bool:
        return self.config.get("app_port") is not None

    def spawn(self, work: Coroutine) -> asyncio.Task:
        """Runs something that dies with the sidecar."""
        task = asyncio.ensure_future(work)
        self.tasks.add(task)
        task.add_done_callback(self.ended)
        return task

    def ended(self, task: asyncio.Task) -> None:
        self.tasks.discard(task)
        if not task.cancelled() and task.exception() is not None:
            self.world.log.event(self.id, "task_failed", error=repr(task.exception()))

    async def start(self) -> None:
        if self.alive:
            return
        self.alive = True
        await self.server.listen(self.socket_path)
        self.world.log.event(self.id, "started")
        self.spawn(self.boot())

    def kill(self) -> None:
        """Dies at once: nothing is acked, answered or flushed any more."""
        if not self.alive:
            return
        self.alive = False
        self.world.log.event(self.id, "killed")
        self.unsubscribe()
        for task in list(self.tasks):
            task.cancel()
        self.server.kill(self.socket_path)
        self.channel.close()
        self.forget()

    def set_app_port(self, port: int | None) -> None:
        self.config["app_port"] = port
        self.channel.close()

    async def boot(self) -> None:
        """Components, TCP probe, health, /dapr/config, /dapr/subscribe, subscriptions: in this order."""
        await asyncio.sleep(float(self.config.get("load_delay_ms", 0)) / 1000)
        self.loaded = True
        self.world.log.touch()
        if not self.has_app:
            self.app_ready = self.booted = True
            return
        await self.health.wait_for_port()
        self.app_ready = True
        self.world.log.touch()
        if self.health.enabled:
            await self.health.until_healthy()
        await self.ask_app("/dapr/config")
        components = [c for c in self.world.components.values() if c.visible_to(self.id)]
        if components:
            body = await self.ask_app("/dapr/subscribe")
            found, error = parse_programmatic(body)
            if error:
                self.world.log.event(self.id, "bad_subscriptions", error=error)
            self.subscriptions = merge(self.world.declared_for(self.id), found)
        self.booted = True
        if self.health.healthy:
            self.subscribe()
        self.world.log.event(self.id, "booted", subscriptions=len(self.subscriptions))
        if self.health.enabled:
            self.spawn(self.health.watch())

    async def ask_app(self, path: str) -> bytes | None:
        """The body of a 200, else None; only connection errors are tried again, briefly."""
        for _ in range(STARTUP_TRIES):
            try:
                response = await self.channel.call("startup", "GET", path, Headers())
                body = await response.read()
                return body if response.status == 200 else None
            except CallFailed:
                await asyncio.sleep(0.1 * self.world.time_scale)
        return None

    def heal(self) -> None:
        if self.booted:
            self.subscribe()

    def subscribe(self) -> None:
        """Starts all subscriptions; what they are was settled once, at the start of this life."""
        self.unsubscribe()
        for subscription in self.subscriptions:
            component = self.world.components.get(subscription.pubsub)
            if component is None or not component.visible_to(self.id) \
                    or not component.scopes.may_subscribe(self.id, subscription.topic):
                self.world.log.event(self.id, "subscription_ignored", topic=subscription.topic)
                continue
            self.active.append(component.subscribe(Delivery(self, component, subscription)))
        self.world.log.event(self.id, "subscribed", active=len(self.active))

    def unsubscribe(self) -> None:
        for consumer in self.active:
            consumer.stop()
        self.active = []

    def state(self) -> dict:
        return {"alive": self.alive, "outbound": self.alive and self.loaded,
                "full": self.alive and self.loaded and self.app_ready,
                "app_health": "healthy" if self.health.healthy else "unhealthy",
                "probes": self.health.probes, "booted": self.booted, "subscribed": len(self.active),
                "queued": self.channel.waiting, "app_connections_opened": self.channel.pool.opened,
                "app_connections_reused": self.channel.pool.reused}
