from __future__ import annotations

import asyncio
import json
import os
import signal
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import typer
from tests.orchestrator.fakes import Bench, FakeCalibration, FakeTarget, Gate, config
from typer.testing import CliRunner

from squall.cli import outputs as outputs_module
from squall.cli import run as run_module
from squall.cli.interrupts import Interrupts
from squall.cli.main import app
from squall.errors import ConfigurationError, SquallError, StoreError, TargetUnreachable
from squall.models import TestResults, TestStatus
from squall.orchestrator import StressTestOrchestrator
from squall.results import TestResultsStore, from_json

SCENARIO = """
name: tiny
title: Tiny
why: To test the command line.
load: {type: sustained, rate_tps: 50, duration_s: 3}
criteria:
  - accounting.lost == 0
  - error_rate < 1 %
"""

Squall = Callable[..., "Finished"]


class Finished:
    """What a command left behind."""

    def __init__(
        self, status: int, output: str, stdout: str, error: SquallError | None, place: Path
    ) -> None:
        self.status = status
        self.output = output
        self.stdout = stdout
        self.error = error
        self.place = place

    @property
    def results(self) -> TestResults:
        return from_json((self.place / "result.json").read_bytes())


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty working directory with one scenario in it, and a store and cache of its own."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "data"))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.delenv("SQUALL_STORE", raising=False)
    (tmp_path / "tiny.yaml").write_text(SCENARIO)
    return tmp_path


@pytest.fixture
def squall(place: Path, monkeypatch: pytest.MonkeyPatch) -> Squall:
    """Runs ``squall`` with these arguments against a bench of fakes."""

    def call(*arguments: str, bench: Bench | None = None) -> Finished:
        monkeypatch.setattr(run_module, "real_parts", lambda prices=None: (bench or Bench()).parts)
        result = CliRunner().invoke(app, list(arguments))
        error = result.exception if isinstance(result.exception, SquallError) else None
        if result.exception is not None and error is None:
            assert isinstance(result.exception, SystemExit), result.exception
        status = error.exit_status if error else result.exit_code
        return Finished(status, result.output, result.stdout, error, place)

    return call


def test_a_run_from_the_command_line(squall: Squall) -> None:
    finished = squall("run", "tiny.yaml", "--json", "result.json", "--seed", "7")
    assert finished.status == 0
    assert finished.results.accounting.accepted == 150
    assert finished.results.seed == 7
    run_id = finished.results.run_id
    report = finished.place / ".squall" / "reports" / run_id / "report.html"
    assert report.is_file()
    assert f".squall/reports/{run_id}/report.html" in finished.output
    assert "JSON:    result.json" in finished.output
    assert "\x1b" not in finished.output
    with TestResultsStore(f"sqlite:///{finished.place / 'data/squall/results.db'}") as store:
        assert store.get(run_id) == finished.results


def test_the_output_tells_the_story_of_the_run(squall: Squall) -> None:
    output = squall("run", "tiny.yaml").output
    said = [
        "tiny → inline, run 20261118T110640Z-000102",
        "As written: peak 50 TPS, 3 s.",
        "opening inline",
        "checking fake target",
        "reading the target's own records",
        "Report:",
    ]
    positions = [output.index(text) for text in said]
    assert positions == sorted(positions)


def test_quiet_is_quiet(squall: Squall) -> None:
    lines = squall("run", "tiny.yaml", "--quiet", "--no-store").output.splitlines()
    assert lines[0].endswith(": passed")
    assert len(lines) == 2


def test_json_on_the_screen_is_json_alone(squall: Squall) -> None:
    finished = squall("run", "tiny.yaml", "--json", "-", "--no-store")
    assert json.loads(finished.stdout)["scenario"] == "tiny"
    assert "150 accepted" in finished.output


def test_nothing_is_written_where_nothing_is_wanted(squall: Squall) -> None:
    finished = squall("run", "tiny.yaml", "--no-report", "--no-store")
    assert finished.status == 0
    assert sorted(path.name for path in finished.place.iterdir()) == ["tiny.yaml"]


def test_the_report_goes_where_it_is_wanted(squall: Squall) -> None:
    finished = squall("run", "tiny.yaml", "--report", "out/here", "--no-store")
    assert (finished.place / "out/here/report.html").is_file()
    assert not (finished.place / ".squall").exists()


# --- exit statuses


def test_a_failed_criterion_is_1(squall: Squall) -> None:
    bench = Bench(FakeTarget(decided=list(range(1, 150))))
    finished = squall("run", "tiny.yaml", "--json", "result.json", bench=bench)
    assert finished.status == 1
    assert finished.results.accounting.lost == 1


def test_an_unusable_target_is_2(squall: Squall) -> None:
    bench = Bench(FakeTarget(check_error=TargetUnreachable("nothing answers at 127.0.0.1:1")))
    finished = squall("run", "tiny.yaml", bench=bench)
    assert finished.status == 2
    assert str(finished.error) == "nothing answers at 127.0.0.1:1"
    with TestResultsStore(f"sqlite:///{finished.place / 'data/squall/results.db'}") as store:
        assert [run.status for run in store.list()] == [TestStatus.FAILED]


