from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator

import numpy as np
import pytest

from fraud_platform.agents.evidence import Evidence, Votes
from fraud_platform.agents.panel import Panel
from fraud_platform.agents.runner import Absence, AgentRunner, Latch
from fraud_platform.state.features import NAMES

NOTHING = Evidence((), np.zeros((3, len(NAMES)), dtype=np.float32))


def votes(size: int = 3) -> Votes:
    return Votes(np.full(size, 0.25), np.full(size, 0.5), np.zeros(size, dtype=np.uint64))


class Steady:
    """An agent that answers at once."""

    def __init__(self, name: str = "steady") -> None:
        self.name = name

    def judge(self, evidence: Evidence) -> Votes:
        return votes(len(evidence))


class Gated:
    """An agent that answers when it is let go."""

    name = "gated"

    def __init__(self) -> None:
        self.gate = threading.Event()
        self.calls = 0

    def judge(self, evidence: Evidence) -> Votes:
        self.calls += 1
        assert self.gate.wait(30)
        return votes(len(evidence))


class Failing:
    name = "failing"

    def judge(self, evidence: Evidence) -> Votes:
        raise RuntimeError("out of order")


class Clock:
    """A clock that is moved by hand."""

    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


def ask(runner: AgentRunner) -> Votes | Absence:
    """Hand over a micro-batch and wait for it to be finished."""
    latch = Latch(1)
    call = runner.start(NOTHING, latch)
    latch.wait(20.0)
    return runner.result(call, 3)


def until(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 20
    while not condition():
        assert time.monotonic() < deadline, "did not happen in time"
        time.sleep(0.001)


@pytest.fixture
def gated() -> Iterator[Gated]:
    agent = Gated()
    yield agent
    agent.gate.set()


def test_votes_come_back_and_are_counted() -> None:
    panel = Panel([AgentRunner(Steady())], deadline_s=10.0)
    answer = panel.vote(NOTHING)[0]
    assert isinstance(answer, Votes)
    counters = panel.runners[0].counters
    assert (counters.decisions, counters.judged) == (3, 3)
    assert counters.latency.percentile_ms(50) is not None
    panel.close()


def test_a_late_agent_is_left_out_and_the_rest_carry_on(gated: Gated) -> None:
    panel = Panel([AgentRunner(Steady()), AgentRunner(gated)], deadline_s=0.02)
    for expected in (Absence.LATE, Absence.PASSED_OVER, Absence.PASSED_OVER):
        first, second = panel.vote(NOTHING)
        assert isinstance(first, Votes)
        assert second is expected
    late = panel.runners[1]
    assert late.counters.timeouts == 9
    assert late.counters.decisions == 0
    assert not late.healthy
    assert gated.calls == 1  # it is not given more while it is busy


def test_an_agent_comes_back_when_it_answers_again(gated: Gated) -> None:
    clock = Clock()
    runner = AgentRunner(gated, clock)
    call = runner.start(NOTHING, Latch(1))
    assert runner.result(call, 3) is Absence.LATE
    assert not runner.available
    gated.gate.set()
    until(lambda: runner.available)
    assert isinstance(ask(runner), Votes)
    assert runner.healthy
    runner.close()


def test_a_failing_agent_is_logged_counted_and_rested(caplog: pytest.LogCaptureFixture) -> None:
    clock = Clock()
    runner = AgentRunner(Failing(), clock)
    for _ in range(3):
        assert ask(runner) is Absence.FAILED
    assert "out of order" in caplog.text
    assert not runner.available  # resting
    assert runner.result(None, 3) is Absence.PASSED_OVER
    assert runner.counters.failures == 12
    assert not runner.healthy
    clock.now += 2.0
    assert runner.available  # to be tried again
    runner.close()


def test_the_wrong_number_of_votes_is_a_failure() -> None:
    class Short(Steady):
        def judge(self, evidence: Evidence) -> Votes:
            return votes(1)

    runner = AgentRunner(Short())
    assert ask(runner) is Absence.FAILED
    runner.close()


def test_each_outage_is_logged_once_with_its_end(caplog: pytest.LogCaptureFixture) -> None:
    """However many micro-batches it lasts; votes carry the time they were given."""

    class Moody(Steady):
        ill = True

        def judge(self, evidence: Evidence) -> Votes:
            if self.ill:
                raise RuntimeError("out of order")
            return super().judge(evidence)

    caplog.set_level("INFO")
    clock, agent = Clock(), Moody("moody")
    runner = AgentRunner(agent, clock)
    for outage in (1, 2):
        agent.ill = True
        for _ in range(4):
            assert ask(runner) is Absence.FAILED
            clock.now += 2.0
        assert runner.counters.outages == outage
        agent.ill = False
        answer = ask(runner)
        assert isinstance(answer, Votes)
        assert answer.at_s == clock.now
    lines = [record.getMessage() for record in caplog.records]
    assert len(lines) == 4
    assert [line.startswith("agent moody failed") for line in lines] == [True, False] * 2
    assert lines[1] == "agent moody answers in time again; 12 transactions were decided without it"
    runner.close()


def test_an_agent_that_comes_and_goes_does_not_fill_the_log(
    caplog: pytest.LogCaptureFixture,
) -> None:
    clock = Clock()

    class Alternating(Steady):
        calls = 0

        def judge(self, evidence: Evidence) -> Votes:
            self.calls += 1
            if self.calls % 2:
                raise RuntimeError("out of order")
            return super().judge(evidence)

    runner = AgentRunner(Alternating(), clock)
    for _ in range(200):
        ask(runner)
        clock.now += 0.01
    assert runner.counters.failures == 300
    assert len(caplog.records) <= 2 * 2 + 2  # two seconds
    runner.close()
