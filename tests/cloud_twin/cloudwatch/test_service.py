"""CloudWatch as a service and as the sink of others, with a clock held still."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cloud_twin.clock import ManualClock
from cloud_twin.errors import AwsError, TwinError
from cloud_twin.meter import Meter, UsageKey
from cloud_twin.service import Call, MetricSink, Service
from cloud_twin.services.cloudwatch import CloudWatch

START_S = 1_750_000_020.0 // 60 * 60
DIMENSIONS = (("StreamName", "s"),)


class Bench:
    def __init__(self) -> None:
        self.clock = ManualClock(START_S)
        self.meter = Meter()
        self.cloudwatch = CloudWatch(self.clock, self.meter)
        self.sink: MetricSink = self.cloudwatch
        self.service: Service = self.cloudwatch

    def call(self, operation: str, **parameters: Any) -> Mapping[str, Any]:
        body = self.cloudwatch.handle(Call("cloudwatch", operation, parameters)).body
        assert isinstance(body, Mapping)
        return body

    def data(self, *queries: Mapping[str, Any], **more: Any) -> Mapping[str, Any]:
        window = {"StartTime": at(0), "EndTime": at(3600)}
        return self.call("GetMetricData", MetricDataQueries=list(queries), **(window | more))


@pytest.fixture
def bench() -> Bench:
    return Bench()


def at(second: float) -> datetime:
    return datetime.fromtimestamp(START_S + second, UTC)


def query(name: str = "IncomingRecords", stat: str = "Sum", period: int = 60, **more: Any) -> Any:
    metric = {
        "Namespace": "AWS/Kinesis",
        "MetricName": name,
        "Dimensions": [{"Name": "StreamName", "Value": "s"}],
    }
    return {"Id": "m", "MetricStat": {"Metric": metric, "Period": period, "Stat": stat}} | more


def test_emitted_metrics_are_kept_by_the_minute(bench: Bench) -> None:
    for _ in range(90):
        bench.sink.put("AWS/Kinesis", "IncomingRecords", DIMENSIONS, 2.0)
        bench.clock.advance(1.0)

    (result,) = bench.data(query(), ScanBy="TimestampAscending")["MetricDataResults"]

    assert result["Timestamps"] == [at(0), at(60)]
    assert result["Values"] == [120.0, 60.0]
    assert result["StatusCode"] == "Complete"


def test_one_second_resolution_is_an_option(bench: Bench) -> None:
    bench.service.set_limits({"resolution_s": 1})
    for _ in range(12):
        bench.sink.put_counts("AWS/Kinesis", "IncomingRecords", DIMENSIONS, 1.0, 500.0)
        bench.clock.advance(1.0)

    (fine,) = bench.data(query(period=1), ScanBy="TimestampAscending")["MetricDataResults"]
    (coarse,) = bench.data(query(period=5), ScanBy="TimestampAscending")["MetricDataResults"]

    assert fine["Values"] == [500.0] * 12
    assert coarse["Values"] == [2500.0, 2500.0, 1000.0]
    assert coarse["Timestamps"] == [at(0), at(5), at(10)]


def test_a_count_of_zero_makes_no_metric(bench: Bench) -> None:
    bench.sink.put_counts("AWS/Kinesis", "IncomingRecords", DIMENSIONS, 1.0, 0.0)

    assert bench.call("ListMetrics")["Metrics"] == []


@pytest.mark.parametrize("changes", [{"resolution_s": 5}, {"nope": 1}])
def test_impossible_limits_are_refused_and_change_nothing(
    bench: Bench, changes: dict[str, float]
) -> None:
    with pytest.raises(TwinError, match="cloudwatch"):
        bench.service.set_limits(changes)
    assert bench.service.limits() == {"resolution_s": 60.0}


def test_reset_forgets_everything(bench: Bench) -> None:
    bench.sink.put("AWS/Kinesis", "IncomingRecords", DIMENSIONS, 1.0)
    bench.service.set_limits({"resolution_s": 1})

    asyncio.run(bench.service.reset())

    assert bench.call("ListMetrics")["Metrics"] == []
    assert bench.service.limits() == {"resolution_s": 60.0}


def test_expressions_depend_on_each_other_in_any_order(bench: Bench) -> None:
    bench.sink.put("AWS/Kinesis", "IncomingRecords", DIMENSIONS, 8.0)
    answer = bench.data(
        {"Id": "c", "Expression": "b / 2"},
        {"Id": "b", "Expression": "m * 10", "ReturnData": False},
        query(ReturnData=False),
    )

    assert [(r["Id"], r["Values"]) for r in answer["MetricDataResults"]] == [("c", [40.0])]


def test_the_bill_counts_metrics_and_not_expressions(bench: Bench) -> None:
    bench.sink.put("AWS/Kinesis", "IncomingRecords", DIMENSIONS, 8.0)
    bench.call("PutMetricData", Namespace="N", MetricData=[{"MetricName": "x", "Value": 1.0}] * 3)
    bench.data(query(), {"Id": "e", "Expression": "m + 1"}, query(Id="n", stat="p50"))

    assert bench.meter.read() == {
        UsageKey("cloudwatch", "metrics_put", "N"): 3,
        UsageKey("cloudwatch", "metrics_requested", "AWS/Kinesis"): 2,
    }


@settings(max_examples=40, deadline=None)
@given(
    st.lists(st.tuples(st.integers(0, 59), st.integers(0, 2)), min_size=1, max_size=60),
    st.integers(1, 25),
    st.booleans(),
)
def test_pages_put_together_are_the_whole(
    puts: list[tuple[int, int]], page: int, descending: bool
) -> None:
    bench = Bench()
    for minute, which in puts:
        bench.call(
            "PutMetricData",
            Namespace="N",
            MetricData=[{"MetricName": f"m{which}", "Value": 1.0, "Timestamp": at(minute * 60)}],
        )
    queries = [
        {
            "Id": f"q{which}",
            "MetricStat": {
                "Metric": {"Namespace": "N", "MetricName": f"m{which}"},
                "Period": 60,
                "Stat": "Sum",
            },
        }
        for which in range(3)
    ]
    order = {"ScanBy": "TimestampDescending" if descending else "TimestampAscending"}
    whole = bench.data(*queries, **order)
    assert "NextToken" not in whole

    collected: dict[str, list[tuple[Any, float]]] = {f"q{which}": [] for which in range(3)}
    more: dict[str, Any] = {}
    while True:
        answer = bench.data(*queries, MaxDatapoints=page, **order, **more)
        shown = sum(len(result["Values"]) for result in answer["MetricDataResults"])
        assert shown <= page
        for result in answer["MetricDataResults"]:
            collected[result["Id"]] += zip(result["Timestamps"], result["Values"], strict=True)
        if "NextToken" not in answer:
            break
        assert shown == page
        more = {"NextToken": answer["NextToken"]}

    for result in whole["MetricDataResults"]:
        pairs = list(zip(result["Timestamps"], result["Values"], strict=True))
        assert collected[result["Id"]] == pairs
        assert [p[0] for p in pairs] == sorted((p[0] for p in pairs), reverse=descending)


@pytest.mark.parametrize(
    ("more", "code", "message"),
    [
        ({"MetricDataQueries": []}, "MissingParameter", "MetricDataQueries"),
        ({"MetricDataQueries": [query()] * 501}, "ValidationError", "500"),
        ({"MetricDataQueries": [query(), query()]}, "ValidationError", "not unique"),
        ({"MetricDataQueries": [query(Id="M")]}, "ValidationError", "Id"),
        ({"MetricDataQueries": [query(period=7)]}, "ValidationError", "Period must be 1, 5"),
        ({"MetricDataQueries": [query(stat="p200")]}, "ValidationError", "p200"),
        ({"MetricDataQueries": [query(Expression="m")]}, "ValidationError", "only one"),
        ({"MetricDataQueries": [{"Id": "m"}]}, "ValidationError", "must be given"),
        ({"MetricDataQueries": [{"Id": "e", "Expression": "x +"}]}, "ValidationError", "'e'"),
        ({"MetricDataQueries": [{"Id": "e", "Expression": "e + 1"}]}, "ValidationError", "itself"),
        ({"MetricDataQueries": [{"Id": "e", "Expression": "1 + 1"}]}, "ValidationError", "number"),
        (
            {"MetricDataQueries": [{"Id": "e", "Expression": "SELECT AVG(x) FROM y"}]},
            "ValidationError",
            "Insights",
        ),
        ({"EndTime": at(0)}, "ValidationError", "must not equal"),
        ({"EndTime": at(-60)}, "ValidationError", "greater than StartTime"),
        ({"MaxDatapoints": 0}, "ValidationError", "MaxDatapoints"),
        ({"ScanBy": "Up"}, "ValidationError", "ScanBy"),
        ({"NextToken": "nonsense"}, "InvalidNextToken", "NextToken"),
    ],
)
def test_what_get_metric_data_refuses(
    bench: Bench, more: dict[str, Any], code: str, message: str
) -> None:
    asked = {"MetricDataQueries": [query()], "StartTime": at(0), "EndTime": at(60)} | more
    with pytest.raises(AwsError, match=message) as refused:
        bench.call("GetMetricData", **asked)
    assert (refused.value.code, refused.value.status) == (code, 400)


def datum(**more: Any) -> dict[str, Any]:
    return {"MetricName": "x"} | more


WHOLE_SET = {"SampleCount": 2.0, "Sum": 3.0, "Minimum": 1.0, "Maximum": 2.0}


@pytest.mark.parametrize(
    ("entry", "code", "message"),
    [
        (datum(), "InvalidParameterCombination", "At least one"),
        (datum(Value=float("nan")), "InvalidParameterValue", "NaN"),
        (datum(Value=2.0**361), "InvalidParameterValue", "Value is invalid"),
        (datum(Value=1.0, Values=[1.0]), "InvalidParameterCombination", "mutually exclusive"),
        (
            datum(Value=1.0, StatisticValues=WHOLE_SET),
            "InvalidParameterCombination",
            "mutually exclusive",
        ),
        (datum(Values=[1.0] * 151), "InvalidParameterValue", "150"),
        (datum(Values=[1.0], Counts=[1.0, 2.0]), "InvalidParameterValue", "same size"),
        (datum(Values=[1.0], Counts=[-1.0]), "InvalidParameterValue", "Counts"),
        (datum(StatisticValues={"Sum": 1.0}), "MissingParameter", "SampleCount"),
        (
            datum(StatisticValues=WHOLE_SET | {"Minimum": 9.0}),
            "InvalidParameterValue",
            "Minimum must not be greater",
        ),
        (datum(Value=1.0, Unit="Furlongs"), "InvalidParameterValue", "Furlongs"),
        (datum(Value=1.0, StorageResolution=5), "InvalidParameterValue", "1 or 60"),
        (datum(Value=1.0, Timestamp=at(-15 * 86400)), "InvalidParameterValue", "two weeks"),
        (datum(Value=1.0, Timestamp=at(3 * 3600)), "InvalidParameterValue", "two hours"),
        (
            datum(Value=1.0, Dimensions=[{"Name": "a", "Value": ""}]),
            "MissingParameter",
            "Value is required",
        ),
        (
            datum(Value=1.0, Dimensions=[{"Name": str(k), "Value": "v"} for k in range(31)]),
            "InvalidParameterValue",
            "30",
        ),
        ({"Value": 1.0}, "MissingParameter", "MetricName"),
    ],
)
def test_one_bad_metric_refuses_all(
    bench: Bench, entry: dict[str, Any], code: str, message: str
) -> None:
    data = [datum(Value=1.0), entry]
    with pytest.raises(AwsError, match=message) as refused:
        bench.call("PutMetricData", Namespace="N", MetricData=data)

    assert refused.value.code == code
    assert "member.2" in refused.value.message
    assert bench.call("ListMetrics")["Metrics"] == []


def test_too_many_metrics_and_reserved_namespaces_are_refused(bench: Bench) -> None:
    with pytest.raises(AwsError, match="1000"):
        bench.call("PutMetricData", Namespace="N", MetricData=[datum(Value=1.0)] * 1001)
    with pytest.raises(AwsError, match="AWS/Mine"):
        bench.call("PutMetricData", Namespace="AWS/Mine", MetricData=[datum(Value=1.0)])


def test_a_list_of_metrics_comes_in_pages_and_filtered(bench: Bench) -> None:
    for number in range(1100):
        bench.sink.put("AWS/X", f"m{number}", (("D", str(number % 2)), ("E", "e")), 1.0)

    first = bench.call("ListMetrics", Namespace="AWS/X")
    second = bench.call("ListMetrics", Namespace="AWS/X", NextToken=first["NextToken"])
    third = bench.call("ListMetrics", Namespace="AWS/X", NextToken=second["NextToken"])
    found = [m["MetricName"] for page in (first, second, third) for m in page["Metrics"]]

    assert found == [f"m{number}" for number in range(1100)]
    assert "NextToken" not in third
    odd = bench.call("ListMetrics", Dimensions=[{"Name": "D", "Value": "1"}, {"Name": "E"}])
    assert {int(m["MetricName"][1:]) % 2 for m in odd["Metrics"]} == {1}


def test_recently_active_means_three_hours(bench: Bench) -> None:
    bench.sink.put("AWS/X", "old", (), 1.0)
    bench.clock.advance(4 * 3600)
    bench.sink.put("AWS/X", "new", (), 1.0)

    recent = bench.call("ListMetrics", RecentlyActive="PT3H")["Metrics"]

    assert [metric["MetricName"] for metric in recent] == ["new"]
    assert len(bench.call("ListMetrics")["Metrics"]) == 2
