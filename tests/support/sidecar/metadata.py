# SPDX-License-Identifier: Apache-2.0
"""GET and PUT /v1.0/metadata (section 1); runtimeVersion says that this is a double (S12)."""

import json
from typing import TYPE_CHECKING

from http1 import BodyTooLong, Request
from http_server import Responder
from errors import ApiError
from paths import form_segment

if TYPE_CHECKING:
    from sidecar import Sidecar


def runtime_version(version: tuple[int, ...]) -> str:
    return ".".join(map(str, version)) + ".0-test-double"


def document(sidecar: "Sidecar") -> dict:
    version = runtime_version(sidecar.world.version)
    out = {
        "id": sidecar.id,
        "runtimeVersion": version,
        "enabledFeatures": [],
        "components": [{"name": c.name, "type": c.kind, "version": "v1", "capabilities": c.capabilities}
                       for c in [*sidecar.world.components.values(), *sidecar.world.stores.values()]
                       if c.visible_to(sidecar.id)]
        if sidecar.loaded else [],
        "subscriptions": [s.shown() for s in sidecar.subscriptions],
        "extended": {"daprRuntimeVersion": version, **sidecar.extended},
    }
    if sidecar.has_app:
        app = {"port": sidecar.config["app_port"], "protocol": "http", "channelAddress": "127.0.0.1"}
        if sidecar.config.get("max_concurrency"):
            app["maxConcurrency"] = sidecar.config["max_concurrency"]
        if sidecar.health.enabled:
            health = sidecar.health.config
            app["health"] = {"healthCheckPath": health["path"],
                             "healthProbeInterval": f"{health['interval_ms'] / 1000:g}s",
                             "healthProbeTimeout": f"{health['timeout_ms']:g}ms",
                             "healthThreshold": health["threshold"]}
        out["appConnectionProperties"] = app
    return out


async def get(sidecar: "Sidecar", responder: Responder) -> None:
    await responder.answer(200, json.dumps(document(sidecar)).encode(), "application/json")


async def put(sidecar: "Sidecar", request: Request, responder: Responder, key: str) -> None:
    name = form_segment(key)
    if name is None:
        raise ApiError(400, None, "failed to decode a path segment")
    try:
        value = await request.read(sidecar.config["max_body"])
    except BodyTooLong:
        raise ApiError(500, "ERR_MALFORMED_REQUEST", "http: request body too large") from None
    sidecar.extended[name] = value.decode("utf-8", "replace")
    await responder.answer(204)
