"""A circuit breaker as an explicit state machine.

    CLOSED ──too many failures, or slow answers in a row──▶ OPEN ──after a rest──▶ HALF_OPEN
       ▲                                                      ▲                     │     │
       └───────────── enough probes succeeded ────────────────│─────────────────────┘     │
                                                              └──── a probe failed ───────┘

A call asks to be admitted, and reports how it ended under the ticket that it got. Reports of calls
that were admitted in an earlier state say nothing about this one and are ignored.
"""

from __future__ import annotations

import threading
from collections import Counter, deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from enum import Enum
from typing import Any


class State(Enum):
    """What the breaker does with calls."""

    CLOSED = "closed"
    OPEN = "open"
    HALF_OPEN = "half-open"


class Ending(Enum):
    """How an admitted call ended."""

    GOOD = "good"
    FAILED = "failed"
    SLOW = "slow"
    """It took longer than it may, whether or not an answer came."""


MOVES = frozenset(
    {
        (State.CLOSED, State.OPEN),
        (State.OPEN, State.HALF_OPEN),
        (State.HALF_OPEN, State.OPEN),
        (State.HALF_OPEN, State.CLOSED),
    }
)
"""Every transition there is."""
CAUSES = ("slow", "failed", "probe")
"""Why a breaker opens: slow answers in a row, a share of failures, a probe that was no good."""
_KEPT = 64


@dataclass(frozen=True, slots=True)
class BreakerRules:
    """When it opens and closes."""

    window: int = 40
    """Calls whose endings are looked at."""
    fewest: int = 20
    """Endings below which their share says nothing."""
    failure_share: float = 0.6
    slow_in_a_row: int = 3
    """So many slow answers in a row open it at once: each of them holds somebody up."""
    rest_s: float = 2.0
    """How long it stays open the first time; twice as long each time a probe fails …"""
    rest_s_max: float = 30.0
    """… up to here."""
    probes: int = 2
    """Calls let through at once when half-open, and successes in a row that close it."""

    def __post_init__(self) -> None:
        if not (1 <= self.fewest <= self.window and 0 < self.failure_share <= 1):
            raise ValueError("1 <= fewest <= window and 0 < failure_share <= 1")
        if min(self.slow_in_a_row, self.probes) < 1 or not 0 < self.rest_s <= self.rest_s_max:
            raise ValueError("slow_in_a_row and probes from 1; 0 < rest_s <= rest_s_max")


@dataclass(frozen=True, slots=True)
class Transition:
    """One change of state, at a time of the breaker's clock."""

    at_s: float
    origin: State
    state: State
    reason: str


@dataclass(frozen=True, slots=True)
class Ticket:
    """An admitted call."""

    era: int
    """Number of transitions before it."""


