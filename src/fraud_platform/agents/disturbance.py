"""Agents made slow or faulty on purpose, to show that the others carry on.

A disturbance lasts as long as the platform (``serve --disturb``) or as long as its lease: it ends
by itself, so that nothing stays broken because whoever broke it has died.
"""

from __future__ import annotations

import logging
import random
import threading
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from itertools import count
from math import inf
from typing import Any

from fraud_platform.agents.evidence import Agent, Evidence, Votes
from fraud_platform.errors import UsageError

log = logging.getLogger(__name__)


class AgentDisturbedError(Exception):
    """Raised by an agent that was told to fail."""


@dataclass(frozen=True, slots=True)
class Disturbance:
    """What is done to one agent: a delay before every answer, or a failure instead of it."""

    agent: str
    delay_s: float = 0.0
    delay_s_max: float = 0.0
    """Above ``delay_s``: each delay is drawn between the two, evenly in its logarithm."""
    fails: bool = False

    @property
    def what(self) -> str:
        """In words."""
        if self.fails:
            return f"agent {self.agent} fails"
        if self.delay_s_max > self.delay_s:
            return f"agent {self.agent} takes {self.delay_s:g} to {self.delay_s_max:g} s more"
        return f"agent {self.agent} takes {self.delay_s:g} s more"

    def draw_delay_s(self, chance: random.Random) -> float:
        """One delay."""
        if self.delay_s_max <= self.delay_s:
            return self.delay_s
        drawn: float = self.delay_s * (self.delay_s_max / self.delay_s) ** chance.random()
        return drawn


def parse_disturbance(text: str, agents: tuple[str, ...]) -> Disturbance:
    """Read ``AGENT:fail`` or ``AGENT:delay_ms=N``; raises ``UsageError``."""
    name, _, what = text.partition(":")
    key, _, value = what.partition("=")
    if name in agents and what == "fail":
        return Disturbance(name, fails=True)
    if name in agents and key == "delay_ms" and value.isascii() and value.isdecimal():
        return Disturbance(name, delay_s=int(value) / 1000.0)
    raise UsageError(
        f"--disturb {text}: write AGENT:fail or AGENT:delay_ms=N,"
        f" where AGENT is one of {', '.join(agents)}"
    )


def disturbance_of(document: Mapping[str, Any]) -> Disturbance:
    """From the form that a request has, once it is checked."""
    return Disturbance(
        document["agent"],
        document.get("delay_ms", 0.0) / 1000.0,
        document.get("delay_ms_max", 0.0) / 1000.0,
        document.get("fails", False),
    )


class Leased:
    """A disturbance in force until ``until_s`` on its book's clock, or until it is ended."""

    __slots__ = ("_chance", "disturbance", "id", "over", "until_s")

    def __init__(self, name: str, disturbance: Disturbance, until_s: float) -> None:
        self.id = name
        self.disturbance = disturbance
        self.until_s = until_s
        self.over = threading.Event()
        self._chance = random.Random(name)  # the same delays in every run

    def delay_s(self) -> float:
        """The next answer's delay."""
        return self.disturbance.draw_delay_s(self._chance)


class DisturbanceBook:
    """The disturbances in force. One thread changes it; agents' threads read it."""

    def __init__(
        self, lasting: Iterable[Disturbance] = (), clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._clock = clock
        self._numbers = count(1)
        self._leases: dict[str, Leased] = {
            f"s{number}": Leased(f"s{number}", one, inf) for number, one in enumerate(lasting, 1)
        }

    def begin(self, disturbance: Disturbance, lease_s: float, name: str | None = None) -> Leased:
        """Put one in force for ``lease_s``, under ``name`` where it has one."""
        self._expire()
        name = name or f"d{next(self._numbers)}"
        leased = Leased(name, disturbance, self._clock() + lease_s)
        self._leases = {**self._leases, name: leased}
        log.warning("disturbance %s: %s", name, disturbance.what)
        return leased

    def renew(self, name: str, lease_s: float) -> Leased | None:
        """Let it last ``lease_s`` from now; None where it has ended."""
        self._expire()
        leased = self._leases.get(name)
        if leased is not None:
            leased.until_s = self._clock() + lease_s
        return leased

    def end(self, name: str) -> bool:
        """End it now; False where there is none."""
        self._expire()
        return self._remove(name, "was ended")

    def leased(self) -> list[Leased]:
        """Those with a lease, oldest first."""
        self._expire()
        return [leased for leased in self._leases.values() if leased.until_s < inf]

    def left_s(self, leased: Leased) -> float:
        """How long it lasts from now."""
        return max(0.0, leased.until_s - self._clock())

    def hold(self, agent: str) -> None:
        """Do to the calling agent what is in force; raises ``AgentDisturbedError``.

        A delay ends early when its disturbance does.
        """
        for leased in self._leases.values():
            if leased.disturbance.agent != agent or not self.left_s(leased):
                continue
            if leased.disturbance.fails:
                raise AgentDisturbedError(f"{agent} was told to fail")
            self._wait(leased)

    def _wait(self, leased: Leased) -> None:
        due_s = self._clock() + leased.delay_s()
        while (left_s := min(due_s, leased.until_s) - self._clock()) > 0:
            if leased.over.wait(left_s):
                return

    def _expire(self) -> None:
        now_s = self._clock()
        for name in [one.id for one in self._leases.values() if one.until_s <= now_s]:
            self._remove(name, "has run out")

    def _remove(self, name: str, how: str) -> bool:
        leased = self._leases.get(name)
        if leased is None:
            return False
        self._leases = {known: one for known, one in self._leases.items() if known != name}
        leased.over.set()
        log.warning("disturbance %s %s: %s no longer", name, how, leased.disturbance.what)
        return True


class DisturbedAgent:
    """Another agent, open to disturbance."""

    def __init__(self, agent: Agent, book: DisturbanceBook) -> None:
        self._agent = agent
        self._book = book

    @property
    def name(self) -> str:
        """The agent's name."""
        return self._agent.name

    def judge(self, evidence: Evidence) -> Votes:
        """The agent's own votes after the delay; raises where it is told to fail."""
        self._book.hold(self.name)
        return self._agent.judge(evidence)
