from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from tests.orchestrator.fakes import Bench, FakeCalibration, FakeTarget, Gate, config

from squall.errors import (
    ConfigurationError,
    DataFileError,
    IllegalTransition,
    TargetUnreachable,
)
from squall.load_generator import LostWorker
from squall.models import LiveSnapshot, Severity, StressTestConfig, TestResults, TestStatus, Verdict
from squall.orchestrator import StressTestOrchestrator

DEADLINE_S = 20.0


class Running:
    """A run under way, with the statuses it went through."""

    def __init__(self, bench: Bench, configuration: StressTestConfig) -> None:
        self.bench = bench
        self.statuses: list[TestStatus] = []
        self.orchestrator = StressTestOrchestrator(
            configuration,
            bench.parts,
            progress=bench.told.append,
            on_status=self.statuses.append,
        )
        self.task = asyncio.create_task(self.orchestrator.run())

    async def at_gate(self) -> None:
        assert self.bench.gate is not None
        async with asyncio.timeout(DEADLINE_S):
            await self.bench.gate.reached.wait()

    async def results(self) -> TestResults:
        if self.bench.gate is not None:
            self.bench.gate.opened.set()
        async with asyncio.timeout(DEADLINE_S):
            return await self.task


async def run(bench: Bench, configuration: StressTestConfig | None = None) -> TestResults:
    return await Running(bench, configuration or config()).results()


# --- a run that goes well


async def test_a_clean_run_from_plan_to_verdict() -> None:
    bench = Bench()
    running = Running(
        bench, config(criteria=("accounting.lost == 0", "latency_ms.response.p95 < 2 s"))
    )
    results = await running.results()
    assert running.statuses == [
        TestStatus.PREPARING,
        TestStatus.RUNNING,
        TestStatus.DRAINING,
        TestStatus.RECONCILING,
        TestStatus.COMPLETED,
    ]
    assert (results.status, results.verdict) == (TestStatus.COMPLETED, Verdict.PASSED)
    assert [c.passed for c in results.criteria] == [True, True]
    account = results.accounting
    assert (account.planned, account.accepted, account.lost) == (150, 150, 0)
    assert account.balanced
    assert account.reconciled
    assert results.throughput.offered_tps == pytest.approx(50, abs=0.5)
    assert results.latency_ms.response.p95 == pytest.approx(2.0, rel=0.001)
    assert results.generator.calibrated_tps == 50_000
    assert sum(second.accepted for second in results.seconds) == 150
    assert results.histograms is not None
    assert bench.session.closed
    assert bench.engine is not None
    assert bench.engine.calls == ["prepare", "close"]


async def test_a_result_says_what_was_run() -> None:
    bench = Bench()
    results = await run(bench, config(seed=5, rate_scale=2.0, environment="staging"))
    assert results.run_id == "20261118T110640Z-000102"
    assert results.seed == 5
    assert results.scaling.rate_scale == 2.0
    assert results.started_at == "2026-11-18T11:06:40.000Z"
    assert results.environment["name"] == "staging"
    assert results.environment["event_time_epoch"] == "2026-11-18T00:00:00Z"
    assert results.target == "fake target"
    assert results.business.processed_value == 0
    assert "opening fake" in bench.told


async def test_agents_are_read_before_and_after() -> None:
    bench = Bench()
    bench.session.agents = json.dumps(
        {"since_s": 1.0, "agents": [{"name": "risk_assessor", "healthy": True}]}
    ).encode()
    results = await run(bench, config(criteria=("agents.all_healthy",)))
    assert [(a.name, a.healthy) for a in results.agents] == [("risk_assessor", True)]
    assert results.verdict is Verdict.PASSED


async def test_without_criteria_nothing_is_judged() -> None:
    assert (await run(Bench())).verdict is Verdict.NOT_JUDGED


# --- runs that find something


