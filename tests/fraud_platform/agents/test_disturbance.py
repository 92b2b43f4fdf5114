from __future__ import annotations

import random
import threading

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from fraud_platform.agents.disturbance import (
    AgentDisturbedError,
    Disturbance,
    DisturbanceBook,
    DisturbedAgent,
    disturbance_of,
    parse_disturbance,
)
from fraud_platform.agents.evidence import Evidence, Votes
from fraud_platform.errors import UsageError
from fraud_platform.state.features import NAMES

NOTHING = Evidence((), np.zeros((3, len(NAMES)), dtype=np.float32))


class Steady:
    name = "a"

    def judge(self, evidence: Evidence) -> Votes:
        size = len(evidence)
        return Votes(np.full(size, 0.2), np.ones(size), np.zeros(size, dtype=np.uint64))


class Clock:
    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


def test_an_agent_fails_until_its_lease_is_over() -> None:
    clock = Clock()
    book = DisturbanceBook(clock=clock)
    agent = DisturbedAgent(Steady(), book)
    assert len(agent.judge(NOTHING).risk) == 3
    leased = book.begin(Disturbance("a", fails=True), 5.0)
    for _ in range(2):
        with pytest.raises(AgentDisturbedError, match="a was told to fail"):
            agent.judge(NOTHING)
        clock.now += 3.0
        renewed = book.renew(leased.id, 5.0)
        assert renewed is leased
    clock.now += 5.0
    assert len(agent.judge(NOTHING).risk) == 3
    assert book.renew(leased.id, 5.0) is None
    assert not book.end(leased.id)
    assert book.leased() == []


def test_others_are_left_alone_and_what_lasts_has_no_lease() -> None:
    book = DisturbanceBook([Disturbance("b", fails=True)])
    book.begin(Disturbance("c", delay_s=9.0), 60.0)
    assert len(DisturbedAgent(Steady(), book).judge(NOTHING).risk) == 3
    with pytest.raises(AgentDisturbedError):
        book.hold("b")
    assert [one.disturbance.agent for one in book.leased()] == ["c"]


def test_a_delay_ends_with_its_disturbance() -> None:
    """An agent that was held for a minute is free as soon as the disturbance is ended."""
    book = DisturbanceBook()
    leased = book.begin(Disturbance("a", delay_s=60.0), 60.0)
    answered = threading.Event()

    def work() -> None:
        DisturbedAgent(Steady(), book).judge(NOTHING)
        answered.set()

    thread = threading.Thread(target=work, daemon=True)
    thread.start()
    assert not answered.wait(0.05)
    assert book.end(leased.id)
    assert answered.wait(20.0)
    thread.join(20.0)


@given(
    st.floats(0.001, 60.0), st.floats(1.0, 1000.0), st.integers(0, 2**32), st.booleans()
)  # fmt: skip
def test_drawn_delays_lie_between_their_bounds(
    least_s: float, factor: float, seed: int, fixed: bool
) -> None:
    most_s = 0.0 if fixed else least_s * factor
    drawn = Disturbance("a", least_s, most_s).draw_delay_s(random.Random(seed))
    assert least_s * (1 - 1e-9) <= drawn <= max(least_s, most_s) * (1 + 1e-9)


def test_the_same_delays_in_every_run() -> None:
    drawn = []
    for _ in range(2):
        leased = DisturbanceBook().begin(Disturbance("a", 0.1, 5.0), 60.0)
        drawn.append([leased.delay_s() for _ in range(50)])
    assert drawn[0] == drawn[1]
    assert min(drawn[0]) < 0.3
    assert max(drawn[0]) > 2.0


def test_what_is_done_is_said_and_logged(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("INFO")
    book = DisturbanceBook()
    book.end(book.begin(disturbance_of({"agent": "a", "fails": True}), 5.0).id)
    book.begin(disturbance_of({"agent": "a", "delay_ms": 100, "delay_ms_max": 5000}), 5.0)
    book.begin(disturbance_of({"agent": "a", "delay_ms": 80}), 5.0)
    assert [record.getMessage() for record in caplog.records] == [
        "disturbance d1: agent a fails",
        "disturbance d1 was ended: agent a fails no longer",
        "disturbance d2: agent a takes 0.1 to 5 s more",
        "disturbance d3: agent a takes 0.08 s more",
    ]


def test_disturbances_are_read_from_the_command_line() -> None:
    agents = ("a", "b")
    assert parse_disturbance("a:fail", agents) == Disturbance("a", fails=True)
    assert parse_disturbance("b:delay_ms=250", agents) == Disturbance("b", delay_s=0.25)
    for wrong in ("c:fail", "a:delay_ms=x", "a", "a:delay_ms="):
        with pytest.raises(UsageError, match="AGENT is one of a, b"):
            parse_disturbance(wrong, agents)
