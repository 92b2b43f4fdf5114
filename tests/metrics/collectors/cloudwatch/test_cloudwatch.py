"""The collector against a CloudWatch that forgets nothing and answers late."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from squall.business import load_price_book
from squall.metrics.collectors.cloudwatch import AwsResources, CloudWatchCollector
from squall.metrics.collectors.cloudwatch.catalogue import MetricQuery, queries_for
from squall.metrics.collectors.cloudwatch.discovery import discover
from squall.metrics.collectors.cloudwatch.figures import service_figures
from squall.metrics.collectors.cloudwatch.periods import SETTLING_S, PeriodCache
from squall.metrics.collectors.cloudwatch.usage import (
    ResourceFacts,
    mean_facts,
    usage_from_metrics,
)

RESOURCES = AwsResources(
    streams=("transactions",),
    functions=("decide",),
    tables=("decisions",),
    models=("amazon.nova-micro-v1:0",),
    buckets=(("audit", "all"),),
    queues=("dead-letters",),
)
START_S = 1_750_000_040.0  # in mid-minute


class Metrics:
    """Answers GetMetricData from values by (metric, statistic) and minute; pages of two."""

    def __init__(self, values: Mapping[tuple[str, str], Mapping[int, float]]) -> None:
        self.values = values
        self.calls: list[dict[str, Any]] = []

    def get_metric_data(self, **parameters: Any) -> Mapping[str, Any]:
        self.calls.append(parameters)
        low, high = parameters["StartTime"].timestamp(), parameters["EndTime"].timestamp()
        first = int(parameters.get("NextToken", 0))
        queries = parameters["MetricDataQueries"][first : first + 2]
        results = []
        for query in queries:
            stat = query["MetricStat"]
            found = self.values.get((stat["Metric"]["MetricName"], stat["Stat"]), {})
            inside = {at: value for at, value in found.items() if low <= at < high}
            results.append(
                {
                    "Id": query["Id"],
                    "Timestamps": [datetime.fromtimestamp(at, UTC) for at in inside],
                    "Values": list(inside.values()),
                }
            )
        more = first + 2 < len(parameters["MetricDataQueries"])
        return {
            "MetricDataResults": results,
            **({"NextToken": str(first + 2)} if more else {}),
        }


def minutes(*values: float) -> dict[int, float]:
    first = int(START_S // 60 * 60)
    return {first + 60 * number: value for number, value in enumerate(values)}


async def test_figures_of_a_run() -> None:
    client = Metrics(
        {
            ("IncomingRecords", "Sum"): minutes(60_000, 120_000),
            ("WriteProvisionedThroughputExceeded", "Sum"): minutes(0, 20_000),
            ("GetRecords.IteratorAgeMilliseconds", "Maximum"): minutes(120, 900),
            ("Invocations", "Sum"): minutes(100, 300),
            ("Errors", "Sum"): minutes(0, 4),
            ("Duration", "Sum"): minutes(5_000, 15_000),
            ("InvocationLatency", "Average"): minutes(400, 800),
        }
    )
    notes: list[str] = []
    collector = CloudWatchCollector(client, RESOURCES, START_S, notes.append)
    await collector.collect(START_S + 100)
    figures = collector.figures()
    assert figures.kinesis.records_in == 180_000
    assert figures.kinesis.records_in_tps_max == 2_000
    assert figures.kinesis.write_throttled_share == pytest.approx(0.1)
    assert figures.kinesis.iterator_age_ms_max == 900
    assert figures.functions.error_share == pytest.approx(0.01)
    assert figures.functions.duration_ms_mean == 50
    assert figures.functions.concurrency_max is None
    assert figures.bedrock.latency_ms_mean == pytest.approx((100 * 400 + 300 * 800) / 400)
    assert figures.dynamodb.requests is None
    assert figures.queries == len(queries_for(RESOURCES))
    assert not notes


async def test_closed_periods_are_not_asked_for_again() -> None:
    client = Metrics({("Invocations", "Sum"): minutes(*range(1, 21))})
    collector = CloudWatchCollector(client, RESOURCES, START_S, lambda _: None)
    for minute in range(20):
        await collector.collect(START_S + 60 * minute)
    starts = [call["StartTime"].timestamp() for call in client.calls if "NextToken" not in call]
    assert starts == sorted(starts)
    assert starts[-1] >= START_S + 60 * 19 - SETTLING_S - 120
    assert collector.figures().functions.invocations == sum(range(1, 21))


async def test_a_failed_read_is_told_once_and_made_good() -> None:
    client = Metrics({("Invocations", "Sum"): minutes(5, 6)})
    notes: list[str] = []
    collector = CloudWatchCollector(client, RESOURCES, START_S, notes.append)
    read, client.get_metric_data = client.get_metric_data, _refuse  # type: ignore[method-assign]
    await collector.collect(START_S + 60)
    await collector.collect(START_S + 61)
    client.get_metric_data = read  # type: ignore[method-assign]
    await collector.collect(START_S + 90)
    assert notes == ["CloudWatch could not be read: AccessDenied"]
    assert collector.figures().functions.invocations == 11


def _refuse(**parameters: Any) -> Mapping[str, Any]:
    raise RuntimeError("AccessDenied")


@given(
    late=st.dictionaries(st.integers(0, 30), st.integers(0, int(SETTLING_S)), max_size=31),
    reads=st.lists(st.integers(0, 1_800), min_size=1, max_size=30),
)
def test_whatever_settles_in_time_is_in_the_cache(late: dict[int, int], reads: list[int]) -> None:
    """Minute m's value is there from its end plus ``late[m]`` on; half of it before."""
    query = MetricQuery("AWS/Lambda", "Invocations", "Sum", ())
    start_s = 1_750_000_020
    first = start_s // 60 * 60
    cache = PeriodCache(start_s, 60)
    last_s = start_s + 1_800 + int(SETTLING_S) + 60

    def value(minute: int, now_s: float) -> float:
        settled_s = first + 60 * (minute + 1) + late.get(minute, 0)
        return 10.0 * (minute + 1) if now_s >= settled_s else 5.0 * (minute + 1)

    for now_s in [*(start_s + at for at in sorted(reads)), last_s]:
        window = cache.window(now_s)
        if window is None:
            continue
        found = {
            first + 60 * minute: value(minute, now_s)
            for minute in range(31)
            if window[0] <= first + 60 * minute < window[1]
        }
        cache.take({query: found}, window, now_s)
    assert cache.values(query) == {first + 60 * m: 10.0 * (m + 1) for m in range(31)}


