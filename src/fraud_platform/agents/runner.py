"""Running an agent against a deadline it cannot overstay.

Every agent has a thread of its own. The panel waits for an answer until the deadline and then goes
on without it: the late answer is thrown away when it comes, and until then the agent is passed
over. An agent that keeps failing or being late is rested for a while (a breaker), so that it
does not cost every batch its whole deadline.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from enum import Enum
from queue import SimpleQueue

from fraud_platform.agents.evidence import Agent, Evidence, Votes
from fraud_platform.monitoring.histogram import Latencies

log = logging.getLogger(__name__)

_BAD_IN_A_ROW = 3
"""Late or failed answers in a row after which an agent is rested."""
_REST_S = 1.0
_LOG_EVERY_S = 1.0
"""An agent that comes and goes is logged at most this often."""


class Absence(Enum):
    """Why an agent's votes are missing."""

    LATE = "late"
    FAILED = "failed"
    PASSED_OVER = "passed over"


@dataclass(slots=True)
class AgentCounters:
    """What an agent has done since the start. Written by the panel's and the agent's threads."""

    decisions: int = 0
    """Transactions it voted on in time."""
    timeouts: int = 0
    """Transactions that went on without it because it was late, or still busy with an older one."""
    failures: int = 0
    """Transactions that went on without it because it failed, or was resting after failures."""
    judged: int = 0
    """Transactions it worked on, whether in time or not."""
    outages: int = 0
    """Times that it was logged as missing; it is back before the next one."""
    busy_s: float = 0.0
    latency: Latencies = field(default_factory=Latencies)
    """Time per micro-batch from call to votes, weighted by transactions."""


class Latch:
    """Opens when ``count`` agents have finished: whoever waits is woken once, not once an agent."""

    def __init__(self, count: int) -> None:
        self._left = count
        self._counting = threading.Lock()
        self._open = threading.Lock()
        if count:
            self._open.acquire()

    def arrive(self) -> None:
        """One has finished."""
        with self._counting:
            self._left -= 1
            if self._left == 0:
                self._open.release()

    def wait(self, timeout_s: float) -> None:
        """Return when it is open, or after ``timeout_s``."""
        self._open.acquire(timeout=max(0.0, timeout_s))


class Call:
    """One micro-batch handed to an agent."""

    __slots__ = ("error", "evidence", "finished", "latch", "started", "votes")

    def __init__(self, evidence: Evidence, latch: Latch, started: float) -> None:
        self.evidence = evidence
        self.latch = latch
        self.started = started
        self.votes: Votes | None = None
        self.error: Exception | None = None
        self.finished = False


class AgentRunner:
    """One agent and its thread."""

    def __init__(self, agent: Agent, clock: Callable[[], float] = time.perf_counter) -> None:
        self.agent = agent
        self.counters = AgentCounters()
        self._clock = clock
        self._calls: SimpleQueue[Call | None] = SimpleQueue()
        self._open: Call | None = None
        self._bad_in_a_row = 0
        self._missed = 0
        """Transactions decided without it since it was last logged as missing."""
        self._out = False
        self._logged_s = -_LOG_EVERY_S
        self._resting_until = 0.0
        self._resting_after = Absence.LATE
        self._thread = threading.Thread(target=self._work, name=agent.name, daemon=True)
        self._thread.start()

    @property
    def healthy(self) -> bool:
        """False while it is late with an answer or resting."""
        return self._bad_in_a_row == 0

    @property
    def available(self) -> bool:
        """Whether it can be given a micro-batch: neither busy with an older one nor resting."""
        return self._open is None and self._clock() >= self._resting_until

    def start(self, evidence: Evidence, latch: Latch) -> Call:
        """Hand over a micro-batch; only while it is available."""
        call = self._open = Call(evidence, latch, self._clock())
        self._calls.put(call)
        return call

    def result(self, call: Call | None, size: int) -> Votes | Absence:
        """The votes on ``size`` transactions as far as they have come; None: it was passed over."""
        if call is None:
            absence = Absence.LATE if self._open is not None else self._resting_after
            self._miss(absence, size)
            return Absence.PASSED_OVER
        if not call.finished:
            self._bad(Absence.LATE, size, "did not answer in time")
            return Absence.LATE
        if call.error is not None or call.votes is None:
            self._bad(Absence.FAILED, size, f"failed: {call.error!r}")
            return Absence.FAILED
        if len(call.votes.risk) != size:
            self._bad(Absence.FAILED, size, "answered with the wrong number of votes")
            return Absence.FAILED
        self._bad_in_a_row = 0
        if self._out:
            self._back()
        self.counters.decisions += size
        return call.votes

    def close(self) -> None:
        """Let the thread end when it is done."""
        self._calls.put(None)

    def _miss(self, absence: Absence, size: int) -> None:
        self._missed += size
        if absence is Absence.LATE:
            self.counters.timeouts += size
        else:
            self.counters.failures += size

    def _bad(self, absence: Absence, size: int, what: str) -> None:
        self._miss(absence, size)
        self._bad_in_a_row += 1
        if not self._out and self._clock() - self._logged_s >= _LOG_EVERY_S:
            self._out = True
            self._logged_s = self._clock()
            self.counters.outages += 1
            log.warning(
                "agent %s %s on %d transactions; its votes are replaced by the fallback",
                self.agent.name, what, size,
            )  # fmt: skip
        if self._bad_in_a_row >= _BAD_IN_A_ROW:
            self._resting_until = self._clock() + _REST_S
            self._resting_after = absence

    def _back(self) -> None:
        log.warning(
            "agent %s answers in time again; %d transactions were decided without it",
            self.agent.name, self._missed,
        )  # fmt: skip
        self._out = False
        self._missed = 0

    def _work(self) -> None:
        while (call := self._calls.get()) is not None:
            begun = self._clock()
            try:
                call.votes = replace(self.agent.judge(call.evidence), at_s=self._clock())
            except Exception as error:  # an agent may fail in any way; the rest carry on
                call.error = error
            ended = self._clock()
            self.counters.busy_s += ended - begun
            self.counters.judged += len(call.evidence)
            self.counters.latency.record(ended - call.started, len(call.evidence))
            call.finished = True
            self._open = None
            call.latch.arrive()
