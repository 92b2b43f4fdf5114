from __future__ import annotations

import itertools

import pytest

from squall.errors import IllegalTransition
from squall.models import TestStatus
from squall.orchestrator.state import TRANSITIONS, RunStateMachine

S = TestStatus

LEGAL = {
    (S.CREATED, S.PREPARING),
    (S.PREPARING, S.RUNNING),
    (S.RUNNING, S.PAUSED),
    (S.PAUSED, S.RUNNING),
    (S.RUNNING, S.DRAINING),
    (S.PAUSED, S.DRAINING),
    (S.DRAINING, S.RECONCILING),
    (S.RECONCILING, S.COMPLETED),
    *(
        (status, end)
        for status in (S.CREATED, S.PREPARING, S.RUNNING, S.PAUSED, S.DRAINING, S.RECONCILING)
        for end in (S.FAILED, S.ABORTED)
    ),
}
"""Written out by hand, so that the table in the code is held to something."""

WAY_TO: dict[TestStatus, tuple[TestStatus, ...]] = {
    S.CREATED: (),
    S.PREPARING: (S.PREPARING,),
    S.RUNNING: (S.PREPARING, S.RUNNING),
    S.PAUSED: (S.PREPARING, S.RUNNING, S.PAUSED),
    S.DRAINING: (S.PREPARING, S.RUNNING, S.DRAINING),
    S.RECONCILING: (S.PREPARING, S.RUNNING, S.DRAINING, S.RECONCILING),
    S.COMPLETED: (S.PREPARING, S.RUNNING, S.DRAINING, S.RECONCILING, S.COMPLETED),
    S.FAILED: (S.FAILED,),
    S.ABORTED: (S.ABORTED,),
}


def machine_in(status: TestStatus) -> RunStateMachine:
    machine = RunStateMachine()
    for step in WAY_TO[status]:
        machine.advance(step)
    return machine


@pytest.mark.parametrize(("before", "after"), sorted(LEGAL))
def test_legal_steps(before: TestStatus, after: TestStatus) -> None:
    machine = machine_in(before)
    assert machine.allows(after)
    machine.advance(after)
    assert machine.status is after


@pytest.mark.parametrize(
    ("before", "after"), [pair for pair in itertools.product(S, S) if pair not in LEGAL]
)
def test_illegal_steps(before: TestStatus, after: TestStatus) -> None:
    machine = machine_in(before)
    assert not machine.allows(after)
    with pytest.raises(IllegalTransition, match=f"{before.value} cannot become {after.value}"):
        machine.advance(after)
    assert machine.status is before


def test_the_table_covers_every_state() -> None:
    assert set(TRANSITIONS) == set(TestStatus)


@pytest.mark.parametrize("status", list(TestStatus))
def test_ends_are_ends(status: TestStatus) -> None:
    assert machine_in(status).ended is (status in {S.COMPLETED, S.FAILED, S.ABORTED})


def test_every_step_is_told_after_it_was_taken() -> None:
    seen: list[tuple[TestStatus, TestStatus]] = []
    machine = RunStateMachine(lambda status: seen.append((status, machine.status)))
    for step in WAY_TO[S.COMPLETED]:
        machine.advance(step)
    assert seen == [(step, step) for step in WAY_TO[S.COMPLETED]]
