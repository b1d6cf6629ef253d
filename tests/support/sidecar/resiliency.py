# SPDX-License-Identifier: Apache-2.0
"""Resiliency policies (section 8): retry( breaker( timeout( call ))), with the runtime's words and defaults."""

import asyncio
import random
import time
from dataclasses import dataclass
from typing import Any, Awaitable, Callable, Iterator

from cel import CelError, compile_expression
from durations import seconds
from gojson import field

PARTS = {"timeout": "timeouts", "retry": "retries", "circuitBreaker": "circuitBreakers"}
ELAPSED_MAX = 15 * 60.0


@dataclass
class Outcome:
    """What one attempt came to. `status` is None for RETRY and for connection errors, which always match."""

    ok: bool
    value: Any = None
    status: int | None = None
    error: Exception | None = None
    permanent: bool = False
    drop: Callable[[], None] = lambda: None


class BreakerOpen(Exception):
    """The circuit breaker lets nothing through."""


class TimedOut(Exception):
    """An attempt took longer than its timeout policy allows."""


class Breaker:
    """A circuit breaker; `trip` is looked at on a failure while closed."""

    def __init__(self, spec: dict, scale: float) -> None:
        self.most = int(spec.get("maxRequests") or 1)
        self.interval = seconds(spec.get("interval"), 0.0) * scale
        self.timeout = seconds(spec.get("timeout"), 60.0) * scale
        self.trip = compile_expression(spec.get("trip") or "consecutiveFailures > 5")
        self.state = "closed"
        self.opened_at = 0.0
        self.clear()

    def clear(self) -> None:
        self.counts = dict.fromkeys(["requests", "totalSuccesses", "totalFailures", "consecutiveSuccesses",
                                     "consecutiveFailures"], 0)
        self.since = time.monotonic()

    def enter(self) -> None:
        now = time.monotonic()
        if self.state == "open":
            if now - self.opened_at < self.timeout:
                raise BreakerOpen("circuit breaker is open")
            self.state = "half-open"
            self.clear()
        if self.state == "half-open" and self.counts["requests"] >= self.most:
            raise BreakerOpen("too many requests")
        if self.state == "closed" and self.interval and now - self.since >= self.interval:
            self.clear()
        self.counts["requests"] += 1

    def leave(self, ok: bool) -> None:
        counts = self.counts
        counts["totalSuccesses" if ok else "totalFailures"] += 1
        counts["consecutiveSuccesses" if ok else "consecutiveFailures"] += 1
        counts["consecutiveFailures" if ok else "consecutiveSuccesses"] = 0
        if self.state == "half-open":
            if not ok:
                self.open()
            elif counts["consecutiveSuccesses"] >= self.most:
                self.state = "closed"
                self.clear()
        elif self.state == "closed" and not ok:
            try:
                if self.trip.evaluate(counts) is True:
                    self.open()
            except CelError:
                pass

    def open(self) -> None:
        self.state, self.opened_at = "open", time.monotonic()
        self.clear()


class Retry:
    def __init__(self, spec: dict, scale: float) -> None:
        self.exponential = str(spec.get("policy") or "constant").lower() == "exponential"
        self.pause = seconds(spec.get("duration"), 5.0)
        self.most_pause = seconds(spec.get("maxInterval"), 60.0)
        retries = spec.get("maxRetries")
        self.most = -1 if retries is None else int(retries)
        self.codes = self.ranges((spec.get("matching") or {}).get("httpStatusCodes"))
        self.scale = scale

    @staticmethod
    def ranges(text: str | None) -> list[tuple[int, int]] | None:
        if not text:
            return None
        out = []
        for part in str(text).split(","):
            low, _, high = part.strip().partition("-")
            out.append((int(low), int(high or low)))
        return out

    def matches(self, status: int | None) -> bool:
        return status is None or self.codes is None or any(low <= status <= high for low, high in self.codes)

    def pauses(self) -> Iterator[float]:
        """The waits before each retry; ends when it gives up."""
        count, step, begun = 0, 0.5, time.monotonic()
        while self.most < 0 or count < self.most:
            if self.exponential:
                if time.monotonic() - begun > ELAPSED_MAX * self.scale:
                    return
                yield min(step, self.most_pause) * random.uniform(0.5, 1.5) * self.scale
                step = min(step * 1.5, self.most_pause)
            else:
                yield self.pause * self.scale
            count += 1


