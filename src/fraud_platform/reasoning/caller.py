"""Calls the model for queued cases: paced, retried, guarded by a breaker.

One thread decides what is sent when; the calls themselves run on a bounded pool of threads. A case
that is throttled goes back into the queue and is tried again after its backoff; it holds no thread
meanwhile.
"""

from __future__ import annotations

import logging
import random
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field

from fraud_platform.reasoning.answer import MalformedAnswerError, Opinion, read_answer
from fraud_platform.reasoning.figures import ReasoningCounters
from fraud_platform.reasoning.jobs import Fallback, Job, JobQueue
from fraud_platform.reasoning.model import (
    Attempt,
    LanguageModel,
    ModelCallError,
    ModelText,
    RefusedError,
    ThrottledError,
)
from fraud_platform.reasoning.quota import Permits, Quota
from fraud_platform.remote.backoff import Backoff
from fraud_platform.remote.breaker import BreakerRules, CircuitBreaker, Ending, Ticket

log = logging.getLogger(__name__)

_IDLE_S = 3600.0
_FROZEN_S = 60.0
"""No call takes this long: the process itself was stopped (as Lambda does between invocations)."""


@dataclass(frozen=True, slots=True)
class CallerOptions:
    """How the model is called."""

    concurrency: int = 256
    """Calls on the wire at once; each holds a thread, which is made when it is needed first."""
    queue_limit: int = 2_000
    most_attempts: int = 10
    """Attempts at one case, within its deadline."""
    slow_s: float = 5.0
    """A call that takes longer counts as slow for the breaker."""
    quota: Quota = field(default_factory=Quota)
    backoff: Backoff = field(default_factory=Backoff)
    breaker: BreakerRules = field(default_factory=BreakerRules)

    def __post_init__(self) -> None:
        if min(self.concurrency, self.queue_limit, self.most_attempts) < 1 or self.slow_s <= 0:
            raise ValueError("concurrency, queue_limit and most_attempts from 1; slow_s above 0")


