# SPDX-License-Identifier: Apache-2.0
"""The wall clock of the world, which tests may move on (TTLs and expirations); waits do not follow it."""

from datetime import datetime, timedelta, timezone

FORM = "%Y-%m-%dT%H:%M:%SZ"
moved = timedelta()


def now() -> datetime:
    return datetime.now(timezone.utc) + moved


def advance(seconds: float) -> None:
    global moved
    moved += timedelta(seconds=seconds)


def text(when: datetime | None = None) -> str:
    return (when or now()).strftime(FORM)
