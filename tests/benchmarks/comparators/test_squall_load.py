"""squall's part of the comparison does the work that it is compared for."""

from __future__ import annotations

from argparse import Namespace

import numpy as np

from benchmarks.comparators.squall_load import percentiles_ms, plan_of
from benchmarks.servers.answer import ANSWER, constant_body
from squall.load_generator import LoadPlan
from squall.models import LatencyHistogram, Outcome, run_stages


def plan() -> LoadPlan:
    return plan_of(
        Namespace(
            url="http://127.0.0.1:1",
            rate_tps=100.0,
            duration_s=10.0,
            connections=64,
            workers=1,
            seed=1,
            queue_limit=10,
            drain_s=1.0,
        )
    )


def test_bodies_are_unique_and_as_long_as_the_others() -> None:
    made = plan()
    source = made.source.build(made.run_tag, made.target.fields)
    requests = made.target.writer().write(run_stages(source, np.arange(1000)))
    bodies = [bytes(request).split(b"\r\n\r\n", 1)[1] for request in requests]
    assert len(set(bodies)) == 1000
    sizes = [len(body) for body in bodies]
    assert len(constant_body()) - 5 <= min(sizes) <= max(sizes) <= 330


def test_the_decision_is_read() -> None:
    reader = plan().target.reader()
    assert reader.read(200, ANSWER).outcome == Outcome.ACCEPTED
    assert reader.read(200, ANSWER.replace(b"APPROVE", b"PERHAPS")).outcome != Outcome.ACCEPTED


def test_percentiles_are_in_milliseconds() -> None:
    histogram = LatencyHistogram()
    histogram.record(np.arange(1, 1001, dtype=np.int64))
    found = percentiles_ms(histogram)
    assert found["50"] == 0.5
    assert found["100"] == 1.0
    assert percentiles_ms(LatencyHistogram()) == {}
