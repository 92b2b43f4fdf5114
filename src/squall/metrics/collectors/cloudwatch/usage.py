"""Billable units, worked out from CloudWatch where no meter is at hand."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace

from squall.metrics.collectors.cloudwatch.catalogue import AwsResources, MetricQuery
from squall.models import Usage

_PUT_UNIT_BYTES = 25 * 1024
_ON_DEMAND_UNIT_BYTES = 1024

Totals = Callable[[str, str, tuple[tuple[str, str], ...]], float]
"""Sum over the run of (namespace, metric, dimensions)."""


@dataclass(frozen=True, slots=True)
class ResourceFacts:
    """What bills depend on besides use."""

    memory_mb: Mapping[str, int] = field(default_factory=dict)
    """By function."""
    shards: Mapping[str, float] = field(default_factory=dict)
    """Open shards by provisioned stream."""
    on_demand: frozenset[str] = frozenset()
    """Streams that are billed on demand."""
    arm: frozenset[str] = frozenset()
    """Functions that run on arm64; the others run on x86."""
    table_units: Mapping[str, tuple[float, float]] = field(default_factory=dict)
    """Provisioned units (reading, writing) by table; tables without are billed on demand."""


def mean_facts(first: ResourceFacts, last: ResourceFacts) -> tuple[ResourceFacts, tuple[str, ...]]:
    """What is paid by the hour, as the mean of two looks at it; a note on each that changed.

    When in between it changed is not known. What only one look knows is taken from that one.
    """
    shards, notes = dict(first.shards), []
    for name, now in last.shards.items():
        before = shards.get(name, now)
        shards[name] = (before + now) / 2
        if now != before:
            notes.append(
                f"the stream {name} had {before:g} shards before the run and {now:g} after it; "
                "their mean is billed"
            )
    units = dict(first.table_units)
    for name, after in last.table_units.items():
        was = units.get(name, after)
        units[name] = ((was[0] + after[0]) / 2, (was[1] + after[1]) / 2)
        if was != after:
            notes.append(
                f"the table {name} had {was[0]:g} read and {was[1]:g} write units before the run, "
                f"{after[0]:g} and {after[1]:g} after it; their mean is billed"
            )
    return replace(first, shards=shards, table_units=units), tuple(notes)


def totals_of(values: Callable[[MetricQuery], Mapping[int, float]]) -> Totals:
    """Sums over what a collector has read."""

    def total(namespace: str, metric: str, dimensions: tuple[tuple[str, str], ...]) -> float:
        return sum(values(MetricQuery(namespace, metric, "Sum", dimensions)).values())

    return total


def usage_from_metrics(
    resources: AwsResources, facts: ResourceFacts, totals: Totals, hours: float, asked: int
) -> tuple[Usage, ...]:
    """The usage of ``hours``; ``asked`` metrics were requested of CloudWatch itself.

    Records are taken to be of their mean size, because CloudWatch knows no other: where sizes
    differ much around a billing step (25 KB, on demand 1 KB) the true figure is higher. Requests
    to queues other than sends are not seen.
    """
    found = [
        *_functions(resources, facts, totals),
        *_streams(resources, facts, totals, hours),
        *_tables(resources, facts, totals, hours),
        *_others(resources, totals),
        Usage("cloudwatch", "metrics_requested", "GetMetricData", asked),
    ]
    return tuple(entry for entry in found if entry.quantity > 0)


def _functions(resources: AwsResources, facts: ResourceFacts, totals: Totals) -> Iterator[Usage]:
    for name in resources.functions:
        dimensions = (("FunctionName", name),)
        yield Usage("lambda", "requests", name, totals("AWS/Lambda", "Invocations", dimensions))
        if name in facts.memory_mb:
            seconds = totals("AWS/Lambda", "Duration", dimensions) / 1000
            unit = "gb_seconds_arm" if name in facts.arm else "gb_seconds"
            yield Usage("lambda", unit, name, seconds * facts.memory_mb[name] / 1024)


def _streams(
    resources: AwsResources, facts: ResourceFacts, totals: Totals, hours: float
) -> Iterator[Usage]:
    for name in resources.streams:
        dimensions = (("StreamName", name),)
        records = totals("AWS/Kinesis", "IncomingRecords", dimensions)
        mean = totals("AWS/Kinesis", "IncomingBytes", dimensions) / records if records else 0.0
        if name in facts.on_demand:
            units = records * max(1, math.ceil(mean / _ON_DEMAND_UNIT_BYTES))
            yield Usage("kinesis", "stream_hours", name, hours)
            yield Usage("kinesis", "on_demand_bytes_in", name, units * _ON_DEMAND_UNIT_BYTES)
            read = totals("AWS/Kinesis", "GetRecords.Bytes", dimensions)
            yield Usage("kinesis", "bytes_out", name, read)
        else:
            units = records * max(1, math.ceil(mean / _PUT_UNIT_BYTES))
            yield Usage("kinesis", "put_payload_units", name, units)
            yield Usage("kinesis", "shard_hours", name, hours * facts.shards.get(name, 0))


def _tables(
    resources: AwsResources, facts: ResourceFacts, totals: Totals, hours: float
) -> Iterator[Usage]:
    for name in resources.tables:
        if name in facts.table_units:
            read, written = facts.table_units[name]
            yield Usage("dynamodb", "read_capacity_unit_hours", name, read * hours)
            yield Usage("dynamodb", "write_capacity_unit_hours", name, written * hours)
            continue
        dimensions = (("TableName", name),)
        written = totals("AWS/DynamoDB", "ConsumedWriteCapacityUnits", dimensions)
        read = totals("AWS/DynamoDB", "ConsumedReadCapacityUnits", dimensions)
        yield Usage("dynamodb", "write_request_units", name, written)
        yield Usage("dynamodb", "read_request_units", name, read)


def _others(resources: AwsResources, totals: Totals) -> Iterator[Usage]:
    for name in resources.models:
        dimensions = (("ModelId", name),)
        for unit, metric in (
            ("input_tokens", "InputTokenCount"),
            ("output_tokens", "OutputTokenCount"),
        ):
            yield Usage("bedrock", unit, name, totals("AWS/Bedrock", metric, dimensions))
    for bucket, metrics_filter in resources.buckets:
        filtered = (("BucketName", bucket), ("FilterId", metrics_filter))
        yield Usage("s3", "put_requests", bucket, totals("AWS/S3", "PutRequests", filtered))
    for name in resources.queues:
        sent = totals("AWS/SQS", "NumberOfMessagesSent", (("QueueName", name),))
        yield Usage("sqs", "requests", name, sent)