async def test_lost_transactions_fail_the_run() -> None:
    bench = Bench(FakeTarget(decided=[*range(2, 150)]))
    results = await run(bench, config(criteria=("accounting.lost == 0",)))
    assert (results.accounting.lost, results.verdict) == (2, Verdict.FAILED)
    assert len(results.accounting.lost_ids) == 2


async def test_losses_that_nobody_can_know_do_not_pass() -> None:
    bench = Bench(FakeTarget(read_error=TargetUnreachable("127.0.0.1:1: connection refused")))
    results = await run(bench, config(criteria=("accounting.lost == 0",)))
    assert results.accounting.lost is None
    assert results.criteria[0].passed is None
    assert (results.status, results.verdict) == (TestStatus.COMPLETED, Verdict.FAILED)
    assert "connection refused" in results.accounting.note


async def test_a_target_without_records_is_fine_where_nobody_asks() -> None:
    bench = Bench(FakeTarget(no_reader=True))
    results = await run(bench, config(criteria=("error_rate < 0.1 %",)))
    assert results.accounting.lost is None
    assert results.verdict is Verdict.PASSED


async def test_a_target_process_that_dies_is_noted_and_the_load_goes_on() -> None:
    bench = Bench(gate=Gate(1.0), target=FakeTarget(read_error=TargetUnreachable("gone")))
    running = Running(bench, config())
    await running.at_gate()
    bench.session.ended = "killed by SIGKILL"
    async with asyncio.timeout(DEADLINE_S):
        while not any("killed by SIGKILL" in text for text in bench.told):
            await asyncio.sleep(0)
    results = await running.results()
    assert any("the target ended" in note for note in results.notes)
    assert results.target_ended is not None
    assert results.target_ended.reason == "killed by SIGKILL"
    assert results.target_ended.at_s >= 1.0
    worst = results.findings[0]
    assert worst.severity is Severity.CRITICAL
    assert worst.title.startswith("The target was unavailable")
    assert results.accounting.planned == 150
    assert results.accounting.balanced
    assert results.status is TestStatus.COMPLETED


async def test_a_generator_that_is_too_slow_makes_the_run_invalid() -> None:
    bench = Bench(calibration=FakeCalibration(tps=49.0))
    results = await run(bench, config(criteria=("accounting.lost == 0",)))
    assert results.generator.limited
    assert "49 TPS" in results.generator.limit_reason
    assert results.verdict is Verdict.INVALID


async def test_what_the_calibration_leaves_out_is_said() -> None:
    bench = Bench(calibration=FakeCalibration(notes=("without TLS",)))
    results = await run(bench)
    assert results.generator.notes == ("without TLS",)
    assert not results.generator.limited


async def test_a_generator_that_is_late_by_its_own_fault_makes_the_run_invalid() -> None:
    results = await run(Bench(own_late=1), config(criteria=("accounting.lost == 0",)))
    assert results.verdict is Verdict.INVALID


# --- runs that do not get far


async def test_a_load_that_makes_no_sense_is_refused_before_anything_starts() -> None:
    bench = Bench()
    with pytest.raises(ConfigurationError):
        StressTestOrchestrator(config(time_scale=0.0001), bench.parts)
    assert bench.told == []


async def test_a_users_own_transactions_are_sent(tmp_path: Path) -> None:
    own = tmp_path / "own.csv"
    own.write_text("id,amount\na-1,1250\na-2,99\n")
    bench = Bench(FakeTarget(fields=frozenset({"amount", "source_id"})))
    results = await run(bench, config(replay=str(own)))
    assert bench.engine is not None
    assert "source_id" in bench.engine.plan.source.available_fields
    assert results.accounting.accepted == 150
    assert [note for note in results.notes if "own.csv" in note] == [
        "own.csv has no labels (a column label, is_fraud or typology): accuracy and what fraud was "
        "worth are not measured"
    ]


async def test_a_file_that_cannot_be_replayed_is_refused_at_once(tmp_path: Path) -> None:
    with pytest.raises(DataFileError, match=r"missing\.csv"):
        StressTestOrchestrator(config(replay=str(tmp_path / "missing.csv")), Bench().parts)


