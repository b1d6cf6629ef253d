# SPDX-License-Identifier: Apache-2.0
"""What an app subscribes to: programmatic and declarative forms, and routing (section 5)."""

from dataclasses import dataclass, field as default

from cel import CelError, Program
from gojson import Number, field, loads


@dataclass
class Rule:
    match: str
    path: str
    program: Program | None = None


@dataclass
class Subscription:
    pubsub: str
    topic: str
    rules: list[Rule]
    dead_letter: str = ""
    raw: bool = False
    bulk: bool = False
    bulk_most: int = 100
    bulk_wait_ms: float = 1000
    metadata: dict[str, str] = default(default_factory=dict)
    origin: str = "PROGRAMMATIC"

    def path_for(self, event: dict) -> str | None:
        """The path of the first rule that matches; None when there is none."""
        for rule in self.rules:
            if rule.program is None:
                return rule.path
            try:
                if rule.program.evaluate({"event": event}) is True:
                    return rule.path
            except CelError:
                continue
        return None

    def shown(self) -> dict:
        """The entry in /v1.0/metadata (section 1)."""
        return {"pubsubname": self.pubsub, "topic": self.topic, "type": self.origin, "metadata": self.metadata,
                "deadLetterTopic": self.dead_letter,
                "rules": [{"match": rule.match, "path": rule.path} for rule in self.rules]}


class BadSubscription(ValueError):
    """An entry that Go's decoder, or the runtime, would not take."""


def text(record: dict, name: str) -> str:
    value = field(record, name)
    if value is None:
        return ""
    if not isinstance(value, str) or isinstance(value, Number):
        raise BadSubscription(f"{name} is no string")
    return value


def record_of(value, name: str) -> dict:
    if value is None:
        return {}
    if not isinstance(value, dict):
        raise BadSubscription(f"{name} is no object")
    return value


def parse_one(entry: dict, origin: str) -> Subscription | None:
    """One entry; None when it has no route, which the runtime ignores."""
    entry = record_of(entry, "entry")
    metadata = record_of(field(entry, "metadata"), "metadata")
    if not all(isinstance(v, str) and not isinstance(v, Number) for v in metadata.values()):
        raise BadSubscription("metadata values are strings")
    rules = []
    routes = record_of(field(entry, "routes"), "routes")
    for item in field(routes, "rules") or []:
        match, path = text(item, "match"), text(item, "path")
        try:
            rules.append(Rule(match, path, Program(match) if match else None))
        except CelError as bad:
            raise BadSubscription(f"rule {match!r}: {bad}") from bad
    last = text(routes, "default") or ("" if rules else text(entry, "route"))
    if last:
        rules.append(Rule("", last))
    bulk = record_of(field(entry, "bulkSubscribe"), "bulkSubscribe")
    if not rules:
        return None
    return Subscription(
        pubsub=text(entry, "pubsubname"), topic=text(entry, "topic"), rules=rules,
        dead_letter=text(entry, "deadLetterTopic"), metadata=dict(metadata), origin=origin,
        raw=next((v for k, v in metadata.items() if k.lower() == "rawpayload"), "").lower() in ("true", "1", "t"),
        bulk=field(bulk, "enabled") is True, bulk_most=int(field(bulk, "maxMessagesCount") or 100),
        bulk_wait_ms=float(field(bulk, "maxAwaitDurationMs") or 1000))


def parse_programmatic(body: bytes | None) -> tuple[list[Subscription], str | None]:
    """The answer of GET /dapr/subscribe. What is no valid list means none, with the reason."""
    if not body:
        return [], None
    try:
        entries = loads(body)
        if entries is None:
            return [], None
        if not isinstance(entries, list):
            raise BadSubscription("no list")
        return [s for s in (parse_one(e, "PROGRAMMATIC") for e in entries) if s is not None], None
    except ValueError as bad:
        return [], str(bad)


def parse_declared(resource: dict, app: str) -> Subscription | None:
    """A `kind: Subscription` resource as far as it is for this app."""
    if resource.get("scopes") and app not in resource["scopes"]:
        return None
    return parse_one(resource.get("spec", resource), "DECLARATIVE")


def merge(declared: list[Subscription], programmatic: list[Subscription]) -> list[Subscription]:
    """Per (pubsub, topic) the programmatic entry replaces the declared one."""
    out = {(s.pubsub, s.topic): s for s in declared}
    out.update({(s.pubsub, s.topic): s for s in programmatic})
    return list(out.values())
