# SPDX-License-Identifier: Apache-2.0
"""The record of everything the double saw and did, in order, and its counters."""

import asyncio
import base64
import time
from collections import Counter

from http1 import Headers

ENTRIES_MAX = 20000
BODY_MAX = 256 * 1024


def body_fields(prefix: str, body: bytes) -> dict:
    cut = {prefix + "_cut": len(body)} if len(body) > BODY_MAX else {}
    body = bytes(body[:BODY_MAX])
    try:
        return {prefix: body.decode("utf-8"), **cut}
    except UnicodeDecodeError:
        return {prefix + "_base64": base64.b64encode(body).decode(), **cut}


class Log:
    """Entries of kinds received, forwarded, delivery, health_probe, tcp_probe and event."""

    def __init__(self) -> None:
        self.entries: list[dict] = []
        self.counters: Counter[str] = Counter()
        self.seq = 0
        self.changed = asyncio.Event()

    def begin(self, kind: str, app: str, method: str = "", target: str = "", headers: Headers | None = None,
              body: bytes = b"", **more) -> dict:
        self.seq += 1
        entry = {"seq": self.seq, "kind": kind, "app": app, "method": method, "target": target,
                 "headers": [list(h) for h in headers or []], "start": time.time(), "end": None, "status": None,
                 **body_fields("body", body), **more}
        if len(self.entries) < ENTRIES_MAX:
            self.entries.append(entry)
        self.count(f"{kind}.{app}")
        return entry

    def finish(self, entry: dict, status: int | None = None, headers: Headers | None = None, body: bytes = b"",
               **more) -> None:
        entry.update(end=time.time(), status=status, **more)
        if headers is not None:
            entry["response_headers"] = [list(h) for h in headers]
        entry.update(body_fields("response_body", body))
        self.touch()

    def event(self, app: str, what: str, **more) -> None:
        self.finish(self.begin("event", app, what=what, **more))
        self.count(f"{what}.{app}")

    def count(self, name: str) -> None:
        self.counters[name] += 1
        self.touch()

    def touch(self) -> None:
        self.changed.set()
        self.changed = asyncio.Event()

    def clear(self) -> None:
        self.entries.clear()
        self.counters.clear()

    def matching(self, wanted: dict[str, str]) -> list[dict]:
        """Entries whose fields equal the given ones; `path` compares the start of the target; `done` wants an end."""
        out = []
        for entry in self.entries:
            if entry["seq"] <= int(wanted.get("since", 0)):
                continue
            if "path" in wanted and not entry["target"].startswith(wanted["path"]):
                continue
            if wanted.get("done") and entry["end"] is None:
                continue
            if all(str(entry.get(k)) == v for k, v in wanted.items() if k not in ("since", "path", "done")):
                out.append(entry)
        return out
