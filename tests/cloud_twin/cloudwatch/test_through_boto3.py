"""CloudWatch through boto3, and through the older wire forms; where moto is right, on moto too."""

from __future__ import annotations

import json
import urllib.error
import urllib.request
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import urlencode

import boto3
import botocore.session
import pytest
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials
from botocore.exceptions import ClientError
from botocore.parsers import create_parser
from moto import mock_aws

NOW = datetime.now(UTC).replace(second=0, microsecond=0) - timedelta(minutes=10)
WINDOW = {"StartTime": NOW, "EndTime": NOW + timedelta(minutes=10)}


@pytest.fixture(params=["twin", "moto"])
def cloudwatch(request: pytest.FixtureRequest) -> Iterator[Any]:
    if request.param == "twin":
        yield request.getfixturevalue("twin").client("cloudwatch")
        return
    with mock_aws():
        yield boto3.client(
            "cloudwatch",
            region_name="us-east-1",
            aws_access_key_id="test",
            aws_secret_access_key="test",
        )


def metric(name: str, **more: Any) -> dict[str, Any]:
    return {"MetricName": name, "Timestamp": NOW} | more


def stat_query(name: str, stat: str, identity: str = "m") -> dict[str, Any]:
    return {
        "Id": identity,
        "MetricStat": {
            "Metric": {"Namespace": "N", "MetricName": name},
            "Period": 60,
            "Stat": stat,
        },
    }


def test_what_is_put_can_be_read(cloudwatch: Any) -> None:
    values = [metric("x", Value=float(v), Unit="Count") for v in (1, 2, 6)]
    cloudwatch.put_metric_data(Namespace="N", MetricData=values)

    (point,) = cloudwatch.get_metric_statistics(
        Namespace="N",
        MetricName="x",
        Period=60,
        Statistics=["Sum", "Average", "Minimum", "Maximum", "SampleCount"],
        **WINDOW,
    )["Datapoints"]

    assert point.pop("Timestamp") == NOW
    assert point == {
        "Sum": 9.0,
        "Average": 3.0,
        "Minimum": 1.0,
        "Maximum": 6.0,
        "SampleCount": 3.0,
        "Unit": "Count",
    }


def test_metric_data_of_several_minutes(cloudwatch: Any) -> None:
    for minute in range(3):
        at = NOW + timedelta(minutes=minute)
        data = [{"MetricName": "x", "Timestamp": at, "Value": float(minute)}] * 2
        cloudwatch.put_metric_data(Namespace="N", MetricData=data)

    (result,) = cloudwatch.get_metric_data(
        MetricDataQueries=[stat_query("x", "Sum")], ScanBy="TimestampAscending", **WINDOW
    )["MetricDataResults"]

    assert result["Id"] == "m"
    assert result["Timestamps"] == [NOW + timedelta(minutes=minute) for minute in range(3)]
    assert result["Values"] == [0.0, 2.0, 4.0]
    assert result["StatusCode"] == "Complete"


def test_values_with_counts(cloudwatch: Any) -> None:
    data = [metric("x", Values=[1.0, 10.0], Counts=[3.0, 2.0])]
    cloudwatch.put_metric_data(Namespace="N", MetricData=data)
    (result,) = cloudwatch.get_metric_data(MetricDataQueries=[stat_query("x", "Sum")], **WINDOW)[
        "MetricDataResults"
    ]

    assert result["Values"] == [23.0]


def test_lists_of_metrics(cloudwatch: Any) -> None:
    dimensions = [{"Name": "Stage", "Value": "gateway"}]
    data = [metric("x", Value=1.0, Dimensions=dimensions), metric("y", Value=1.0)]
    cloudwatch.put_metric_data(Namespace="N", MetricData=data)

    found = cloudwatch.list_metrics(Namespace="N", MetricName="x")["Metrics"]

    assert found == [{"Namespace": "N", "MetricName": "x", "Dimensions": dimensions}]
    assert cloudwatch.list_metrics(Namespace="Other")["Metrics"] == []