def test_a_generator_at_its_limit_is_3(squall: Squall) -> None:
    bench = Bench(calibration=FakeCalibration(tps=10.0))
    assert squall("run", "tiny.yaml", bench=bench).status == 3


def test_dead_workers_are_4_and_the_result_is_kept(squall: Squall) -> None:
    finished = squall("run", "tiny.yaml", "--json", "result.json", bench=Bench(dies_at_s=1.0))
    assert finished.status == 4
    assert finished.results.accounting.accepted == 50


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["nope"], "there is no scenario of this name"),
        (["missing.yaml"], "there is no such file"),
        (["tiny.yaml", "--rate-scale", "0"], "--rate-scale 0"),
        (["tiny.yaml", "--seed", "-1"], "--seed -1"),
        (["tiny.yaml", "--workers", "0"], "--workers 0"),
        (["tiny.yaml", "--time-scale", "0.0001"], "must be between a second and a week"),
        (["tiny.yaml", "--json", "no/such/place/r.json"], "there is no directory no/such/place"),
        (["tiny.yaml", "--json", "."], "is a directory"),
        (["tiny.yaml", "--report", "tiny.yaml/x"], "is a file, not a directory"),
        (["tiny.yaml", "--report", "a", "--no-report"], "exclude each other"),
        (["tiny.yaml", "--store", "a", "--no-store"], "exclude each other"),
        (["tiny.yaml", "--store", "oracle://db"], "oracle"),
    ],
)
def test_wrong_usage_is_2_with_one_message(squall: Squall, arguments: list[str], said: str) -> None:
    finished = squall("run", *arguments)
    assert finished.status == 2
    assert finished.error is not None
    assert said in str(finished.error)


@pytest.mark.parametrize(
    "target",
    [
        "http://me:secret@127.0.0.1:9",
        "HTTPS://me:secret@127.0.0.1:9",
        "http://me:secret%40x@127.0.0.1:9",
        "http://me:secret%4012@127.0.0.1:9",
        "http://secret@127.0.0.1:9",
        "kinesis://s?agents=http://me:secret@127.0.0.1:9/v1/agents",
        "lambda://f?agents=http%3A%2F%2Fme%3Asecret%40127.0.0.1:9/v1/agents",
    ],
)
@pytest.mark.parametrize("where", ["option", "scenario"])
def test_a_password_in_a_target_is_neither_shown_nor_stored(
    squall: Squall, place: Path, target: str, where: str
) -> None:
    scenario = SCENARIO + (f"target: '{target}'\n" if where == "scenario" else "")
    (place / "tiny.yaml").write_text(scenario)
    option = ["--target", target] if where == "option" else []
    # A search takes its target from the option alone.
    for command in ("run", "limit") if where == "option" else ("run",):
        finished = squall(command, "tiny.yaml", *option)
        assert finished.status == 2
        assert "must not hold a user name or password" in str(finished.error)
        assert "secret" not in str(finished.error) + finished.output
    assert [path.name for path in place.rglob("*")] == ["tiny.yaml"]


def test_every_wrong_option_is_named_at_once(squall: Squall) -> None:
    error = str(squall("run", "tiny.yaml", "--rate-scale", "0", "--seed", "-1").error)
    assert "--rate-scale 0" in error
    assert "--seed -1" in error


