# SPDX-License-Identifier: Apache-2.0
"""CloudEvents: wrapping what is published, filling what is absent, expiry (sections 4 and 5)."""

import base64
import uuid
from datetime import datetime, timedelta, timezone

import clock
from gojson import dumps, field, loads

EVENT_TYPE = "com.dapr.event.sent"
FILLED_SOURCE = "Dapr"
OVERRIDES = ("id", "source", "type", "subject", "traceparent", "traceid", "tracestate")


class NotAnEvent(ValueError):
    """A cloudevents+json body that is no JSON object."""


def media_type(content_type: str) -> str:
    return content_type.split(";")[0].strip().lower()


def is_cloud_event(content_type: str) -> bool:
    return media_type(content_type) == "application/cloudevents+json"


def now_text() -> str:
    return clock.text()


def metadata_value(metadata: dict[str, str], name: str) -> str | None:
    low = name.lower()
    return next((v for k, v in metadata.items() if k.lower() == low), None)


def wrap(app: str, pubsub: str, topic: str, content_type: str, body: bytes, metadata: dict[str, str],
         trace: tuple[str, str]) -> dict:
    """The event that lands on the broker for this body (the table of section 4, without rawPayload)."""
    if is_cloud_event(content_type):
        event = filled(pubsub, topic, body, trace)
    else:
        event = {"id": str(uuid.uuid4()), "specversion": "1.0", "datacontenttype": content_type or "text/plain",
                 "source": app, "type": EVENT_TYPE, "topic": topic, "pubsubname": pubsub, "traceid": trace[0],
                 "traceparent": trace[0], "tracestate": trace[1], "time": now_text(), **data_of(content_type, body)}
        for name in OVERRIDES:
            value = metadata_value(metadata, "cloudevent." + name)
            if value:
                event[name] = value
    expires = expiration(metadata)
    if expires:
        event["expiration"] = expires
    return event


def data_of(content_type: str, body: bytes) -> dict:
    kind = media_type(content_type)
    if kind == "application/octet-stream":
        return {"data_base64": base64.b64encode(body).decode()}
    if kind == "application/json":
        try:
            return {"data": loads(body)}
        except ValueError:
            pass
    return {"data": body.decode("utf-8", "replace")}


def filled(pubsub: str, topic: str, body: bytes, trace: tuple[str, str]) -> dict:
    """The caller's own event: topic and pubsubname overwritten, the rest filled only if absent, no id added."""
    try:
        event = loads(body)
    except ValueError as bad:
        raise NotAnEvent(str(bad)) from bad
    if not isinstance(event, dict):
        raise NotAnEvent("no JSON object")
    event["topic"], event["pubsubname"] = topic, pubsub
    defaults = {"source": FILLED_SOURCE, "type": EVENT_TYPE, "specversion": "1.0", "time": now_text(), "tracestate": trace[1]}
    if event.get("traceid") is None and event.get("traceparent") is None:
        defaults.update(traceid=trace[0], traceparent=trace[0])
    for name, value in defaults.items():
        if event.get(name) is None:
            event[name] = value
    return event


def expiration(metadata: dict[str, str]) -> str | None:
    """`ttlInSeconds`: none of the double's brokers has a TTL of its own."""
    text = metadata_value(metadata, "ttlInSeconds")
    if not text or not text.isdigit() or int(text) <= 0:
        return None
    return clock.text(clock.now() + timedelta(seconds=int(text)))


def has_expired(event: dict) -> bool:
    text = field(event, "expiration")
    try:
        when = datetime.fromisoformat(str(text).replace("Z", "+00:00")) if text else None
    except ValueError:
        return False
    if when is None:
        return False
    return (when if when.tzinfo else when.replace(tzinfo=timezone.utc)) <= clock.now()


def raw_envelope(pubsub: str, topic: str, data: bytes) -> dict:
    """What a subscription with rawPayload gets: a new random id on each delivery."""
    return {"id": str(uuid.uuid4()), "specversion": "1.0", "datacontenttype": "application/octet-stream",
            "source": FILLED_SOURCE, "type": EVENT_TYPE, "topic": topic, "pubsubname": pubsub, "time": now_text(),
            "data_base64": base64.b64encode(data).decode()}


def encode(event: dict) -> bytes:
    return dumps(event).encode()
