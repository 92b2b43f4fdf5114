"""How a scenario writes probes: work beside the load, measured on its own.

A scenario has full figures; ``scaled`` gives a probe as it is run under a rate and a time scale.
``FIGURES`` are the names under which a criterion finds what was measured (``probes.NAME.FIGURE``).
"""

from __future__ import annotations

from typing import Annotated, ClassVar, Literal, Self

from pydantic import BaseModel, ConfigDict, Field

Count = Annotated[int, Field(ge=1, le=10_000_000)]
Concurrency = Annotated[int, Field(ge=1, le=20_000, description="Under way at once, at most")]
Rate = Annotated[float, Field(gt=0, le=1_000_000, description="Per second")]


class _Probe(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")

    FIGURES: ClassVar[tuple[str, ...]] = ()

    name: str = Field(pattern=r"^[a-z][a-z0-9_]{0,63}$", description="Its name in criteria")
    during: str | None = Field(
        default=None, description="Only in the phase of this name; else during the whole load"
    )

    def scaled(self, rate: float, time: float) -> Self:
        """The probe under these scales: rates by ``rate``, amounts by both, at least 1."""
        changes: dict[str, float | int] = {}
        for field in type(self).model_fields:
            value = getattr(self, field)
            if field.endswith("_tps"):
                changes[field] = value * rate
            elif field == "concurrency":
                changes[field] = max(1, round(value * rate))
            elif field == "count":
                changes[field] = max(1, round(value * rate * time))
        return self.model_copy(update=changes)


class HistoryQueries(_Probe):
    """Asks the platform for what it remembers of customers, beside the load."""

    FIGURES: ClassVar[tuple[str, ...]] = (
        "queries", "at_once_max", "queries_tps_max", "unknown_share", "failed", "failed_share",
    )  # fmt: skip

    type: Literal["history_queries"]
    count: Count
    concurrency: Concurrency = 64
    """Queries of one burst, all due at the same moment, each on a connection of its own."""


class ProfileConsistency(_Probe):
    """After the load: what profiles hold against the decisions they were made from."""

    FIGURES: ClassVar[tuple[str, ...]] = ("profiles", "inconsistent", "missing")

    type: Literal["profile_consistency"]
    count: Count
    """Profiles looked at."""


class AuditTrail(_Probe):
    """After the load: the audit trail verified, entry by entry, against the decisions."""

    FIGURES: ClassVar[tuple[str, ...]] = ("entries", "entries_tps", "corrupted", "missing")

    type: Literal["audit_trail"]
    prefix: str = Field(default="", description="Before the names of the platform's resources")
    bucket: str | None = Field(default=None, description="Of the trail, if it is not the usual one")


class ExpiredRecords(_Probe):
    """Makes records that have expired, and watches them being cleared beside the load."""

    FIGURES: ClassVar[tuple[str, ...]] = ("made", "cleared", "left", "clearing_s")

    type: Literal["expired_records"]
    count: Count
    table: str = Field(
        default="decisions", min_length=1, description="Whose items expire; they are added there"
    )


class StreamRecords(_Probe):
    """Records put into a stream of its own at a rate, and read back, beside the load."""

    FIGURES: ClassVar[tuple[str, ...]] = (
        "records", "records_tps", "planned_tps", "throttled_share", "failed_share", "missing",
        "iterator_age_ms_max", "window_s",
    )  # fmt: skip

    type: Literal["stream_records"]
    rate_tps: Rate
    record_bytes: int = Field(default=300, ge=1, le=10_000)


class TableOperations(_Probe):
    """Writes and reads of a table of its own, half and half, beside the load."""

    FIGURES: ClassVar[tuple[str, ...]] = (
        "operations", "operations_tps", "planned_tps", "throttled_share", "failed_share",
    )  # fmt: skip

    type: Literal["table_operations"]
    rate_tps: Rate
    capacity_share: float | None = Field(
        default=None,
        gt=0,
        le=10,
        description="Provisioned capacity as a share of what the operations use; None: on demand",
    )


class ObjectWrites(_Probe):
    """Objects written to a bucket of its own, beside the load."""

    FIGURES: ClassVar[tuple[str, ...]] = (
        "writes", "writes_tps", "planned_tps", "failed_share", "missing",
    )  # fmt: skip

    type: Literal["object_writes"]
    rate_tps: Rate
    object_bytes: int = Field(default=2_000, ge=1, le=1_000_000)


class Invocations(_Probe):
    """Synchronous invocations of a function of its own, so many at once, beside the load."""

    FIGURES: ClassVar[tuple[str, ...]] = (
        "invocations", "concurrency_max", "planned_concurrency", "cold_start_share",
        "throttled_share", "failed_share", "timeouts",
    )  # fmt: skip

    type: Literal["invocations"]
    count: Count
    concurrency: Concurrency
    hold_ms: float = Field(default=1_000, ge=0, le=60_000, description="How long each one takes")
    timeout_s: int = Field(default=30, ge=1, le=900, description="Of the function")
    role: str | None = Field(
        default=None, description="ARN of the function's role; the twin needs none"
    )


class Explanations(_Probe):
    """After the load: whether the run's decisions are explained completely and readably."""

    FIGURES: ClassVar[tuple[str, ...]] = (
        "explanations", "incomplete", "unreadable", "reading_ease_mean",
    )  # fmt: skip

    type: Literal["explanations"]
    count: Count


class ConfidenceDrift(_Probe):
    """After the load: how far the mean confidence of a window is from that of the whole run."""

    FIGURES: ClassVar[tuple[str, ...]] = (
        "decisions", "windows", "mean", "drift_share_max", "decisions_per_min",
    )  # fmt: skip

    type: Literal["confidence_drift"]
    windows: int = Field(default=10, ge=2, le=1000, description="Equal parts of the load")


ProbeSpec = Annotated[
    HistoryQueries
    | ProfileConsistency
    | AuditTrail
    | ExpiredRecords
    | StreamRecords
    | TableOperations
    | ObjectWrites
    | Invocations
    | Explanations
    | ConfidenceDrift,
    Field(discriminator="type"),
]
