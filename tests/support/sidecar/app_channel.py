# SPDX-License-Identifier: Apache-2.0
"""One sidecar's way to its app: token, concurrency, pool, faults, log (sections 2, 3 and S9)."""

import asyncio
from typing import TYPE_CHECKING, AsyncIterator

from app_client import AppResponse, CallFailed, MadeResponse, Pool
from faults import CALL_KINDS, Fault
from http1 import Headers

if TYPE_CHECKING:
    from sidecar import Sidecar

AnyResponse = AppResponse | MadeResponse


class AppChannel:
    def __init__(self, sidecar: "Sidecar") -> None:
        self.sidecar, self.config = sidecar, sidecar.config
        most = int(self.config.get("max_concurrency") or 0)
        self.gate = asyncio.Semaphore(most) if most > 0 else None
        self.waiting = 0
        self.pool = self.new_pool()
        self.gzip = bool(self.config.get("add_accept_encoding", False))

    def new_pool(self) -> Pool:
        return Pool("127.0.0.1", int(self.config.get("app_port") or 0), self.config["max_header"],
                    float(self.config.get("pool_idle_s", 90)))

    async def call(self, kind: str, method: str, target: str, headers: Headers, body: bytes = b"",
                   stream: AsyncIterator[bytes] | None = None) -> AnyResponse:
        """One request to the app, up to the head of its answer; CallFailed when there is none."""
        if self.gate is None:
            return await self.send(kind, method, target, headers, body, stream)
        self.waiting += 1
        try:
            await self.gate.acquire()
        finally:
            self.waiting -= 1
        try:
            return await self.send(kind, method, target, headers, body, stream)
        finally:
            self.gate.release()

    async def send(self, kind: str, method: str, target: str, headers: Headers, body: bytes,
                   stream: AsyncIterator[bytes] | None) -> AnyResponse:
        fields = Headers(headers)
        token = self.config.get("app_api_token")
        if token:
            fields = fields.without("dapr-api-token")
            fields.append(("dapr-api-token", token))
        gzip = self.gzip and not fields.has("accept-encoding")
        if gzip:
            fields.append(("Accept-Encoding", "gzip"))
        log = self.sidecar.world.log
        entry = log.begin(kind, self.sidecar.id, method, target, fields, body, streamed=stream is not None)
        faults = self.sidecar.world.faults.call("app", self.sidecar.id, method, target.split("?")[0],
                                                CALL_KINDS - {"die_between_app_and_ack"})
        if faults:
            entry["faults"] = sorted(faults)
        try:
            response = await self.through(faults, method, target, fields, body, stream)
        except asyncio.CancelledError:
            log.finish(entry, error="given up")
            raise
        except CallFailed as bad:
            log.finish(entry, error=str(bad))
            raise
        log.finish(entry, response.status, response.headers, getattr(response, "body", b""))
        if isinstance(response, AppResponse):
            if gzip and response.headers.get("content-encoding") == "gzip" and response.source is not None:
                response.unzip()
            response.on_close = lambda seen: log.finish(entry, response.status, response.headers, seen)
        return response

    async def through(self, faults: dict[str, Fault], method: str, target: str, fields: Headers, body: bytes,
                      stream: AsyncIterator[bytes] | None) -> AnyResponse:
        if "delay_ms" in faults:
            await asyncio.sleep(faults["delay_ms"].delay_ms / 1000)
        if "hang" in faults:
            await asyncio.Event().wait()
        if "refuse" in faults:
            raise CallFailed("connect: connection refused (fault)")
        if "fail_nth" in faults:
            fault = faults["fail_nth"]
            return MadeResponse(fault.status, fault.body.encode(), Headers([("Content-Type", fault.content_type)]))
        if not self.config.get("app_port"):
            raise CallFailed("the app has no port")
        if "close_idle" in faults:
            self.pool.spoil_next = True
        return await self.pool.call(method, target, fields, body, stream, "reset_after_headers" in faults)

    async def after_answer(self, method: str, path: str) -> None:
        """Between the app's answer and what follows from it: here the sidecar may die (S9)."""
        fault = self.sidecar.world.faults.call("app", self.sidecar.id, method, path,
                                               {"die_between_app_and_ack"}).get("die_between_app_and_ack")
        if fault is not None:
            self.sidecar.world.die_soon(self.sidecar, fault.restart_ms)
            await asyncio.Event().wait()

    def close(self) -> None:
        self.pool.close()
        self.pool = self.new_pool()
