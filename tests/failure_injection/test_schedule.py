"""Faults are put in force in their phases, renewed, and ended, whatever happens."""

import asyncio
from dataclasses import dataclass, field

import pytest

from squall.errors import TargetUnreachable
from squall.failure_injection import LEASE_S, FaultSchedule
from squall.failure_injection import schedule as schedule_module
from squall.load_generator.load_clock import LoadClock
from squall.load_generator.profiles import build
from squall.models import AgentFault
from squall.models.load_spec import SequenceSpec, SustainedSpec

PROFILE = build(
    SequenceSpec(
        type="sequence",
        parts=(
            SustainedSpec(type="sustained", name="lead", rate_tps=10, duration_s=2),
            SustainedSpec(type="sustained", name="broken", rate_tps=10, duration_s=3),
            SustainedSpec(type="sustained", name="after", rate_tps=10, duration_s=2),
        ),
    ),
    0,
)
SPEC = AgentFault(type="agent", name="slow", during="broken", agent="compliance", delay_ms=100)


@dataclass
class Recorded:
    what: str = "agent a answers 100 ms late"
    log: list[str] = field(default_factory=list)
    refuses: str = ""
    changed: asyncio.Event = field(default_factory=asyncio.Event)

    async def begin(self, lease_s: float) -> None:
        self._say("begin")

    async def renew(self, lease_s: float) -> None:
        self._say("renew")

    async def end(self) -> None:
        self._say("end")

    async def close(self) -> None:
        self._say("close")

    def _say(self, what: str) -> None:
        self.log.append(what)
        self.changed.set()
        if what == self.refuses:
            raise TargetUnreachable("nothing answers")


class Load:
    """A load that is as far as a test says."""

    def __init__(self) -> None:
        self.at_s = 0.0
        self.clock = LoadClock(PROFILE, lambda: self.at_s)


async def until(fault: Recorded, what: str) -> None:
    async with asyncio.timeout(10):
        while what not in fault.log:
            fault.changed.clear()
            await fault.changed.wait()


async def test_a_fault_is_in_force_in_its_phase() -> None:
    fault, load, notes = Recorded(), Load(), list[str]()
    schedule = FaultSchedule([(SPEC, fault)], notes.append)
    schedule.start(load.clock)
    await asyncio.sleep(0)
    assert fault.log == []
    load.at_s = 2.0
    await until(fault, "begin")
    load.at_s = 5.0
    await until(fault, "end")
    await schedule.close()
    (record,) = schedule.records()
    assert (record.name, record.during, record.problem) == ("slow", "broken", "")
    assert (record.began_s, record.ended_s) == (2.0, 5.0)
    assert fault.log == ["begin", "end", "close"]
    assert "from 2.0 s: agent a answers 100 ms late" in notes[0]


async def test_a_fault_is_ended_when_the_load_stops_in_its_phase() -> None:
    fault, load = Recorded(), Load()
    schedule = FaultSchedule([(SPEC, fault)], lambda _: None)
    schedule.start(load.clock)
    load.at_s = 3.5
    await until(fault, "begin")
    await schedule.stop()
    assert fault.log == ["begin", "end"]
    assert schedule.records()[0].ended_s == 3.5


async def test_a_fault_is_renewed_while_it_lasts(monkeypatch: pytest.MonkeyPatch) -> None:
    assert schedule_module.RENEW_S < LEASE_S / 2
    monkeypatch.setattr(schedule_module, "RENEW_S", 0.01)
    fault, load = Recorded(), Load()
    schedule = FaultSchedule([(SPEC, fault)], lambda _: None)
    schedule.start(load.clock)
    load.at_s = 2.5
    await until(fault, "renew")
    load.at_s = 5.0
    await until(fault, "end")
    await schedule.close()


async def test_a_fault_that_cannot_be_made_is_recorded_and_the_load_goes_on() -> None:
    fault, load, notes = Recorded(refuses="begin"), Load(), list[str]()
    schedule = FaultSchedule([(SPEC, fault)], notes.append)
    schedule.start(load.clock)
    load.at_s = 2.0
    await until(fault, "begin")
    await schedule.close()
    (record,) = schedule.records()
    assert (record.began_s, record.ended_s) == (None, None)
    assert record.problem == "could not be put in force: nothing answers"
    assert "nothing answers" in notes[0]


async def test_one_that_cannot_be_ended_runs_out_by_itself() -> None:
    fault, load = Recorded(refuses="end"), Load()
    schedule = FaultSchedule([(SPEC, fault)], lambda _: None)
    schedule.start(load.clock)
    load.at_s = 4.0
    await until(fault, "begin")
    await schedule.close()
    assert "runs out by itself" in schedule.records()[0].problem
