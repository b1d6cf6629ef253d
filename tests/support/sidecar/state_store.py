# SPDX-License-Identifier: Apache-2.0
"""A state store: etags, first-write, TTL, key prefixes; `mode: redis` answers as Redis does (section 6, S8)."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

import clock

if TYPE_CHECKING:
    from world import World


class Conflict(Exception):
    """The key exists (first-write), or its etag is another."""


class BadEtag(Exception):
    """An etag this store never gave out."""


@dataclass
class Item:
    value: object
    etag: str
    expires: datetime | None
    first_write: bool


class StateStore:
    kind = "state.in-memory"
    capabilities = ["CRUD", "TRANSACTIONAL", "ETAG", "TTL"]

    def __init__(self, world: "World", config: dict) -> None:
        self.world, self.config = world, config
        self.name = str(config["name"])
        self.redis = config.get("mode") == "redis"
        if self.redis:
            self.kind = "state.redis"
        self.items: dict[str, Item] = {}
        self.version = 0

    def visible_to(self, app: str) -> bool:
        return not self.config.get("scopes") or app in self.config["scopes"]

    def full_key(self, app: str, key: str) -> str:
        """`<app-id>||<key>`, or what `key_prefix` says: appid, name, namespace, none, or fixed text."""
        prefix = str(self.config.get("key_prefix", "appid"))
        words = {"appid": app, "name": self.name, "namespace": f"{self.world.namespace}.{app}", "none": ""}
        prefix = words.get(prefix, prefix)
        return f"{prefix}||{key}" if prefix else key

    def find(self, key: str) -> Item | None:
        item = self.items.get(key)
        if item is not None and item.expires is not None and item.expires <= clock.now():
            del self.items[key]
            return None
        return item

    def check(self, key: str, etag: str | None, first_write: bool) -> None:
        item = self.find(key)
        if etag:
            if not etag.isdigit():
                raise BadEtag(f"invalid etag {etag!r}")
            if item is None or item.etag != etag:
                raise Conflict("possible etag mismatch")
        elif item is not None and (first_write or (self.redis and item.first_write)):
            raise Conflict("the key exists")

    def put(self, key: str, value, ttl: int | None, first_write: bool) -> None:
        self.version += 1
        old = self.find(key)
        expires = clock.now() + timedelta(seconds=ttl) if ttl else None
        remembered = first_write or (self.redis and old is not None and old.first_write)
        self.items[key] = Item(value, str(self.version), expires, remembered)

    def drop(self, key: str) -> None:
        self.items.pop(key, None)
