"""When to scale what: a pure decision on what was observed.

Capacity of a shard: 1,000 records and 1 MB a second. From 80 % of it on the stream gets shards so
that 60 % is used; an AWS call at most doubles or halves. Functions are busy when their batches take
80 % of the time that all their slots (shards × parallelisation factor) have, or when records
wait; then the parallelisation factor rises. Shards go only after five minutes of low use, because
AWS allows ten changes of a stream in a day, and a stream that was busy will be so again.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from enum import Enum
from math import ceil

SHARD_RECORDS_S = 1_000.0
SHARD_BYTES_S = 1_000_000.0
BUSY = 0.80
AIM = 0.60
IDLE = 0.30
_DAY_S = 86_400.0


class Target(Enum):
    """What is scaled."""

    TRANSACTIONS = "shards of transactions"
    DECISIONS = "shards of decisions"
    PARALLELISATION = "parallelisation factor"
    CONCURRENCY = "reserved concurrency"


@dataclass(frozen=True, slots=True)
class ScalingLimits:
    """How far scaling goes."""

    shards_min: int = 1
    shards_max: int = 16
    """Of the transactions; there are 16 lanes, so more would stay empty."""
    decision_shards_max: int = 64
    parallelisation_max: int = 2
    slots_max: int = 16
    rest_s: float = 30.0
    """Between two changes of one target."""
    idle_s: float = 300.0
    """Low use must last this long before anything is made smaller."""
    changes_per_day: int = 10
    """AWS's limit on UpdateShardCount for a stream."""
    iterator_age_s: float = 5.0
    """Records may wait this long before functions count as overloaded."""


@dataclass(frozen=True, slots=True)
class StreamLoad:
    """What a stream has and takes, per second."""

    shards: int
    records_s: float
    bytes_s: float
    throttled: bool = False
    """Whether records were refused for lack of capacity since the last look."""

    @property
    def needed(self) -> float:
        """Shards' worth of load."""
        return max(self.records_s / SHARD_RECORDS_S, self.bytes_s / SHARD_BYTES_S)

    @property
    def utilisation(self) -> float:
        """Share of the capacity that is used; at least 1 where records were refused."""
        used = self.needed / max(1, self.shards)
        return max(used, 1.0) if self.throttled else used


@dataclass(frozen=True, slots=True)
class Observation:
    """One look at everything. ``at_s`` is of one clock."""

    at_s: float
    transactions: StreamLoad
    decisions: StreamLoad
    parallelisation: int
    reserved_concurrency: int | None
    busy_share: float
    """Of the functions' slots."""
    iterator_age_s: float


@dataclass(frozen=True, slots=True)
class Change:
    """What to set to what, and why."""

    target: Target
    before: int
    after: int
    reason: str


@dataclass(frozen=True, slots=True)
class ScalerState:
    """What the scaler remembers."""

    changed_s: Mapping[Target, tuple[float, ...]] = field(default_factory=dict)
    """Times of the changes in the last day."""
    idle_since_s: Mapping[Target, float] = field(default_factory=dict)


def used_shares(seen: Observation, limits: ScalingLimits) -> dict[Target, float]:
    """Share of the capacity in use, of everything that has one; from ``BUSY`` on it is scaled."""
    late = seen.iterator_age_s > limits.iterator_age_s
    return {
        Target.TRANSACTIONS: seen.transactions.utilisation,
        Target.DECISIONS: seen.decisions.utilisation,
        # Records that wait have no slot to run in.
        Target.PARALLELISATION: max(seen.busy_share, 1.0) if late else seen.busy_share,
    }


def without(state: ScalerState, change: Change) -> ScalerState:
    """What to remember where AWS did not take a change that was just decided on."""
    times = state.changed_s.get(change.target, ())[:-1]
    return replace(state, changed_s={**state.changed_s, change.target: times})


