"""What the cloud services under a target did, as their own metrics tell it.

None is "not measured": no such resource, or no closed minute yet. Sums and maxima are over the
run's minutes and over all resources of the target.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class StreamFigures:
    """Kinesis streams."""

    records_in: float | None = None
    records_in_tps_max: float | None = None
    """Mean rate of the busiest minute."""
    bytes_in: float | None = None
    records_out: float | None = None
    write_throttled_share: float | None = None
    """Records refused for throughput, of all that were put."""
    read_throttles: float | None = None
    iterator_age_ms_max: float | None = None


@dataclass(frozen=True, slots=True)
class FunctionFigures:
    """Lambda functions."""

    invocations: float | None = None
    errors: float | None = None
    error_share: float | None = None
    throttles: float | None = None
    duration_ms_mean: float | None = None
    duration_ms_p95_max: float | None = None
    """The worst minute's P95."""
    duration_ms_max: float | None = None
    concurrency_max: float | None = None
    provisioned_concurrency_share_max: float | None = None
    """Of the provisioned concurrency, the largest part in use at once."""
    iterator_age_ms_max: float | None = None
    dead_letter_errors: float | None = None


@dataclass(frozen=True, slots=True)
class TableFigures:
    """DynamoDB tables."""

    requests: float | None = None
    requests_tps_max: float | None = None
    """Mean rate of the busiest minute."""
    write_units: float | None = None
    read_units: float | None = None
    throttled_share: float | None = None
    """Throttle events, of requests and throttle events together."""
    system_errors: float | None = None
    conditional_failures: float | None = None
    latency_ms_p95_max: float | None = None
    """The worst minute's P95 of the slowest operation."""


@dataclass(frozen=True, slots=True)
class ModelFigures:
    """Bedrock models."""

    invocations: float | None = None
    throttled_share: float | None = None
    client_errors: float | None = None
    server_errors: float | None = None
    latency_ms_mean: float | None = None
    input_tokens: float | None = None
    output_tokens: float | None = None


@dataclass(frozen=True, slots=True)
class BucketFigures:
    """S3 buckets with request metrics."""

    requests: float | None = None
    puts: float | None = None
    puts_tps_max: float | None = None
    error_share: float | None = None
    latency_ms_p95_max: float | None = None


@dataclass(frozen=True, slots=True)
class QueueFigures:
    """SQS queues."""

    sent: float | None = None
    visible_max: float | None = None


@dataclass(frozen=True, slots=True)
class ServiceFigures:
    """All services."""

    kinesis: StreamFigures = StreamFigures()
    functions: FunctionFigures = FunctionFigures()
    dynamodb: TableFigures = TableFigures()
    bedrock: ModelFigures = ModelFigures()
    s3: BucketFigures = BucketFigures()
    sqs: QueueFigures = QueueFigures()
    source: str = ""
    """Where the figures are from, with the length of a period."""
    queries: int = 0
    """Metrics asked for, which CloudWatch bills."""
