import json
import os
import shlex
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from typer.testing import CliRunner

from squall.cli.doctor.echo import echo_server
from squall.cli.main import app
from squall.errors import ConfigurationError, CriterionError, SquallError, TargetUnreachable

QUICK = "--step-s 2 --warm-up-s 0.5 --repeats 1 --workers 1"


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--repeats", "2"], "odd number"),
        (["--min-tps", "0"], "above 0"),
        (["--min-tps", "900", "--max-tps", "100"], "not above the highest"),
        (["--max-tps", "2e9"], "at most 1,000,000"),
        (["--precision", "0"], "above 0 and at most 100"),
        (["--step-s", "1"], "--step-s 1: give 2"),
        (["--warm-up-s", "0"], "--warm-up-s 0: give 0.5"),
        (["--criteria", "stability.passed"], "give others with --criteria"),
        (["--workers", "0"], "--workers 0"),
    ],
)
def test_bounds_that_make_no_sense_are_refused(arguments: list[str], message: str) -> None:
    result = CliRunner().invoke(app, ["limit", *arguments])
    assert isinstance(result.exception, ConfigurationError)
    assert message in str(result.exception)


def test_what_is_no_criterion_is_refused() -> None:
    result = CliRunner().invoke(app, ["limit", "--criteria", "it is fast"])
    assert isinstance(result.exception, CriterionError)


def test_a_target_that_does_not_answer_is_an_error_at_once() -> None:
    result = CliRunner().invoke(app, ["limit", "--target", "http://127.0.0.1:9", *QUICK.split()])
    assert isinstance(result.exception, TargetUnreachable), result.exception
    assert isinstance(result.exception, SquallError)


def test_a_limit_is_searched_shown_and_written(tmp_path: Path) -> None:
    with echo_server() as url:
        result = CliRunner().invoke(
            app,
            shlex.split(
                f"limit --target {url} --min-tps 100 --max-tps 100 --no-color"
                " --criteria 'latency_ms.response.p95 < 1 s'"
                f" --json {tmp_path}/limit.json --report {tmp_path}/report {QUICK}"
            ),
        )
    written = json.loads((tmp_path / "limit.json").read_text())
    crowded = result.exit_code == 3  # another program had this machine's cores
    assert result.exit_code == (3 if crowded else 0), result.output
    assert written["limit_tps"] == (None if crowded else 100)
    sentence = (
        "the generator was the limit"
        if crowded
        else "100 TPS holds, and it is the highest rate that was allowed"
    )
    assert sentence in result.output
    assert crowded or written["ending"] == "at_maximum"
    assert written["steps"][0]["answered_tps"] == pytest.approx(100, rel=0.05)
    assert "<svg" in (tmp_path / "report" / "limit.html").read_text()
    assert "| 100 |" in (tmp_path / "report" / "limit.md").read_text()


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--json", "no/such/place/limit.json"], "there is no directory no/such/place"),
        (["--json", "."], "is a directory"),
        (["--report", "file/below"], "is a file, not a directory; choose another directory"),
    ],
)
def test_what_cannot_be_written_is_said_before_the_search(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, arguments: list[str], said: str
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "file").touch()
    result = CliRunner().invoke(app, ["limit", "--target", "http://127.0.0.1:9", *arguments])
    assert isinstance(result.exception, ConfigurationError), result.exception
    assert said in str(result.exception)


@pytest.mark.parametrize("report", ["", "--report out"])
def test_an_outcome_outlives_a_full_disk(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, report: str
) -> None:
    monkeypatch.chdir(tmp_path)
    with echo_server() as url:
        result = CliRunner().invoke(
            app,
            shlex.split(
                f"limit --target {url} --min-tps 100 --max-tps 100 --no-color"
                f" --criteria 'latency_ms.response.p95 > 10 s' --json /dev/full {report} {QUICK}"
            ),
        )
    assert result.exit_code in {1, 3}, result.output  # of the outcome, not of the disk
    assert "--json /dev/full: cannot be written: No space left on device" in result.output
    rescued = list(tmp_path.glob("squall-limit-*.json"))
    if report:
        assert "<svg" in (tmp_path / "out" / "limit.html").read_text()
        assert rescued == []
    else:
        assert json.loads(rescued[0].read_text())["limit_tps"] is None
        assert f"the outcome is in {rescued[0]}" in result.output


def test_an_interrupt_ends_the_search_with_what_is_known(tmp_path: Path) -> None:
    with echo_server() as url:
        searching = subprocess.Popen(
            shlex.split(
                f"{sys.executable} -m squall.cli.main limit --target {url} --min-tps 50"
                f" --step-s 600 --no-color --criteria 'error_rate < 1 %'"
                f" --json {tmp_path}/limit.json"
            ),
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            env=os.environ | {"COLUMNS": "200"},
        )
        worker = _first_child(searching)
        searching.send_signal(signal.SIGINT)
        output, _ = searching.communicate(timeout=60)
    assert searching.returncode == 4, output
    assert "Stopped before any rate was seen to hold." in output
    assert json.loads((tmp_path / "limit.json").read_text())["ending"] == "stopped"
    assert not Path(f"/proc/{worker}").exists()


def _first_child(process: "subprocess.Popen[str]") -> int:
    """The first load worker, as soon as there is one."""
    children = Path(f"/proc/{process.pid}/task/{process.pid}/children")
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        if found := children.read_text().split():
            return int(found[0])
        time.sleep(0.02)
    raise AssertionError("no load worker was started")
