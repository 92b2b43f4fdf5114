"""The pure core of mappings: batches, bisection, retries, age."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cloud_twin.services.lambda_.mappings.planner import (
    AGE_EXCEEDED,
    RETRIES_EXHAUSTED,
    Discard,
    Item,
    Lane,
    Policy,
    retry_delay_s,
)


def items(count: int, arrived_wall_s: float = 0.0, text: str = "x") -> list[Item]:
    return [Item(n, str(n), arrived_wall_s, text) for n in range(count)]


def lane_of(count: int, policy: Policy) -> Lane:
    lane = Lane(policy)
    lane.push(items(count), 0.0)
    return lane


class Run:
    """Works a lane to its end against a function that is a rule; keeps what came of it."""

    def __init__(self, lane: Lane, calls_max: int = 10_000) -> None:
        self.lane = lane
        self.calls_max = calls_max
        self.batches: list[tuple[int, ...]] = []
        self.done: list[int] = []
        self.discards: list[Discard] = []

    def go(self, answer: Callable[[tuple[int, ...], int], int | bool]) -> Run:
        """``answer(batch, call number)``: True done, False failed, an index: failed from there."""
        while self.lane.due_in_s(1e9) is not None:
            assert len(self.batches) < self.calls_max, "it must come to an end"
            assert self.lane.due_in_s(1e9) == 0
            batch = tuple(item.ordinal for item in self.lane.take(1e9).items)
            said = answer(batch, len(self.batches))
            self.batches.append(batch)
            discard = None
            if said is True:
                self.lane.succeeded()
                self.done.extend(batch)
            elif said is False:
                discard = self.lane.failed()
            else:
                self.done.extend(batch[:said])
                discard = self.lane.partly_failed(said)
            if discard is not None:
                self.discards.append(discard)
        return self

    def discarded(self) -> list[int]:
        return [item.ordinal for discard in self.discards for item in discard.items]


def test_bisection_leaves_just_the_poison() -> None:
    policy = Policy(batch_size=100, bisect=True, retries_max=2)
    run = Run(lane_of(100, policy)).go(lambda batch, _: 63 not in batch)
    assert run.discarded() == [63]
    assert run.done == [n for n in range(100) if n != 63]
    assert run.discards[0].condition == RETRIES_EXHAUSTED
    alone = [batch for batch in run.batches if batch == (63,)]
    assert len(alone) == 3, "splitting takes nothing from the retry quota"


def test_without_bisection_the_whole_batch_is_given_up() -> None:
    policy = Policy(batch_size=10, retries_max=1)
    run = Run(lane_of(20, policy)).go(lambda batch, _: 3 not in batch)
    assert run.discarded() == list(range(10))
    assert run.discards[0].invokes == 2
    assert run.done == list(range(10, 20))


def test_no_retries_means_one_attempt() -> None:
    run = Run(lane_of(3, Policy(batch_size=3, retries_max=0))).go(lambda *_: False)
    assert run.batches == [(0, 1, 2)]
    assert run.discarded() == [0, 1, 2]


def test_unlimited_retries_block_the_lane_until_it_works() -> None:
    run = Run(lane_of(4, Policy(batch_size=2))).go(lambda _, call: call >= 50)
    assert run.batches[:51] == [(0, 1)] * 51
    assert run.done == [0, 1, 2, 3]
    assert run.discards == []


def test_a_reported_failure_is_taken_up_from_there() -> None:
    policy = Policy(batch_size=10, retries_max=5)
    run = Run(lane_of(10, policy)).go(lambda batch, call: 4 if call == 0 else True)
    assert run.batches == [tuple(range(10)), tuple(range(4, 10))]
    assert run.done == list(range(10))


def test_reports_and_bisection_together_find_the_poison() -> None:
    def answer(batch: tuple[int, ...], _: int) -> int | bool:
        return batch.index(7) if 7 in batch else True

    run = Run(lane_of(10, Policy(batch_size=10, bisect=True, retries_max=1))).go(answer)
    assert run.discarded() == [7]
    assert run.done == [0, 1, 2, 3, 4, 5, 6, 8, 9]


def test_old_records_are_given_up_and_the_rest_goes_on() -> None:
    lane = Lane(Policy(batch_size=10, age_s_max=60))
    lane.push([Item(n, str(n), float(n), "x") for n in range(10)], 0.0)
    lane.take(0.0)
    discard = lane.too_old(64.5)
    assert discard is not None
    assert [item.ordinal for item in discard.items] == [0, 1, 2, 3, 4]
    assert discard.condition == AGE_EXCEEDED
    taken = lane.taken
    assert taken is not None
    assert [item.ordinal for item in taken.items] == [5, 6, 7, 8, 9]
    assert lane.too_old(64.5) is None
    lane.too_old(1000.0)
    assert lane.taken is None
    assert lane.first_ordinal() is None


def test_a_batch_waits_for_its_window_unless_it_is_full() -> None:
    lane = Lane(Policy(batch_size=10, window_s=5.0))
    assert lane.due_in_s(0.0) is None
    lane.push(items(3), 100.0)
    assert lane.due_in_s(101.0) == 4.0
    lane.push(items(3), 104.0)
    assert lane.due_in_s(105.0) == 0.0, "the window starts with the first record"
    lane.push(items(4), 104.5)
    assert lane.due_in_s(104.5) == 0.0


def test_a_batch_keeps_under_its_size() -> None:
    lane = Lane(Policy(batch_size=100, batch_bytes=1000))
    lane.push(items(30, text="x" * 99), 0.0)
    sizes = []
    while len(lane):
        piece = lane.take(0.0)
        sizes.append(sum(len(item.text) + 1 for item in piece.items))
        lane.succeeded()
    assert sizes == [1000, 1000, 1000]


def test_one_record_over_the_size_still_goes() -> None:
    lane = Lane(Policy(batch_bytes=10))
    lane.push(items(1, text="x" * 99), 0.0)
    assert len(lane.take(0.0).items) == 1


@pytest.mark.parametrize(
    ("retry", "delay_s"), [(1, 0.5), (2, 1.0), (3, 2.0), (8, 60.0), (10_000, 60.0)]
)
def test_retries_wait_longer_up_to_a_bound(retry: int, delay_s: float) -> None:
    assert retry_delay_s(retry, 0.5, 60.0) == delay_s


policies = st.builds(
    Policy,
    batch_size=st.integers(1, 20),
    batch_bytes=st.integers(1, 60),
    bisect=st.booleans(),
    retries_max=st.integers(0, 4),
)


@given(policies, st.integers(0, 60), st.sets(st.integers(0, 59)), st.booleans(), st.data())
def test_every_record_ends_once_and_in_order(
    policy: Policy, count: int, poison: set[int], reports: bool, data: st.DataObject
) -> None:
    def answer(batch: tuple[int, ...], _: int) -> int | bool:
        first = next((place for place, n in enumerate(batch) if n in poison), None)
        if first is None:
            # Now and then the function fails for no reason of the records'.
            return data.draw(st.sampled_from([True, True, True, False]))
        return first if reports else False

    run = Run(lane_of(count, policy)).go(answer)
    assert sorted(run.done + run.discarded()) == list(range(count))
    assert run.done == sorted(run.done)
    assert run.discarded() == sorted(run.discarded())
    assert not poison & set(run.done)
    assert all(len(batch) <= policy.batch_size for batch in run.batches)


@given(policies, st.integers(0, 60), st.sets(st.integers(0, 59)), st.booleans())
def test_with_bisection_only_poison_is_given_up(
    policy: Policy, count: int, poison: set[int], reports: bool
) -> None:
    policy = Policy(policy.batch_size, policy.batch_bytes, 0.0, True, policy.retries_max)

    def answer(batch: tuple[int, ...], _: int) -> int | bool:
        first = next((place for place, n in enumerate(batch) if n in poison), None)
        return True if first is None else first if reports else False

    run = Run(lane_of(count, policy)).go(answer)
    assert run.discarded() == sorted(poison & set(range(count)))
    assert all(len(discard.items) == 1 for discard in run.discards)


@given(policies, st.integers(1, 40), st.data())
def test_the_first_open_record_only_moves_forward(
    policy: Policy, count: int, data: st.DataObject
) -> None:
    lane = lane_of(count, policy)
    before = 0
    for _ in range(200):
        if lane.due_in_s(1e9) is None:
            break
        lane.take(1e9)
        match data.draw(st.integers(0, 3)):
            case 0:
                lane.put_back()
            case 1:
                lane.failed()
            case _:
                lane.succeeded()
        first = lane.first_ordinal()
        pending = [item.ordinal for item in lane.pending()]
        assert pending == list(range(count - len(pending), count))
        assert len(lane) == len(pending)
        assert first == (pending[0] if pending else None)
        assert first is None or first >= before
        before = before if first is None else first
