"""The example that other tests rely on must itself be a possible result."""

from __future__ import annotations

from squall.models import TestResults
from squall.results.reports.story import accounting_terms, reconciliation_terms, total


def test_its_accounting_sums(passed: TestResults, failed: TestResults) -> None:
    for results in (passed, failed):
        accounting = results.accounting
        assert accounting.balanced
        assert total(accounting_terms(results)) == accounting.planned
        assert total(reconciliation_terms(results)) == accounting.seen


def test_its_seconds_and_phases_add_up_to_its_totals(failed: TestResults) -> None:
    assert sum(second.planned for second in failed.seconds) == failed.accounting.planned
    assert sum(second.accepted for second in failed.seconds) == failed.accounting.accepted
    assert sum(phase.accepted for phase in failed.phases) == failed.accounting.accepted
