"""Puts faults in force in their phases, keeps them leased, and ends them."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from squall.errors import SquallError
from squall.failure_injection.fault import LEASE_S, Fault
from squall.load_generator.load_clock import LoadClock
from squall.models import FaultRecord, FaultSpec

RENEW_S = LEASE_S / 3


@dataclass(frozen=True, slots=True)
class PlannedFault:
    """A fault as the scenario has it, and as it is carried out."""

    spec: FaultSpec
    fault: Fault


class FaultSchedule:
    """The faults of one run. ``note`` takes a sentence about each change.

    A fault that cannot be put in force is noted and recorded; the load goes on. Whatever happens
    to whoever runs this, a fault ends ``LEASE_S`` after its last renewal.
    """

    def __init__(
        self, planned: Sequence[tuple[FaultSpec, Fault]], note: Callable[[str], None]
    ) -> None:
        self._planned = [PlannedFault(spec, fault) for spec, fault in planned]
        self._note = note
        self._records = {
            spec.name: FaultRecord(spec.name, spec.type, fault.what, spec.during, None, None)
            for spec, fault in planned
        }
        self._tasks: list[asyncio.Task[None]] = []

    def start(self, load: LoadClock) -> None:
        """Follow the load from now on."""
        self._tasks = [asyncio.create_task(self._carry_out(one, load)) for one in self._planned]

    async def stop(self) -> None:
        """End what is in force. Harmless when repeated."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        self._tasks = []

    async def close(self) -> None:
        """Stop, and close every fault's connections."""
        await self.stop()
        for one in self._planned:
            await one.fault.close()

    def records(self) -> tuple[FaultRecord, ...]:
        """What was in force, and when."""
        return tuple(self._records.values())

    async def _carry_out(self, one: PlannedFault, load: LoadClock) -> None:
        start_s, end_s = load.window(one.spec.during)
        name = one.spec.name
        await load.reach(start_s)
        try:
            await one.fault.begin(LEASE_S)
        except SquallError as error:
            self._record(name, problem=f"could not be put in force: {error}")
            self._note(f"fault {name} could not be put in force: {error}")
            return
        self._record(name, began_s=load.profile_s())
        self._note(f"fault {name} from {load.profile_s():.1f} s: {one.fault.what}")
        try:
            await self._hold(one, load, end_s)
        finally:
            await self._end(one, load)

    async def _hold(self, one: PlannedFault, load: LoadClock, end_s: float) -> None:
        """Keep it in force until the load is so far."""
        while True:
            try:
                async with asyncio.timeout(RENEW_S):
                    await load.reach(end_s)
                return
            except TimeoutError:
                await self._renew(one)

    async def _renew(self, one: PlannedFault) -> None:
        try:
            await one.fault.renew(LEASE_S)
        except SquallError as error:
            self._record(one.spec.name, problem=f"could not be renewed: {error}")

    async def _end(self, one: PlannedFault, load: LoadClock) -> None:
        name = one.spec.name
        try:
            await one.fault.end()
        except SquallError as error:
            self._record(name, problem=f"could not be ended and runs out by itself: {error}")
        self._record(name, ended_s=load.profile_s())
        self._note(f"fault {name} ended at {load.profile_s():.1f} s")

    def _record(
        self,
        name: str,
        *,
        began_s: float | None = None,
        ended_s: float | None = None,
        problem: str = "",
    ) -> None:
        known = self._records[name]
        self._records[name] = replace(
            known,
            began_s=known.began_s if began_s is None else round(began_s, 3),
            ended_s=known.ended_s if ended_s is None else round(ended_s, 3),
            problem=known.problem or problem,
        )
