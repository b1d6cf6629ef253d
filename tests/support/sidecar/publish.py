# SPDX-License-Identifier: Apache-2.0
"""The publish API, single and bulk (section 4)."""

import base64
import binascii
from typing import TYPE_CHECKING

from brokers import BrokerError, Component
from envelope import NotAnEvent, encode, media_type, metadata_value, wrap
from errors import ApiError
from gojson import Number, dumps, field, loads, lossy
from http1 import BodyTooLong, Request
from http_server import Responder
from paths import form_segment, query_metadata
from resiliency import Outcome

if TYPE_CHECKING:
    from sidecar import Sidecar

TRUE = {"1", "t", "T", "TRUE", "true", "True"}
FALSE = {"0", "f", "F", "FALSE", "false", "False"}


def find(sidecar: "Sidecar", pubsub: str, topic: str) -> tuple[Component, str]:
    """The component and the topic, decoded, or the error of section 9."""
    name, topic = form_segment(pubsub), form_segment(topic)
    if name is None or topic is None:
        raise ApiError(400, None, "failed to decode a path segment")
    if not name:
        raise ApiError(404, "ERR_PUBSUB_EMPTY", "pubsub name is empty")
    component = sidecar.world.components.get(name)
    if component is None or not component.visible_to(sidecar.id):
        raise ApiError(404, "ERR_PUBSUB_NOT_FOUND", f"pubsub {name} is not found")
    if not topic:
        raise ApiError(404, "ERR_TOPIC_NAME_EMPTY", f"topic is empty in pubsub {name}")
    return component, topic


def check_scope(sidecar: "Sidecar", component: Component, topic: str) -> None:
    if not component.scopes.may_publish(sidecar.id, topic):
        raise ApiError(403, "ERR_PUBSUB_FORBIDDEN", f"topic {topic} is not allowed for app id {sidecar.id}")


def is_raw(component: Component, metadata: dict[str, str]) -> bool:
    value = metadata_value(metadata, "rawPayload")
    if value is None or value in FALSE:
        return False
    if value in TRUE:
        return True
    raise ApiError(400, "ERR_PUBSUB_REQUEST_METADATA",
                   f"failed deserializing metadata of pubsub {component.name}: rawPayload {value!r} is no boolean")


def trace_of(request: Request) -> tuple[str, str]:
    return request.headers.get("traceparent") or "", request.headers.get("tracestate") or ""


async def hand_over(sidecar: "Sidecar", component: Component, topic: str, data: bytes,
                    metadata: dict[str, str]) -> None:
    """To the broker, under the component's outbound policy."""
    async def attempt() -> Outcome:
        try:
            await component.publish(topic, data, metadata)
            return Outcome(True)
        except BrokerError as bad:
            return Outcome(False, error=bad)
    outcome = await sidecar.resiliency.for_component(component.name, "outbound").run(attempt)
    if not outcome.ok:
        raise BrokerError(str(outcome.error))


async def publish(sidecar: "Sidecar", request: Request, responder: Responder, pubsub: str, topic: str) -> None:
    component, topic = find(sidecar, pubsub, topic)
    failed = f"error when publishing to topic {topic} in pubsub {component.name}"
    try:
        body = await request.read(sidecar.config["max_body"])
    except BodyTooLong:
        responder.close_after = True
        raise ApiError(500, "ERR_PUBSUB_PUBLISH_MESSAGE", failed + ": http: request body too large") from None
    metadata = query_metadata(request.query)
    raw = is_raw(component, metadata)
    if not raw:
        try:
            body = encode(wrap(sidecar.id, component.name, topic, request.headers.get("content-type") or "", body,
                               metadata, trace_of(request)))
        except NotAnEvent as bad:
            raise ApiError(500, "ERR_PUBSUB_CLOUD_EVENTS_SER", f"cannot create cloudevent: {bad}") from bad
    check_scope(sidecar, component, topic)
    try:
        await hand_over(sidecar, component, topic, body, metadata)
    except BrokerError as bad:
        raise ApiError(500, "ERR_PUBSUB_PUBLISH_MESSAGE", f"{failed}: {bad}") from bad
    await responder.answer(204)


