# SPDX-License-Identifier: Apache-2.0
"""All that one process of the double holds: sidecars, components, faults, log."""

import asyncio
import json
from pathlib import Path

from broker_kafka import KafkaComponent
from broker_redis import RedisComponent
from brokers import Component
from faults import Faults
from log import Log
from sidecar import Sidecar
from state_store import StateStore
from subscriptions import Subscription, parse_declared, parse_one

STATE = "state"
KINDS = {"inmemory": Component, "redis": RedisComponent, "kafka": KafkaComponent}


def resources(value, base: Path) -> list[dict]:
    """Resources given inline, as a file name (JSON or YAML, several documents allowed), or as a list of both."""
    if value is None:
        return []
    if isinstance(value, list):
        return [one for item in value for one in resources(item, base)]
    if isinstance(value, dict):
        return [value]
    path = base / str(value)
    if path.suffix == ".json":
        return resources(json.loads(path.read_text()), base)
    import yaml  # Debian's python3-yaml; only needed for YAML files
    return [one for one in yaml.safe_load_all(path.read_text()) if one]


class World:
    def __init__(self, config: dict, base: Path) -> None:
        self.time_scale = float(config.get("time_scale", 1.0))
        self.timeout_scale = float(config.get("timeout_scale", 1.0))
        self.namespace = str(config.get("namespace", "default"))
        self.version = tuple(int(word) for word in str(config.get("version", "1.18")).split(".")[:2])
        self.socket_dir = config.get("socket_dir")
        self.http_endpoints: dict[str, str] = config.get("http_endpoints") or {}
        self.resiliency = resources(config.get("resiliency"), base)
        self.declared = [r for r in resources(config.get("subscriptions"), base)
                         if r.get("kind", "Subscription") == "Subscription"]
        for resource in self.declared:
            parse_one(resource.get("spec", resource), "DECLARATIVE")
        self.log = Log()
        self.faults = Faults()
        self.components: dict[str, Component] = {}
        self.stores: dict[str, StateStore] = {}
        for one in config.get("components") or []:
            kind = str(one.get("type", "inmemory"))
            if kind == STATE:
                self.stores[one["name"]] = StateStore(self, one)
                continue
            if kind not in KINDS:
                raise ValueError(f"component type {kind!r}, want one of {sorted([*KINDS, STATE])}")
            self.components[one["name"]] = KINDS[kind](self, one)
        self.sidecars: dict[str, Sidecar] = {}
        for one in config.get("apps") or []:
            self.sidecars[one["id"]] = Sidecar(self, one)
        self.pending: set[asyncio.Task] = set()

    async def start(self) -> None:
        for sidecar in self.sidecars.values():
            if sidecar.config.get("autostart", True):
                await sidecar.start()
            else:
                sidecar.server.hold()

    def declared_for(self, app: str) -> list[Subscription]:
        found = [parse_declared(resource, app) for resource in self.declared]
        return [one for one in found if one is not None]

    def die_soon(self, sidecar: Sidecar, restart_ms: float | None) -> None:
        """Kills a sidecar from within one of its own tasks; maybe starts it again."""
        async def work() -> None:
            await asyncio.sleep(0)
            sidecar.kill()
            if restart_ms is not None:
                await asyncio.sleep(restart_ms / 1000)
                await sidecar.start()
        task = asyncio.ensure_future(work())
        self.pending.add(task)
        task.add_done_callback(self.pending.discard)

    def stop(self) -> None:
        for sidecar in self.sidecars.values():
            sidecar.kill()