@pytest.mark.parametrize(
    ("entry", "wanted"),
    [
        ({"Value": 1.0, "Values": [1.0]}, {"InvalidParameterValue", "InvalidParameterCombination"}),
        ({"Values": [1.0], "Counts": [1.0, 1.0]}, {"InvalidParameterValue"}),
        ({"Value": float("nan")}, {"InvalidParameterValue"}),
    ],
)
def test_refusals(cloudwatch: Any, entry: dict[str, Any], wanted: set[str]) -> None:
    with pytest.raises(ClientError) as refused:
        cloudwatch.put_metric_data(Namespace="N", MetricData=[metric("x", **entry)])

    assert refused.value.response["Error"]["Code"] in wanted
    assert refused.value.response["ResponseMetadata"]["HTTPStatusCode"] == 400


def test_a_window_that_is_none(cloudwatch: Any) -> None:
    with pytest.raises(ClientError) as refused:
        cloudwatch.get_metric_data(
            MetricDataQueries=[stat_query("x", "Sum")], StartTime=NOW, EndTime=NOW
        )
    assert refused.value.response["Error"]["Code"] == "ValidationError"


# --- on the twin alone ----------------------------------------------------------------------


def test_a_thousand_metrics_in_one_compressed_call(twin: Any) -> None:
    client = twin.client("cloudwatch")
    data = [metric(f"m{number}", Value=float(number)) for number in range(1000)]
    client.put_metric_data(Namespace="N", MetricData=data)

    pages = client.get_paginator("list_metrics").paginate(Namespace="N")

    assert len({m["MetricName"] for page in pages for m in page["Metrics"]}) == 1000
    with pytest.raises(client.exceptions.InvalidParameterValueException):
        client.put_metric_data(Namespace="N", MetricData=[*data, data[0]])


def test_percentiles_and_arithmetic(twin: Any) -> None:
    client = twin.client("cloudwatch")
    data = [metric("x", Value=float(v)) for v in range(1, 101)]
    client.put_metric_data(Namespace="N", MetricData=data)
    answer = client.get_metric_data(
        MetricDataQueries=[
            stat_query("x", "p99", "high"),
            stat_query("x", "p50", "half"),
            {"Id": "ratio", "Expression": "high / half", "Label": "spread"},
        ],
        **WINDOW,
    )
    results = {r["Id"]: r for r in answer["MetricDataResults"]}

    assert results["high"]["Values"] == [99.0]
    assert results["half"]["Values"] == [50.0]
    assert results["ratio"]["Values"] == [99.0 / 50.0]
    assert results["ratio"]["Label"] == "spread"


def test_every_page_of_a_long_answer(twin: Any) -> None:
    client = twin.client("cloudwatch")
    for second in range(50):
        at = NOW + timedelta(seconds=second)
        data = [{"MetricName": "x", "Timestamp": at, "Value": 1.0, "StorageResolution": 1}]
        client.put_metric_data(Namespace="N", MetricData=data)
    query = stat_query("x", "Sum")
    query["MetricStat"]["Period"] = 1
    pages = client.get_paginator("get_metric_data").paginate(
        MetricDataQueries=[query], MaxDatapoints=7, **WINDOW
    )
    times = [at for page in pages for r in page["MetricDataResults"] for at in r["Timestamps"]]

    assert times == [NOW + timedelta(seconds=second) for second in reversed(range(50))]


def signed(url: str, body: bytes, headers: dict[str, str]) -> urllib.request.Request:
    request = AWSRequest("POST", url + "/", data=body, headers=headers)
    SigV4Auth(Credentials("test", "test"), "monitoring", "us-east-1").add_auth(request)
    return urllib.request.Request(url + "/", body, dict(request.headers), method="POST")


def send(request: urllib.request.Request) -> tuple[int, bytes, dict[str, str]]:
    try:
        with urllib.request.urlopen(request, timeout=15) as answer:
            return answer.status, answer.read(), dict(answer.headers)
    except urllib.error.HTTPError as error:
        return error.code, error.read(), dict(error.headers)


def as_query(url: str, action: str, **parameters: str) -> tuple[int, Any]:
    """One call as botocore before CBOR made it; parsed by botocore."""
    form = urlencode({"Action": action, "Version": "2010-08-01", **parameters}).encode()
    kind = {"Content-Type": "application/x-www-form-urlencoded; charset=utf-8"}
    status, body, headers = send(signed(url, form, kind))
    model = botocore.session.get_session().get_service_model("cloudwatch")
    shape = model.operation_model(action).output_shape
    assert shape is not None or action == "PutMetricData"
    answer = {"status_code": status, "body": body, "headers": headers}
    return status, create_parser("query").parse(answer, shape)  # type: ignore[arg-type]