def bulk_error(why: str) -> ApiError:
    return ApiError(400, "ERR_PUBSUB_EVENTS_SER", f"error when unmarshaling the request: {why}")


def is_text(value) -> bool:
    return isinstance(value, str) and not isinstance(value, Number)


def entry_bytes(event, content_type: str) -> bytes:
    """A bulk entry's event as a single publish would have had it in its body."""
    kind = media_type(content_type)
    if kind == "application/octet-stream":
        if not is_text(event):
            raise bulk_error("octet-stream events are base64 strings")
        try:
            return base64.b64decode(event, validate=True)
        except (binascii.Error, ValueError) as bad:
            raise bulk_error(str(bad)) from bad
    if kind.startswith("text/") or kind == "application/xml":
        if not is_text(event):
            raise bulk_error("text events are strings")
        return event.encode("utf-8", "replace")
    if kind in ("application/json", "application/cloudevents+json"):
        return dumps(lossy(event)).encode()
    raise bulk_error(f"unsupported content type {content_type}")


def parse_entries(body: bytes) -> list[dict]:
    """The entries with their fields found without regard to case; `"metadata":null` counts as none."""
    try:
        items = loads(body)
    except ValueError as bad:
        raise bulk_error(str(bad)) from bad
    if not isinstance(items, list):
        raise bulk_error("no array")
    out, seen = [], set()
    for item in items:
        if not isinstance(item, dict):
            raise bulk_error("an entry is no object")
        entry, kind, metadata = field(item, "entryId"), field(item, "contentType"), field(item, "metadata")
        if not is_text(entry) or not entry or entry in seen:
            raise bulk_error("entryId is missing or not unique")
        if not is_text(kind) or not kind:
            raise bulk_error("contentType is missing")
        if metadata is not None and not (isinstance(metadata, dict) and all(map(is_text, metadata.values()))):
            raise bulk_error("metadata holds strings only")
        seen.add(entry)
        out.append({"id": entry, "type": kind, "metadata": metadata,
                    "bytes": entry_bytes(field(item, "event"), kind)})
    return out


async def publish_bulk(sidecar: "Sidecar", request: Request, responder: Responder, pubsub: str, topic: str) -> None:
    component, topic = find(sidecar, pubsub, topic)
    try:
        body = await request.read(sidecar.config["max_body"])
    except BodyTooLong:
        responder.close_after = True
        raise ApiError(500, "ERR_PUBSUB_PUBLISH_MESSAGE", "http: request body too large") from None
    request_metadata = query_metadata(request.query)
    raw = is_raw(component, request_metadata)
    entries = parse_entries(body)
    check_scope(sidecar, component, topic)
    ready = []
    for entry in entries:
        metadata = {} if entry["metadata"] is None else {**request_metadata, **entry["metadata"]}
        data = entry["bytes"]
        if not (raw or is_raw(component, metadata)):
            try:
                data = encode(lossy(wrap(sidecar.id, component.name, topic, entry["type"], data, metadata,
                                         trace_of(request))))
            except NotAnEvent as bad:
                raise ApiError(500, "ERR_PUBSUB_CLOUD_EVENTS_SER", f"cannot create cloudevent: {bad}") from bad
        ready.append((entry["id"], data, metadata))
    failures = []
    for entry_id, data, metadata in ready:
        try:
            await hand_over(sidecar, component, topic, data, metadata)
        except BrokerError as bad:
            failures.append({"entryId": entry_id, "error": str(bad)})
    if failures:
        raise ApiError(500, "ERR_PUBSUB_PUBLISH_MESSAGE", f"error when publishing to topic {topic}",
                       {"failedEntries": failures})
    await responder.answer(204)


