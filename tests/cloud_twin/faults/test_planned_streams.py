"""Fault plans in a whole twin act on mappings as on any caller, and heal."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from typing import Any

import pytest
from tests.cloud_twin.conftest import RunningTwin
from tests.cloud_twin.lambda_.fakes import ROLE, archive

RECORDER = """
import base64
def handler(event, context):
    for record in event["Records"]:
        print("did " + base64.b64decode(record["kinesis"]["data"]).decode())
"""
READ_THROTTLE = {"code": "ProvisionedThroughputExceededException"}


class Mapped:
    """A stream that is mapped to a function."""

    def __init__(self, twin: RunningTwin) -> None:
        self.twin = twin
        self.kinesis = twin.client("kinesis")
        self.functions = twin.client("lambda")
        twin.control("PATCH", "limits", {"kinesis": {"stream_change_s": 0}})
        self.kinesis.create_stream(StreamName="payments", ShardCount=1)
        self.functions.create_function(
            FunctionName="decide", Runtime="python3.11", Role=ROLE, Handler="app.handler",
            Code={"ZipFile": archive(RECORDER)},
        )  # fmt: skip
        self.functions.get_waiter("function_active_v2").wait(FunctionName="decide")
        self.uuid = self.functions.create_event_source_mapping(
            FunctionName="decide",
            EventSourceArn="arn:aws:kinesis:us-east-1:000000000000:stream/payments",
            StartingPosition="TRIM_HORIZON",
        )["UUID"]

    def put(self, data: str) -> None:
        self.kinesis.put_record(StreamName="payments", Data=data.encode(), PartitionKey="k")

    def done(self) -> list[str]:
        logs = self.twin.control("GET", "functions/decide/logs")["logs"]
        return [line["text"][4:] for line in logs if line["text"].startswith("did ")]

    def result(self) -> str:
        found = self.functions.get_event_source_mapping(UUID=self.uuid)
        return str(found["LastProcessingResult"])


@pytest.fixture
def mapped(twin: RunningTwin) -> Mapped:
    return Mapped(twin)


def until(condition: Callable[[], bool]) -> None:
    deadline_s = time.monotonic() + 20
    while not condition():
        assert time.monotonic() < deadline_s
        time.sleep(0.05)


def hits(twin: RunningTwin) -> int:
    (listed,) = twin.control("GET", "faults")["faults"]
    return int(listed["hits"])


def sum_of(twin: RunningTwin, namespace: str, metric: str, **dimensions: str) -> float:
    answer = twin.client("cloudwatch").get_metric_statistics(
        Namespace=namespace, MetricName=metric, Period=3600, Statistics=["Sum"],
        Dimensions=[{"Name": name, "Value": value} for name, value in dimensions.items()],
        StartTime=time.time() - 3600, EndTime=time.time() + 3600,
    )  # fmt: skip
    return float(sum(point["Sum"] for point in answer["Datapoints"]))


def test_a_throttled_function_holds_its_stream_up(twin: RunningTwin, mapped: Mapped) -> None:
    fault = twin.fault(
        service="lambda", operation="Invoke", resource="decide", when="before",
        error={"code": "TooManyRequestsException"},
    )  # fmt: skip
    mapped.put("patient")
    until(lambda: sum_of(twin, "AWS/Lambda", "Throttles", FunctionName="decide") >= 2)
    assert hits(twin) >= 2
    assert mapped.done() == []
    twin.control("DELETE", f"faults/{fault}")
    until(lambda: mapped.done() == ["patient"])


@pytest.mark.parametrize("when", ["before", "drop", "after"])
def test_a_stream_that_cannot_be_read_is_read_again(
    twin: RunningTwin, mapped: Mapped, when: str
) -> None:
    plan: dict[str, Any] = {"error": READ_THROTTLE} if when == "before" else {}
    fault = twin.fault(service="kinesis", operation="GetRecords", when=when, **plan)
    mapped.put("patient")
    until(lambda: hits(twin) >= 2)
    assert mapped.done() == []
    assert "Stream could not be read" in mapped.result()
    name = "ReadProvisionedThroughputExceeded"
    refused = sum_of(twin, "AWS/Kinesis", name, StreamName="payments")
    assert refused >= 2 if when == "before" else refused == 0
    twin.control("DELETE", f"faults/{fault}")
    until(lambda: mapped.done() == ["patient"])


def test_a_stream_is_read_late(twin: RunningTwin, mapped: Mapped) -> None:
    mapped.put("first")
    until(lambda: mapped.done() == ["first"])
    twin.fault(service="kinesis", operation="GetRecords", resource="payments", latency_ms=700)
    begun_s = time.monotonic()
    mapped.put("late")
    until(lambda: mapped.done() == ["first", "late"])
    assert time.monotonic() - begun_s >= 0.7
    assert hits(twin) >= 1


def test_a_function_error_over_the_wire(twin: RunningTwin, mapped: Mapped) -> None:
    error = {"code": "Runtime.ExitError", "message": "planned"}
    twin.fault(service="lambda", operation="Invoke", when="body", count=1, error=error)
    event = json.dumps({"Records": []})
    failed = mapped.functions.invoke(FunctionName="decide", Payload=event)
    assert (failed["StatusCode"], failed["FunctionError"]) == (200, "Unhandled")
    payload = json.load(failed["Payload"])
    assert payload == {"errorType": "Runtime.ExitError", "errorMessage": "planned"}
    assert "FunctionError" not in mapped.functions.invoke(FunctionName="decide", Payload=event)
    twin.fault(service="lambda", operation="Invoke", when="body", count=1, error=error)
    mapped.functions.invoke(FunctionName="decide", Payload=event, InvocationType="Event")
    until(lambda: sum_of(twin, "AWS/Lambda", "Errors", FunctionName="decide") == 2)
