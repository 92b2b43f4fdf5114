from __future__ import annotations

import pytest
from tests.cli.live_view.snapshots import PROFILE, at

from squall.cli.live_view.lines import length
from squall.cli.live_view.rate_chart import RateHistory, draw
from squall.load_generator.profiles import Sustained
from squall.models import Accounting

CLEAN = Accounting(planned=9, accepted=9, rejected=0, indeterminate=0, not_sent=0)
BROKEN = Accounting(planned=9, accepted=5, rejected=0, indeterminate=4, not_sent=0)


def text(history: RateHistory, columns: int, rows: int) -> list[str]:
    return ["".join(span for span, _ in line) for line in draw(history, columns, rows)]


def styles(history: RateHistory, columns: int) -> list[str]:
    return [style for span, style in draw(history, columns, 1)[0] for _ in span]


def test_before_the_start_the_plan_is_shown() -> None:
    chart = text(RateHistory(PROFILE), 18, 2)
    assert chart[0].strip("▁▂▃▄▅▆▇█ ") == ""
    assert chart[0][6:12] == "██████"  # the hold is at the top
    assert chart[0][0] == " "
    assert chart[1][0] != " "


def test_what_was_accepted_covers_the_plan() -> None:
    history = RateHistory(Sustained(1000, 10.0))
    for tenth in range(50):
        history.add(at(tenth / 10, 500.0, accounting=CLEAN))
    upper, lower = draw(history, 10, 2)
    assert [style for _, style in upper] == ["grey30"]  # half the rate: above it is only the plan
    assert [len(text) for text, _ in lower] == [5, 5]
    accepted = styles(history, 10)
    assert all("green" in style for style in accepted[:5])
    assert all("green" not in style for style in accepted[5:])


def test_columns_with_errors_turn_red() -> None:
    history = RateHistory(Sustained(1000, 10.0))
    for tenth in range(60):
        # The errors happen in second 3; later totals still hold them.
        history.add(at(tenth / 10, 1000.0, accounting=CLEAN if tenth < 30 else BROKEN))
    assert ["red" in style for style in styles(history, 10)] == [
        False, False, False, True, False, False, False, False, False, False,
    ]  # fmt: skip


def test_the_scale_follows_what_exceeds_the_plan() -> None:
    history = RateHistory(Sustained(1000, 10.0))
    assert history.peak_tps == 1000
    history.add(at(1.0, 1600.0))
    assert history.peak_tps == 1600


@pytest.mark.parametrize("columns", [1, 10, 71, 240, 400])
@pytest.mark.parametrize("rows", [1, 2, 6])
def test_any_size(columns: int, rows: int) -> None:
    history = RateHistory(PROFILE)
    for second in range(60):
        history.add(at(float(second)))
    chart = draw(history, columns, rows)
    assert len(chart) == rows
    assert {length(line) for line in chart} == {columns}


def test_a_long_run_costs_no_more_memory() -> None:
    history = RateHistory(Sustained(1000, 7200.0))
    before = len(history.accepted(240))
    for tenth in range(0, 72_000, 7):
        history.add(at(tenth / 10, 1000.0))
    assert len(history.accepted(240)) == before
    assert all(mean == pytest.approx(1000.0) for mean, _ in history.accepted(240))
