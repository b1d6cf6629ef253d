# SPDX-License-Identifier: Apache-2.0
"""Events on their way to the app, one by one or in bulk, and what its answers mean (section 5)."""

import base64
import uuid
from typing import TYPE_CHECKING

from app_client import CallFailed
from brokers import BrokerError, Component, Record
from envelope import EVENT_TYPE, encode, has_expired, raw_envelope
from fields import ZERO_TRACEPARENT, metadata_fields, valid_traceparent
from gojson import field, loads
from http1 import Headers, WireError
from resiliency import Outcome
from subscriptions import Subscription

if TYPE_CHECKING:
    from sidecar import Sidecar

ACK, RETRY, DROP = "ack", "retry", "drop"


def meaning(status: int, body: bytes) -> str:
    """The table of section 5, single delivery."""
    if status == 404:
        return DROP
    if not 200 <= status < 300:
        return RETRY
    try:
        answer = loads(body) if body else None
    except ValueError:
        return ACK
    if not isinstance(answer, dict):
        return ACK
    word = field(answer, "status")
    if word is None or word == "":
        return ACK
    return {"SUCCESS": ACK, "DROP": DROP}.get(word, RETRY) if isinstance(word, str) else ACK


def bulk_meanings(status: int, body: bytes, ids: list[str]) -> dict[str, str]:
    """The same for bulk: whatever is missing, empty or unknown is a retry."""
    if not 200 <= status < 300:
        return dict.fromkeys(ids, RETRY)
    out = dict.fromkeys(ids, RETRY)
    try:
        statuses = field(loads(body), "statuses") if body else None
        for item in statuses if isinstance(statuses, list) else []:
            entry, word = field(item, "entryId"), field(item, "status")
            if entry in out:
                out[entry] = {"SUCCESS": ACK, "DROP": DROP}.get(word, RETRY) if isinstance(word, str) else RETRY
    except (ValueError, AttributeError, TypeError):
        return dict.fromkeys(ids, RETRY)
    return out


