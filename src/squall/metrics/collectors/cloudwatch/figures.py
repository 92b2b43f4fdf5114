"""From periods to the figures of a run."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping

from squall.metrics.collectors.cloudwatch.catalogue import (
    DYNAMODB_OPERATIONS,
    AwsResources,
    MetricQuery,
)
from squall.models.services import (
    BucketFigures,
    FunctionFigures,
    ModelFigures,
    QueueFigures,
    ServiceFigures,
    StreamFigures,
    TableFigures,
)

Periods = Callable[[MetricQuery], Mapping[int, float]]
Dimensions = tuple[tuple[str, str], ...]


class _Readings:
    """Statistics of one namespace over several resources. None: no period has a value."""

    def __init__(
        self, namespace: str, resources: Iterable[Dimensions], periods: Periods, period_s: int
    ) -> None:
        self._namespace = namespace
        self._resources = tuple(resources)
        self._periods = periods
        self._period_s = period_s

    def _each(self, metric: str, statistic: str) -> list[Mapping[int, float]]:
        return [
            self._periods(MetricQuery(self._namespace, metric, statistic, dimensions))
            for dimensions in self._resources
        ]

    def total(self, metric: str, statistic: str = "Sum") -> float | None:
        """Sum over periods and resources."""
        values = [value for series in self._each(metric, statistic) for value in series.values()]
        return sum(values) if values else None

    def highest(self, metric: str, statistic: str = "Maximum") -> float | None:
        """Highest over periods and resources."""
        values = (value for series in self._each(metric, statistic) for value in series.values())
        return max(values, default=None)

    def busiest_tps(self, metric: str, statistic: str = "Sum") -> float | None:
        """Mean rate of the period with the highest sum over all resources."""
        sums: defaultdict[int, float] = defaultdict(float)
        for series in self._each(metric, statistic):
            for at, value in series.items():
                sums[at] += value
        return max(sums.values()) / self._period_s if sums else None

    def weighted_mean(self, metric: str, weight: str) -> float | None:
        """Mean of a metric's averages, weighted by the sums of another."""
        total = weights = 0.0
        for means, counts in zip(
            self._each(metric, "Average"), self._each(weight, "Sum"), strict=True
        ):
            for at, mean in means.items():
                count = counts.get(at, 0.0)
                total, weights = total + mean * count, weights + count
        return total / weights if weights else None


def share(part: float | None, whole: float | None) -> float | None:
    """``part`` ÷ ``whole``; nothing of something is 0, anything of nothing is not measured."""
    if not whole:
        return None
    return (part or 0.0) / whole


def _added(*parts: float | None) -> float | None:
    known = [part for part in parts if part is not None]
    return sum(known) if known else None


def service_figures(
    resources: AwsResources, periods: Periods, period_s: int, queries: int
) -> ServiceFigures:
    """The figures of a run. ``queries``: metrics asked for so far."""

    def of(namespace: str, dimension: str, names: Iterable[str]) -> _Readings:
        return _Readings(namespace, (((dimension, name),) for name in names), periods, period_s)

    operations = _Readings(
        "AWS/DynamoDB",
        (
            (("Operation", operation), ("TableName", table))
            for table in resources.tables
            for operation in DYNAMODB_OPERATIONS
        ),
        periods,
        period_s,
    )
    buckets = _Readings(
        "AWS/S3",
        ((("BucketName", bucket), ("FilterId", name)) for bucket, name in resources.buckets),
        periods,
        period_s,
    )
    return ServiceFigures(
        kinesis=_streams(of("AWS/Kinesis", "StreamName", resources.streams)),
        functions=_functions(of("AWS/Lambda", "FunctionName", resources.functions)),
        dynamodb=_tables(of("AWS/DynamoDB", "TableName", resources.tables), operations),
        bedrock=_models(of("AWS/Bedrock", "ModelId", resources.models)),
        s3=_buckets(buckets),
        sqs=_queues(of("AWS/SQS", "QueueName", resources.queues)),
        source=f"CloudWatch, periods of {period_s} s",
        queries=queries,
    )


def _streams(of: _Readings) -> StreamFigures:
    records_in = of.total("IncomingRecords")
    refused = of.total("WriteProvisionedThroughputExceeded")
    return StreamFigures(
        records_in=records_in,
        records_in_tps_max=of.busiest_tps("IncomingRecords"),
        bytes_in=of.total("IncomingBytes"),
        records_out=of.total("GetRecords.Records"),
        write_throttled_share=share(refused, _added(records_in, refused)),
        read_throttles=of.total("ReadProvisionedThroughputExceeded"),
        iterator_age_ms_max=of.highest("GetRecords.IteratorAgeMilliseconds"),
    )


def _functions(of: _Readings) -> FunctionFigures:
    invocations, errors = of.total("Invocations"), of.total("Errors")
    return FunctionFigures(
        invocations=invocations,
        errors=errors,
        error_share=share(errors, invocations),
        throttles=of.total("Throttles"),
        duration_ms_mean=share(of.total("Duration"), invocations),
        duration_ms_p95_max=of.highest("Duration", "p95"),
        duration_ms_max=of.highest("Duration"),
        concurrency_max=of.highest("ConcurrentExecutions"),
        provisioned_concurrency_share_max=of.highest("ProvisionedConcurrencyUtilization"),
        iterator_age_ms_max=of.highest("IteratorAge"),
        dead_letter_errors=_added(
            of.total("DeadLetterErrors"), of.total("DestinationDeliveryFailures")
        ),
    )


def _tables(of: _Readings, operations: _Readings) -> TableFigures:
    requests = operations.total("SuccessfulRequestLatency", "SampleCount")
    throttled = _added(of.total("ReadThrottleEvents"), of.total("WriteThrottleEvents"))
    return TableFigures(
        requests=requests,
        requests_tps_max=operations.busiest_tps("SuccessfulRequestLatency", "SampleCount"),
        write_units=of.total("ConsumedWriteCapacityUnits"),
        read_units=of.total("ConsumedReadCapacityUnits"),
        throttled_share=share(throttled, _added(requests, throttled)),
        system_errors=operations.total("SystemErrors"),
        conditional_failures=of.total("ConditionalCheckFailedRequests"),
        latency_ms_p95_max=operations.highest("SuccessfulRequestLatency", "p95"),
    )


def _models(of: _Readings) -> ModelFigures:
    invocations, throttled = of.total("Invocations"), of.total("InvocationThrottles")
    return ModelFigures(
        invocations=invocations,
        throttled_share=share(throttled, _added(invocations, throttled)),
        client_errors=of.total("InvocationClientErrors"),
        server_errors=of.total("InvocationServerErrors"),
        latency_ms_mean=of.weighted_mean("InvocationLatency", "Invocations"),
        input_tokens=of.total("InputTokenCount"),
        output_tokens=of.total("OutputTokenCount"),
    )


def _buckets(of: _Readings) -> BucketFigures:
    requests = of.total("AllRequests")
    errors = _added(of.total("4xxErrors"), of.total("5xxErrors"))
    return BucketFigures(
        requests=requests,
        puts=of.total("PutRequests"),
        puts_tps_max=of.busiest_tps("PutRequests"),
        error_share=share(errors, requests),
        latency_ms_p95_max=of.highest("TotalRequestLatency", "p95"),
    )


def _queues(of: _Readings) -> QueueFigures:
    return QueueFigures(
        sent=of.total("NumberOfMessagesSent"),
        visible_max=of.highest("ApproximateNumberOfMessagesVisible"),
    )