async def test_a_target_that_cannot_be_used_fails_the_run() -> None:
    bench = Bench(FakeTarget(check_error=TargetUnreachable("nothing answers")))
    running = Running(bench, config())
    with pytest.raises(TargetUnreachable, match="nothing answers"):
        await running.results()
    assert running.statuses == [TestStatus.PREPARING, TestStatus.FAILED]
    assert bench.session.closed


async def test_a_target_that_needs_other_fields_is_refused() -> None:
    bench = Bench(FakeTarget(fields=frozenset({"colour"})))
    with pytest.raises(ConfigurationError, match="colour"):
        await run(bench)


async def test_what_was_measured_before_all_workers_died_is_kept() -> None:
    bench = Bench(dies_at_s=1.0)
    results = await run(bench, config(criteria=("accounting.lost == 0",)))
    assert (results.status, results.verdict) == (TestStatus.FAILED, Verdict.ABORTED)
    assert results.verdict.exit_status == 4
    assert results.accounting.accepted == 50
    assert results.accounting.balanced
    assert "every load worker died" in results.notes
    assert "failed" in results.accounting.note


async def test_a_worker_that_dies_is_named_with_what_it_leaves() -> None:
    bench = Bench(gate=Gate(1.0))
    running = Running(bench, config())
    await running.at_gate()
    assert bench.engine is not None
    bench.engine.lost_workers.append(LostWorker(1, 0.9, indeterminate=1_204))
    results = await running.results()
    assert [note for note in results.notes if "load worker 1 died 0.9 s" in note] == [
        "load worker 1 died 0.9 s into the load: of its share 1,204 transactions are "
        "indeterminate, and what is due later is not sent"
    ]
    assert results.generator.workers_lost == 1
    assert results.verdict is Verdict.INVALID


async def test_cancelling_ends_everything() -> None:
    bench = Bench(gate=Gate(1.0))
    running = Running(bench, config())
    await running.at_gate()
    running.task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await running.task
    assert running.orchestrator.status is TestStatus.ABORTED
    assert bench.engine is not None
    assert bench.engine.calls[-2:] == ["abort", "close"]
    assert bench.session.closed


# --- controls


async def test_pause_and_resume() -> None:
    bench = Bench(gate=Gate(1.0))
    running = Running(bench, config())
    await running.at_gate()
    await running.orchestrator.pause()
    assert running.orchestrator.status is TestStatus.PAUSED
    bench.clock.now_s += 5
    await running.orchestrator.resume()
    results = await running.results()
    assert TestStatus.PAUSED in running.statuses
    assert results.accounting.planned == 150
    assert results.throughput.duration_s == pytest.approx(8.0, abs=0.2)
    assert results.throughput.offered_tps == pytest.approx(50, abs=1)
    assert [n.split(" at ")[0] for n in results.notes] == ["paused", "resumed"]


async def test_another_rate() -> None:
    bench = Bench(gate=Gate(1.0))
    running = Running(bench, config())
    await running.at_gate()
    await running.orchestrator.set_rate(2.0)
    assert running.orchestrator.rate_multiplier == 2.0
    results = await running.results()
    assert results.accounting.planned == 250
    assert results.throughput.duration_s == pytest.approx(3.0, abs=0.2)


@pytest.mark.parametrize("multiplier", [-1.0, 101.0, float("nan")])
async def test_rates_that_make_no_sense(multiplier: float) -> None:
    bench = Bench(gate=Gate(1.0))
    running = Running(bench, config())
    await running.at_gate()
    with pytest.raises(ValueError, match="multiplier"):
        await running.orchestrator.set_rate(multiplier)
    await running.results()


async def test_a_stop_drains_and_reports_but_never_passes() -> None:
    bench = Bench(gate=Gate(1.0))
    running = Running(bench, config(criteria=("error_rate < 1 %",)))
    await running.at_gate()
    await running.orchestrator.stop()
    bench.target.planned = 50
    results = await running.results()
    assert results.status is TestStatus.COMPLETED
    assert results.verdict is Verdict.ABORTED
    assert results.criteria[0].passed is True
    assert results.accounting.planned == 50
    assert results.accounting.reconciled
    assert any("stopped at 1.0 s of 3.0 s" in note for note in results.notes)


