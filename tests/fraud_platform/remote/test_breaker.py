from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import Bundle, RuleBasedStateMachine, consumes, invariant, rule
from tests.fraud_platform.remote.clocks import ManualTime

from fraud_platform.remote.breaker import (
    CAUSES,
    MOVES,
    BreakerRules,
    CircuitBreaker,
    Ending,
    State,
    Ticket,
    merged_breakers,
)

RULES = BreakerRules(
    window=8,
    fewest=4,
    failure_share=0.5,
    slow_in_a_row=2,
    rest_s=2.0,
    rest_s_max=8.0,
    probes=2,
)


def state(breaker: CircuitBreaker) -> State:
    return breaker.state


def call(breaker: CircuitBreaker, ending: Ending) -> None:
    ticket = breaker.admit()
    assert ticket is not None
    breaker.report(ticket, ending)


def opened(clock: ManualTime) -> CircuitBreaker:
    breaker = CircuitBreaker(clock, RULES)
    for _ in range(RULES.fewest):
        call(breaker, Ending.FAILED)
    assert state(breaker) is State.OPEN
    return breaker


def test_it_opens_at_the_share_of_failures_and_not_before() -> None:
    breaker = CircuitBreaker(ManualTime(), RULES)
    for ending in (Ending.GOOD, Ending.FAILED, Ending.GOOD, Ending.GOOD, Ending.FAILED):
        call(breaker, ending)
    assert state(breaker) is State.CLOSED
    call(breaker, Ending.FAILED)
    assert state(breaker) is State.OPEN


def test_few_failures_say_nothing() -> None:
    breaker = CircuitBreaker(ManualTime(), RULES)
    for _ in range(RULES.fewest - 1):
        call(breaker, Ending.FAILED)
    assert state(breaker) is State.CLOSED


def test_slow_answers_in_a_row_open_it_at_once() -> None:
    breaker = CircuitBreaker(ManualTime(), RULES)
    for ending in (Ending.SLOW, Ending.GOOD, Ending.SLOW):
        call(breaker, ending)
    assert state(breaker) is State.CLOSED
    call(breaker, Ending.SLOW)
    assert state(breaker) is State.OPEN
    assert breaker.transitions()[-1].reason == "2 slow answers in a row"


def test_open_admits_nobody_until_it_has_rested() -> None:
    clock = ManualTime()
    breaker = opened(clock)
    clock.pass_s(1.99)
    assert breaker.admit() is None
    clock.pass_s(0.02)
    assert state(breaker) is State.HALF_OPEN
    assert [breaker.admit() is not None for _ in range(3)] == [True, True, False]
    assert breaker.figures()["rejected"] == 2


def test_successful_probes_close_it() -> None:
    clock = ManualTime()
    breaker = opened(clock)
    clock.pass_s(2.0)
    call(breaker, Ending.GOOD)
    assert state(breaker) is State.HALF_OPEN
    call(breaker, Ending.GOOD)
    assert state(breaker) is State.CLOSED


def test_each_failed_probe_doubles_the_rest_up_to_its_limit() -> None:
    clock = ManualTime()
    breaker = opened(clock)
    for rest_s in (2.0, 4.0, 8.0, 8.0):
        clock.pass_s(rest_s - 0.01)
        assert state(breaker) is State.OPEN
        clock.pass_s(0.02)
        call(breaker, Ending.FAILED)
    clock.pass_s(8.0)
    call(breaker, Ending.GOOD)
    call(breaker, Ending.GOOD)
    for _ in range(RULES.fewest):
        call(breaker, Ending.FAILED)
    clock.pass_s(2.0)
    assert state(breaker) is State.HALF_OPEN, "a recovery forgets the doubling"


def test_a_late_report_from_an_earlier_state_says_nothing() -> None:
    clock = ManualTime()
    breaker = CircuitBreaker(clock, RULES)
    late = [breaker.admit() for _ in range(4)]
    for _ in range(RULES.fewest):
        call(breaker, Ending.FAILED)
    clock.pass_s(2.0)
    for ticket in late:
        assert ticket is not None
        breaker.report(ticket, Ending.GOOD)
    assert state(breaker) is State.HALF_OPEN