def test_arrays_of_metrics_in_expressions(twin: Any) -> None:
    cloudwatch = twin.client("cloudwatch")
    cloudwatch.put_metric_data(
        Namespace="N", MetricData=[metric("x", Value=2.0), metric("y", Value=5.0)]
    )
    hidden = [stat_query(name, "Sum") | {"Id": name, "ReturnData": False} for name in ("x", "y")]
    asked = {"both": "[x, y]", "most": "MAX([x,y])", "all": "SUM([x, y])"}
    queries = [{"Id": name, "Expression": text} for name, text in asked.items()]

    found = cloudwatch.get_metric_data(MetricDataQueries=[*hidden, *queries], **WINDOW)

    values = [(each["Id"], each["Values"]) for each in found["MetricDataResults"]]
    assert values == [("both", [2.0]), ("both", [5.0]), ("most", [5.0]), ("all", [7.0])]


def test_a_request_of_more_than_1_mb_is_refused_whole(twin: Any) -> None:
    cloudwatch = twin.client("cloudwatch")
    dimensions = [{"Name": f"d{n}", "Value": "v" * 1000} for n in range(10)]
    data = [metric("x", Value=1.0, Dimensions=dimensions)] * 110  # 11 KB each; gzip on the wire
    with pytest.raises(ClientError) as refused:
        cloudwatch.put_metric_data(Namespace="N", MetricData=data)

    assert refused.value.response["Error"]["Code"] == "RequestEntityTooLarge"
    assert refused.value.response["ResponseMetadata"]["HTTPStatusCode"] == 413
    assert "exceeded 1048576 bytes" in str(refused.value)
    assert cloudwatch.list_metrics(Namespace="N")["Metrics"] == []
    cloudwatch.put_metric_data(Namespace="N", MetricData=data[:90])


def test_the_query_wire_form_of_older_sdks(twin: Any) -> None:
    at = (NOW + timedelta(seconds=3)).strftime("%Y-%m-%dT%H:%M:%SZ")
    status, _ = as_query(
        twin.url,
        "PutMetricData",
        Namespace="N",
        **{
            "MetricData.member.1.MetricName": "x",
            "MetricData.member.1.Timestamp": at,
            "MetricData.member.1.Values.member.1": "2.5",
            "MetricData.member.1.Counts.member.1": "4",
            "MetricData.member.1.Dimensions.member.1.Name": "D",
            "MetricData.member.1.Dimensions.member.1.Value": "d",
        },
    )
    assert status == 200

    status, found = as_query(
        twin.url,
        "GetMetricStatistics",
        Namespace="N",
        MetricName="x",
        Period="60",
        StartTime=NOW.strftime("%Y-%m-%dT%H:%M:%SZ"),
        EndTime=WINDOW["EndTime"].strftime("%Y-%m-%dT%H:%M:%SZ"),
        **{
            "Statistics.member.1": "Sum",
            "Dimensions.member.1.Name": "D",
            "Dimensions.member.1.Value": "d",
        },
    )

    assert status == 200
    assert [point["Sum"] for point in found["Datapoints"]] == [10.0]


def test_an_error_on_the_query_wire(twin: Any) -> None:
    status, parsed = as_query(
        twin.url,
        "PutMetricData",
        Namespace="N",
        **{"MetricData.member.1.MetricName": "x", "MetricData.member.1.Unit": "Furlongs",
           "MetricData.member.1.Value": "1"},
    )  # fmt: skip

    assert status == 400
    assert parsed["Error"]["Code"] == "InvalidParameterValue"
    assert parsed["Error"]["Type"] == "Sender"


def test_the_json_wire_form(twin: Any) -> None:
    headers = {
        "Content-Type": "application/x-amz-json-1.0",
        "X-Amz-Target": "GraniteServiceVersion20100801.PutMetricData",
    }
    body = {"Namespace": "J", "MetricData": [{"MetricName": "x", "Value": 1.5}]}
    status, _, _ = send(signed(twin.url, json.dumps(body).encode(), headers))

    assert status == 200
    assert len(twin.client("cloudwatch").list_metrics(Namespace="J")["Metrics"]) == 1


def test_alarms_are_somebody_elses(twin: Any) -> None:
    """Operations that are not served here reach the endpoint all the same."""
    assert twin.client("cloudwatch").describe_alarms()["MetricAlarms"] == []
