"""Which CloudWatch metrics are read of which resource.

Names, dimensions and meaning as in AWS's own service documentation ("Monitoring … with Amazon
CloudWatch" of Lambda, DynamoDB, Kinesis, Bedrock, S3 and SQS).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

DYNAMODB_OPERATIONS = (
    "PutItem",
    "GetItem",
    "UpdateItem",
    "Query",
    "BatchWriteItem",
    "BatchGetItem",
    "TransactWriteItems",
)
"""Operations whose latency and number are read; each is a metric of its own."""


@dataclass(frozen=True, slots=True)
class AwsResources:
    """Names of what a target runs on, as CloudWatch has them.

    ``buckets`` are (bucket, request metrics filter).
    """

    streams: tuple[str, ...] = ()
    functions: tuple[str, ...] = ()
    tables: tuple[str, ...] = ()
    models: tuple[str, ...] = ()
    buckets: tuple[tuple[str, str], ...] = ()
    queues: tuple[str, ...] = ()

    def __bool__(self) -> bool:
        """Whether there is anything to read."""
        return any(
            (self.streams, self.functions, self.tables, self.models, self.buckets, self.queues)
        )


@dataclass(frozen=True, slots=True)
class MetricQuery:
    """One statistic of one metric of one resource."""

    namespace: str
    metric: str
    statistic: str
    """``Sum``, ``Average``, ``Maximum``, ``SampleCount`` or a percentile (``p95``)."""
    dimensions: tuple[tuple[str, str], ...]


_SUM, _MAX, _MEAN, _COUNT, _P95 = "Sum", "Maximum", "Average", "SampleCount", "p95"

_STREAM = (
    ("IncomingRecords", _SUM),
    ("IncomingBytes", _SUM),
    ("GetRecords.Records", _SUM),
    ("GetRecords.Bytes", _SUM),
    ("WriteProvisionedThroughputExceeded", _SUM),
    ("ReadProvisionedThroughputExceeded", _SUM),
    ("GetRecords.IteratorAgeMilliseconds", _MAX),
)
_FUNCTION = (
    ("Invocations", _SUM),
    ("Errors", _SUM),
    ("Throttles", _SUM),
    ("DeadLetterErrors", _SUM),
    ("DestinationDeliveryFailures", _SUM),
    ("Duration", _SUM),
    ("Duration", _MAX),
    ("Duration", _P95),
    ("IteratorAge", _MAX),
    ("ConcurrentExecutions", _MAX),
    ("ProvisionedConcurrencyUtilization", _MAX),
)
_TABLE = (
    ("ConsumedReadCapacityUnits", _SUM),
    ("ConsumedWriteCapacityUnits", _SUM),
    ("ReadThrottleEvents", _SUM),
    ("WriteThrottleEvents", _SUM),
    ("ConditionalCheckFailedRequests", _SUM),
)
_TABLE_OPERATION = (
    ("SuccessfulRequestLatency", _COUNT),
    ("SuccessfulRequestLatency", _P95),
    ("SystemErrors", _SUM),
)
_MODEL = (
    ("Invocations", _SUM),
    ("InvocationThrottles", _SUM),
    ("InvocationClientErrors", _SUM),
    ("InvocationServerErrors", _SUM),
    ("InvocationLatency", _MEAN),
    ("InputTokenCount", _SUM),
    ("OutputTokenCount", _SUM),
)
_BUCKET = (
    ("AllRequests", _SUM),
    ("PutRequests", _SUM),
    ("4xxErrors", _SUM),
    ("5xxErrors", _SUM),
    ("TotalRequestLatency", _P95),
)
_QUEUE = (("NumberOfMessagesSent", _SUM), ("ApproximateNumberOfMessagesVisible", _MAX))


def queries_for(resources: AwsResources) -> tuple[MetricQuery, ...]:
    """Every statistic of every resource, each once."""
    return tuple(dict.fromkeys(_queries(resources)))


def _queries(resources: AwsResources) -> Iterator[MetricQuery]:
    for stream in resources.streams:
        yield from _each("AWS/Kinesis", _STREAM, (("StreamName", stream),))
    for function in resources.functions:
        yield from _each("AWS/Lambda", _FUNCTION, (("FunctionName", function),))
    for table in resources.tables:
        yield from _each("AWS/DynamoDB", _TABLE, (("TableName", table),))
        for operation in DYNAMODB_OPERATIONS:
            dimensions = (("Operation", operation), ("TableName", table))
            yield from _each("AWS/DynamoDB", _TABLE_OPERATION, dimensions)
    for model in resources.models:
        yield from _each("AWS/Bedrock", _MODEL, (("ModelId", model),))
    for bucket, metrics_filter in resources.buckets:
        dimensions = (("BucketName", bucket), ("FilterId", metrics_filter))
        yield from _each("AWS/S3", _BUCKET, dimensions)
    for queue in resources.queues:
        yield from _each("AWS/SQS", _QUEUE, (("QueueName", queue),))


def _each(
    namespace: str, metrics: tuple[tuple[str, str], ...], dimensions: tuple[tuple[str, str], ...]
) -> Iterator[MetricQuery]:
    for metric, statistic in metrics:
        yield MetricQuery(namespace, metric, statistic, dimensions)
