# SPDX-License-Identifier: Apache-2.0
"""The redis personality: a stream, consumer groups and a pending list (sections 5 and S7)."""

import asyncio
import time
from typing import Callable

from brokers import Batcher, Component, Consumer, Record

WORKERS = 10
PENDING_SECONDS = 15.0
CHECK_SECONDS = 60.0


class GroupState:
    """Where one group stands in one stream; survives its sidecar."""

    def __init__(self) -> None:
        self.next = 0
        self.pending: dict[int, tuple[Record, float]] = {}


class RedisComponent(Component):
    """Acked once the policy is used up, whatever the answer; what is pending too long comes again, concurrently."""

    kind = "pubsub.redis"
    capabilities: list[str] = []

    def __init__(self, world, config: dict) -> None:
        super().__init__(world, config)
        self.groups: dict[tuple[str, str], GroupState] = {}

    def state(self, consumer: Consumer) -> GroupState:
        return self.groups.setdefault((consumer.group, consumer.topic), GroupState())

    def started(self, consumer: Consumer) -> None:
        consumer.slots = asyncio.Semaphore(int(self.config.get("concurrency", WORKERS)))
        if consumer.delivery.subscription.bulk:
            consumer.batcher = Batcher(consumer, self.world.time_scale, self.done(consumer))
        consumer.spawn(self.read(consumer))
        consumer.spawn(self.reclaim(consumer))

    def arrived(self, consumer: Consumer, record: Record) -> None:
        consumer.wake.set()

    async def read(self, consumer: Consumer) -> None:
        state = self.state(consumer)
        while not consumer.stopped:
            stream = self.records.get(consumer.topic, [])
            if state.next >= len(stream):
                consumer.wake.clear()
                await consumer.wake.wait()
                continue
            if not consumer.delivery.subscription.bulk:
                await consumer.slots.acquire()
                if consumer.stopped:
                    return
            record = stream[state.next]
            state.next += 1
            self.deliver(consumer, record)

    def deliver(self, consumer: Consumer, record: Record) -> None:
        self.state(consumer).pending[record.number] = (record, time.monotonic())
        if consumer.delivery.subscription.bulk:
            consumer.batcher.add(record)
        else:
            consumer.spawn(self.work(consumer, record, True))

    async def work(self, consumer: Consumer, record: Record, slot: bool) -> None:
        try:
            self.done(consumer)(record, await consumer.delivery.handle(record))
        finally:
            if slot:
                consumer.slots.release()

    def done(self, consumer: Consumer) -> Callable[[Record, bool], None]:
        count = super().done(consumer)

        def one(record: Record, ok: bool) -> None:
            self.state(consumer).pending.pop(record.number, None)
            count(record, ok)
        return one

    async def reclaim(self, consumer: Consumer) -> None:
        state, scale = self.state(consumer), self.world.time_scale
        while not consumer.stopped:
            await asyncio.sleep(CHECK_SECONDS * scale)
            if consumer.stopped:
                return
            for record, since in list(state.pending.values()):
                if time.monotonic() - since >= PENDING_SECONDS * scale:
                    self.world.log.count(f"reclaimed.{self.name}.{consumer.group}")
                    if consumer.delivery.subscription.bulk:
                        self.deliver(consumer, record)
                    else:
                        state.pending[record.number] = (record, time.monotonic())
                        consumer.spawn(self.work(consumer, record, False))

    def shown(self, topic: str) -> dict:
        out = super().shown(topic)
        out["groups"] = {group: {"next": state.next, "pending": sorted(state.pending)}
                         for (group, name), state in self.groups.items() if name == topic}
        return out
