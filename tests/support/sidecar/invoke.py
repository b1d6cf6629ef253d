# SPDX-License-Identifier: Apache-2.0
"""Service invocation: finding the callee, forwarding, retrying (section 2)."""

import asyncio
import base64
import binascii
from typing import TYPE_CHECKING, AsyncIterator
from urllib.parse import unquote_plus, urlsplit

from app_channel import AnyResponse
from app_client import CallFailed, Pool
from errors import ApiError, invoke_failed
from fields import ZERO_TRACEPARENT, forwardable, returnable, valid_traceparent
from http1 import BodyTooLong, Headers, Request
from http_server import Gone, Responder
from paths import method_path
from resiliency import Outcome, Policy, Retry

if TYPE_CHECKING:
    from sidecar import Sidecar

VERBS = {"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE"}
PREFIX = "/v1.0/invoke/"
SMALL = 2048


class PeerUnreachable(Exception):
    """The callee's sidecar cannot be reached, or died during the call."""


def find_target(request: Request, path: str) -> tuple[str, str] | None:
    """The app and the raw method path; header before basic auth before path."""
    app = request.headers.get("dapr-app-id")
    if app:
        return app, path
    word, _, secret = (request.headers.get("authorization") or "").partition(" ")
    if word == "Basic":
        try:
            pair = base64.b64decode(secret, validate=True).decode("utf-8", "replace").split(":")
        except (binascii.Error, ValueError):
            pair = []
        if len(pair) == 2 and pair[0] == "dapr-app-id" and pair[1]:
            return pair[1], path
    if path.startswith(PREFIX):
        app, mark, method = path[len(PREFIX):].partition("/method/")
        if mark and app and method:
            return unquote_plus(app), method
    return None


class Call:
    """One invocation on its way from a sidecar to an app."""

    def __init__(self, sidecar: "Sidecar", request: Request, app: str, raw_method: str) -> None:
        self.sidecar, self.world, self.request, self.app = sidecar, sidecar.world, request, app
        path = method_path(raw_method)
        if path is None:
            raise invoke_failed(app, "invalid method path")
        self.target = path + ("?" + request.query if request.query is not None else "")
        self.path = path
        self.method = request.method if request.method in VERBS else "POST"
        self.headers = forwardable(request.headers, bool(sidecar.config.get("api_token")))
        self.callee: "Sidecar | None" = None
        self.external = self.find_external(app)
        if self.external is None:
            name, _, namespace = app.partition(".")
            if "." in namespace:
                raise invoke_failed(app, "invalid app id")
            self.callee = self.world.sidecars.get(name)
            if self.callee is None or (namespace and namespace != self.world.namespace):
                raise invoke_failed(app, "couldn't find service")
            self.app = name
        self.local = self.callee is sidecar

    def find_external(self, app: str) -> tuple[str, int, str] | None:
        url = self.world.http_endpoints.get(app, app)
        if "://" not in url and url.startswith(("http:/", "https:/")):
            url = url.replace(":/", "://", 1)
        if not url.startswith(("http://", "https://")):
            return None
        parts = urlsplit(url)
        if parts.scheme != "http" or parts.hostname not in ("127.0.0.1", "localhost"):
            raise invoke_failed(app, "the double reaches plain http on the loopback only")
        return parts.hostname, parts.port or 80, parts.path.rstrip("/")

    def remote_headers(self) -> Headers:
        """A remote call's extra fields; a self-invocation has none. A forged caller id stays beside the real one."""
        out = Headers(self.headers)
        if not out.has("traceparent"):
            out.append(("traceparent", ZERO_TRACEPARENT))
        out += [("dapr-caller-app-id", self.sidecar.id), ("dapr-caller-namespace", self.world.namespace),
                ("dapr-callee-app-id", self.app), ("X-Forwarded-For", "127.0.0.1"),
                ("X-Forwarded-Host", "localhost"),
                ("Forwarded", "for=127.0.0.1;by=127.0.0.1;host=localhost")]
        return out

    async def attempt(self, stream: AsyncIterator[bytes] | None) -> AnyResponse:
        body = self.request.body
        if self.external is not None:
            host, port, base = self.external
            pool = Pool(host, port, self.sidecar.config["max_header"])
            entry = self.world.log.begin("external", self.sidecar.id, self.method, base + self.target, self.headers,
                                         body)
            response = await pool.call(self.method, base + self.target, self.headers, body, stream)
            response.keep = False
            response.on_close = lambda seen: self.world.log.finish(entry, response.status, response.headers, seen)
            return response
        callee = self.callee
        if self.local:
            return await self.at_callee(self.headers, body, stream)
        faults = self.world.faults.call("peer", callee.id, self.method, self.path)
        if "delay_ms" in faults:
            await asyncio.sleep(faults["delay_ms"].delay_ms / 1000)
        if "hang" in faults:
            await asyncio.Event().wait()
        if not callee.alive or "refuse" in faults:
            self.world.log.event(self.sidecar.id, "peer_unreachable", peer=callee.id)
            raise PeerUnreachable(f"sidecar of {callee.id} is unreachable")
        if self.sidecar.id in (callee.config.get("deny") or []):
            raise invoke_failed(self.app, "access denied by the callee's policy", 403)
        task = callee.spawn(self.at_callee(self.remote_headers(), body, stream))
        try:
            return await asyncio.shield(task)
        except asyncio.CancelledError:
            if not callee.alive or task.cancelled():
                if not asyncio.current_task().cancelling():
                    raise PeerUnreachable(f"sidecar of {callee.id} died during the call") from None
            task.cancel()
            raise

    async def at_callee(self, headers: Headers, body: bytes, stream: AsyncIterator[bytes] | None) -> AnyResponse:
        callee = self.callee
        if not callee.has_app or not callee.app_ready:
            raise CallFailed("app channel is not initialized")
        if not callee.health.healthy:
            raise CallFailed("app is not in a healthy state")
        response = await callee.channel.call("forwarded", self.method, self.target, headers, body, stream)
        await callee.channel.after_answer(self.method, self.path)
        return response

    async def outcome(self, stream: AsyncIterator[bytes] | None) -> Outcome:
        try:
            response = await self.attempt(stream)
        except (CallFailed, PeerUnreachable) as bad:
            return Outcome(False, error=bad)
        except (ApiError, BodyTooLong) as bad:
            return Outcome(False, error=bad, permanent=True)
        return Outcome(200 <= response.status < 400, response, response.status, drop=response.close)

    async def run(self) -> Outcome:
        """A policy of the app replaces the built-in retry; a chunked body is never sent twice."""
        limit = self.sidecar.config["max_body"]
        stream = limited(self.request.stream, limit) if self.request.stream is not None else None
        policy = self.sidecar.resiliency.for_app(self.app)
        if policy.defined:
            return await policy.run(lambda: self.outcome(stream), may_retry=stream is None)
        builtin = Policy(None, Retry({"duration": "1s", "maxRetries": 3}, self.world.time_scale), None)

        async def once() -> Outcome:
            result = await self.outcome(stream)
            result.permanent = not isinstance(result.error, PeerUnreachable)
            return result
        return await builtin.run(once, may_retry=stream is None and not self.local)


