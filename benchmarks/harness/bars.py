"""The bars: what is promised, and what counts as keeping it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum
from pathlib import Path

import yaml
from pydantic import TypeAdapter, ValidationError

from benchmarks.harness.processes import BenchmarkError

CAUSES_FILE = Path(__file__).resolve().parent.parent / "causes.yaml"


class Relation(Enum):
    """How a measured value must stand to the limit."""

    AT_MOST = "at most"
    BELOW = "below"
    AT_LEAST = "at least"
    REPORTED = "reported"


class Standing(Enum):
    """How a bar stands."""

    MET = "met"
    NOT_MET = "not met"
    REPORTED = "reported"
    NOT_MEASURED = "not measured"


@dataclass(frozen=True, slots=True)
class Bar:
    """One promise. ``limit`` and measured values are in ``unit``, shown with ``digits``."""

    key: str
    benchmark: str
    title: str
    relation: Relation
    limit: float
    unit: str
    digits: int = 2

    @property
    def target(self) -> str:
        """The target in words."""
        if self.relation is Relation.REPORTED:
            return "reported"
        return f"{self.relation.value} {_shown(self.limit, self.unit, None)}"

    def judge(self, measured: float | None) -> Standing:
        """How a measured value stands to the limit."""
        if measured is None:
            return Standing.NOT_MEASURED
        kept = {
            Relation.AT_MOST: measured <= self.limit,
            Relation.BELOW: measured < self.limit,
            Relation.AT_LEAST: measured >= self.limit,
        }
        if self.relation is Relation.REPORTED:
            return Standing.REPORTED
        return Standing.MET if kept[self.relation] else Standing.NOT_MET

    def shown(self, measured: float) -> str:
        """A measured value with its unit."""
        return _shown(measured, self.unit, self.digits)


def _shown(value: float, unit: str, digits: int | None) -> str:
    number = f"{value:,g}" if digits is None else f"{value:,.{digits}f}"
    return f"{number} {unit}".rstrip()


def _rate_bar(rate_tps: int) -> Bar:
    title = f"Error of the achieved rate at {rate_tps:,} TPS"
    key = f"rate_error_percent_{rate_tps}"
    return Bar(key, "rate_accuracy", title, Relation.AT_MOST, 0.1, "%", 4)


def _stall_bar(name: str, percentile: str) -> Bar:
    title = f"Stall test: error of {percentile} against the formula"
    return Bar(f"stall_error_percent_{name}", "stall", title, Relation.AT_MOST, 5, "%")


BARS: tuple[Bar, ...] = (
    Bar(
        "engine_cpu_vs_wrk",
        "engine_cpu",
        "Engine CPU per request ÷ wrk with a Lua script doing the same",
        Relation.AT_MOST,
        1.2,
        "×",
    ),
    Bar(
        "engine_cpu_vs_locust",
        "engine_cpu",
        "CPU per request of Locust's FastHttpUser ÷ engine",
        Relation.AT_LEAST,
        15,
        "×",
        1,
    ),
    Bar(
        "kinesis_records_per_s",
        "kinesis_target",
        "Kinesis target: records put into the twin by one worker",
        Relation.AT_LEAST,
        100_000,
        "per second",
        0,
    ),
    Bar(
        "boto3_cpu_over_engine",
        "kinesis_target",
        "CPU per record of boto3's put_records ÷ engine",
        Relation.AT_LEAST,
        5,
        "×",
        1,
    ),
    Bar(
        "twin_put_records_ms",
        "twin_services",
        "Twin: server CPU of PutRecords, 500 records of 300 bytes",
        Relation.AT_MOST,
        2,
        "ms",
    ),
    Bar(
        "twin_put_records_growth",
        "twin_services",
        "Twin: the same with a million records retained ÷ nearly empty",
        Relation.AT_MOST,
        1.2,
        "×",
    ),
    Bar(
        "twin_batch_write_ms",
        "twin_services",
        "Twin: server CPU of BatchWriteItem, 25 items of 300 bytes",
        Relation.AT_MOST,
        1,
        "ms",
    ),
    Bar(
        "mapping_overhead_p95_ms",
        "event_source_mapping",
        "Twin: Kinesis record arrived to function entered, P95 at 1,000 records/s",
        Relation.AT_MOST,
        25,
        "ms",
        1,
    ),
    Bar(
        "transactions_per_core_second",
        "transactions",
        "Labelled transactions made per core and second, all fields",
        Relation.AT_LEAST,
        500_000,
        "",
        0,
    ),
    *(_rate_bar(rate) for rate in (1_000, 5_000, 10_000, 20_000)),
    Bar(
        "lateness_p99_ms_10000",
        "rate_accuracy",
        "Lateness P99 at 10,000 TPS, one worker",
        Relation.AT_MOST,
        1.0,
        "ms",
        3,
    ),
    _stall_bar("p90", "P90"),
    _stall_bar("p95", "P95"),
    _stall_bar("p99", "P99"),
    _stall_bar("p999", "P99.9"),
    Bar(
        "memory_growth_mb",
        "memory",
        "Growth of worker memory, minute 1 to minute 10, 10,000 TPS",
        Relation.BELOW,
        20,
        "MB",
        1,
    ),
    Bar(
        "platform_lost",
        "platform_inline",
        "Transactions lost, duplicated or unexpected in 60 s at 5,000 TPS",
        Relation.AT_MOST,
        0,
        "",
        0,
    ),
    Bar(
        "platform_undecided",
        "platform_inline",
        "Transactions left undecided in the same run",
        Relation.AT_MOST,
        0,
        "",
        0,
    ),
    Bar(
        "platform_p95_ms",
        "platform_inline",
        "Response P95 in the same run",
        Relation.BELOW,
        250,
        "ms",
        1,
    ),
    Bar(
        "burst_undecided",
        "platform_inline",
        "Left undecided of 10,000 transactions arriving in one second",
        Relation.AT_MOST,
        0,
        "",
        0,
    ),
    Bar(
        "platform_limit_tps",
        "platform_inline",
        "Highest rate that meets the criteria (`squall limit`)",
        Relation.REPORTED,
        0,
        "TPS",
        0,
    ),
    Bar(
        "stream_lost",
        "platform_stream",
        "Stream mode: lost, duplicated or unexpected in 60 s at 3,000 TPS",
        Relation.AT_MOST,
        0,
        "",
        0,
    ),
    Bar(
        "stream_decision_p95_ms",
        "platform_stream",
        "Stream mode: decision P95 in the same run",
        Relation.BELOW,
        2000,
        "ms",
        0,
    ),
    Bar(
        "stream_burst_undecided",
        "platform_stream",
        "Stream mode: left undecided of 10,000 transactions arriving within five seconds",
        Relation.AT_MOST,
        0,
        "",
        0,
    ),
    Bar(
        "stream_limit_tps",
        "stream_limit",
        "Stream mode: highest rate that meets the criteria (`squall limit`)",
        Relation.REPORTED,
        0,
        "TPS",
        0,
    ),
    Bar(
        "model_quota_unanswered",
        "model_quota",
        "500 concurrent Bedrock calls at a quota of 100/s: neither answered nor fallen back",
        Relation.AT_MOST,
        0,
        "",
        0,
    ),
    Bar(
        "model_quota_requests_retried",
        "model_quota",
        "Of the same: throttled attempts repeated after a backoff, seen on the wire",
        Relation.AT_LEAST,
        1,
        "",
        0,
    ),
    Bar(
        "detection_recall_percent",
        "detection",
        "Recall on unseen seeds at no more than 1 % false positives",
        Relation.AT_LEAST,
        90,
        "%",
        1,
    ),
    Bar(
        "detection_false_positive_percent",
        "detection",
        "False positives at that recall",
        Relation.AT_MOST,
        1,
        "%",
    ),
    Bar(
        "first_verdict_s",
        "first_verdict",
        "Fresh clone to first verdict by `make demo`",
        Relation.BELOW,
        240,
        "s",
        0,
    ),
)


def read_causes(path: Path = CAUSES_FILE) -> Mapping[str, str]:
    """Why a bar is not met, by its key, as somebody found out and wrote down.

    Raises:
        BenchmarkError: the file is not a mapping of known bars to text.
    """
    if not path.exists():
        return {}
    try:
        causes = TypeAdapter(dict[str, str]).validate_python(yaml.safe_load(path.read_text()) or {})
    except (yaml.YAMLError, ValidationError) as error:
        raise BenchmarkError(f"{path}: must map bars to sentences: {error}") from error
    unknown = sorted(causes.keys() - {bar.key for bar in BARS})
    if unknown:
        raise BenchmarkError(f"{path}: no such bar: {', '.join(unknown)}")
    return causes
