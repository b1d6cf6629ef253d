# SPDX-License-Identifier: Apache-2.0
"""Pub/sub components: the in-memory personality, and what all personalities share (S7)."""

import asyncio
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Callable

from log import body_fields
from scopes import Scopes

if TYPE_CHECKING:
    from delivery import Delivery
    from world import World


class BrokerError(Exception):
    """The broker did not take the message."""


@dataclass(eq=False)
class Record:
    """One message as it lies on the broker."""

    number: int
    topic: str
    data: bytes
    metadata: dict[str, str]
    at: float = field(default_factory=time.time)
    partition: int | None = None
    offset: int | None = None
    key: str = ""

    def shown(self) -> dict:
        out = {"number": self.number, "at": self.at, "metadata": self.metadata, **body_fields("data", self.data)}
        if self.partition is not None:
            out.update(partition=self.partition, offset=self.offset, key=self.key)
        return out


class Consumer:
    """One running subscription. `stop` takes no more messages; those in work go on while the sidecar lives."""

    def __init__(self, delivery: "Delivery") -> None:
        self.delivery = delivery
        self.group = delivery.sidecar.id
        self.topic = delivery.subscription.topic
        self.stopped = False
        self.wake = asyncio.Event()
        self.on_stop: Callable[[], None] = lambda: None

    def stop(self) -> None:
        self.stopped = True
        self.wake.set()
        self.on_stop()

    def spawn(self, work) -> asyncio.Task:
        return self.delivery.sidecar.spawn(work)


class Batcher:
    """Collects single messages into batches for bulk subscribers: up to a count, or for a time."""

    def __init__(self, consumer: Consumer, scale: float, done: Callable[[Record, bool], None]) -> None:
        self.consumer, self.done, self.scale = consumer, done, scale
        self.waiting: list[Record] = []
        self.timer: asyncio.Task | None = None

    def add(self, record: Record) -> None:
        self.waiting.append(record)
        if len(self.waiting) >= self.consumer.delivery.subscription.bulk_most:
            self.flush()
        elif self.timer is None:
            self.timer = self.consumer.spawn(self.later())

    async def later(self) -> None:
        await asyncio.sleep(self.consumer.delivery.subscription.bulk_wait_ms / 1000 * self.scale)
        self.timer = None
        self.flush()

    def flush(self) -> None:
        batch, self.waiting = self.waiting, []
        if self.timer is not None:
            self.timer.cancel()
            self.timer = None
        if batch:
            self.consumer.spawn(self.work(batch))

    async def work(self, batch: list[Record]) -> None:
        for record, ok in zip(batch, await self.consumer.delivery.handle_bulk(batch)):
            self.done(record, ok)


class Component:
    """A pub/sub component of the world. In memory: each group gets each message once, and it is lost after that."""

    kind = "pubsub.in-memory"
    capabilities = ["SUBSCRIBE_WILDCARDS"]

    def __init__(self, world: "World", config: dict) -> None:
        self.world, self.config = world, config
        self.name = str(config["name"])
        self.metadata = {k: str(v) for k, v in (config.get("metadata") or {}).items()}
        self.scopes = Scopes(self.metadata)
        self.records: dict[str, list[Record]] = {}
        self.consumers: list[Consumer] = []
        self.held: dict[str, list[tuple[bytes, dict[str, str]]]] = {}
        self.number = 0

    def visible_to(self, app: str) -> bool:
        return not self.config.get("scopes") or app in self.config["scopes"]

    async def publish(self, topic: str, data: bytes, metadata: dict[str, str]) -> None:
        """Takes a message from a sidecar, with the broker faults of S9 applied."""
        faults = self.world.faults
        failed = faults.broker("fail_publish", self.name, topic)
        if failed:
            raise BrokerError(failed.error)
        twice = faults.broker("duplicate", self.name, topic)
        messages = [(data, metadata)] * (twice.copies if twice else 1)
        mixed = faults.broker("reorder", self.name, topic)
        if mixed:
            held = self.held.setdefault(topic, [])
            held += messages
            if len(held) < mixed.hold:
                return
            messages = list(reversed(self.held.pop(topic)))
        for one, words in messages:
            self.put(topic, one, words)

    def put(self, topic: str, data: bytes, metadata: dict[str, str]) -> Record:
        self.number += 1
        record = Record(self.number, topic, data, dict(metadata))
        self.place(record)
        self.world.log.count(f"published.{self.name}")
        for consumer in list(self.consumers):
            if consumer.topic == topic:
                self.arrived(consumer, record)
        return record

    def place(self, record: Record) -> None:
        self.records.setdefault(record.topic, []).append(record)

    def subscribe(self, delivery: "Delivery") -> Consumer:
        consumer = Consumer(delivery)
        self.consumers.append(consumer)
        consumer.on_stop = lambda: self.consumers.remove(consumer) if consumer in self.consumers else None
        self.started(consumer)
        return consumer

    def started(self, consumer: Consumer) -> None:
        if consumer.delivery.subscription.bulk:
            consumer.batcher = Batcher(consumer, self.world.time_scale, self.done(consumer))

    def done(self, consumer: Consumer) -> Callable[[Record, bool], None]:
        def one(record: Record, ok: bool) -> None:
            self.world.log.count(f"{'acked' if ok else 'lost'}.{self.name}.{consumer.group}")
        return one

    def arrived(self, consumer: Consumer, record: Record) -> None:
        if consumer.delivery.subscription.bulk:
            consumer.batcher.add(record)
        else:
            consumer.spawn(self.once(consumer, record))

    async def once(self, consumer: Consumer, record: Record) -> None:
        self.done(consumer)(record, await consumer.delivery.handle(record))

    def broker_metadata(self, record: Record) -> dict[str, str]:
        """What a delivery carries as header fields."""
        return {**record.metadata, "pubsubname": self.name}

    def shown(self, topic: str) -> dict:
        return {"messages": [r.shown() for r in self.records.get(topic, [])]}

    @property
    def topics(self) -> list[str]:
        return sorted(self.records)


