# SPDX-License-Identifier: Apache-2.0
"""The app's health as its sidecar sees it: the TCP probe at the start, then the probes (section 5)."""

import asyncio
from typing import TYPE_CHECKING

from app_client import CallFailed, Pool
from http1 import Headers

if TYPE_CHECKING:
    from sidecar import Sidecar

DEFAULTS = {"enabled": False, "path": "/healthz", "interval_ms": 5000, "timeout_ms": 500, "threshold": 3}


class AppHealth:
    """Starts unhealthy when probes are on; one 2xx heals, `threshold` failures in a row make it unhealthy again."""

    def __init__(self, sidecar: "Sidecar") -> None:
        self.sidecar = sidecar
        self.config = {**DEFAULTS, **(sidecar.config.get("health_check") or {})}
        self.enabled = bool(self.config["enabled"])
        self.healthy = not self.enabled
        self.failures = 0
        self.probes = 0

    async def wait_for_port(self) -> None:
        """A bare TCP connect every 100 ms, closed at once without a byte, until one is accepted."""
        world, log = self.sidecar.world, self.sidecar.world.log
        while True:
            port = int(self.sidecar.config.get("app_port") or 0)
            if port:
                entry = log.begin("tcp_probe", self.sidecar.id, target=f"127.0.0.1:{port}")
                try:
                    _, writer = await asyncio.open_connection("127.0.0.1", port)
                    writer.close()
                    log.finish(entry, ok=True)
                    return
                except OSError:
                    log.finish(entry, ok=False)
            await asyncio.sleep(0.1 * world.time_scale)

    async def probe(self) -> bool:
        """One GET of the health path; probes carry no token and wait in no queue."""
        config, log = self.sidecar.config, self.sidecar.world.log
        path = "/" + str(self.config["path"]).lstrip("/")
        entry = log.begin("health_probe", self.sidecar.id, "GET", path)
        pool = Pool("127.0.0.1", int(config.get("app_port") or 0), config["max_header"])
        status, error = None, None
        try:
            async with asyncio.timeout(self.config["timeout_ms"] / 1000 * self.sidecar.world.timeout_scale):
                response = await pool.call("GET", path, Headers())
                status = response.status
                response.close()
        except (CallFailed, TimeoutError) as bad:
            error = str(bad) or "timeout"
        finally:
            pool.close()
        log.finish(entry, status, error=error)
        self.probes += 1
        return status is not None and 200 <= status < 300

    async def step(self) -> None:
        if await self.probe():
            self.failures = 0
            if not self.healthy:
                self.healthy = True
                self.sidecar.world.log.event(self.sidecar.id, "healthy")
                self.sidecar.heal()
            return
        self.failures += 1
        if self.healthy and self.failures >= self.config["threshold"]:
            self.healthy = False
            self.sidecar.world.log.event(self.sidecar.id, "unhealthy")
            self.sidecar.unsubscribe()

    async def pause(self) -> None:
        await asyncio.sleep(self.config["interval_ms"] / 1000 * self.sidecar.world.time_scale)

    async def until_healthy(self) -> None:
        while not self.healthy:
            await self.step()
            if not self.healthy:
                await self.pause()

    async def watch(self) -> None:
        while True:
            await self.pause()
            await self.step()
