"""One kind of lookup at an external service, guarded.

In this order: a fresh cache entry; an equal query that is on its way already; the service, within
its rate and while the breaker is closed; a stale cache entry; what is known of something close to
it; nothing (the caller's default). Who asks waits no longer than its own deadline: an answer that
comes later goes to the cache.
"""

from __future__ import annotations

import logging
import random
import threading
from collections.abc import Callable, Hashable, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from concurrent.futures import wait as wait_for
from dataclasses import dataclass, field
from enum import Enum
from typing import Any, Generic, Protocol, TypeVar

from fraud_platform.external.answers import (
    CheckError,
    FailedCheckError,
    SlowCheckError,
    ThrottledCheckError,
)
from fraud_platform.external.figures import LookupCounters
from fraud_platform.remote.backoff import Backoff
from fraud_platform.remote.breaker import BreakerRules, CircuitBreaker, Ending
from fraud_platform.remote.cache import Found, StaleCache
from fraud_platform.remote.pace import Bucket

log = logging.getLogger(__name__)


class Valid(Protocol):
    """An answer that says how long it holds."""

    @property
    def valid_s(self) -> float:
        """Seconds."""
        ...


K = TypeVar("K", bound=Hashable)
V = TypeVar("V", bound=Valid)


class Source(Enum):
    """Where an answer comes from."""

    SERVICE = "service"
    CACHE = "cache"
    STALE = "stale"
    """The cache, older than it should be: better than nothing."""
    NEIGHBOUR = "neighbour"
    """What is known of something close to it."""
    DEFAULT = "default"
    """Nothing is known: no evidence either way."""


@dataclass(frozen=True, slots=True)
class Answered(Generic[V]):
    """An answer, or None with source ``DEFAULT``. ``reason``: why the service did not give it."""

    value: V | None
    source: Source
    reason: str | None = None


@dataclass(frozen=True, slots=True)
class LookupOptions:
    """How a service is treated."""

    rate_tps: float
    """Calls a second, at most: below the service's own limit."""
    burst: float = 10.0
    timeout_s: float = 5.0
    """A call that takes longer is given up and counts as slow for the breaker."""
    attempts: int = 2
    concurrency: int = 16
    queue_limit: int = 256
    """Calls on their way or waiting for their turn; further ones are not made."""
    cache_limit: int = 200_000
    fresh_s: float = 3600.0
    stale_s: float = 6 * 3600.0
    backoff: Backoff = field(default_factory=lambda: Backoff(0.05, 1.0))
    breaker: BreakerRules = field(default_factory=BreakerRules)

    def __post_init__(self) -> None:
        if self.rate_tps <= 0 or self.burst < 1 or self.timeout_s <= 0:
            raise ValueError("rate_tps and timeout_s above 0, burst from 1")
        if min(self.attempts, self.concurrency, self.queue_limit) < 1:
            raise ValueError("attempts, concurrency and queue_limit from 1")


class _NotAskedError(CheckError):
    """No call was made; the message is the reason."""


