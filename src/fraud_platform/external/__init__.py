"""External checks: identity verification, a fraud database, geolocation.

How a handler uses them, once per process and then once per micro-batch::

    checks = ExternalChecks(ChecksOptions.at(base_url))                # checks.py

    requests = [request_of(t) for t in evidence.transactions]          # findings.py
    rows = worth_checking(settled, answers, requests, AGENTS)          # evidence.py -> list[int]
    asked = [requests[row] for row in rows]
    findings = checks.check(asked, deadline_s)                         # -> list[Findings], in order
    settled, answers = with_findings(settled, answers, rows, asked, findings, AGENTS)

    checks.figures()                                                   # -> dict of plain values
    checks.close()

Signatures::

    ChecksOptions.at(base_url: str, identity_tps: float = 45.0, fraud_database_tps: float = 180.0,
                     geolocation_tps: float = 180.0, timeout_s: float = 5.0)
    ExternalChecks(options: ChecksOptions, seed: int | None = None,
                   clock: Callable[[], float] = time.monotonic)
    ExternalChecks.check(requests: Sequence[CheckRequest], deadline_s: float) -> list[Findings]
    worth_checking(settled: Settlement, answers: Sequence[Votes | Absence],
                   requests: Sequence[CheckRequest], agents: Sequence[str],
                   points: CheckPoints | None = None) -> list[int]
    with_findings(settled: Settlement, answers: Sequence[Votes | Absence], rows: Sequence[int],
                  requests: Sequence[CheckRequest], findings: Sequence[Findings],
                  agents: Sequence[str], points: CheckPoints | None = None)
        -> tuple[Settlement, list[Votes | Absence]]

``check`` is synchronous, may be called from several threads, returns within ``deadline_s`` and
never raises for what a service does. Settle first, then check, then reason about what is still
borderline. The rates of ``ChecksOptions.at`` are for one process: with N of them, give each 1/N.
"""

from fraud_platform.external.checks import ChecksOptions, ExternalChecks
from fraud_platform.external.evidence import CheckPoints, with_findings, worth_checking
from fraud_platform.external.findings import CheckRequest, Findings, request_of

__all__ = [
    "CheckPoints",
    "CheckRequest",
    "ChecksOptions",
    "ExternalChecks",
    "Findings",
    "request_of",
    "with_findings",
    "worth_checking",
]
