# SPDX-License-Identifier: Apache-2.0
"""Faults on demand (S9): what shall go wrong, where, and at which call."""

from dataclasses import asdict, dataclass
from fnmatch import fnmatchcase

CALL_KINDS = {"refuse", "reset_after_headers", "hang", "delay_ms", "fail_nth", "close_idle", "die_between_app_and_ack"}
BROKER_KINDS = {"fail_publish", "duplicate", "reorder"}
HOPS = {"app", "sidecar", "peer", "broker"}


@dataclass
class Fault:
    """One fault. `nth` counts matching calls from 1; with it a fault fires once, or `times` times from there."""

    kind: str
    hop: str = "app"
    app: str = "*"
    method: str = "*"
    route: str = "*"
    nth: int | None = None
    times: int | None = None
    status: int = 500
    body: str = ""
    content_type: str = "text/plain"
    delay_ms: float = 0
    restart_ms: float | None = None
    component: str = "*"
    topic: str = "*"
    copies: int = 2
    hold: int = 2
    error: str = "fault: broker failed"
    id: int = 0
    seen: int = 0
    fired: int = 0

    def fires(self) -> bool:
        """Counts a matching call and says whether this is one to spoil."""
        self.seen += 1
        first = self.nth or 1
        most = self.times if self.times is not None else (1 if self.nth else None)
        if self.seen < first or (most is not None and self.seen >= first + most):
            return False
        self.fired += 1
        return True


class Faults:
    def __init__(self) -> None:
        self.list: list[Fault] = []
        self.last_id = 0

    def add(self, spec: dict) -> int:
        """Adds one fault; ValueError names what is wrong with it."""
        unknown = set(spec) - set(Fault.__dataclass_fields__)
        if unknown:
            raise ValueError(f"unknown fields {sorted(unknown)}")
        fault = Fault(**spec)
        if fault.kind in BROKER_KINDS:
            fault.hop = "broker"
        elif fault.kind not in CALL_KINDS:
            raise ValueError(f"kind {fault.kind!r}, want one of {sorted(CALL_KINDS | BROKER_KINDS)}")
        if fault.hop not in HOPS:
            raise ValueError(f"hop {fault.hop!r}, want one of {sorted(HOPS)}")
        self.last_id += 1
        fault.id = self.last_id
        self.list.append(fault)
        return fault.id

    def call(self, hop: str, app: str, method: str, path: str, only: set[str] | None = None) -> dict[str, Fault]:
        """The faults that fire for this call, by kind."""
        out = {}
        for fault in self.list:
            if fault.hop != hop or (only and fault.kind not in only):
                continue
            if fnmatchcase(app, fault.app) and fnmatchcase(method, fault.method) and fnmatchcase(path, fault.route):
                if fault.fires():
                    out[fault.kind] = fault
        return out

    def broker(self, kind: str, component: str, topic: str) -> Fault | None:
        for fault in self.list:
            if fault.kind == kind and fnmatchcase(component, fault.component) and fnmatchcase(topic, fault.topic):
                if fault.fires():
                    return fault
        return None

    def shown(self) -> list[dict]:
        return [asdict(fault) for fault in self.list]
