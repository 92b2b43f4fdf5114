"""The result of a run: what ``--json`` writes, the store keeps and reports read.

The JSON form of ``TestResults`` is a contract; its schema is ``schemas/result.schema.json``.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from squall.models.beside import FaultRecord, ProbeResult
from squall.models.enums import Severity, TestStatus, Verdict
from squall.models.histogram import LatencySummary
from squall.models.interval import Receipt
from squall.models.metrics import (
    AgentMetrics,
    BusinessMetrics,
    Coordination,
    Detection,
    SystemMetrics,
)
from squall.models.scenario import StressTestConfig
from squall.models.services import ServiceFigures

NO_RECORDS_NAMED = "no final read: the target names no records to read"
"""How the note of an accounting begins where there was nothing to read from."""


@dataclass(frozen=True, slots=True)
class TargetEnd:
    """A target of ours whose process ended during the run."""

    at_s: float
    """Seconds into the load."""
    reason: str


@dataclass(frozen=True, slots=True)
class Accounting:
    """Where every planned transaction ended.

    planned = accepted + rejected + indeterminate + not_sent. The figures from ``seen`` on come
    from the final read of the target's own records and are None where there was none: unknown,
    not zero.
    """

    planned: int
    accepted: int
    rejected: int
    indeterminate: int
    not_sent: int
    rejected_expected: int = 0
    """Of ``rejected``: edge cases that were due to be refused."""
    attempts: int = 0
    replayed: int = 0
    """Of ``accepted``: answers to a repeated id, so no decision of their own is due."""
    refused_later: int = 0
    """Of ``accepted``: acknowledged edge cases, due to be refused, that left no record."""
    seen: int | None = None
    """Distinct ids of this run in the target's records."""
    lost: int | None = None
    """Accepted, but not seen."""
    duplicated: int | None = None
    """Ids decided more than once."""
    unexpected: int | None = None
    """Seen, but never planned or definitely refused."""
    recovered: int | None = None
    """Indeterminate here, but decided there."""
    unresolved: int | None = None
    """Indeterminate here and not seen there."""
    amount_difference_minor: int | None = None
    """Seen amounts minus the amounts that were sent under those ids; minor units, 0 when right."""
    reconciled: bool | None = None
    """Nothing lost, duplicated or unexpected, and amounts agree; None without a final read."""
    lost_ids: tuple[str, ...] = ()
    """The first 1,000."""
    duplicated_ids: tuple[str, ...] = ()
    unexpected_ids: tuple[str, ...] = ()
    unresolved_ids: tuple[str, ...] = ()
    note: str = ""
    """Why there was no final read, or what limited it."""

    @property
    def balanced(self) -> bool:
        """Whether the four ends sum to the plan."""
        ends = self.accepted + self.rejected + self.indeterminate + self.not_sent
        return ends == self.planned


@dataclass(frozen=True, slots=True)
class Throughput:
    """Rates in transactions per second."""

    offered_tps: float
    """Planned ÷ scheduled duration."""
    accepted_tps: float
    """Accepted ÷ time from the first intended send to the last answer."""
    peak_tps: float
    """Highest accepted rate over one second."""
    planned_peak_tps: float
    duration_s: float
    """First intended send to last answer."""


@dataclass(frozen=True, slots=True)
class Latencies:
    """Percentiles in milliseconds."""

    response: LatencySummary
    """Intended send → answer: what a user waits."""
    service: LatencySummary
    """Write → answer: what the target took."""
    lateness: LatencySummary
    """Write − intended: how late the generator or its connection pool was."""
    decision: LatencySummary = field(default_factory=lambda: LatencySummary(0))
    """Intended send → decision by another channel; empty for synchronous targets."""


@dataclass(frozen=True, slots=True)
class GeneratorReport:
    """How the generator itself did."""

    workers: int
    connections: int
    cpu_us_per_request: float | None
    lateness_p99_ms: float | None
    own_lateness_max_ms: float | None
    """Longest delay of a send although a connection was idle."""
    own_late_share: float
    """Share of sends more than 10 ms late although a connection was idle."""
    pool_wait_share: float
    """Share of transactions that waited for a free connection: the target was slower."""
    busiest_worker_cpu: float | None
    """Largest mean share of a core that one worker used."""
    calibrated_tps: float | None
    """What the calibration before the run found the workers able to make and send."""
    memory_growth_bytes: int | None
    """Of all workers, from the first to the last minute (or interval)."""
    limited: bool
    limit_reason: str = ""
    workers_lost: int = 0
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class CriterionResult:
    """One success criterion, judged."""

    expression: str
    passed: bool | None
    """None: could not be judged, see ``detail``."""
    measured: int | float | bool | str | None
    detail: str = ""


@dataclass(frozen=True, slots=True)
class StabilityResult:
    """One trend over the run (Theil–Sen slope with its 95 % interval)."""

    metric: str
    unit: str
    slope_per_hour: float | None
    interval: tuple[float, float] | None
    limit: float | None
    passed: bool | None
    detail: str = ""


