"""All fault plans in force: found for a call, leased, renewed, ended."""

from __future__ import annotations

import random
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import Any

from cloud_twin.clock import Clock
from cloud_twin.errors import AwsError, TwinError
from cloud_twin.faults.batches import has_parts
from cloud_twin.faults.effect import Effect
from cloud_twin.faults.known_errors import known_error
from cloud_twin.faults.plan import FaultPlan
from cloud_twin.ports import Subject
from cloud_twin.service import PartialFailure

IN_FORCE_MAX = 200
"""Every call is held against all plans in force."""
ENDED_KEPT = 200
"""Plans that have ended and are still listed; older ones are forgotten."""


class UnknownFault(KeyError):
    """No plan has this id (any more)."""


class FaultEnded(Exception):
    """The plan is over, so it cannot be renewed; the message says why it ended."""


@dataclass(slots=True)
class _Running:
    id: str
    plan: FaultPlan
    made_s: float
    expires_s: float
    random: random.Random
    hits: int = 0
    matched: int = 0
    ended: str = ""

    def over(self, now_s: float) -> str:
        """Why it is over; empty while it is not."""
        if self.ended:
            return self.ended
        plan = self.plan
        if plan.count is not None and self.hits >= plan.count:
            self.ended = "count"
        elif plan.for_s is not None and now_s >= self.made_s + plan.after_s + plan.for_s:
            self.ended = "window"
        elif now_s >= self.expires_s:
            self.ended = "lease"
        return self.ended

    def applies(self, subject: Subject) -> bool:
        """Whether this kind of call is meant."""
        plan = self.plan
        return (
            (plan.service is None or plan.service == subject.service)
            and (plan.operation is None or plan.operation == subject.operation)
            and (plan.attempts is None or subject.attempt in plan.attempts)
            and (plan.when != "body" or has_parts(subject.service, subject.operation))
            and (
                plan.resource is None
                or any(fnmatchcase(name, plan.resource) for name in subject.resources)
            )
        )


class FaultBook:
    """Plans in the order in which they were made.

    Every plan draws from a generator of its own, made from its seed, once for each call that
    matches it: the same calls in the same order meet the same faults.
    """

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._plans: dict[str, _Running] = {}
        self._made = 0
        self.active = False
        """Whether a call needs to be looked at; False costs nothing."""

    def add(self, plan: FaultPlan) -> dict[str, Any]:
        """Put a plan in force; its entry in the list. Raises ``TwinError`` for one too many."""
        now_s = self._clock.monotonic_s()
        self._forget_old(now_s)
        if sum(not running.over(now_s) for running in self._plans.values()) >= IN_FORCE_MAX:
            raise TwinError(f"{IN_FORCE_MAX} faults are in force; delete some first")
        self._made += 1
        running = _Running(
            id=f"fault-{self._made}",
            plan=plan,
            made_s=now_s,
            expires_s=now_s + plan.lease_s,
            random=random.Random(plan.seed),
        )
        self._plans[running.id] = running
        self.active = True
        return self._entry(running, now_s)

    def renew(self, fault_id: str) -> dict[str, Any]:
        """Lease it anew from now. Raises ``UnknownFault`` and ``FaultEnded``."""
        running = self._find(fault_id)
        now_s = self._clock.monotonic_s()
        if reason := running.over(now_s):
            raise FaultEnded(f"{fault_id} has ended ({reason}); make a new one")
        running.expires_s = now_s + running.plan.lease_s
        return self._entry(running, now_s)

    def remove(self, fault_id: str) -> dict[str, Any]:
        """End it; its last entry. Raises ``UnknownFault``."""
        running = self._find(fault_id)
        now_s = self._clock.monotonic_s()
        running.over(now_s)
        running.ended = running.ended or "removed"
        del self._plans[fault_id]
        self.active = bool(self._plans)
        return self._entry(running, now_s)

    def clear(self) -> None:
        """End and forget all."""
        self._plans.clear()
        self.active = False

    def entries(self) -> list[dict[str, Any]]:
        """All plans, those that have ended too, with how often each has hit."""
        now_s = self._clock.monotonic_s()
        return [self._entry(running, now_s) for running in self._plans.values()]

    def effect(self, subject: Subject) -> Effect | None:
        """What happens to a call; None where no plan hits it."""
        now_s = self._clock.monotonic_s()
        effect: Effect | None = None
        alive = False
        for running in self._plans.values():
            if running.over(now_s):
                continue
            alive = True
            plan = running.plan
            if now_s < running.made_s + plan.after_s or not running.applies(subject):
                continue
            running.matched += 1
            if plan.when != "body" and running.random.random() >= plan.probability:
                continue
            if effect is None:
                effect = Effect()
            elif effect.settled and plan.when is not None:
                continue
            running.hits += 1
            _apply(running, subject, effect)
        self.active = alive
        return effect

    def _find(self, fault_id: str) -> _Running:
        try:
            return self._plans[fault_id]
        except KeyError:
            raise UnknownFault(fault_id) from None

    def _forget_old(self, now_s: float) -> None:
        ended = [running.id for running in self._plans.values() if running.over(now_s)]
        for fault_id in ended[: max(0, len(ended) - ENDED_KEPT)]:
            del self._plans[fault_id]

    def _entry(self, running: _Running, now_s: float) -> dict[str, Any]:
        reason = running.over(now_s)
        waiting = now_s < running.made_s + running.plan.after_s
        return {
            "id": running.id,
            "state": "ended" if reason else "waiting" if waiting else "active",
            "ended_by": reason or None,
            "matched": running.matched,
            "hits": running.hits,
            "expires_in_s": 0.0 if reason else round(running.expires_s - now_s, 3),
            "plan": running.plan.model_dump(exclude_none=True),
        }


def _apply(running: _Running, subject: Subject, effect: Effect) -> None:
    plan = running.plan
    if plan.latency_ms:
        jitter_ms = running.random.uniform(-plan.jitter_ms, plan.jitter_ms)
        effect.latency_ms += max(0.0, plan.latency_ms + jitter_ms)
    if plan.when == "before":
        effect.refusal = _error(plan, subject.service)
    elif plan.when == "drop":
        effect.drop = True
    elif plan.when == "after" and plan.error is None:
        effect.lost = True
    elif plan.when == "after":
        effect.lost_as = _error(plan, subject.service)
    elif plan.when == "body" and effect.partial is None:
        error = _error(plan, subject.service)
        effect.partial = PartialFailure(plan.probability, error.code, error.message, running.random)


def _error(plan: FaultPlan, service: str) -> AwsError:
    given = plan.error
    assert given is not None, "a plan without an error is refused when it is made"
    known = known_error(service, given.code) or known_error(plan.service, given.code)
    status = given.status or (known.status if known else 400)
    message = given.message if given.message is not None else known.message if known else ""
    fields = {**(known.fields if known else {}), **given.fields}
    return AwsError(given.code, message, status, fields, sender=status < 500)
