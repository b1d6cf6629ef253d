# SPDX-License-Identifier: Apache-2.0
"""The state API (section 6)."""

from typing import TYPE_CHECKING, Any

import clock
from errors import ApiError
from gojson import Number, dumps, field, loads
from http1 import BodyTooLong, Headers, Request
from http_server import Responder
from paths import form_segment, query_metadata
from state_store import BadEtag, Conflict, Item, StateStore

if TYPE_CHECKING:
    from sidecar import Sidecar


def malformed(why: str) -> ApiError:
    return ApiError(400, "ERR_MALFORMED_REQUEST", f"failed deserializing HTTP body: {why}")


def find_store(sidecar: "Sidecar", name: str) -> StateStore:
    stores = {s.name: s for s in sidecar.world.stores.values() if s.visible_to(sidecar.id)}
    if not stores:
        raise ApiError(500, "ERR_STATE_STORE_NOT_CONFIGURED", "state store is not configured")
    if name not in stores:
        raise ApiError(400, "ERR_STATE_STORE_NOT_FOUND", f"state store {name} is not found")
    return stores[name]


def whole_key(sidecar: "Sidecar", store: StateStore, key) -> str:
    if not isinstance(key, str) or isinstance(key, Number) or not key:
        raise malformed("key is missing")
    if "||" in key:
        raise malformed(f"key {key!r} has ||")
    return store.full_key(sidecar.id, key)


def options(item: dict, query: dict[str, str]) -> tuple[str | None, bool, int | None]:
    """etag, first-write and TTL of one item; the query's metadata goes before the item's."""
    etag, metadata = field(item, "etag"), {**(field(item, "metadata") or {}), **query}
    if etag is not None and (not isinstance(etag, str) or isinstance(etag, Number)):
        raise malformed("etag is no string")
    ttl = next((v for k, v in metadata.items() if k.lower() == "ttlinseconds"), None)
    if ttl is not None and not str(ttl).lstrip("-").isdigit():
        raise malformed("ttlInSeconds is no number")
    concurrency = field(field(item, "options") or {}, "concurrency")
    return etag, concurrency == "first-write", int(ttl) if ttl is not None and int(ttl) > 0 else None


async def body_of(sidecar: "Sidecar", request: Request) -> Any:
    try:
        return loads(await request.read(sidecar.config["max_body"]))
    except BodyTooLong:
        raise malformed("http: request body too large") from None
    except ValueError as bad:
        raise malformed(str(bad)) from bad


async def save(sidecar: "Sidecar", request: Request, responder: Responder, store: StateStore) -> None:
    items = await body_of(sidecar, request)
    if not isinstance(items, list) or not all(isinstance(item, dict) for item in items):
        raise malformed("no array of objects")
    query = query_metadata(request.query)
    ready = [(whole_key(sidecar, store, field(i, "key")), field(i, "value"), *options(i, query)) for i in items]
    for key, value, etag, first_write, ttl in ready:
        try:
            store.check(key, etag, first_write)
        except BadEtag as bad:
            raise ApiError(400, "ERR_STATE_SAVE", f"failed saving state in {store.name}: {bad}") from bad
        except Conflict as bad:
            status = 500 if store.redis and not etag else 409
            raise ApiError(status, "ERR_STATE_SAVE", f"failed saving state in {store.name}: {bad}") from bad
        store.put(key, value, ttl, first_write)
    await responder.answer(204)


def expiry(item: Item) -> Headers:
    return Headers([("metadata.ttlExpireTime", clock.text(item.expires))] if item.expires else [])


async def get(sidecar: "Sidecar", responder: Responder, store: StateStore, key: str) -> None:
    item = store.find(whole_key(sidecar, store, key))
    if item is None:
        await responder.answer(204)
        return
    await responder.answer(200, dumps(item.value).encode(), "application/json",
                           Headers([("ETag", item.etag)] + expiry(item)))


async def delete(sidecar: "Sidecar", request: Request, responder: Responder, store: StateStore, key: str) -> None:
    name, etag = whole_key(sidecar, store, key), request.headers.get("if-match")
    try:
        if etag:
            store.check(name, etag, False)
    except (BadEtag, Conflict) as bad:
        raise ApiError(400 if isinstance(bad, BadEtag) else 409, "ERR_STATE_DELETE",
                       f"failed deleting state with key {key}: {bad}") from bad
    store.drop(name)
    await responder.answer(204)


async def read_many(sidecar: "Sidecar", request: Request, responder: Responder, store: StateStore) -> None:
    body = await body_of(sidecar, request)
    keys = field(body, "keys") if isinstance(body, dict) else None
    if not isinstance(keys, list):
        raise malformed("keys is no array")
    out = []
    for key in keys:
        item = store.find(whole_key(sidecar, store, key))
        one = {"key": key}
        if item is not None:
            one.update(data=item.value, etag=item.etag)
            if item.expires:
                one["metadata"] = {"ttlExpireTime": clock.text(item.expires)}
        out.append(one)
    await responder.answer(200, dumps(out).encode(), "application/json")


async def transact(sidecar: "Sidecar", request: Request, responder: Responder, store: StateStore) -> None:
    """All or nothing; an etag conflict is a 500 here, and Redis ignores first-write."""
    body, query = await body_of(sidecar, request), query_metadata(request.query)
    operations = field(body, "operations") if isinstance(body, dict) else None
    if not isinstance(operations, list):
        raise malformed("operations is no array")
    ready = []
    for operation in operations:
        word, item = field(operation, "operation"), field(operation, "request") or {}
        if word not in ("upsert", "delete"):
            raise malformed(f"operation {word!r}")
        etag, first_write, ttl = options(item, query)
        ready.append((word, whole_key(sidecar, store, field(item, "key")), field(item, "value"), etag,
                      first_write and not store.redis, ttl))
    try:
        for _, key, _, etag, first_write, _ in ready:
            if etag or first_write:
                store.check(key, etag, first_write)
    except (BadEtag, Conflict) as bad:
        raise ApiError(500, "ERR_STATE_TRANSACTION", f"error while executing state transaction: {bad}") from bad
    for word, key, value, _, first_write, ttl in ready:
        if word == "delete":
            store.drop(key)
        else:
            store.put(key, value, ttl, first_write)
    await responder.answer(204)


async def serve(sidecar: "Sidecar", request: Request, responder: Responder, parts: list[str]) -> bool:
    """`parts` is what follows /v1.0/state; False when it is no path of this API."""
    names = [form_segment(part) for part in parts]
    if None in names:
        raise ApiError(400, None, "failed to decode a path segment")
    writes, method = request.method in ("POST", "PUT"), request.method
    if len(names) == 1 and writes:
        await save(sidecar, request, responder, find_store(sidecar, names[0]))
    elif len(names) == 2 and names[1] == "transaction" and writes:
        await transact(sidecar, request, responder, find_store(sidecar, names[0]))
    elif len(names) == 2 and names[1] == "bulk" and writes:
        await read_many(sidecar, request, responder, find_store(sidecar, names[0]))
    elif len(names) == 2 and method == "GET":
        await get(sidecar, responder, find_store(sidecar, names[0]), names[1])
    elif len(names) == 2 and method == "DELETE":
        await delete(sidecar, request, responder, find_store(sidecar, names[0]), names[1])
    else:
        return False
    return True
