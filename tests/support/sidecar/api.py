# SPDX-License-Identifier: Apache-2.0
"""The sidecar's HTTP API: token, faults, routing of paths to what serves them (sections 1 and 2)."""

import asyncio
import hmac
from typing import TYPE_CHECKING, Awaitable, Callable

import metadata
import publish
import state
from errors import ApiError
from fields import baggage_is_bad
from http1 import Request
from http_server import Gone, Responder
from invoke import invoke
from paths import clean

if TYPE_CHECKING:
    from sidecar import Sidecar

HEALTH, OUTBOUND = "/v1.0/healthz", "/v1.0/healthz/outbound"


class Api:
    def __init__(self, sidecar: "Sidecar") -> None:
        self.sidecar = sidecar

    async def handle(self, request: Request, responder: Responder) -> None:
        """One request from a client, logged from its arrival to its end."""
        sidecar, log = self.sidecar, self.sidecar.world.log
        entry = log.begin("received", sidecar.id, request.method, request.target, request.headers, request.body,
                          streamed=request.stream is not None, nth_on_connection=request.nth_on_connection)
        path = clean(request.path)
        try:
            await self.faulty(request, responder, path, entry)
            log.finish(entry, responder.status, responder.headers, bytes(responder.body))
        except (Gone, ConnectionError, OSError) as gone:
            log.finish(entry, responder.status or None, error=f"connection ended: {gone}")
            raise
        except asyncio.CancelledError:
            log.finish(entry, responder.status or None, error="given up")
            raise
        except Exception as bug:
            log.finish(entry, responder.status or None, error=f"bug in the double: {bug!r}")
            raise

    async def faulty(self, request: Request, responder: Responder, path: str, entry: dict) -> None:
        faults = self.sidecar.world.faults.call("sidecar", self.sidecar.id, request.method, path)
        if faults:
            entry["faults"] = sorted(faults)
        if "delay_ms" in faults:
            await asyncio.sleep(faults["delay_ms"].delay_ms / 1000)
        if "hang" in faults:
            await asyncio.Event().wait()
        if "refuse" in faults or ("close_idle" in faults and request.nth_on_connection > 1):
            responder.wire.reset()
            raise Gone("fault")
        responder.reset_after_headers = "reset_after_headers" in faults
        if "fail_nth" in faults:
            fault = faults["fail_nth"]
            await responder.answer(fault.status, fault.body.encode(), fault.content_type)
            return
        if "die_between_app_and_ack" in faults:
            responder.start = self.dying(faults["die_between_app_and_ack"].restart_ms)
        try:
            await self.serve(request, responder, path)
        except ApiError as error:
            if request.stream is not None:
                responder.close_after = True
            await error.send(responder)

    def dying(self, restart_ms: float | None) -> Callable[..., Awaitable[None]]:
        """A `start` that never comes back: the sidecar dies with its answer unsent."""
        async def start(*_args) -> None:
            self.sidecar.world.die_soon(self.sidecar, restart_ms)
            await asyncio.Event().wait()
        return start

    async def serve(self, request: Request, responder: Responder, path: str) -> None:
        sidecar, method = self.sidecar, request.method
        probe = method == "GET" and path in (HEALTH, OUTBOUND)
        token = sidecar.config.get("api_token")
        if token and not probe:
            given = request.headers.get("dapr-api-token") or ""
            if not hmac.compare_digest(given.encode("latin-1", "replace"), str(token).encode()):
                raise ApiError(401, None, "invalid api token")
        if probe:
            await self.health(responder, path)
            return
        if baggage_is_bad(request.headers):
            raise ApiError(400, None, "invalid baggage header")
        parts = path.split("/")[1:]
        if parts[0] == "v1.0" and await self.stable(request, responder, parts[1:]):
            return
        if parts[:3] == ["v1.0-alpha1", "publish", "bulk"] and method in ("POST", "PUT") and len(parts) >= 4:
            await publish.publish_bulk(sidecar, request, responder, parts[3], "/".join(parts[4:]))
            return
        await invoke(sidecar, request, responder, path)

    async def stable(self, request: Request, responder: Responder, parts: list[str]) -> bool:
        """Serves a /v1.0 path that is offered; False for all others, /v1.0/invoke included."""
        sidecar, method = self.sidecar, request.method
        if parts == ["metadata"] and method == "GET":
            await metadata.get(sidecar, responder)
        elif parts[:1] == ["metadata"] and len(parts) == 2 and method == "PUT":
            await metadata.put(sidecar, request, responder, parts[1])
        elif parts == ["shutdown"] and method == "POST":
            responder.close_after = True
            await responder.answer(204)
            sidecar.world.die_soon(sidecar, None)
        elif parts[:1] == ["publish"] and method in ("POST", "PUT"):
            if parts[1:2] == ["bulk"] and len(parts) >= 4 and sidecar.world.version >= (1, 17):
                await publish.publish_bulk(sidecar, request, responder, parts[2], "/".join(parts[3:]))
            else:
                await publish.publish(sidecar, request, responder, "/".join(parts[1:2]), "/".join(parts[2:]))
        elif parts[:1] == ["state"]:
            return await state.serve(sidecar, request, responder, parts[1:])
        else:
            return False
        return True

    async def health(self, responder: Responder, path: str) -> None:
        sidecar = self.sidecar
        if path == OUTBOUND and not sidecar.loaded:
            raise ApiError(500, "ERR_OUTBOUND_HEALTH_NOT_READY", "dapr outbound is not ready")
        if path == HEALTH and not (sidecar.loaded and sidecar.app_ready):
            raise ApiError(500, "ERR_HEALTH_NOT_READY", "dapr is not ready")
        await responder.answer(204)
