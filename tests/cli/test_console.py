"""What becomes of a command whose output nobody takes: a closed pipe, a full disk."""

from __future__ import annotations

import io
import os
import subprocess
import sys
from pathlib import Path

import pytest
from rich.live import Live

from squall.cli.console import LastingConsole
from squall.cli.doctor.echo import echo_server
from squall.models import TestStatus
from squall.results import TestResultsStore, from_json

SCENARIO = """
name: tiny
title: Tiny
why: To lose its screen.
load: {type: sustained, rate_tps: 50, duration_s: 3}
criteria:
  - error_rate < 1 %
"""
Started = subprocess.Popen[str]


class Refusing(io.StringIO):
    """A screen that takes so many writes and then none."""

    def __init__(self, error: OSError, takes: int = 0) -> None:
        super().__init__()
        self.error = error
        self.takes = takes
        self.refused = 0

    def write(self, text: str) -> int:
        if self.takes <= 0:
            self.refused += 1
            raise self.error
        self.takes -= 1
        return super().write(text)


@pytest.mark.parametrize("error", [BrokenPipeError(32, "Broken pipe"), OSError(28, "full")])
def test_a_lasting_console_is_quiet_once_it_cannot_be_written(error: OSError) -> None:
    screen = Refusing(error, takes=1)
    console = LastingConsole(file=screen)
    for text in ("one", "two", "three"):
        console.print(text)
    assert screen.getvalue() == "one\n"
    assert screen.refused == 1
    assert console.lost is not None
    assert console.lost.reader_gone == isinstance(error, BrokenPipeError)


def test_a_redrawn_view_outlives_its_screen() -> None:
    console = LastingConsole(file=Refusing(OSError(5, "gone"), takes=2), force_terminal=True)
    with Live("view", console=console, auto_refresh=False) as live:
        live.refresh()
        live.refresh()
    assert console.lost is not None


def squall(place: Path, *arguments: str, out: int, err: int = subprocess.PIPE) -> Started:
    variables = {"XDG_DATA_HOME": "data", "XDG_CACHE_HOME": "cache"}
    return subprocess.Popen(
        [sys.executable, "-m", "squall.cli.main", *arguments],
        cwd=place,
        stdout=out,
        stderr=err,
        text=True,
        env=os.environ | {name: str(place / path) for name, path in variables.items()},
    )


@pytest.mark.parametrize(
    "arguments", [["runs", "list"], ["scenarios", "schema"], ["run", "--help"]]
)
def test_a_full_disk_is_one_message(tmp_path: Path, arguments: list[str]) -> None:
    with open("/dev/full", "w") as full:
        _, said = (started := squall(tmp_path, *arguments, out=full.fileno())).communicate()
    assert started.returncode == 2
    assert said == "squall: the output could not be written: No space left on device\n"


def test_where_nothing_can_be_said_the_status_says_it(tmp_path: Path) -> None:
    with open("/dev/full", "w") as full:
        started = squall(tmp_path, "runs", "list", out=full.fileno(), err=full.fileno())
    assert started.wait(60) == 2


@pytest.mark.parametrize("arguments", [["scenarios", "list"], ["scenarios", "schema"]])
def test_a_reader_that_has_gone_ends_a_list_without_a_word(
    tmp_path: Path, arguments: list[str]
) -> None:
    read, write = os.pipe()
    os.close(read)
    started = squall(tmp_path, *arguments, out=write)
    os.close(write)
    _, said = started.communicate(timeout=60)
    assert (started.returncode, said) == (141, "")


def test_a_run_outlives_the_reader_of_its_output(tmp_path: Path) -> None:
    (tmp_path / "tiny.yaml").write_text(SCENARIO)
    with echo_server() as url:
        started = run(tmp_path, url, subprocess.PIPE)
        assert started.stdout is not None
        while "TPS planned" not in (line := started.stdout.readline()):
            assert line, "the run ended before its load"
        started.stdout.close()
        assert started.stderr is not None
        said = started.stderr.read()
        status = started.wait(60)
    assert said == ""
    assert_kept(tmp_path, status)


def test_a_run_outlives_a_full_disk_under_its_log(tmp_path: Path) -> None:
    (tmp_path / "tiny.yaml").write_text(SCENARIO)
    with echo_server() as url, open("/dev/full", "w") as full:
        started = run(tmp_path, url, full.fileno())
        _, said = started.communicate(timeout=60)
    assert said == "squall: the output could not be written: No space left on device\n"
    assert_kept(tmp_path, started.returncode)


def run(place: Path, url: str, out: int) -> Started:
    return squall(
        place, "run", "tiny.yaml", "--target", url, "--workers", "1", "--json", "r.json", out=out
    )


def assert_kept(place: Path, status: int) -> None:
    """The whole run is in its file and in the store, and the exit status is its verdict's."""
    results = from_json((place / "r.json").read_bytes())
    assert results.accounting.planned == 150
    assert status == results.verdict.exit_status
    with TestResultsStore(f"sqlite:///{place / 'data/squall/results.db'}") as store:
        assert [run.status for run in store.list()] == [TestStatus.COMPLETED]
