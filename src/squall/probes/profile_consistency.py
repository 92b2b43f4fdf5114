"""After the load: what the platform remembers of customers against what it decided."""

from __future__ import annotations

import asyncio
import random
import time
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import orjson

from squall.errors import ConfigurationError, TargetProtocolError
from squall.load_generator.target_spec import Endpoint
from squall.models import ProfileConsistency, index_of
from squall.probes.customers import Customers
from squall.probes.platform_interface import (
    LoggedDecision,
    customer_path,
    decision_log,
    platform_endpoint,
)
from squall.probes.probe import ConcludedLoad, LoadClock, Measured
from squall.targets.cursor_reader import describe_refusal
from squall.targets.http_client import HttpClient
from squall.targets.installation import Installation

_WORDS = frozenset({"APPROVE", "REVIEW", "DECLINE"})
_CONNECTIONS = 16
_PATIENCE_S = 15.0
"""How long profiles may take to be written after the last decision."""
_PAUSE_S = 0.5
_CLOCKS_DIFFER_S = 2.0


@dataclass(slots=True)
class Decided:
    """The decisions on one customer's transactions."""

    words: Counter[str] = field(default_factory=Counter)
    by_id: dict[str, LoggedDecision] = field(default_factory=dict)

    def add(self, row: LoggedDecision) -> None:
        """One more."""
        self.words[row.decision] += 1
        self.by_id[row.wire_id] = row


def fits(profile: Mapping[str, Any], decided: Decided) -> bool:
    """Whether a profile says what was decided: how many, with which words, and the newest."""
    told = {word: count for word, count in profile["decisions"].items() if count}
    if told != dict(decided.words) or profile["transactions"] != decided.words.total():
        return False
    recent = profile["recent"]
    if len(recent) < min(len(decided.by_id), 1):
        return False
    return all(
        decided.by_id.get(one["transaction_id"])
        == LoggedDecision(one["transaction_id"], one["decision"], one["amount"])
        for one in recent
    )


@dataclass(slots=True)
class Comparison:
    """Where the customers looked at stand."""

    inconsistent: list[str] = field(default_factory=list)
    missing: list[str] = field(default_factory=list)
    known_before: int = 0
    """Customers that the platform knew before the run: their counts say nothing of it."""
    unstored: int = 0
    """Answers of a platform that keeps no profiles of its own (inline mode)."""

    def add(
        self, user: str, profile: Mapping[str, Any] | None, decided: Decided, started_unix_s: float
    ) -> None:
        """One customer's profile; None: there is none."""
        if profile is None:
            self.missing.append(user)
        elif profile["habits"] is None:
            self.unstored += 1
        elif (profile["known_since_s"] or 0.0) < started_unix_s - _CLOCKS_DIFFER_S:
            self.known_before += 1
        elif not fits(profile, decided):
            self.inconsistent.append(user)


class ProfileConsistencyProbe:
    """Compares the profiles of some customers, drawn by the seed, with the run's decisions.

    The platform tells what it decided on which id; whose id that is, squall knows by itself.
    """

    def __init__(
        self,
        spec: ProfileConsistency,
        installation: Installation,
        seed: int,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._spec = spec
        self._endpoint = platform_endpoint(installation, spec.name)
        self._chance = random.Random(f"{seed} {spec.name}")
        self._clock = clock

    @property
    def what(self) -> str:
        """In a sentence."""
        return f"the profiles of {self._spec.count:,} customers against the decisions on them"

    async def prepare(self) -> None:
        """Nothing has to be made."""

    async def beside(self, load: LoadClock) -> None:
        """Nothing to do: profiles are looked at when the load is over."""

    async def conclude(self, load: ConcludedLoad) -> Measured:
        """Read the decisions, then the profiles; what does not fit is given time to be written."""
        decided = await self._decided(load)
        users = self._chance.sample(sorted(decided), min(self._spec.count, len(decided)))
        deadline = self._clock() + _PATIENCE_S
        total = Comparison()
        asking: Sequence[str] = users
        while True:
            found = await _compare(self._endpoint, asking, decided, load.started_unix_s)
            total.known_before += found.known_before
            total.unstored += found.unstored
            asking = [*found.inconsistent, *found.missing]
            if not asking or self._clock() >= deadline:
                break
            await asyncio.sleep(_PAUSE_S)
        total.inconsistent, total.missing = found.inconsistent, found.missing
        return _measured(total, len(users))

    async def close(self) -> None:
        """Nothing was made."""

    async def _decided(self, load: ConcludedLoad) -> dict[str, Decided]:
        client = HttpClient(self._endpoint, timeout_s=30.0)
        rows: list[LoggedDecision] = []
        try:
            async for page in decision_log(client, load.run_tag):
                rows += (row for row in page if row.decision in _WORDS)
        finally:
            await client.close()
        return await asyncio.to_thread(_by_customer, rows, load)


def _by_customer(rows: Iterable[LoggedDecision], load: ConcludedLoad) -> dict[str, Decided]:
    ours = [
        (index, row) for row in rows if (index := index_of(row.wire_id, load.run_tag)) is not None
    ]
    customers = Customers(load.source, load.run_tag)
    if not customers.known:
        raise ConfigurationError("the data has no user_id, so nobody's profile can be looked at")
    users = customers.of(np.array([index for index, _ in ours], dtype=np.int64))
    found: dict[str, Decided] = {}
    for user, (_, row) in zip(users, ours, strict=True):
        if user is not None:
            found.setdefault(user, Decided()).add(row)
    return found


async def _compare(
    endpoint: Endpoint,
    users: Sequence[str],
    decided: Mapping[str, Decided],
    started_unix_s: float,
) -> Comparison:
    comparison = Comparison()
    left = iter(users)

    async def work() -> None:
        client = HttpClient(endpoint)
        try:
            for user in left:
                profile = await _profile(client, user)
                comparison.add(user, profile, decided[user], started_unix_s)
        finally:
            await client.close()

    await asyncio.gather(*(work() for _ in range(min(_CONNECTIONS, len(users)))))
    return comparison


async def _profile(client: HttpClient, user: str) -> Mapping[str, Any] | None:
    path = customer_path(user)
    answer = await client.get(path)
    if answer.status == 404:
        return None
    if answer.status != 200:
        raise TargetProtocolError(describe_refusal(path, answer))
    try:
        profile: Mapping[str, Any] = orjson.loads(answer.body)
        _ = profile["decisions"], profile["recent"], profile["habits"], profile["known_since_s"]
    except (ValueError, KeyError, TypeError) as error:
        raise TargetProtocolError(f"{path} is not the platform's answer on a customer") from error
    return profile


def _measured(found: Comparison, asked: int) -> Measured:
    if found.unstored:
        note = "the platform keeps no profiles apart from its decisions (inline mode)"
        return Measured({}, notes=(note,))
    notes = []
    if found.known_before:
        notes.append(
            f"{found.known_before:,} customers were known to the platform before the run and were "
            "left out; another --seed has other customers"
        )
    for kind, users in (("inconsistent", found.inconsistent), ("missing", found.missing)):
        if users:
            notes.append(f"{kind}: {', '.join(users[:10])}{' …' if len(users) > 10 else ''}")
    figures: dict[str, float | None] = {
        "profiles": asked - found.known_before,
        "inconsistent": len(found.inconsistent),
        "missing": len(found.missing),
    }
    return Measured(figures, notes=tuple(notes))