class GuardedLookup(Generic[K, V]):
    """Used from any thread; ``fetch(key, timeout_s)`` makes one call or raises ``CheckError``."""

    def __init__(
        self,
        name: str,
        fetch: Callable[[K, float], V],
        options: LookupOptions,
        generator: random.Random,
        clock: Callable[[], float],
        near: Callable[[K], V | None] = lambda _: None,
    ) -> None:
        """``near`` says what is known of something close to a key, for want of better."""
        self.name = name
        self._fetch = fetch
        self._options = options
        self._random = generator
        self._clock = clock
        self._near = near
        self._lock = threading.Lock()
        self._closing = threading.Event()
        self._cache = StaleCache[K, V](options.cache_limit, options.fresh_s, options.stale_s)
        self._bucket = Bucket(options.rate_tps, options.burst, clock())
        self._paused_until_s = float("-inf")
        self._breaker = CircuitBreaker(clock, options.breaker)
        self._on_their_way: dict[K, Future[V]] = {}
        self._pool = ThreadPoolExecutor(options.concurrency, f"{name}-call")
        self._counters = LookupCounters()

    def start(self, keys: Sequence[K], until_s: float) -> Asked[K, V]:
        """Begin looking up keys (repeated ones once), to be collected by ``until_s``."""
        known: dict[K, Answered[V]] = {}
        waiting: dict[K, Future[V]] = {}
        with self._lock:
            now_s = self._clock()
            for key in keys:
                self._counters.wanted += 1
                if key in waiting:
                    self._counters.coalesced += 1
                    continue
                found = self._cache.get(key, now_s)
                if found is not None and found.fresh:
                    self._counters.hits += 1
                    known[key] = Answered(found.value, Source.CACHE)
                elif key in self._on_their_way:
                    self._counters.coalesced += 1
                    waiting[key] = self._on_their_way[key]
                elif (reason := self._obstacle(now_s, until_s)) is not None:
                    known[key] = self._without(key, found, reason)
                else:
                    future: Future[V] = self._pool.submit(self._run, key, until_s)
                    waiting[key] = self._on_their_way[key] = future
        return Asked(self, keys, known, waiting, until_s)

    def collect(self, asked: Asked[K, V]) -> dict[K, Answered[V]]:
        """Answers by key, by the deadline given to ``start``."""
        answers = dict(asked.known)
        if asked.waiting:
            wait_for(asked.waiting.values(), max(0.0, asked.until_s - self._clock()))
        for key, future in asked.waiting.items():
            error = None
            if not future.done():
                reason = "deadline"
            elif future.cancelled():
                reason = "closed"
            elif (error := future.exception()) is None:
                answers[key] = Answered(future.result(), Source.SERVICE)
                continue
            else:
                reason = str(error) if isinstance(error, _NotAskedError) else _word(error)
            with self._lock:
                found = self._cache.get(key, self._clock())
                answers[key] = self._without(key, found, reason)
        return answers

    def remembered(self, key: K) -> V | None:
        """What the cache has, fresh or stale."""
        with self._lock:
            found = self._cache.get(key, self._clock())
        return None if found is None else found.value

    def figures(self) -> dict[str, Any]:
        """Everything countable since the start, as plain values."""
        with self._lock:
            document = self._counters.document()
            document["cache"] = {"entries": len(self._cache), "evicted": self._cache.evicted}
            document["on_their_way"] = len(self._on_their_way)
        document["breaker"] = self._breaker.figures()
        return document

    def shrink_cache(self, limit: int) -> None:
        """Hold at most so many entries from now on."""
        with self._lock:
            self._cache.shrink(limit)

    def close(self) -> None:
        """Let the threads go; calls on their way are not waited for."""
        self._closing.set()
        self._pool.shutdown(wait=False, cancel_futures=True)

    # --- under the lock -------------------------------------------------------------------

    def _obstacle(self, now_s: float, until_s: float) -> str | None:
        """Why a call for one more key would be no use."""
        if self._closing.is_set():
            return "closed"
        if not self._breaker.admits():
            self._breaker.admit()  # counted as turned away
            return "breaker_open"
        if len(self._on_their_way) >= self._options.queue_limit:
            return "queue_full"
        if now_s + self._wait_s(now_s, self._counters.queued + 1) >= until_s:
            self._counters.held_back += 1
            return "rate_limited"
        self._counters.queued += 1
        return None

    def _wait_s(self, now_s: float, calls: int) -> float:
        """Seconds until so many more calls may have been made."""
        return max(self._paused_until_s - now_s, 0.0) + self._bucket.wait_s(calls, now_s)

    def _without(self, key: K, found: Found[V] | None, reason: str) -> Answered[V]:
        self._counters.without[reason] += 1
        if found is not None:
            self._counters.stale += 1
            return Answered(found.value, Source.STALE, reason)
        near = self._near(key)
        if near is not None:
            self._counters.neighbours += 1
            return Answered(near, Source.NEIGHBOUR, reason)
        self._counters.defaults += 1
        return Answered(None, Source.DEFAULT, reason)

    # --- on a thread of the pool ----------------------------------------------------------

    def _run(self, key: K, until_s: float) -> V:
        queued = True
        try:
            for attempt in range(1, self._options.attempts + 1):
                self._permit(until_s, queued)
                queued = False
                try:
                    return self._call(key)
                except FailedCheckError:
                    wait_s = self._options.backoff.wait_s(attempt, self._random)
                    late = self._clock() + wait_s >= until_s
                    if attempt == self._options.attempts or late or self._closing.wait(wait_s):
                        raise
                    self._counters.retries += 1
            raise AssertionError("the last attempt answers or raises")
        finally:
            with self._lock:
                self._counters.queued -= queued
                self._on_their_way.pop(key, None)

    def _permit(self, until_s: float, queued: bool) -> None:
        """Wait for our turn within the rate; raises when it would come too late."""
        while True:
            with self._lock:
                now_s = self._clock()
                wait_s = self._wait_s(now_s, 1)
                if wait_s <= 0 and self._bucket.take(1.0, now_s):
                    self._counters.queued -= queued
                    return
            if now_s + wait_s >= until_s:
                with self._lock:
                    self._counters.held_back += queued
                raise _NotAskedError("rate_limited")
            if self._closing.wait(wait_s):
                raise _NotAskedError("closed")

    def _call(self, key: K) -> V:
        ticket = self._breaker.admit()
        if ticket is None:
            raise _NotAskedError("breaker_open")
        begun_s = self._clock()
        with self._lock:
            self._counters.calls += 1
        ending = Ending.FAILED
        try:
            value = self._fetch(key, self._options.timeout_s)
        except ThrottledCheckError as error:
            self._breaker.give_back(ticket)  # who refuses for a limit is well
            with self._lock:
                self._counters.throttled += 1
                self._paused_until_s = self._clock() + error.retry_after_s
            raise _NotAskedError("rate_limited") from error
        except SlowCheckError:
            self._breaker.report(ticket, Ending.SLOW)
            self._failed(Ending.SLOW)
            raise
        except Exception:
            self._breaker.report(ticket, ending)
            self._failed(ending)
            raise
        now_s = self._clock()
        slow = now_s - begun_s > self._options.timeout_s
        self._breaker.report(ticket, Ending.SLOW if slow else Ending.GOOD)
        with self._lock:
            self._counters.latency.record(now_s - begun_s)
            self._cache.put(key, value, now_s, value.valid_s)
        return value

    def _failed(self, ending: Ending) -> None:
        with self._lock:
            if ending is Ending.SLOW:
                self._counters.slow += 1
            else:
                self._counters.failures += 1


@dataclass(frozen=True, slots=True)
class Asked(Generic[K, V]):
    """Lookups that were begun."""

    lookup: GuardedLookup[K, V]
    keys: Sequence[K]
    known: Mapping[K, Answered[V]]
    waiting: Mapping[K, Future[V]]
    until_s: float

    def answers(self) -> dict[K, Answered[V]]:
        """Wait for them, as long as their deadline allows."""
        return self.lookup.collect(self)


def _word(error: BaseException) -> str:
    if isinstance(error, SlowCheckError):
        return "slow"
    if not isinstance(error, CheckError):
        log.error("a check failed in our own code: %r", error)
    return "failed"