async def test_a_stopped_run_that_had_failed_has_failed() -> None:
    bench = Bench(gate=Gate(1.0), target=FakeTarget(decided=[]))
    running = Running(bench, config(criteria=("accounting.lost == 0",)))
    await running.at_gate()
    await running.orchestrator.stop()
    assert (await running.results()).verdict is Verdict.FAILED


async def test_an_emergency_stop_accounts_for_everything() -> None:
    bench = Bench(gate=Gate(1.0))
    running = Running(bench, config(criteria=("error_rate < 1 %",)))
    await running.at_gate()
    await running.orchestrator.emergency_stop()
    results = await running.results()
    assert (results.status, results.verdict) == (TestStatus.ABORTED, Verdict.ABORTED)
    assert results.accounting.balanced
    assert results.accounting.indeterminate > 0
    assert results.accounting.lost is None
    assert any("emergency stop at 1.0 s" in note for note in results.notes)


async def test_an_emergency_stop_breaks_off_the_final_read() -> None:
    hanging = asyncio.Event()
    running = Running(Bench(FakeTarget(read_hangs=hanging)), config())
    async with asyncio.timeout(DEADLINE_S):
        await hanging.wait()
    await running.orchestrator.emergency_stop()
    results = await running.results()
    assert results.status is TestStatus.ABORTED
    assert results.accounting.accepted == 150
    assert "broken off" in results.accounting.note


async def test_controls_before_the_load_are_refused() -> None:
    orchestrator = StressTestOrchestrator(config(), Bench().parts)
    for control in (
        orchestrator.pause,
        orchestrator.resume,
        orchestrator.stop,
        orchestrator.emergency_stop,
    ):
        with pytest.raises(IllegalTransition, match="no load yet"):
            await control()


async def test_controls_after_the_end_are_refused() -> None:
    running = Running(Bench(), config())
    await running.results()
    orchestrator = running.orchestrator
    for control in (
        orchestrator.pause,
        orchestrator.resume,
        orchestrator.stop,
        orchestrator.emergency_stop,
    ):
        with pytest.raises(IllegalTransition):
            await control()
    with pytest.raises(IllegalTransition):
        await orchestrator.set_rate(2.0)
    with pytest.raises(IllegalTransition):
        await orchestrator.run()


# --- watching


async def collected(snapshots: AsyncIterator[LiveSnapshot]) -> list[LiveSnapshot]:
    return [snapshot async for snapshot in snapshots]


async def test_subscribers_follow_a_run_to_its_end() -> None:
    bench = Bench(gate=Gate(2.0))
    running = Running(bench, config(criteria=("latency_ms.response.p95 < 2 s",)))
    watcher = asyncio.create_task(collected(running.orchestrator.subscribe()))
    await running.at_gate()
    await running.results()
    snapshots = await asyncio.wait_for(watcher, DEADLINE_S)
    assert snapshots[-1].status is TestStatus.COMPLETED
    assert snapshots[-1].accounting.accepted == 150
    assert snapshots[-1].criteria[0].passed is True
    planned = [s.accounting.planned for s in snapshots]
    assert planned == sorted(planned)


async def test_subscribers_of_a_run_without_load_end_too() -> None:
    bench = Bench(FakeTarget(check_error=TargetUnreachable("nothing answers")))
    running = Running(bench, config())
    watcher = asyncio.create_task(collected(running.orchestrator.subscribe()))
    with pytest.raises(TargetUnreachable):
        await running.results()
    assert await asyncio.wait_for(watcher, DEADLINE_S) == []


def test_what_the_package_offers() -> None:
    import squall.orchestrator as package

    names: list[Any] = [getattr(package, name) for name in package.__all__]
    assert StressTestOrchestrator in names