async def limited(stream: AsyncIterator[bytes], limit: int) -> AsyncIterator[bytes]:
    size = 0
    async for piece in stream:
        size += len(piece)
        if size > limit:
            raise BodyTooLong()
        yield piece


async def invoke(sidecar: "Sidecar", request: Request, responder: Responder, path: str) -> None:
    found = find_target(request, path)
    if found is None:
        raise ApiError(404, "ERR_DIRECT_INVOKE", "failed getting app id either from the URL path or the header")
    call = Call(sidecar, request, *found)
    if request.too_long:
        raise invoke_failed(call.app, "http: request body too large")
    outcome = await call.run()
    if outcome.value is None:
        if isinstance(outcome.error, BodyTooLong):
            raise invoke_failed(call.app, "http: request body too large")
        if isinstance(outcome.error, ApiError):
            raise outcome.error
        raise invoke_failed(call.app, str(outcome.error))
    if request.stream is not None:
        responder.close_after = True
    await give_back(responder, outcome.value, call)


async def give_back(responder: Responder, response: AnyResponse, call: Call) -> None:
    """The app's answer, unchanged: small ones with a length, the others as they come, in chunks."""
    headers = returnable(response.headers)
    trace = call.request.headers.get("traceparent")
    if valid_traceparent(trace) and not headers.has("traceparent"):
        headers.append(("traceparent", trace))
    try:
        if response.length is not None and response.length < SMALL:
            body = await response.read()
            await responder.start(response.status, headers, len(body), response.reason)
            await responder.write(body)
        else:
            await responder.start(response.status, headers, None, response.reason)
            async for piece in response.pieces():
                await responder.write(piece)
        await responder.end()
    except (ConnectionError, OSError) as bad:
        raise Gone(str(bad)) from bad
    except Exception as bad:
        if isinstance(bad, Gone):
            raise
        if not responder.started:
            raise invoke_failed(call.app, f"error reading the app's answer: {bad}") from bad
        responder.wire.reset()
        raise Gone(str(bad)) from bad
    finally:
        response.close()