def test_a_store_that_fails_after_the_run_loses_nothing(
    squall: Squall, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(TestResultsStore, "save", full_store)
    finished = squall("run", "tiny.yaml", "--report", "out")
    assert finished.status == 2
    assert "the disk under the store is full" in finished.output
    (rescued,) = (finished.place / "out").glob("squall-*.json")
    assert from_json(rescued.read_bytes()).accounting.accepted == 150
    assert "squall runs import" in finished.output


def kept_runs(finished: Finished) -> list[TestStatus]:
    with TestResultsStore(f"sqlite:///{finished.place / 'data/squall/results.db'}") as store:
        return [run.status for run in store.list()]


def full_store(self: TestResultsStore, results: TestResults) -> None:
    raise StoreError("the disk under the store is full")


def locked_store(self: TestResultsStore, run_id: str, status: TestStatus) -> None:
    raise StoreError("the store is locked")


def full_reports(results: TestResults, directory: Path) -> list[Path]:
    raise ConfigurationError(f"the report cannot be written to {directory}: no space")


def test_without_a_store_a_result_is_rescued_too(
    squall: Squall, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(outputs_module, "write_reports", full_reports)
    finished = squall("run", "tiny.yaml", "--no-store", "--json", "/dev/full", "--report", "out")
    assert finished.status == 2
    assert "the report cannot be written to out" in finished.output
    assert "--json /dev/full: cannot be written: No space left on device" in finished.output
    (rescued,) = (finished.place / "out").iterdir()
    assert from_json(rescued.read_bytes()).accounting.accepted == 150


def test_what_is_kept_in_one_place_needs_no_rescue(
    squall: Squall, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(outputs_module, "write_reports", full_reports)
    finished = squall("run", "tiny.yaml", "--no-store", "--json", "result.json")
    assert finished.status == 2
    assert finished.results.accounting.accepted == 150
    assert sorted(path.name for path in finished.place.iterdir()) == ["result.json", "tiny.yaml"]


def test_a_run_that_the_store_did_not_take_is_not_left_running(
    squall: Squall, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(TestResultsStore, "save", full_store)
    assert kept_runs(squall("run", "tiny.yaml", "--no-report")) == [TestStatus.FAILED]


def test_a_store_that_takes_nothing_more_says_what_stays(
    squall: Squall, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(TestResultsStore, "save", full_store)
    monkeypatch.setattr(TestResultsStore, "set_status", locked_store)
    finished = squall("run", "tiny.yaml", "--no-report")
    assert "the disk under the store is full" in finished.output
    assert "stays listed as running: the store is locked" in finished.output
    assert kept_runs(finished) == [TestStatus.RUNNING]


def test_trouble_with_the_store_does_not_hide_why_a_run_failed(
    squall: Squall, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(TestResultsStore, "set_status", locked_store)
    bench = Bench(FakeTarget(check_error=TargetUnreachable("nothing answers at 127.0.0.1:1")))
    error = squall("run", "tiny.yaml", bench=bench).error
    assert isinstance(error, TargetUnreachable)
    assert "the store is locked" in error.__notes__[0]


@pytest.mark.parametrize("locked", [False, True])
def test_an_interrupt_before_the_load_is_no_failure(
    squall: Squall, monkeypatch: pytest.MonkeyPatch, locked: bool
) -> None:
    async def interrupted(*_: object) -> None:
        return None

    monkeypatch.setattr(run_module, "watched", interrupted)
    if locked:
        monkeypatch.setattr(TestResultsStore, "set_status", locked_store)
    finished = squall("run", "tiny.yaml")
    assert finished.status == 4
    assert ("the store is locked" in finished.output) == locked
    assert kept_runs(finished) == [TestStatus.RUNNING if locked else TestStatus.ABORTED]


# --- the documentation


@pytest.mark.parametrize("command", ["run", "scenarios"])
def test_every_option_is_documented(command: str) -> None:
    documented = (Path(__file__).parents[2] / "docs" / "cli.md").read_text(encoding="utf-8")
    root: Any = typer.main.get_command(app)
    found = root.commands[command]
    commands = list(getattr(found, "commands", {"": found}).values())
    options = {name for each in commands for option in each.params for name in option.opts}
    assert "--no-color" in options
    missing = {name for name in options if name.startswith("--") and name not in documented}
    assert missing == set()


# --- interrupts


class Interrupted:
    """A run on which interrupts are tried."""

    def __init__(self, bench: Bench) -> None:
        self.told: list[str] = []
        self.orchestrator = StressTestOrchestrator(config(), bench.parts)
        self.task = asyncio.create_task(self.orchestrator.run())
        self.interrupts = Interrupts(self.orchestrator, self.task, self.told.append)

    async def status(self, *wanted: TestStatus) -> None:
        async with asyncio.timeout(20):
            while self.orchestrator.status not in wanted:
                await asyncio.sleep(0)


async def test_the_first_interrupt_drains_and_the_second_stops() -> None:
    gate = Gate(1.0)
    run = Interrupted(Bench(gate=gate))
    await asyncio.wait_for(gate.reached.wait(), 20)
    run.interrupts.interrupt()
    await run.status(TestStatus.DRAINING)
    assert "Ctrl-C again" in run.told[0]
    run.interrupts.interrupt()
    await run.status(TestStatus.ABORTED)
    results = await asyncio.wait_for(run.task, 20)
    assert results.status is TestStatus.ABORTED
    assert results.accounting.balanced


async def test_one_interrupt_still_reconciles() -> None:
    gate = Gate(1.0)
    bench = Bench(gate=gate)
    run = Interrupted(bench)
    await asyncio.wait_for(gate.reached.wait(), 20)
    bench.target.planned = 50
    run.interrupts.interrupt()
    await run.status(TestStatus.DRAINING)
    gate.opened.set()
    results = await asyncio.wait_for(run.task, 20)
    assert results.status is TestStatus.COMPLETED
    assert results.accounting.reconciled
    assert results.verdict.exit_status == 4


async def test_an_interrupt_before_the_load_cancels() -> None:
    run = Interrupted(Bench())
    run.interrupts.interrupt()
    with pytest.raises(asyncio.CancelledError):
        await asyncio.wait_for(run.task, 20)


async def test_an_interrupt_after_the_end_does_nothing() -> None:
    run = Interrupted(Bench())
    await asyncio.wait_for(run.task, 20)
    run.interrupts.interrupt()
    await asyncio.sleep(0)
    assert run.orchestrator.status is TestStatus.COMPLETED


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
async def test_signals_are_interrupts(number: signal.Signals) -> None:
    gate = Gate(1.0)
    run = Interrupted(Bench(gate=gate))
    await asyncio.wait_for(gate.reached.wait(), 20)
    with run.interrupts.caught():
        os.kill(os.getpid(), number)
        await run.status(TestStatus.DRAINING)
    gate.opened.set()
    await asyncio.wait_for(run.task, 20)
