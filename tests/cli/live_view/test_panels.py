from __future__ import annotations

from dataclasses import replace

import pytest
from tests.cli.live_view.snapshots import CRITERIA, SNAPSHOT, at

from squall.cli.live_view import panels
from squall.cli.live_view.lines import Line, plain
from squall.models import Accounting, CriterionResult, Detection, TestStatus


def style_of(lines: list[Line], word: str) -> str:
    return next(style for line in lines for text, style in line if word in text)


def test_the_accounting_adds_up_to_the_plan() -> None:
    text = plain(panels.accounting(SNAPSHOT, 60))
    numbers = {
        line[:15].strip(): int(line[15:27].replace(",", "")) for line in text.splitlines() if line
    }
    assert numbers.pop("= planned") == sum(numbers.values()) == 100_000
    assert (numbers["in flight"], numbers["waiting"]) == (64, 626)


def test_more_in_flight_than_open_never_shows_a_negative_queue() -> None:
    ends = Accounting(planned=10, accepted=8, rejected=0, indeterminate=0, not_sent=0)
    text = plain(panels.accounting(replace(SNAPSHOT, accounting=ends, in_flight=64), 60))
    assert "in flight                 2" in text
    assert "waiting                   0" in text


def test_refusals_that_were_due_are_no_errors() -> None:
    lines = panels.accounting(SNAPSHOT, 60)
    assert style_of(lines, "refused, as due") == "cyan"
    assert style_of(lines, "indeterminate") == "red"


def test_criteria_show_how_they_stand() -> None:
    lines = panels.criteria(CRITERIA, 50, 8)
    assert plain(lines).splitlines() == [
        "·  accounting.lost == 0",
        "✓  latency_ms.response.p95 < 2 s           12.3 ms",
        "✗  error_rate < 0.1 %                       0.21 %",
    ]
    assert style_of(lines, "error_rate") == "bold red"


def test_broken_criteria_are_shown_first_where_there_are_too_many() -> None:
    many = [CriterionResult(f"errors.kind{n} == 0", n != 7, 1.0) for n in range(12)]
    lines = plain(panels.criteria(many, 50, 4)).splitlines()
    assert lines[0].startswith("✗  errors.kind7")
    assert lines[-1] == "… and 9 more"
    assert len(lines) == 4


def test_a_scenario_without_criteria_says_so() -> None:
    assert plain(panels.criteria((), 50, 4)) == "no criteria in this scenario"


def test_detection_has_its_intervals() -> None:
    text = plain(panels.detection(SNAPSHOT.detection, 60))
    assert "94.1 %  (93.8 – 94.4)" in text
    assert "0.47 %  (0.43 – 0.51)" in text
    assert "–" in plain(panels.detection(Detection(), 60))
    unlabelled = plain(panels.detection(Detection(fraud=None, legitimate=None), 60))
    assert [line.split()[-1] for line in unlabelled.splitlines()] == ["–", "–", "–"]


def test_latencies_line_up() -> None:
    head, now, *_ = plain(panels.latencies(SNAPSHOT, 60)).splitlines()
    assert head.split() == ["P50", "P90", "P95", "P99", "P99.9", "max"]
    assert now.split() == ["now", "3.4", "6.1", "12.3", "31.0", "97.4", "1,204"]
    assert len(head) == len(now)


@pytest.mark.parametrize(
    ("accepted", "at_s", "style"),
    [(4_750.0, 20.0, "bold green"), (3_000.0, 20.0, "bold yellow"), (0.0, 1.0, "bold green")],
)
def test_a_target_that_falls_behind_turns_yellow(accepted: float, at_s: float, style: str) -> None:
    lines = panels.rates(at(at_s, accepted), 30)
    assert lines[2][-1][1] == style


def test_a_changed_rate_is_shown() -> None:
    assert "× 2  5,000" in plain(panels.rates(replace(SNAPSHOT, rate_multiplier=2.0), 30))


def test_a_late_generator_and_a_lost_worker_stand_out() -> None:
    lines = panels.generator(SNAPSHOT, 3, 40)
    assert style_of(lines, "2 of 3") == "bold red"
    assert style_of(lines, "0.42 ms") == "green"
    late = replace(SNAPSHOT, lateness=replace(SNAPSHOT.lateness, p99=40.0))
    assert style_of(panels.generator(late, 2, 40), "40.0 ms") == "yellow"
    ended = replace(SNAPSHOT, status=TestStatus.RECONCILING, workers_alive=0)
    assert plain(panels.generator(ended, 2, 40)).splitlines()[1].split() == ["workers", "2"]


def test_the_most_frequent_errors_are_named() -> None:
    line = panels.errors(SNAPSHOT)
    assert line is not None
    assert plain([line]) == "errors: timeout 200, http_503 10"
    assert panels.errors(replace(SNAPSHOT, errors={})) is None
    many = panels.errors(replace(SNAPSHOT, errors={f"http_50{n}": n + 1 for n in range(5)}))
    assert many is not None
    assert plain([many]) == "errors: http_504 5, http_503 4, http_502 3, 2 other kinds"
