"""Probes and faults of a run: worked, concluded and removed, and never in the load's way."""

import asyncio
from dataclasses import dataclass, field

import pytest

from squall.errors import ConfigurationError, TargetUnreachable
from squall.failure_injection import FaultSchedule
from squall.load_generator.load_clock import LoadClock
from squall.load_generator.profiles import build
from squall.load_generator.transactions import FactorySpec
from squall.models import Accounting, AuditTrail, Mix, ProbeSpec
from squall.models.load_spec import SustainedSpec
from squall.orchestrator import beside as beside_module
from squall.orchestrator.beside import Beside
from squall.probes import ConcludedLoad, Measured
from squall.targets.installation import Installation

CLOCK = LoadClock(
    build(SustainedSpec(type="sustained", name="hold", rate_tps=10, duration_s=5), 0), lambda: 0.0
)
SPEC = AuditTrail(type="audit_trail", name="audit")
LOAD = ConcludedLoad(
    run_tag="k3v9x2ab",
    accounting=Accounting(10, 10, 0, 0, 0),
    source=FactorySpec(seed=1, mix=Mix(0.15, 0.05, {}), planned=10, epoch_s=0.0),
    started_unix_s=0.0,
    duration_s=5.0,
)


@dataclass
class Work:
    """A probe whose steps a test decides."""

    what: str = "looks at everything"
    fails_in: str = ""
    error: Exception = field(default_factory=lambda: TargetUnreachable("nothing answers"))
    endless: bool = False
    log: list[str] = field(default_factory=list)

    async def prepare(self) -> None:
        self._step("prepare")

    async def beside(self, load: LoadClock) -> None:
        self._step("beside")
        if self.endless:
            await asyncio.Event().wait()

    async def conclude(self, load: ConcludedLoad) -> Measured:
        self._step("conclude")
        return Measured({"entries": 10.0, "not_a_figure": 1.0})

    async def close(self) -> None:
        self._step("close")

    def _step(self, name: str) -> None:
        self.log.append(name)
        if name == self.fails_in:
            raise self.error


def made(*works: Work) -> tuple[Beside, list[str]]:
    notes: list[str] = []
    specs: list[ProbeSpec] = [SPEC] * len(works)
    running = [beside_module._Running(s, w) for s, w in zip(specs, works, strict=True)]
    return Beside(FaultSchedule([], notes.append), notes.append, notes.append, running), notes


async def whole(beside: Beside) -> tuple[float | None, str]:
    await beside.prepare()
    beside.start(CLOCK)
    await beside.stop()
    (result,) = await beside.conclude(LOAD)
    await beside.close()
    assert set(result.figures) == set(AuditTrail.FIGURES)
    return result.figures["entries"], result.problem


async def test_a_probe_from_its_preparation_to_its_removal() -> None:
    work = Work()
    beside, _ = made(work)
    assert await whole(beside) == (10.0, "")
    assert work.log == ["prepare", "beside", "conclude", "close"]


@pytest.mark.parametrize("error", [TargetUnreachable("gone"), KeyError("Shards")])
async def test_one_that_fails_beside_the_load_still_says_what_it_has(error: Exception) -> None:
    beside, notes = made(Work(fails_in="beside", error=error))
    entries, problem = await whole(beside)
    assert entries == 10.0
    assert str(error) in problem
    assert any(str(error) in note for note in notes)


async def test_one_that_cannot_be_concluded_measured_nothing() -> None:
    beside, _ = made(Work(fails_in="conclude"))
    assert await whole(beside) == (None, "nothing answers")


async def test_one_that_cannot_be_prepared_ends_the_run() -> None:
    beside, _ = made(Work(fails_in="prepare"))
    with pytest.raises(TargetUnreachable):
        await beside.prepare()
    await beside.close()


async def test_one_that_does_not_finish_is_broken_off(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(beside_module, "PATIENCE_S", 0.01)
    beside, _ = made(Work(endless=True))
    entries, problem = await whole(beside)
    assert entries == 10.0
    assert "not finished" in problem


async def test_a_run_that_is_broken_off_does_not_wait() -> None:
    work = Work(endless=True)
    beside, _ = made(work)
    beside.start(CLOCK)
    await asyncio.sleep(0)
    await beside.stop(at_once=True)
    (result,) = beside.unconcluded()
    assert result.problem == "broken off with the run"
    assert work.log == ["beside"]


async def test_what_is_left_behind_is_said() -> None:
    beside, notes = made(Work(fails_in="close"))
    await beside.close()
    assert notes == ["probe audit left something behind: nothing answers"]


def test_a_target_that_lacks_what_a_probe_needs() -> None:
    with pytest.raises(ConfigurationError, match="audit"):
        Beside.of([SPEC], [], Installation(), 1, lambda _: None, lambda _: None)
