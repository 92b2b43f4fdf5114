"""What one worker could do at best is measured with the run's own parts."""

import time
from collections.abc import Generator

import numpy as np
from numpy.typing import NDArray
from tests.load_generator.engine.test_dispatcher import PlainSource

from squall.load_generator.engine.blocks import BLOCK_ROWS, BlockMaker
from squall.load_generator.engine.calibration import calibration_schedule, capacity_tps
from squall.models import TransactionBatch, TransactionSource
from squall.targets.template import JsonBody, TemplateWriter

MAKING_S = 0.1


class SlowSource(PlainSource):
    """Takes so much of the processor's time for every block."""

    def stages(self, indices: NDArray[np.int64]) -> Generator[None, None, TransactionBatch]:
        until = time.thread_time() + MAKING_S
        while time.thread_time() < until:
            yield
        return (yield from super().stages(indices))


def maker(source: TransactionSource, worker: int = 0, workers: int = 1) -> BlockMaker:
    writer = TemplateWriter([b"POST / HTTP/1.1\r\n"], JsonBody({"id": "${transaction_id}"}))
    return BlockMaker(source, writer, calibration_schedule(), "plaintag", worker, workers)


def test_calibration_measures_a_rate() -> None:
    assert capacity_tps(maker(PlainSource())) > 0


def test_the_cost_of_making_transactions_is_in_it() -> None:
    assert 0 < capacity_tps(maker(SlowSource())) < BLOCK_ROWS / MAKING_S


def test_there_is_work_for_the_calibrations_of_many_workers() -> None:
    assert capacity_tps(maker(PlainSource(), worker=63, workers=64)) > 0