@dataclass(frozen=True, slots=True)
class Finding:
    """A bottleneck, violation or remark, with what to do about it."""

    kind: str
    """``bottleneck``, ``sla_violation``, ``loss``, ``generator``, ``stability`` or ``note``."""
    severity: Severity
    component: str
    title: str
    evidence: str
    impact: str = ""
    recommendation: str = ""


@dataclass(frozen=True, slots=True)
class Second:
    """One second of the run, for charts. Rates are per second, latencies in milliseconds."""

    at_s: int
    planned: int
    accepted: int
    rejected: int
    errors: int
    response_p50: float | None
    response_p95: float | None
    response_p99: float | None
    service_p99: float | None
    lateness_p99: float | None
    in_flight: int
    queue_depth: int
    fraud: int
    """Decided in the second and labelled so, as the three that follow; see ``Detection.fraud``."""
    fraud_detected: int
    legitimate: int
    legitimate_flagged: int
    decision_p95: float | None = None
    """Of the decisions seen in the second, by another channel than the answers."""


@dataclass(frozen=True, slots=True)
class Scaling:
    """What was changed from the scenario as written, and what it came to."""

    rate_scale: float
    time_scale: float
    planned_peak_tps: float
    duration_s: float
    statement: str


@dataclass(frozen=True, slots=True)
class HistogramLogs:
    """The merged histograms, HdrHistogram V2 encoding, base64."""

    response: str
    service: str
    lateness: str
    decision: str = ""
    """Empty where decisions come with the answers."""


@dataclass(frozen=True, slots=True)
class TestResults:
    """Everything one run measured."""

    __test__ = False

    run_id: str
    run_tag: str
    scenario: str
    seed: int
    started_at: str
    """RFC 3339, UTC."""
    finished_at: str
    status: TestStatus
    verdict: Verdict
    target: str
    environment: Mapping[str, str]
    """Name of the environment, versions, host facts."""
    config: StressTestConfig
    scaling: Scaling
    criteria: tuple[CriterionResult, ...]
    stability: tuple[StabilityResult, ...]
    accounting: Accounting
    throughput: Throughput
    latency_ms: Latencies
    errors: Mapping[str, int]
    error_rate: float | None
    """(unexpected refusals + indeterminate + not sent) ÷ planned."""
    detection: Detection
    generator: GeneratorReport
    agents: tuple[AgentMetrics, ...]
    faults: tuple[FaultRecord, ...]
    """What was put wrong on purpose, and when."""
    resources: Mapping[str, SystemMetrics]
    """Means over the run by source."""
    resource_samples: tuple[SystemMetrics, ...]
    business: BusinessMetrics
    findings: tuple[Finding, ...]
    phases: tuple[PhaseResult, ...]
    seconds: tuple[Second, ...]
    histograms: HistogramLogs | None
    notes: tuple[str, ...] = ()
    retried: Mapping[str, int] = field(default_factory=dict)
    """Attempts that were refused and made again, by kind, such as throttles; not errors."""
    services: ServiceFigures | None = None
    """What the cloud services under the target did; None where it names none."""
    receipts: tuple[Receipt, ...] = ()
    """Sequence numbers by shard, where the target acknowledges with such."""
    coordination: Coordination = field(default_factory=Coordination)
    probes: tuple[ProbeResult, ...] = ()
    """What was measured beside the load."""
    dashboard: Mapping[str, float] = field(default_factory=dict)
    """The numbers of the target's agent dashboard by dotted path: counters as increments over the
    run, everything else as read last."""
    target_ended: TargetEnd | None = None
    """How its process ended during the run; None where it did not, or is not ours."""


@dataclass(frozen=True, slots=True)
class PhaseResult:
    """One phase of the load profile on its own (by intended send)."""

    name: str
    start_s: float
    end_s: float
    planned: int
    accepted: int
    errors: int
    accepted_tps: float
    response: LatencySummary
    decision: LatencySummary = field(default_factory=lambda: LatencySummary(0))
    """Of the decisions seen in the phase, by another channel than the answers."""


@dataclass(frozen=True, slots=True)
class LiveSnapshot:
    """The state of a running test, ten times a second; totals are since its start."""

    run_id: str
    status: TestStatus
    at_s: float
    duration_s: float
    phase: str
    planned_tps: float
    """λ now."""
    offered_tps: float
    """Writes over the last second."""
    accepted_tps: float
    """Over the last second."""
    accounting: Accounting
    response: LatencySummary
    """Whole run so far."""
    response_recent: LatencySummary
    """Last second."""
    service: LatencySummary
    lateness: LatencySummary
    detection: Detection
    errors: Mapping[str, int]
    queue_depth: int
    in_flight: int
    generator_cpu_cores: float
    criteria: tuple[CriterionResult, ...] = ()
    workers_alive: int = 0
    rate_multiplier: float = 1.0
    decision: LatencySummary = field(default_factory=lambda: LatencySummary(0))
    """Intended send → decision by another channel, whole run so far."""
    profile_s: float = 0.0
    """How far into the load profile: ``at_s`` less the pauses, at most ``duration_s``."""