class ModelCaller:
    """Takes jobs from any thread and ends each with an opinion or the reason for having none."""

    def __init__(
        self,
        model: LanguageModel,
        options: CallerOptions,
        counters: ReasoningCounters,
        generator: random.Random,
        clock: Callable[[], float],
        answered: Callable[[str, Opinion], None],
    ) -> None:
        """``answered`` is told every good answer by digest, those that came too late included."""
        self._model = model
        self._options = options
        self._counters = counters
        self._random = generator
        self._clock = clock
        self._answered = answered
        self.breaker = CircuitBreaker(clock, options.breaker)
        self.permits = Permits(options.quota, clock())
        self.changed = threading.Condition()
        """Guards everything here and the counters."""
        self._queue = JobQueue(options.queue_limit)
        self._on_wire = 0
        self._closed = False
        self._pool = ThreadPoolExecutor(options.concurrency, "reasoning-call")
        self._thread = threading.Thread(target=self._dispatch, name="reasoning", daemon=True)
        self._thread.start()

    def put(self, jobs: list[Job]) -> None:
        """Queue jobs; the ones that find no room end at once."""
        turned_away: list[Job] = []
        with self.changed:
            why = Fallback.CLOSED if self._closed else Fallback.QUEUE_FULL
            now_s = self._clock()
            for job in jobs:
                if self._closed or not self._queue.put(job, now_s):
                    turned_away.append(job)
            self.changed.notify()
        for job in turned_away:
            job.end(why, now_s)

    def depth(self) -> int:
        """Jobs waiting."""
        with self.changed:
            return len(self._queue)

    def overdue(self, job: Job, now_s: float) -> None:
        """Called when a job's time is over: it ends, for whatever stood in its way last."""
        with self.changed:
            late = job.asked_s is not None
        job.end(Fallback.DEADLINE if late else job.last, now_s)

    def close(self) -> None:
        """End all jobs that wait and let the threads go; calls on the wire are not waited for."""
        with self.changed:
            self._closed = True
            waiting = self._queue.clear()
            self.changed.notify_all()
        for job in waiting:
            job.end(Fallback.CLOSED, self._clock())
        self._thread.join()
        self._pool.shutdown(wait=False, cancel_futures=True)

    # --- deciding what is sent ------------------------------------------------------------

    def _dispatch(self) -> None:
        while True:
            with self.changed:
                if self._closed:
                    return
                wait_s = self._step(self._clock())
                if wait_s > 0:
                    self.changed.wait(wait_s)

    def _step(self, now_s: float) -> float:
        """Send or end one job; else the seconds after which there may be something to do."""
        job = self._queue.first(now_s)
        if job is None:
            wait_s = self._queue.wait_s(now_s)
            return _IDLE_S if wait_s is None else wait_s
        if now_s >= job.until_s:
            self._queue.pop().end(job.last, now_s)
            return 0.0
        if not self.breaker.admits():
            self._queue.pop()
            self.breaker.admit()  # counted as turned away
            job.end(Fallback.BREAKER_OPEN, now_s)
            return 0.0
        if self._on_wire >= self._options.concurrency:
            return _IDLE_S
        wait_s = self.permits.wait_s(job.prompt.tokens_estimate, now_s)
        if wait_s > 0:
            return wait_s
        ticket = self.breaker.admit()
        assert ticket is not None, "only this thread takes tickets"
        self._queue.pop()
        self._on_wire += 1
        job.asked_s = now_s
        job.attempts += 1
        self._counters.calls += 1
        self._counters.calls_at_once_max = max(self._counters.calls_at_once_max, self._on_wire)
        self._counters.retries += job.attempts > 1
        self._pool.submit(self._call, job, ticket)
        return 0.0

    # --- one call -------------------------------------------------------------------------

    def _call(self, job: Job, ticket: Ticket) -> None:
        try:
            self._ask(job, ticket)
        except Exception:  # a fault of ours must not take the slot with it
            log.exception("a case could not be put to the model")
            self.breaker.report(ticket, Ending.FAILED)
            job.end(Fallback.UNAVAILABLE, self._clock())
        finally:
            with self.changed:
                self._on_wire -= 1
                job.asked_s = None
                self.changed.notify()

    def _ask(self, job: Job, ticket: Ticket) -> None:
        attempt = Attempt(job.invocation_id, job.attempts, self._options.most_attempts)
        begun_s = self._clock()
        try:
            text = self._model.ask(job.prompt, attempt)
        except ModelCallError as error:
            self._failed(job, ticket, error, begun_s)
            return
        self._read(job, ticket, text, begun_s)

    def _read(self, job: Job, ticket: Ticket, text: ModelText, begun_s: float) -> None:
        now_s = self._clock()
        took_s = now_s - begun_s
        opinion: Opinion | None = None
        try:
            if not text.complete:
                raise MalformedAnswerError("the answer was cut off")
            opinion = read_answer(text.text)
        except MalformedAnswerError as error:
            log.info("case %s: %s", job.digest, error)
        tokens = text.input_tokens + text.output_tokens
        with self.changed:
            self.permits.used(job.prompt.tokens_estimate, tokens, now_s)
            self._counters.input_tokens += text.input_tokens
            self._counters.output_tokens += text.output_tokens
            self._counters.call_latency.record(took_s)
            self._counters.malformed_answers += opinion is None
        self._report(ticket, took_s, Ending.GOOD if opinion else Ending.FAILED)
        if opinion is None:
            job.end(Fallback.MALFORMED, now_s)
        else:
            self._answered(job.digest, opinion)
            job.end(opinion, now_s)

    def _failed(self, job: Job, ticket: Ticket, error: ModelCallError, begun_s: float) -> None:
        now_s = self._clock()
        throttled = isinstance(error, ThrottledError)
        with self.changed:
            if throttled:
                self._counters.throttles += 1
                self.permits.refused(job.prompt.tokens_estimate, now_s)
            else:
                self._counters.failures += 1
                self.permits.returned(job.prompt.tokens_estimate, now_s)
        if throttled:
            self.breaker.give_back(ticket)  # a service at its quota is not ill
        else:
            self._report(ticket, now_s - begun_s, Ending.FAILED)
        if isinstance(error, RefusedError):
            log.warning("the model cannot be asked: %s", error)
            job.end(Fallback.REFUSED, now_s)
        else:
            self._again(job, Fallback.THROTTLED if throttled else Fallback.UNAVAILABLE, now_s)

    def _report(self, ticket: Ticket, took_s: float, ending: Ending) -> None:
        if took_s > _FROZEN_S:
            self.breaker.give_back(ticket)
        else:
            self.breaker.report(ticket, Ending.SLOW if took_s > self._options.slow_s else ending)

    def _again(self, job: Job, why: Fallback, now_s: float) -> None:
        """Queue it for another attempt, if there is time for one."""
        job.failures += 1
        job.last = why
        ready_s = now_s + self._options.backoff.wait_s(job.failures, self._random)
        if job.failures >= self._options.most_attempts or ready_s >= job.until_s:
            job.end(why, now_s)
            return
        with self.changed:
            if not self._closed:
                self._queue.put_back(job, ready_s)
                self._counters.requeued += why is Fallback.THROTTLED
                self.changed.notify()
                return
        job.end(Fallback.CLOSED, now_s)