class CircuitBreaker:
    """May be used from any thread."""

    def __init__(self, clock: Callable[[], float], rules: BreakerRules | None = None) -> None:
        self._clock = clock
        self._rules = rules or BreakerRules()
        self._lock = threading.Lock()
        self._state = State.CLOSED
        self._era = 0
        self._endings: deque[Ending] = deque(maxlen=self._rules.window)
        self._slow_in_a_row = 0
        self._reopened = 0
        self._until_s = 0.0
        self._probing = 0
        self._probed = 0
        self._rejected = 0
        self._openings: Counter[str] = Counter()
        self._transitions: deque[Transition] = deque(maxlen=_KEPT)

    @property
    def state(self) -> State:
        """The state now; a rest that is over has become half-open."""
        with self._lock:
            self._wake()
            return self._state

    def admits(self) -> bool:
        """Whether ``admit`` would give a ticket now."""
        with self._lock:
            self._wake()
            return self._open_to_calls()

    def admit(self) -> Ticket | None:
        """A ticket for one call, or None: do without. Each ticket is reported or given back."""
        with self._lock:
            self._wake()
            if not self._open_to_calls():
                self._rejected += 1
                return None
            if self._state is State.HALF_OPEN:
                self._probing += 1
            return Ticket(self._era)

    def report(self, ticket: Ticket, ending: Ending) -> None:
        """How an admitted call ended."""
        with self._lock:
            if ticket.era != self._era:
                return
            if self._state is State.HALF_OPEN:
                self._probe_ended(ending)
            else:
                self._call_ended(ending)

    def give_back(self, ticket: Ticket) -> None:
        """The call says nothing about the service: it was never made, or was only throttled."""
        with self._lock:
            if ticket.era == self._era and self._state is State.HALF_OPEN:
                self._probing -= 1

    def transitions(self) -> list[Transition]:
        """The latest transitions, oldest first; at most 64."""
        with self._lock:
            return list(self._transitions)

    def figures(self) -> dict[str, Any]:
        """State, calls turned away, openings by cause, and transitions since the start."""
        with self._lock:
            self._wake()
            return {
                "state": self._state.value,
                "rejected": self._rejected,
                "openings": self._openings.total(),
                **{f"openings_{cause}": self._openings[cause] for cause in CAUSES},
                "transitions": self._era,
                "latest": [
                    {
                        "at_s": round(t.at_s, 3), "from": t.origin.value, "to": t.state.value,
                        "reason": t.reason,
                    }
                    for t in self._transitions
                ],
            }  # fmt: skip

    def _open_to_calls(self) -> bool:
        if self._state is State.HALF_OPEN:
            return self._probing < self._rules.probes
        return self._state is State.CLOSED

    def _call_ended(self, ending: Ending) -> None:
        self._endings.append(ending)
        self._slow_in_a_row = self._slow_in_a_row + 1 if ending is Ending.SLOW else 0
        bad = sum(e is not Ending.GOOD for e in self._endings)
        if self._slow_in_a_row >= self._rules.slow_in_a_row:
            self._open("slow", f"{self._slow_in_a_row} slow answers in a row")
        elif len(self._endings) >= self._rules.fewest and bad >= self._rules.failure_share * len(
            self._endings
        ):
            self._open("failed", f"{bad} of {len(self._endings)} calls failed")

    def _probe_ended(self, ending: Ending) -> None:
        self._probing -= 1
        if ending is not Ending.GOOD:
            self._reopened += 1
            self._open("probe", f"a probe was {ending.value}")
            return
        self._probed += 1
        if self._probed >= self._rules.probes:
            self._reopened = 0
            self._move(State.CLOSED, f"{self._probed} probes succeeded")

    def _open(self, cause: str, reason: str) -> None:
        self._openings[cause] += 1
        rest_s = min(self._rules.rest_s * 2.0 ** min(self._reopened, 30), self._rules.rest_s_max)
        self._until_s = self._clock() + rest_s
        self._move(State.OPEN, reason)

    def _wake(self) -> None:
        if self._state is State.OPEN and self._clock() >= self._until_s:
            self._move(State.HALF_OPEN, "rested")

    def _move(self, state: State, reason: str) -> None:
        assert (self._state, state) in MOVES, f"{self._state} to {state}"
        self._transitions.append(Transition(self._clock(), self._state, state, reason))
        self._state = state
        self._era += 1
        self._endings.clear()
        self._slow_in_a_row = self._probing = self._probed = 0


def merged_breakers(
    everyone: Sequence[Mapping[str, Any]], running: Sequence[Mapping[str, Any]]
) -> dict[str, Any]:
    """Figures of several breakers as one: counts add up; ``states`` are of those ``running``.

    ``state`` is the worst of them.
    """
    states = {state.value: sum(one["state"] == state.value for one in running) for state in _WORST}
    counts = ("rejected", "transitions", "openings", *(f"openings_{cause}" for cause in CAUSES))
    return {
        "state": next((state for state, count in states.items() if count), State.CLOSED.value),
        "states": states,
        **{name: sum(one[name] for one in everyone) for name in counts},
    }


_WORST = (State.OPEN, State.HALF_OPEN, State.CLOSED)
