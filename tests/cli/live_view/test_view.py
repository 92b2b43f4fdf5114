from __future__ import annotations

import io
from dataclasses import replace

import pytest
from rich.console import Console
from tests.cli.live_view.snapshots import PROFILE, SNAPSHOT, at

from squall.cli.live_view import LiveView, PlainView, RunHeader, is_live, plain_screen
from squall.cli.live_view.lines import length, plain
from squall.models import TestStatus

HEADER = RunHeader(
    scenario="peak_load",
    target="inline",
    run_id="20261118T110640Z-3f9a1c",
    scaling="Scaled: rate × 0.5 and time × 0.03.",
    workers=2,
)


def view_at(seconds: float = 20.0) -> LiveView:
    view = LiveView(HEADER, PROFILE)
    for tenth in range(int(seconds * 10) + 1):
        view.update(at(tenth / 10))
    return view


@pytest.mark.parametrize("width", [40, 76, 80, 110, 200])
@pytest.mark.parametrize("height", [10, 23, 40, 80])
def test_every_size_is_filled_and_never_exceeded(width: int, height: int) -> None:
    view = view_at()
    view.tell("the target ended 19.0 s into the load: killed by SIGKILL\n  its log ends …")
    lines = view.lines(width, height)
    assert len(lines) <= height
    assert {length(line) for line in lines} == {width}


@pytest.mark.parametrize(("width", "height"), [(80, 23), (110, 39)])
def test_the_usual_sizes_show_what_matters(width: int, height: int) -> None:
    text = plain(view_at().lines(width, height))
    for expected in (
        "peak_load → inline  20261118T110640Z-3f9a1c",
        "running  hold",
        "0:20 of 0:54 · 0:34 left",
        "4,750",
        "P99.9",
        "94,000",
        "= planned",
        "100,000",
        "✓  latency_ms.response.p95",
        "✗  error_rate < 0.1 %",
        "Ctrl-C drains and reports",
    ):
        assert expected in text


def test_a_high_terminal_also_shows_detection_and_the_generator() -> None:
    text = plain(view_at().lines(110, 39))
    assert "Detection" in text
    assert "lateness P99" in text
    assert "Detection" not in plain(view_at().lines(80, 23))


def test_the_preparation_shows_its_steps() -> None:
    view = LiveView(HEADER, PROFILE)
    view.tell("making the training history: 10 %")
    view.tell("making the training history: 100 %")
    view.tell("starting the fraud platform")
    text = plain(view.lines(80, 23))
    assert "✓ making the training history: 100 %" in text
    assert "10 %" not in text.replace("100 %", "")
    assert "starting the fraud platform" in text
    assert "preparing" in text


def test_the_steps_of_the_preparation_give_way_to_the_run() -> None:
    view = LiveView(HEADER, PROFILE)
    view.tell("starting the fraud platform")
    view.update(SNAPSHOT)
    assert "starting" not in plain(view.lines(80, 23))


def test_what_happens_is_shown_with_its_time() -> None:
    view = view_at()
    view.tell("paused at 20.0 s")
    assert "0:20  paused at 20.0 s" in plain(view.lines(110, 39))


@pytest.mark.parametrize(
    ("status", "hint"),
    [
        (TestStatus.PAUSED, "paused"),
        (TestStatus.DRAINING, "Ctrl-C stops at once"),
        (TestStatus.RECONCILING, "Ctrl-C skips the final read"),
        (TestStatus.FAILED, "failed"),
    ],
)
def test_every_status_has_its_words(status: TestStatus, hint: str) -> None:
    view = LiveView(HEADER, PROFILE)
    view.update(replace(SNAPSHOT, status=status))
    assert hint in plain(view.lines(110, 39))


def test_a_terminal_gets_colours() -> None:
    stream = io.StringIO()
    console = Console(
        file=stream, force_terminal=True, width=110, height=40, color_system="truecolor"
    )
    console.print(view_at())
    assert "\x1b[" in stream.getvalue()
    assert "╭─" in stream.getvalue()


# --- plain lines


def test_plain_lines_come_every_few_seconds_and_at_changes() -> None:
    written: list[str] = []
    view = PlainView(written.append)
    view.tell("checking the target")
    view.tell("checking the target")
    for tenth in range(121):
        view.update(at(tenth / 10, phase="ramp_up" if tenth < 90 else "hold"))
    assert written[0] == "checking the target"
    assert [line.split(" | ")[0] for line in written[1:]] == [
        "0:00/0:54 ramp_up",
        "0:05/0:54 ramp_up",
        "0:09/0:54 hold",
    ]


def test_a_plain_line_adds_up_and_names_what_is_broken() -> None:
    written: list[str] = []
    PlainView(written.append).update(SNAPSHOT)
    (line,) = written
    assert "100,000 planned = 94,000 accepted + 5,100 refused + 210 indeterminate" in line
    assert "+ 0 not sent + 690 open" in line
    assert line.endswith("broken: error_rate < 0.1 %")
    assert "\x1b" not in line


def test_plain_lines_use_only_characters_that_the_stream_has() -> None:
    stream = io.TextIOWrapper(io.BytesIO(), encoding="ascii")
    screen = plain_screen(Console(file=stream, width=200))
    screen.tell("peak_load → inline [bold]")
    stream.seek(0)
    assert stream.read() == "peak_load ? inline [bold]\n"


# --- which of the two


def terminal(**changes: object) -> Console:
    stream = io.TextIOWrapper(io.BytesIO(), encoding=str(changes.pop("encoding", "utf-8")))
    return Console(file=stream, **{"force_terminal": True, **changes})  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("console", "environment", "live"),
    [
        (terminal(), {}, True),
        (terminal(force_terminal=False), {}, False),
        (terminal(no_color=True), {}, False),
        (terminal(), {"CI": "true"}, False),
        (terminal(encoding="ascii"), {}, False),
    ],
)
def test_the_live_view_is_for_terminals_only(
    console: Console, environment: dict[str, str], live: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TERM", "xterm-256color")
    assert is_live(console, environment) is live