def test_usage_is_what_the_bill_counts() -> None:
    sums = {
        "IncomingRecords": 1_000.0,
        "IncomingBytes": 1_000.0 * 30_000,
        "Invocations": 50.0,
        "Duration": 8_000.0,
        "ConsumedWriteCapacityUnits": 2_000.0,
        "OutputTokenCount": 700.0,
    }
    usage = {
        (entry.service, entry.unit): entry.quantity
        for entry in usage_from_metrics(
            RESOURCES,
            ResourceFacts(memory_mb={"decide": 512}, shards={"transactions": 4}),
            lambda namespace, metric, dimensions: sums.get(metric, 0.0),
            hours=0.5,
            asked=40,
        )
    }
    assert usage == {
        ("lambda", "requests"): 50,
        ("lambda", "gb_seconds"): 4,
        ("kinesis", "put_payload_units"): 2_000,
        ("kinesis", "shard_hours"): 2,
        ("dynamodb", "write_request_units"): 2_000,
        ("bedrock", "output_tokens"): 700,
        ("cloudwatch", "metrics_requested"): 40,
    }


@pytest.mark.parametrize(
    ("facts", "unit", "quantity"),
    [
        (ResourceFacts(memory_mb={"decide": 512}), "gb_seconds", 4.0),
        (
            ResourceFacts(memory_mb={"decide": 512}, arm=frozenset({"decide"})),
            "gb_seconds_arm",
            4.0,
        ),
        (ResourceFacts(), "write_request_units", 2_000.0),
        (
            ResourceFacts(table_units={"decisions": (10.0, 200.0)}),
            "write_capacity_unit_hours",
            100.0,
        ),
        (ResourceFacts(table_units={"decisions": (10.0, 200.0)}), "read_capacity_unit_hours", 5.0),
        (ResourceFacts(shards={"transactions": 2}), "put_payload_units", 3.0),
    ],
)
def test_how_a_resource_is_set_up_decides_what_is_billed(
    facts: ResourceFacts, unit: str, quantity: float
) -> None:
    sums = {"Duration": 8_000.0, "ConsumedWriteCapacityUnits": 2_000.0, "IncomingRecords": 3.0}
    usage = usage_from_metrics(
        RESOURCES, facts, lambda namespace, metric, dimensions: sums.get(metric, 0.0), 0.5, 0
    )
    found = {entry.unit: entry for entry in usage}
    assert found[unit].quantity == quantity
    assert ("write_request_units" in found) == (not facts.table_units)
    assert load_price_book().find(found[unit]) is not None


