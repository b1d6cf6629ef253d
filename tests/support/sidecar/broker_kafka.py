# SPDX-License-Identifier: Apache-2.0
"""The kafka personality: partitions, offsets, and a message that fails blocks its partition (sections 5 and S7)."""

import asyncio
import zlib

from brokers import Component, Consumer, Record
from envelope import metadata_value

PARTITIONS = 3
RETRY_SECONDS = 0.1


class KafkaComponent(Component):
    kind = "pubsub.kafka"
    capabilities = ["BULK_PUBLISH", "BULK_SUBSCRIBE"]

    def __init__(self, world, config: dict) -> None:
        super().__init__(world, config)
        self.partitions = int(config.get("partitions", PARTITIONS))
        self.lanes: dict[str, list[list[Record]]] = {}
        self.offsets: dict[tuple[str, str], list[int]] = {}
        self.turn = 0

    def lanes_of(self, topic: str) -> list[list[Record]]:
        return self.lanes.setdefault(topic, [[] for _ in range(self.partitions)])

    def place(self, record: Record) -> None:
        """`partitionNumber` first, then a hash of `partitionKey`, else in turn."""
        super().place(record)
        record.key = metadata_value(record.metadata, "partitionKey") or ""
        number = metadata_value(record.metadata, "partitionNumber") or ""
        if number.isdigit() and int(number) < self.partitions:
            record.partition = int(number)
        elif record.key:
            record.partition = zlib.crc32(record.key.encode()) % self.partitions
        else:
            record.partition = self.turn % self.partitions
            self.turn += 1
        lane = self.lanes_of(record.topic)[record.partition]
        record.offset = len(lane)
        lane.append(record)

    def started(self, consumer: Consumer) -> None:
        lanes = self.lanes_of(consumer.topic)
        offsets = self.offsets.setdefault((consumer.group, consumer.topic), [len(lane) for lane in lanes])
        consumer.wakes = [asyncio.Event() for _ in lanes]
        stop = consumer.on_stop

        def on_stop() -> None:
            stop()
            for wake in consumer.wakes:
                wake.set()
        consumer.on_stop = on_stop
        for number, lane in enumerate(lanes):
            consumer.spawn(self.read(consumer, lane, offsets, number))

    def arrived(self, consumer: Consumer, record: Record) -> None:
        consumer.wakes[record.partition].set()

    async def read(self, consumer: Consumer, lane: list[Record], offsets: list[int], number: int) -> None:
        subscription, wake = consumer.delivery.subscription, consumer.wakes[number]
        while not consumer.stopped:
            if offsets[number] >= len(lane):
                wake.clear()
                await wake.wait()
                continue
            if not subscription.bulk:
                await self.one(consumer, lane[offsets[number]], offsets, number)
                continue
            if len(lane) - offsets[number] < subscription.bulk_most:
                await asyncio.sleep(subscription.bulk_wait_ms / 1000 * self.world.time_scale)
            start = offsets[number]
            await self.batch(consumer, lane[start:start + subscription.bulk_most], offsets, number)

    async def one(self, consumer: Consumer, record: Record, offsets: list[int], number: int) -> None:
        while not consumer.stopped:
            if await consumer.delivery.handle(record):
                self.commit(consumer, record, offsets, number)
                return
            await asyncio.sleep(RETRY_SECONDS * self.world.time_scale)

    async def batch(self, consumer: Consumer, batch: list[Record], offsets: list[int], number: int) -> None:
        left = batch
        while left and not consumer.stopped:
            results = await consumer.delivery.handle_bulk(left)
            left = [record for record, ok in zip(left, results) if not ok]
            if left:
                await asyncio.sleep(RETRY_SECONDS * self.world.time_scale)
        if not left:
            for record in batch:
                self.commit(consumer, record, offsets, number)

    def commit(self, consumer: Consumer, record: Record, offsets: list[int], number: int) -> None:
        offsets[number] = max(offsets[number], record.offset + 1)
        self.world.log.count(f"acked.{self.name}.{consumer.group}")

    def broker_metadata(self, record: Record) -> dict[str, str]:
        out = super().broker_metadata(record)
        out.update({"__partition": str(record.partition), "__offset": str(record.offset), "__topic": record.topic,
                    "__timestamp": str(int(record.at * 1000))})
        if record.key:
            out["__key"] = record.key
        return out

    def shown(self, topic: str) -> dict:
        out = super().shown(topic)
        out["groups"] = {group: {"offsets": offsets} for (group, name), offsets in self.offsets.items()
                         if name == topic}
        return out
