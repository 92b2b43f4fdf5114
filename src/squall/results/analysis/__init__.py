"""Findings: what a result proves, and what to do about it."""

from __future__ import annotations

from squall.models import Finding, Severity, TestResults
from squall.results.analysis.beside import beside
from squall.results.analysis.bottlenecks import bottlenecks
from squall.results.analysis.violations import violations

_ORDER = {Severity.CRITICAL: 0, Severity.WARNING: 1, Severity.INFO: 2}


def analyse(results: TestResults) -> tuple[Finding, ...]:
    """Everything a run proves: losses, violations and the bottleneck, the most serious first.

    A pure function of the measurements; ``results.findings`` is not read.
    """
    found = [*violations(results), *bottlenecks(results), *beside(results)]
    return tuple(sorted(found, key=lambda finding: _ORDER[finding.severity]))


__all__ = ["analyse"]