def decide(
    state: ScalerState, seen: Observation, limits: ScalingLimits
) -> tuple[ScalerState, list[Change]]:
    """The changes to make now, and what to remember."""
    changes = [
        *_stream(state, seen, limits, Target.TRANSACTIONS, seen.transactions, limits.shards_max),
        *_stream(state, seen, limits, Target.DECISIONS, seen.decisions, limits.decision_shards_max),
        *_functions(state, seen, limits),
    ]
    changed = {
        target: tuple(t for t in times if t > seen.at_s - _DAY_S)
        for target, times in state.changed_s.items()
    }
    for change in changes:
        changed[change.target] = (*changed.get(change.target, ()), seen.at_s)
    idle = _idle_since(state, seen, limits, changes)
    return replace(state, changed_s=changed, idle_since_s=idle), changes


def _stream(
    state: ScalerState,
    seen: Observation,
    limits: ScalingLimits,
    target: Target,
    load: StreamLoad,
    most: int,
) -> Iterable[Change]:
    if _resting(state, seen.at_s, target, limits.rest_s):
        return
    today = [t for t in state.changed_s.get(target, ()) if t > seen.at_s - _DAY_S]
    if len(today) >= limits.changes_per_day:
        return
    used = load.utilisation
    if used >= BUSY:
        wanted = max(ceil(load.needed / AIM), load.shards + 1)
        after = min(wanted, 2 * load.shards, most)
        if after > load.shards:
            why = "records are refused for lack of capacity" if load.throttled else _use(used)
            yield Change(target, load.shards, after, why)
    elif used < IDLE and load.shards > limits.shards_min:
        since_s = state.idle_since_s.get(target, seen.at_s)
        wanted = max(ceil(load.needed / AIM), ceil(load.shards / 2), limits.shards_min)
        # The last changes of the day are kept for making the stream bigger.
        room = len(today) < limits.changes_per_day - 2
        if seen.at_s - since_s >= limits.idle_s and wanted < load.shards and room:
            minutes = (seen.at_s - since_s) / 60
            reason = f"{_use(used)}, for {minutes:.0f} min"
            yield Change(target, load.shards, wanted, reason)


def _use(share: float) -> str:
    return f"{share:.0%} of the capacity is used"


def _functions(state: ScalerState, seen: Observation, limits: ScalingLimits) -> Iterable[Change]:
    factor = seen.parallelisation
    shards = seen.transactions.shards
    most = min(limits.parallelisation_max, max(1, limits.slots_max // max(1, shards)))
    late = seen.iterator_age_s > limits.iterator_age_s
    if not _resting(state, seen.at_s, Target.PARALLELISATION, limits.rest_s):
        idle_s = seen.at_s - state.idle_since_s.get(Target.PARALLELISATION, seen.at_s)
        if used_shares(seen, limits)[Target.PARALLELISATION] >= BUSY and factor < most:
            why = (
                f"records wait {seen.iterator_age_s:.0f} s for a function"
                if late
                else f"functions are busy {seen.busy_share:.0%} of the time"
            )
            factor += 1
            yield Change(Target.PARALLELISATION, seen.parallelisation, factor, why)
        elif idle_s >= limits.idle_s and factor > 1:
            factor -= 1
            why = f"functions are busy {seen.busy_share:.0%} of the time"
            yield Change(Target.PARALLELISATION, seen.parallelisation, factor, why)
    reserved, slots = seen.reserved_concurrency, shards * factor
    if (
        reserved is not None
        and reserved < slots
        and not _resting(state, seen.at_s, Target.CONCURRENCY, limits.rest_s)
    ):
        reason = f"{slots} batches can run at the same time"
        yield Change(Target.CONCURRENCY, reserved, slots, reason)


def _idle_since(
    state: ScalerState, seen: Observation, limits: ScalingLimits, changes: Iterable[Change]
) -> dict[Target, float]:
    idle = {
        Target.TRANSACTIONS: seen.transactions.utilisation < IDLE,
        Target.DECISIONS: seen.decisions.utilisation < IDLE,
        Target.PARALLELISATION: seen.busy_share < IDLE
        and seen.iterator_age_s <= limits.iterator_age_s,
    }
    changed = {change.target for change in changes}
    return {
        target: seen.at_s if target in changed else state.idle_since_s.get(target, seen.at_s)
        for target, is_idle in idle.items()
        if is_idle
    }


def _resting(state: ScalerState, at_s: float, target: Target, rest_s: float) -> bool:
    times = state.changed_s.get(target, ())
    return bool(times) and at_s - times[-1] < rest_s