class Policy:
    """The policies of one target. `run` repeats an attempt until it is ok, must not be repeated, or is used up."""

    def __init__(self, timeout: float | None, retry: Retry | None, breaker: Breaker | None) -> None:
        self.timeout, self.retry, self.breaker = timeout, retry, breaker

    @property
    def defined(self) -> bool:
        return self.timeout is not None or self.retry is not None or self.breaker is not None

    async def once(self, attempt: Callable[[], Awaitable[Outcome]]) -> Outcome:
        if self.breaker is not None:
            try:
                self.breaker.enter()
            except BreakerOpen as shut:
                return Outcome(False, error=shut, permanent=True)
        outcome = Outcome(False, error=TimedOut("timeout"))
        try:
            if self.timeout is None:
                outcome = await attempt()
            else:
                try:
                    async with asyncio.timeout(self.timeout):
                        outcome = await attempt()
                except TimeoutError:
                    pass
        finally:
            if self.breaker is not None:
                self.breaker.leave(outcome.ok)
        return outcome

    async def run(self, attempt: Callable[[], Awaitable[Outcome]], may_retry: bool = True) -> Outcome:
        pauses = self.retry.pauses() if self.retry is not None and may_retry else iter(())
        while True:
            outcome = await self.once(attempt)
            if outcome.ok or outcome.permanent or (self.retry and not self.retry.matches(outcome.status)):
                return outcome
            pause = next(pauses, None)
            if pause is None:
                return outcome
            outcome.drop()
            await asyncio.sleep(pause)


class Resiliency:
    """All policies one sidecar has; breakers live as long as it does."""

    def __init__(self, specs: list[dict], app: str, scale: float, timeout_scale: float) -> None:
        self.scale, self.timeout_scale = scale, timeout_scale
        self.policies: dict[str, dict] = {"timeouts": {}, "retries": {}, "circuitBreakers": {}}
        self.apps: dict[str, dict] = {}
        self.components: dict[str, dict] = {}
        self.made: dict[str, Policy] = {}
        for spec in specs:
            if spec.get("scopes") and app not in spec["scopes"]:
                continue
            body = spec.get("spec", spec)
            for group, named in (body.get("policies") or {}).items():
                self.policies.setdefault(group, {}).update(named or {})
            targets = body.get("targets") or {}
            self.apps.update(targets.get("apps") or {})
            self.components.update(targets.get("components") or {})
        self.check()

    def check(self) -> None:
        """Wrong words show when the world starts, not at the first call."""
        for value in self.policies["timeouts"].values():
            seconds(value)
        for spec in self.policies["retries"].values():
            Retry(spec, 1.0)
        for spec in self.policies["circuitBreakers"].values():
            Breaker(spec, 1.0)
        targets = list(self.apps.values())
        targets += [way for one in self.components.values() for way in (one.get("inbound"), one.get("outbound")) if way]
        for target in targets:
            for part, group in PARTS.items():
                if target.get(part) and target[part] not in self.policies[group]:
                    raise ValueError(f"{part} {target[part]!r}, want one of {sorted(self.policies[group])}")

    def for_app(self, app: str) -> Policy:
        return self.policy("app:" + app, self.apps.get(app), ["DefaultApp", "Default"])

    def for_component(self, name: str, direction: str) -> Policy:
        target = (self.components.get(name) or {}).get(direction)
        way = direction.capitalize()
        return self.policy(f"component:{name}:{direction}", target,
                           [f"DefaultPubsubComponent{way}", f"DefaultComponent{way}", "Default"])

    def policy(self, key: str, target: dict | None, defaults: list[str]) -> Policy:
        if key not in self.made:
            found = {}
            for part, group, suffix in (("timeout", "timeouts", "TimeoutPolicy"), ("retry", "retries", "RetryPolicy"),
                                        ("circuitBreaker", "circuitBreakers", "CircuitBreakerPolicy")):
                named = field(target or {}, part)
                names = [named] if named else [] if target else [d + suffix for d in defaults]
                found[part] = next((self.policies[group][n] for n in names if n in self.policies[group]), None)
            self.made[key] = Policy(
                seconds(found["timeout"]) * self.timeout_scale if found["timeout"] is not None else None,
                Retry(found["retry"], self.scale) if found["retry"] is not None else None,
                Breaker(found["circuitBreaker"], self.scale) if found["circuitBreaker"] is not None else None)
        return self.made[key]
