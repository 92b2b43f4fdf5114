"""What happens beside one run's load: its probes and its faults."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from squall.errors import SquallError
from squall.failure_injection import FaultSchedule, make_fault
from squall.load_generator.load_clock import LoadClock
from squall.models import FaultRecord, FaultSpec, ProbeResult, ProbeSpec
from squall.orchestrator.ports import Progress
from squall.probes import ConcludedLoad, Measured, Probe, make_probe
from squall.targets.installation import Installation

PATIENCE_S = 30.0
"""How long after the load a probe may still be at work on what it began."""


@dataclass(slots=True)
class _Running:
    spec: ProbeSpec
    probe: Probe
    task: asyncio.Task[None] | None = None
    problem: str = ""


@dataclass(slots=True)
class Beside:
    """Probes and faults, from before the load to after its final read."""

    faults: FaultSchedule
    progress: Progress
    note: Callable[[str], None]
    _probes: list[_Running] = field(default_factory=list)

    @classmethod
    def of(
        cls,
        probes: Sequence[ProbeSpec],
        faults: Sequence[FaultSpec],
        installation: Installation,
        seed: int,
        progress: Progress,
        note: Callable[[str], None],
    ) -> Beside:
        """Everything that a scenario asks for, on a target's parts.

        Raises:
            ConfigurationError: the target lacks what one of them needs.
        """
        made = [(spec, make_fault(spec, installation)) for spec in faults]
        running = [_Running(spec, make_probe(spec, installation, seed)) for spec in probes]
        return cls(FaultSchedule(made, note), progress, note, running)

    async def prepare(self) -> None:
        """Make what the probes need; raises ``SquallError`` where one of them cannot."""
        for one in self._probes:
            self.progress(f"preparing probe {one.spec.name}: {one.probe.what}")
            await one.probe.prepare()

    def start(self, load: LoadClock) -> None:
        """Work beside the load from now on."""
        self.faults.start(load)
        for one in self._probes:
            one.task = asyncio.create_task(self._work(one, load))

    async def _work(self, one: _Running, load: LoadClock) -> None:
        try:
            await one.probe.beside(load)
        except SquallError as error:
            one.problem = str(error)
        except Exception as error:  # a probe that fails must not take the load's result with it
            one.problem = f"{type(error).__name__}: {error}"
        if one.problem:
            self.note(f"probe {one.spec.name} could not go on: {one.problem}")

    async def stop(self, *, at_once: bool = False) -> None:
        """End the faults, and wait for the probes to finish what they began, within limits."""
        await self.faults.stop()
        tasks = {one.task: one for one in self._probes if one.task is not None}
        if not tasks:
            return
        late = set(tasks)
        if not at_once:
            _, late = await asyncio.wait(tasks, timeout=PATIENCE_S)
        for task in late:
            task.cancel()
            tasks[task].problem = tasks[task].problem or (
                "broken off with the run"
                if at_once
                else f"not finished {PATIENCE_S:.0f} s after the load; its figures are in part"
            )
        await asyncio.gather(*tasks, return_exceptions=True)
        for one in self._probes:
            one.task = None

    async def conclude(self, load: ConcludedLoad) -> tuple[ProbeResult, ...]:
        """What the probes measured, those included that look only now."""
        results = []
        for one in self._probes:
            self.progress(f"concluding probe {one.spec.name}: {one.probe.what}")
            results.append(_result(one, await self._measured(one, load)))
        return tuple(results)

    async def _measured(self, one: _Running, load: ConcludedLoad) -> Measured:
        try:
            return await one.probe.conclude(load)
        except SquallError as error:
            one.problem = one.problem or str(error)
        except Exception as error:  # as above
            one.problem = one.problem or f"{type(error).__name__}: {error}"
        self.note(f"probe {one.spec.name} could not be concluded: {one.problem}")
        return Measured({})

    def unconcluded(self) -> tuple[ProbeResult, ...]:
        """The probes of a run that was broken off."""
        for one in self._probes:
            one.problem = one.problem or "the run was broken off"
        return tuple(_result(one, Measured({})) for one in self._probes)

    def fault_records(self) -> tuple[FaultRecord, ...]:
        """The faults as they were in force."""
        return self.faults.records()

    async def close(self) -> None:
        """End everything and remove what was made. Harmless when repeated."""
        await self.stop(at_once=True)
        await self.faults.close()
        for one in self._probes:
            try:
                await one.probe.close()
            except SquallError as error:
                self.note(f"probe {one.spec.name} left something behind: {error}")


def _result(one: _Running, measured: Measured) -> ProbeResult:
    return ProbeResult(
        name=one.spec.name,
        type=one.spec.type,
        what=one.probe.what,
        figures={name: measured.figures.get(name) for name in one.spec.FIGURES},
        latency_ms=measured.latency_ms,
        problem=one.problem,
        notes=measured.notes,
    )
