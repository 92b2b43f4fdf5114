"""Findings about what happened beside the load: probes, faults, quotas."""

from __future__ import annotations

from squall.models import Finding, Severity, TestResults
from squall.results.figures import percent


def beside(results: TestResults) -> list[Finding]:
    """Probes that could not be carried out, faults that could not be made, quotas reached."""
    return [*_probes(results), *_faults(results), *_quotas(results)]


def _probes(results: TestResults) -> list[Finding]:
    return [
        Finding(
            kind="note",
            severity=Severity.WARNING,
            component=probe.name,
            title=f"Probe {probe.name} was not carried out to its end",
            evidence=probe.problem,
            impact="What it should have measured is unknown.",
        )
        for probe in results.probes
        if probe.problem
    ]


def _faults(results: TestResults) -> list[Finding]:
    return [
        Finding(
            kind="note",
            severity=Severity.WARNING,
            component=fault.name,
            title=f"Fault {fault.name} was not as planned",
            evidence=fault.problem,
            impact="The run does not show how the target lives with it.",
        )
        for fault in results.faults
        if fault.problem
    ]


def _quotas(results: TestResults) -> list[Finding]:
    services = results.services
    if services is None:
        return []
    shares = {
        "Kinesis": ("writes", services.kinesis.write_throttled_share),
        "DynamoDB": ("requests", services.dynamodb.throttled_share),
        "Bedrock": ("calls", services.bedrock.throttled_share),
    }
    return [
        Finding(
            kind="note",
            severity=Severity.WARNING,
            component=name,
            title=f"A quota of {name} was reached",
            evidence=f"{percent(share, 2)} of the {what} were throttled (CloudWatch).",
            impact="Throttled calls are repeated: they cost time, and at last they fail.",
            recommendation=f"Raise the quota or capacity of {name}, or spread the load.",
        )
        for name, (what, share) in shares.items()
        if share
    ]