def test_what_is_paid_by_the_hour_is_the_mean_of_both_looks() -> None:
    first = ResourceFacts({"f": 512}, {"kept": 4, "split": 2, "gone": 1}, table_units={"t": (5, 5)})
    last = ResourceFacts({"f": 256}, {"kept": 4, "split": 4}, table_units={"t": (5, 15)})
    facts, notes = mean_facts(first, last)
    assert facts.shards == {"kept": 4, "split": 3, "gone": 1}
    assert facts.table_units == {"t": (5, 10)}
    assert facts.memory_mb == {"f": 512}
    assert [note.split(" had ")[0] for note in notes] == ["the stream split", "the table t"]


class Account:
    """A stream with more readers than a page of mappings holds, and a provisioned table."""

    def describe_stream_summary(self, StreamName: str) -> dict[str, Any]:  # noqa: N803
        return {"StreamDescriptionSummary": {"StreamARN": "arn", "OpenShardCount": 1}}

    def list_event_source_mappings(
        self,
        EventSourceArn: str,  # noqa: N803
        Marker: str = "0",  # noqa: N803
    ) -> dict[str, Any]:
        number = int(Marker)
        arn = f"arn:aws:lambda:us-east-1:123456789012:function:reader-{number}:live"
        more = {"NextMarker": str(number + 1)} if number < 2 else {}
        return {"EventSourceMappings": [{"FunctionArn": arn}], **more}

    def get_function_configuration(self, FunctionName: str) -> dict[str, Any]:  # noqa: N803
        kind = "arm64" if FunctionName.endswith("1") else "x86_64"
        return {"MemorySize": 256, "Architectures": [kind]}

    def describe_table(self, TableName: str) -> dict[str, Any]:  # noqa: N803
        units = {"ReadCapacityUnits": 5, "WriteCapacityUnits": 10}
        return {
            "Table": {
                "ProvisionedThroughput": units,
                "GlobalSecondaryIndexes": [{"ProvisionedThroughput": units}],
            }
        }


def test_everything_that_bills_depend_on_is_found() -> None:
    found = discover(lambda service: Account(), AwsResources(streams=("s",), tables=("t",)))
    assert found.problems == ()
    assert found.resources.functions == ("reader-0", "reader-1", "reader-2")
    assert found.facts.arm == {"reader-1"}
    assert found.facts.table_units == {"t": (10, 20)}


def test_without_resources_nothing_is_measured() -> None:
    nothing = AwsResources()
    assert not nothing
    figures = service_figures(nothing, lambda query: {}, 60, 0)
    assert figures.kinesis.records_in is None
    assert queries_for(nothing) == ()
