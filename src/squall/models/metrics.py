"""Measurements of the system, its agents and its business value. None is "not measured"."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from squall.models.cost import CostBreakdown


@dataclass(frozen=True, slots=True)
class SystemMetrics:
    """One sample of one process tree or host."""

    source: str
    """``generator``, ``target`` or ``host``."""
    at_s: float
    """Seconds from the run's start."""
    cpu_cores: float
    """Cores in use (1.0 is one core fully used)."""
    rss_bytes: int
    processes: int = 1
    cores_available: int = 1
    stolen_cores: float = 0.0
    """Of a host: cores' worth of time that the hypervisor gave to other machines (steal time)."""
    memory_share: float = 0.0
    """``rss_bytes`` as a share of the host's memory."""
    memory_max_share: float = 0.0
    """The highest share of the samples that this one stands for."""


STAGES = frozenset({"gateway", "coordinator", "storage"})
"""Names of stages around the agents that a target may report among them."""
UNHEALTHY_SHARE_MAX = 0.01
"""Of an agent that was healthy: readings that say otherwise, and votes that did not come."""


@dataclass(frozen=True, slots=True)
class AgentMetrics:
    """One agent of the target over the run, or one stage around them, as the target reports it."""

    name: str
    healthy: bool
    """In the last reading; False too where that could not be taken."""
    decisions: int
    """Transactions it gave a vote on."""
    timeouts: int
    failures: int
    load: float | None
    """Share of the run's wall time it was busy, 0 … 1 and above with several processes."""
    service_us_mean: float | None
    """Mean compute time per transaction, microseconds."""
    latency_ms_p50: float | None
    latency_ms_p95: float | None
    latency_ms_p99: float | None
    readings: int = 0
    """How often it was looked at since the load began."""
    unhealthy_readings: int = 0
    """Of those, how often it said that it was not healthy."""
    readable: bool = True
    """Whether the last reading could be taken."""

    @property
    def missed(self) -> int:
        """Transactions that were decided without its vote."""
        return self.timeouts + self.failures

    @property
    def was_healthy(self) -> bool:
        """Healthy at the end, and through the load but for ``UNHEALTHY_SHARE_MAX``.

        That is of its readings, so of fewer than 100 every one, and of the votes that were due.
        What a stage could not do for others is no fault of its own.
        """
        if not self.healthy or self.unhealthy_readings > UNHEALTHY_SHARE_MAX * self.readings:
            return False
        due = self.decisions + self.missed
        return self.is_stage or self.missed <= UNHEALTHY_SHARE_MAX * due

    @property
    def is_stage(self) -> bool:
        """Whether it serves the agents (gateway, coordinator, storage) rather than votes."""
        return self.name in STAGES


@dataclass(frozen=True, slots=True)
class Coordination:
    """How well the agents work together. None is "not measured"."""

    efficiency_share: float | None = None
    """Agents' busy time, of theirs and the coordinator's together: 1 is no overhead."""
    complete_share: float | None = None
    """Decisions that were settled with every agent's vote in time."""
    imbalance_share: float | None = None
    """By how much the busiest agent's work exceeds the mean: max ÷ mean − 1.

    That is the percent imbalance of Pearce, Gamblin, de Supinski, Schulz and Amato, "Quantifying
    the effectiveness of load balance algorithms", ICS 2012.
    """
    busiest: str | None = None


@dataclass(frozen=True, slots=True)
class BusinessMetrics:
    """What the decisions were worth, from ground truth; US dollars at dated reference rates."""

    currency: str = "USD"
    rates_as_of: str = ""
    """ISO date of the reference rates."""
    processed_value: float | None = None
    """None, as all that follow, where nothing was accepted or transactions have no amounts."""
    fraud_value: float | None = None
    """None, as all that follow, where no decided transaction has a label."""
    fraud_value_stopped: float | None = None
    """Fraud that was declined or sent to review."""
    fraud_value_missed: float | None = None
    legitimate_value_declined: float | None = None
    """Legitimate purchases that were declined or sent to review."""
    cost: CostBreakdown | None = None
    """What deciding them cost; None where the target's usage was not metered."""


@dataclass(frozen=True, slots=True)
class HeroMetrics:
    """The four or five figures a run is remembered by."""

    transactions: int
    """Accepted by the target."""
    peak_tps: float
    """Highest accepted rate over one second."""
    lost: int | None
    """None: unknown, there was no final read."""
    fraud_recall: float | None
    fraud_value_stopped_usd: float | None
    response_ms_p99: float | None


@dataclass(frozen=True, slots=True)
class PublishedFigure:
    """One figure somebody published, with its source and scope."""

    who: str
    figure: str
    scope: str
    source: str
    as_of: str


@dataclass(frozen=True, slots=True)
class CompetitiveBenchmarks:
    """Published figures shown beside a run for scale; never ranked against it."""

    figures: tuple[PublishedFigure, ...]
    note: str


@dataclass(frozen=True, slots=True)
class EdgeCaseConformity:
    """How the target treated one edge case."""

    expected: str
    as_documented: int
    otherwise: int
    unknown: int


@dataclass(frozen=True, slots=True)
class TypologyDetection:
    """Detection of one fraud typology among accepted transactions."""

    transactions: int
    detected: int
    """Declined or sent to review."""
    recall: float | None
    value_usd: float | None
    """None where the transactions have no amounts."""
    value_detected_usd: float | None


@dataclass(frozen=True, slots=True)
class Detection:
    """Accuracy under load. Positive: declined or sent to review. Edge cases are apart."""

    fraud: int | None = 0
    """Decided transactions labelled so; None where no decided transaction has a label."""
    legitimate: int | None = 0
    recall: float | None = None
    recall_interval: tuple[float, float] | None = None
    """95 % Wilson interval."""
    false_positive_rate: float | None = None
    false_positive_rate_interval: tuple[float, float] | None = None
    precision: float | None = None
    """At this run's mix of fraud: see ``precision_at_prevalence``."""
    accuracy: float | None = None
    average_precision: float | None = None
    """From the target's scores, binned; None where it gives none."""
    precision_at_prevalence: Mapping[str, float] = field(default_factory=dict)
    """Precision re-weighted to a stated share of fraud, by share."""
    by_typology: Mapping[str, TypologyDetection] = field(default_factory=dict)
    """By kind of fraud; ``unnamed`` is fraud of which no kind was given."""
    edge_cases: Mapping[str, EdgeCaseConformity] = field(default_factory=dict)