def test_a_probe_given_back_makes_room_for_another() -> None:
    clock = ManualTime()
    breaker = opened(clock)
    clock.pass_s(2.0)
    tickets = [breaker.admit(), breaker.admit()]
    assert not breaker.admits()
    assert tickets[0] is not None
    breaker.give_back(tickets[0])
    assert breaker.admits()
    assert state(breaker) is State.HALF_OPEN


@pytest.mark.parametrize(
    "wrong",
    [
        {"fewest": 50},
        {"failure_share": 0.0},
        {"probes": 0},
        {"rest_s": 40.0},
    ],
)
def test_impossible_rules_are_refused(wrong: dict[str, float]) -> None:
    with pytest.raises(ValueError, match="<="):
        BreakerRules(**wrong)  # type: ignore[arg-type]


class BreakerLaws(RuleBasedStateMachine):
    """Whatever happens, in whatever order."""

    tickets = Bundle("tickets")

    def __init__(self) -> None:
        super().__init__()
        self.clock = ManualTime()
        self.breaker = CircuitBreaker(self.clock, RULES)
        self.out: list[Ticket] = []

    @rule(target=tickets)
    def admit(self) -> Ticket | None:
        before, could = self.breaker.state, self.breaker.admits()
        ticket = self.breaker.admit()
        assert (ticket is not None) == could
        assert before is not State.OPEN or ticket is None
        return ticket

    @rule(ticket=consumes(tickets), ending=st.sampled_from(Ending))
    def report(self, ticket: Ticket | None, ending: Ending) -> None:
        if ticket is not None:
            self.breaker.report(ticket, ending)

    @rule(ticket=consumes(tickets))
    def give_back(self, ticket: Ticket | None) -> None:
        if ticket is not None:
            self.breaker.give_back(ticket)

    @rule(seconds=st.floats(0.0, 10.0))
    def wait(self, seconds: float) -> None:
        self.clock.pass_s(seconds)

    @invariant()
    def only_the_moves_there_are_and_rests_are_kept(self) -> None:
        moves = self.breaker.transitions()
        for move in moves:
            assert (move.origin, move.state) in MOVES
        for before, after in pairwise(moves):
            assert before.state is after.origin
            if after.state is State.HALF_OPEN:
                assert after.at_s - before.at_s >= RULES.rest_s - 1e-9

    @invariant()
    def an_open_breaker_always_comes_to_half_open(self) -> None:
        if self.breaker.state is State.OPEN:
            until_s = self.breaker.transitions()[-1].at_s + RULES.rest_s_max
            assert self.clock.now_s < until_s


TestBreakerLaws = BreakerLaws.TestCase
TestBreakerLaws.settings = settings(deadline=None, max_examples=60)


def test_openings_are_counted_by_what_opened_it() -> None:
    clock = ManualTime()
    breaker = opened(clock)
    clock.now_s += RULES.rest_s
    call(breaker, Ending.FAILED)
    clock.now_s += 2 * RULES.rest_s
    for _ in range(RULES.probes):
        call(breaker, Ending.GOOD)
    for _ in range(RULES.slow_in_a_row):
        call(breaker, Ending.SLOW)
    figures = breaker.figures()
    found = {cause: figures[f"openings_{cause}"] for cause in CAUSES}
    assert found == {"failed": 1, "probe": 1, "slow": 1}
    assert figures["openings"] == 3


def test_several_breakers_are_as_bad_as_the_worst() -> None:
    clock = ManualTime()
    broken, well = opened(clock).figures(), CircuitBreaker(clock, RULES).figures()
    merged = merged_breakers([broken, well, broken], [broken, well])
    assert merged["state"] == "open"
    assert merged["states"] == {"open": 1, "half-open": 0, "closed": 1}
    assert (merged["openings"], merged["openings_failed"]) == (2, 2)
    assert merged_breakers([], [])["state"] == "closed"
