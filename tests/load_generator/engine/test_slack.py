"""A worker is pressed only while it hardly rests; when blocks are made changes nothing in them."""

from collections.abc import Generator

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from squall.load_generator.engine.blocks import BLOCK_ROWS, Block, BlockMaker
from squall.load_generator.engine.calibration import calibration_schedule
from squall.load_generator.engine.slack import PRESSED_SHARE, Slack
from squall.models import Expected, Label, TransactionBatch, run_stages


class Hands:
    """Time, and processor time, that the test moves."""

    def __init__(self) -> None:
        self.now_s = 100.0
        self.worked_s = 3.0
        self.slack = Slack(lambda: self.now_s, lambda: self.worked_s)

    def spend(self, work_s: float, rest_s: float) -> None:
        self.now_s += work_s + rest_s
        self.worked_s += work_s


@pytest.mark.parametrize(
    ("work_s", "rest_s", "used_up"),
    [
        (0.002, 0.0, True),
        (0.002, 0.0001, True),
        (0.0019, 0.0003, False),
        (0.0001, 0.0019, False),
        (0.0, 0.002, False),
    ],
)
def test_time_is_used_up_where_there_is_hardly_a_rest(
    work_s: float, rest_s: float, used_up: bool
) -> None:
    hands = Hands()
    hands.spend(work_s, rest_s)
    assert hands.slack.used_up() is used_up


@given(
    spans=st.lists(
        st.tuples(st.floats(0.0001, 0.1), st.floats(0.0001, 0.1)), min_size=1, max_size=10
    )
)
def test_every_look_is_at_the_time_since_the_one_before(spans: list[tuple[float, float]]) -> None:
    hands = Hands()
    for work_s, rest_s in spans:
        hands.spend(work_s, rest_s)
        share = work_s / (work_s + rest_s)
        if abs(share - PRESSED_SHARE) > 1e-6:
            assert hands.slack.used_up() is (share > PRESSED_SHARE)
        else:
            hands.slack.used_up()


class NumberSource:
    """Transactions that are nothing but their number; made in three stages."""

    def stages(self, indices: NDArray[np.int64]) -> Generator[None, None, TransactionBatch]:
        yield
        count = len(indices)
        zeros = np.zeros(count, np.uint8)
        yield
        return TransactionBatch(
            index=indices,
            wire_index=indices,
            columns={},
            label=np.full(count, Label.LEGITIMATE, np.uint8),
            typology=zeros,
            edge_case=zeros,
            expected=np.full(count, Expected.DECIDED, np.uint8),
            amount_minor=np.full(count, 100, np.int64),
            value_usd=np.ones(count),
        )

    def batch(self, indices: NDArray[np.int64]) -> TransactionBatch:
        return run_stages(self, indices)


class NumberWriter:
    """Writes the number."""

    def write(self, batch: TransactionBatch) -> list[bytes | memoryview]:
        return [b"%d" % index for index in batch.index.tolist()]


def number_maker() -> BlockMaker:
    return BlockMaker(NumberSource(), NumberWriter(), calibration_schedule(), "plaintag", 1, 3)


def content(block: Block) -> tuple[int, list[bytes | memoryview], list[str], list[float]]:
    return block.first_seq, block.requests, block.ids, block.due


@settings(deadline=None, max_examples=20)
@given(steps=st.lists(st.integers(0, 25), min_size=1, max_size=4))
def test_blocks_made_ahead_or_when_needed_are_the_same(steps: list[int]) -> None:
    ahead, needed = number_maker(), number_maker()
    for count in steps:
        for _ in range(count):
            if ahead.wants_work:
                ahead.step()
        assert content(ahead.take()) == content(needed.take())
    assert needed.take().first_seq == len(steps) * BLOCK_ROWS
