from __future__ import annotations

from dataclasses import replace

import pytest

from squall.metrics.generator import GeneratorTrack
from squall.models import Accounting, LatencySummary, SystemMetrics
from squall.orchestrator.assembly import balanced, crowded

ACCOUNT = Accounting(planned=100, accepted=90, rejected=4, indeterminate=5, not_sent=1)
IDLE = GeneratorTrack().report(
    workers=1,
    workers_lost=0,
    lateness=LatencySummary(0),
    calibrated_tps=50_000,
    planned_peak_tps=10_000,
)
LIMITED = replace(IDLE, limited=True, limit_reason="2.5% of sends were late")


def usage(source: str, cpu_cores: float) -> SystemMetrics:
    return SystemMetrics(source, 9.0, cpu_cores, 1_000_000, 3, 4)


def test_an_account_that_balances_is_left_alone() -> None:
    assert balanced(ACCOUNT) == (ACCOUNT, "")


def test_transactions_never_reported_on_are_indeterminate() -> None:
    account, note = balanced(replace(ACCOUNT, planned=1_107))
    assert account.balanced
    assert account.indeterminate == 5 + 1_007
    assert note.startswith("1,007 transactions were never reported on")


@pytest.mark.parametrize(("host_cores", "named"), [(3.9, True), (1.6, False)])
def test_other_programs_are_named_where_they_explain_a_limit(
    host_cores: float, named: bool
) -> None:
    resources = {
        "host": usage("host", host_cores),
        "generator": usage("generator", 0.3),
        "target": usage("target", 0.6),
    }
    reason = crowded(LIMITED, resources).limit_reason
    assert ("other programs used 3.0 of this machine's 4 cores" in reason) is named
    assert crowded(IDLE, resources) == IDLE


@pytest.mark.parametrize(("stolen_cores", "named"), [(0.08, True), (0.01, False)])
def test_time_that_the_hypervisor_took_is_named_whether_limited_or_not(
    stolen_cores: float, named: bool
) -> None:
    resources = {"host": replace(usage("host", 0.1), stolen_cores=stolen_cores)}
    notes = crowded(IDLE, resources).notes
    assert [note for note in notes if "hypervisor gave 2.0%" in note] == list(notes)
    assert bool(notes) is named
    assert ("hypervisor" in crowded(LIMITED, resources).limit_reason) is named


def test_without_host_figures_nothing_is_said_of_others() -> None:
    assert crowded(LIMITED, {}) == LIMITED
