"""Cases on their way to the model: when each may be tried, and which is next."""

from __future__ import annotations

import heapq
import threading
import uuid
from dataclasses import dataclass, field
from enum import Enum
from itertools import count

from fraud_platform.agents.runner import Latch
from fraud_platform.reasoning.answer import Opinion
from fraud_platform.reasoning.prompt import Prompt


class Fallback(Enum):
    """Why a case was explained without the model."""

    DEADLINE = "deadline"
    """Its time was over before the model could be asked, or before it answered."""
    THROTTLED = "throttled"
    """Refused for the quota until no time for another attempt was left."""
    UNAVAILABLE = "unavailable"
    """The service, or the way to it, failed until no time was left."""
    REFUSED = "refused"
    """The service will never take this call: model, permission or content."""
    MALFORMED = "malformed_answer"
    BREAKER_OPEN = "breaker_open"
    QUEUE_FULL = "queue_full"
    CLOSED = "closed"
    """The reviewer was shut down."""


@dataclass(slots=True)
class Job:
    """One distinct case of a batch; ended once, by whoever is first."""

    digest: str
    prompt: Prompt
    until_s: float
    """When it must have ended, on the reviewer's clock."""
    latch: Latch
    invocation_id: str = field(default_factory=lambda: str(uuid.uuid4()))
    attempts: int = 0
    """Calls sent so far."""
    failures: int = 0
    asked_s: float | None = None
    """When the call now on its way was sent."""
    result: Opinion | Fallback | None = None
    last: Fallback = Fallback.DEADLINE
    """What stood in the way last."""
    ended_s: float = 0.0
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def end(self, result: Opinion | Fallback, now_s: float) -> bool:
        """Set the result; False where there was one."""
        with self._lock:
            if self.result is not None:
                return False
            self.result, self.ended_s = result, now_s
        self.latch.arrive()
        return True


class JobQueue:
    """Jobs by the time from which they may be tried; one thread at a time.

    ``limit`` bounds the jobs that are let in; a job that comes back to be retried keeps its place.
    """

    def __init__(self, limit: int) -> None:
        self._heap: list[tuple[float, int, Job]] = []
        self._numbers = count()
        self._limit = limit

    def put(self, job: Job, now_s: float) -> bool:
        """Let a new job in; False when full."""
        if len(self._heap) >= self._limit:
            return False
        self.put_back(job, now_s)
        return True

    def put_back(self, job: Job, ready_s: float) -> None:
        """Try it again from ``ready_s`` on."""
        heapq.heappush(self._heap, (ready_s, next(self._numbers), job))

    def first(self, now_s: float) -> Job | None:
        """The job whose turn it is, still in the queue; jobs that have ended are dropped."""
        while self._heap and self._heap[0][2].result is not None:
            heapq.heappop(self._heap)
        if self._heap and self._heap[0][0] <= now_s:
            return self._heap[0][2]
        return None

    def pop(self) -> Job:
        """Take out what ``first`` gave."""
        return heapq.heappop(self._heap)[2]

    def wait_s(self, now_s: float) -> float | None:
        """Seconds until a job may be tried; None while there is none."""
        return max(0.0, self._heap[0][0] - now_s) if self._heap else None

    def clear(self) -> list[Job]:
        """Take out everything."""
        jobs = [job for _, _, job in self._heap]
        self._heap.clear()
        return jobs

    def __len__(self) -> int:
        """Jobs waiting, those that have ended meanwhile included."""
        return len(self._heap)