class Delivery:
    """Delivers one subscription's messages. True means the broker may acknowledge."""

    def __init__(self, sidecar: "Sidecar", component: Component, subscription: Subscription) -> None:
        self.sidecar, self.component, self.subscription = sidecar, component, subscription
        self.world = sidecar.world
        self.policy = sidecar.resiliency.for_component(component.name, "inbound")

    def event_of(self, record: Record) -> tuple[dict | None, bytes]:
        """The event and its bytes; None when the message is no event."""
        if self.subscription.raw:
            event = raw_envelope(self.component.name, self.subscription.topic, record.data)
            return event, encode(event)
        try:
            event = loads(record.data)
        except ValueError:
            event = None
        return (event if isinstance(event, dict) else None), record.data

    async def settle(self, record: Record, event: dict | None) -> tuple[bool | None, str | None]:
        """What needs no app: (acked or not, None), else (None, path)."""
        if event is None:
            self.world.log.event(self.sidecar.id, "not_an_event", topic=record.topic)
            return await self.exhausted(record), None
        if has_expired(event):
            self.world.log.event(self.sidecar.id, "expired", topic=record.topic, id=event.get("id"))
            await self.exhausted(record)
            return True, None
        path = self.subscription.path_for(event)
        if path is None:
            self.world.log.event(self.sidecar.id, "no_route", topic=record.topic, id=event.get("id"))
            await self.exhausted(record)
            return True, None
        return None, "/" + path.lstrip("/")

    async def exhausted(self, record: Record) -> bool:
        """To the dead letter topic, the event unchanged; False when there is none or it fails."""
        topic = self.subscription.dead_letter
        if not topic:
            return False
        try:
            await self.component.publish(topic, record.data, record.metadata)
        except BrokerError:
            return False
        self.world.log.event(self.sidecar.id, "dead_letter", topic=record.topic, to=topic)
        return True

    async def handle(self, record: Record) -> bool:
        event, body = self.event_of(record)
        settled, path = await self.settle(record, event)
        if path is None:
            return bool(settled)
        trace = event.get("traceparent")
        headers = metadata_fields(self.component.broker_metadata(record)).without("content-type")
        headers += [("Content-Type", "application/cloudevents+json"),
                    ("traceparent", trace if isinstance(trace, str) and valid_traceparent(trace)
                     else ZERO_TRACEPARENT)]
        if isinstance(event.get("tracestate"), str) and event["tracestate"]:
            headers.append(("tracestate", event["tracestate"]))
        outcome = await self.policy.run(lambda: self.attempt(path, headers, body))
        if outcome.ok and outcome.value == DROP:
            old = self.world.version < (1, 17) and outcome.status == 404
            if not old:
                await self.exhausted(record)
            return True
        return True if outcome.ok else await self.exhausted(record)

    async def attempt(self, path: str, headers: Headers, body: bytes) -> Outcome:
        try:
            response = await self.sidecar.channel.call("delivery", "POST", path, headers, body)
            answer = await response.read()
        except (CallFailed, WireError) as bad:
            return Outcome(False, error=bad)
        await self.sidecar.channel.after_answer("POST", path)
        word = meaning(response.status, answer)
        if word == RETRY:
            told = 200 <= response.status < 300
            return Outcome(False, value=word, status=None if told else response.status)
        return Outcome(True, value=word, status=response.status)

    async def handle_bulk(self, records: list[Record]) -> list[bool]:
        """One call per path; entries that are to be retried are sent again alone."""
        results: dict[int, bool] = {}
        by_path: dict[str, list[tuple[Record, dict]]] = {}
        for record in records:
            event, _ = self.event_of(record)
            settled, path = await self.settle(record, event)
            if path is None:
                results[record.number] = bool(settled)
            else:
                by_path.setdefault(path, []).append((record, event))
        for path, items in by_path.items():
            results.update(await self.bulk(path, items))
        return [results[record.number] for record in records]

    async def bulk(self, path: str, items: list[tuple[Record, dict]]) -> dict[int, bool]:
        left = {str(uuid.uuid4()): item for item in items}
        results: dict[int, bool] = {}

        async def attempt() -> Outcome:
            status, words = await self.bulk_call(path, left)
            for entry, word in words.items():
                if word == RETRY:
                    continue
                record, _ = left.pop(entry)
                if word == DROP and status != 404:
                    await self.exhausted(record)
                results[record.number] = True
            told = status is None or 200 <= status < 300
            return Outcome(not left, status=None if told else status)
        await self.policy.run(attempt)
        for record, _ in left.values():
            results[record.number] = await self.exhausted(record)
        return results

    async def bulk_call(self, path: str, left: dict[str, tuple[Record, dict]]) -> tuple[int | None, dict[str, str]]:
        entries = []
        for entry, (record, event) in left.items():
            raw = self.subscription.raw
            entries.append({"entryId": entry, "metadata": self.component.broker_metadata(record),
                            "event": base64.b64encode(record.data).decode() if raw else event,
                            "contentType": "application/octet-stream" if raw else "application/cloudevents+json"})
        envelope = {"id": str(uuid.uuid4()), "type": EVENT_TYPE + ".bulk", "topic": self.subscription.topic,
                    "pubsubname": self.component.name, "metadata": {"pubsubname": self.component.name},
                    "entries": entries}
        headers = Headers([("Content-Type", "application/json"), ("pubsubname", self.component.name),
                           ("traceparent", ZERO_TRACEPARENT)])
        try:
            response = await self.sidecar.channel.call("delivery", "POST", path, headers, encode(envelope))
            answer = await response.read()
        except (CallFailed, WireError):
            return None, {}
        await self.sidecar.channel.after_answer("POST", path)
        if response.status == 404:
            return 404, dict.fromkeys(left, DROP)
        return response.status, bulk_meanings(response.status, answer, list(left))
