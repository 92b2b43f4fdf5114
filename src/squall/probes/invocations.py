"""Synchronous invocations of a function of its own, so many at once, beside the load."""

from __future__ import annotations

import asyncio
import binascii
import itertools
import re
import time
from array import array
from urllib.parse import quote

import numpy as np
import orjson

from squall.load_generator.engine.answer import Answer
from squall.models import Invocations
from squall.probes.aws_place import AwsPlace
from squall.probes.held_function import HeldFunction
from squall.probes.pacing import LoadTime
from squall.probes.probe import ConcludedLoad, LoadClock, Measured
from squall.probes.single_call import SingleCalls
from squall.probes.tally import Tally
from squall.targets.aws.signed_calls import SignedCalls
from squall.targets.aws.signing import Shape
from squall.targets.installation import Installation

_LOG = b"x-amz-log-result"
_COLD = re.compile(rb"Init Duration: ([0-9.]+) ms")
"""In the report of an invocation that had its environment started for it."""
_TIMED_OUT = re.compile(rb"Task timed out|Sandbox\.Timedout")
_PATIENCE_S = 10.0
"""More than the function's timeout, before an answer is given up."""
_AFTER_REFUSAL_S = 0.1


class InvocationsProbe:
    """As many callers as there are to be invocations at once, each invoking again when answered.

    One invocation of each caller, all at once, comes before the load: it starts the environments,
    so that starting them does not compete with the load. Its start counts, so that no cold start is
    hidden; for what runs at once only invocations beside the load count.
    """

    def __init__(self, spec: Invocations, installation: Installation, seed: int) -> None:
        self._spec = spec
        self._place = AwsPlace(spec.name, installation)
        self._function = HeldFunction(self._place, spec.timeout_s, spec.role)
        self._service = self._place.rest("lambda")
        self._tally = Tally()
        self._callers: list[SingleCalls] = []
        self._payload = orjson.dumps({"hold_s": spec.hold_ms / 1000})
        self._began_s, self._ended_s = array("d"), array("d")
        """Of the invocations beside the load, by the functions' own clocks."""
        self._cold = 0
        self._timeouts = 0
        self._init_ms_max = 0.0

    @property
    def what(self) -> str:
        """What it does, with its amounts."""
        spec = self._spec
        return (
            f"{spec.count:,} invocations of a function of its own, {spec.concurrency:,} at once, "
            f"each holding its environment for {spec.hold_ms:,g} ms"
        )

    async def prepare(self) -> None:
        """Make the function and start its environments.

        Raises:
            TargetError: it cannot be made.
        """
        await self._function.make()
        calls = self._calls()
        patience_s = self._spec.timeout_s + _PATIENCE_S
        callers = min(self._spec.concurrency, self._spec.count)
        self._callers = [
            SingleCalls(self._service, self._tally, patience_s, keep=frozenset({_LOG}))
            for _ in range(callers)
        ]
        await asyncio.gather(*(self._invoke(caller, calls) for caller in self._callers))
        del self._began_s[:], self._ended_s[:]

    def _calls(self) -> SignedCalls:
        service = self._service
        headers = {
            "Host": service.address.host,
            "Content-Type": "application/json",
            "X-Amz-Invocation-Type": "RequestResponse",
            "X-Amz-Log-Type": "Tail",
        }
        path = f"/2015-03-31/functions/{quote(self._place.name, safe='')}/invocations"
        return SignedCalls(
            Shape("POST", path, headers), service.scope, service.credentials, time.time
        )

    async def beside(self, load: LoadClock) -> None:
        """Invoke until all are done or the phase is over; what is under way is waited for."""
        start_s, end_s = load.window(self._spec.during)
        left = itertools.count(len(self._callers))
        now = LoadTime(load)
        spread_s = self._spec.hold_ms / 1000 / len(self._callers)

        async def call_on(number: int, caller: SingleCalls) -> None:
            calls = self._calls()
            await load.reach(min(start_s + number * spread_s, end_s))  # not all in one moment
            while (due_s := now.now_s()) < end_s and next(left) < self._spec.count:
                if await self._invoke(caller, calls):
                    self._tally.took(now.now_s() - due_s)
                else:
                    await asyncio.sleep(_AFTER_REFUSAL_S)

        async with asyncio.TaskGroup() as callers:
            for number, caller in enumerate(self._callers):
                callers.create_task(call_on(number, caller))

    async def _invoke(self, caller: SingleCalls, calls: SignedCalls) -> bool:
        """One invocation, counted; whether it succeeded."""
        answer = await caller.call(calls, self._payload)
        if answer is None:
            return False
        self._note_start(answer)
        try:
            times = orjson.loads(answer.body)
            began_s, ended_s = float(times["began_s"]), float(times["ended_s"])
        except (ValueError, KeyError, TypeError):
            self._note_error(answer)
            return False
        self._began_s.append(began_s)
        self._ended_s.append(ended_s)
        self._tally.succeed()
        return True

    def _note_start(self, answer: Answer) -> None:
        try:
            log = binascii.a2b_base64(answer.headers.get(_LOG, b""))
        except binascii.Error:
            return
        cold = _COLD.search(log)
        if cold is not None:
            self._cold += 1
            self._init_ms_max = max(self._init_ms_max, float(cold[1]))

    def _note_error(self, answer: Answer) -> None:
        """A function that failed is answered with 200 and its error."""
        timed_out = _TIMED_OUT.search(answer.body) is not None
        self._timeouts += timed_out
        self._tally.refuse("timed out" if timed_out else "function error", throttle=False)

    async def conclude(self, load: ConcludedLoad) -> Measured:
        """What was measured."""
        tally = self._tally
        notes = tally.notes()
        if self._cold:
            notes = (*notes, f"slowest cold start: {self._init_ms_max:,.0f} ms")
        return Measured(
            {
                "invocations": tally.total,
                "concurrency_max": _most_at_once(self._began_s, self._ended_s),
                "planned_concurrency": self._spec.concurrency,
                "cold_start_share": tally.share(self._cold),
                "throttled_share": tally.share(tally.throttled),
                "failed_share": tally.share(tally.failed),
                "timeouts": self._timeouts,
            },
            tally.latency_ms(),
            notes,
        )

    async def close(self) -> None:
        """Delete the function.

        Raises:
            TargetError: it cannot be deleted.
        """
        callers, self._callers = self._callers, []
        for caller in callers:
            await caller.close()
        await self._function.remove()


def _most_at_once(began_s: array[float], ended_s: array[float]) -> int:
    """The most of these spans that overlap; one that ends as another begins does not."""
    moments = np.concatenate([np.asarray(ended_s), np.asarray(began_s)])
    steps = np.concatenate([-np.ones(len(ended_s)), np.ones(len(began_s))])
    order = np.argsort(moments, kind="stable")  # ends come first, so they stay before beginnings
    return int(np.cumsum(steps[order]).max(initial=0))
