"""The interface under /_twin/, as a program uses it."""

from __future__ import annotations

import time
from typing import Any

import pytest
from botocore.exceptions import ClientError, ConnectionClosedError
from tests.cloud_twin.conftest import RunningTwin

from cloud_twin.faults.batches import BATCHES


def test_health_names_all_services(twin: RunningTwin) -> None:
    health = twin.control("GET", "health")
    assert health["status"] == "ok"
    assert health["services"] == [
        "bedrock-runtime", "cloudwatch", "dynamodb", "kinesis", "lambda", "s3", "sqs",
    ]  # fmt: skip
    assert health["records_dropped"] == {}


def test_health_tells_of_records_that_there_was_no_memory_for(twin: RunningTwin) -> None:
    limits = {"stream_change_s": 0, "retained_bytes_per_stream": 1000}
    twin.control("PATCH", "limits", {"kinesis": limits})
    client = twin.client("kinesis")
    client.create_stream(StreamName="payments", ShardCount=1)
    client.put_record(StreamName="payments", Data=bytes(2000), PartitionKey="k")
    assert twin.control("GET", "health")["records_dropped"] == {"payments": 1}


def test_limits_are_changed_and_reset(twin: RunningTwin) -> None:
    before = twin.control("GET", "limits")
    changed = twin.control("PATCH", "limits", {"kinesis": {"records_per_shard_s": 7}})
    assert changed["kinesis"]["records_per_shard_s"] == 7
    twin.control("PATCH", "limits", {"kinesis": {"records_per_shard_s": None}})
    assert twin.control("GET", "limits")["kinesis"]["records_per_shard_s"] is None
    twin.reset()
    assert twin.control("GET", "limits") == before


def test_limits_are_changed_all_or_none_and_every_problem_is_told(twin: RunningTwin) -> None:
    before = twin.control("GET", "limits")
    status, told = twin.refused(
        "PATCH",
        "limits",
        {
            "kinesis": {"records_per_shard_s": 7, "no_such": 1},
            "dynamo": {},
            "sqs": 3,
            "cloudwatch": {"resolution_s": "fast"},
        },
    )
    assert status == 400
    fields = [problem["field"] for problem in told["problems"]]
    assert fields == ["kinesis.no_such", "dynamo", "sqs", "cloudwatch.resolution_s"]
    status, told = twin.refused(
        "PATCH",
        "limits",
        {"kinesis": {"records_per_shard_s": 7}, "cloudwatch": {"resolution_s": 7}},
    )
    assert status == 400
    assert "resolution_s must be 1 or 60" in told["error"]
    assert twin.control("GET", "limits") == before


def test_the_meter_counts_and_is_reset(twin: RunningTwin) -> None:
    twin.client("s3").create_bucket(Bucket="audit")
    twin.client("s3").put_object(Bucket="audit", Key="a", Body=b"x")
    meter = twin.control("GET", "meter")
    assert abs(meter["since_s"] - time.time()) < 60
    puts = {
        "service": "s3",
        "unit": "put_requests",
        "resource": "audit",
    }
    counted = [entry for entry in meter["usage"] if puts.items() <= entry.items()]
    assert counted
    assert counted[0]["quantity"] >= 1
    twin.reset()
    assert twin.control("GET", "meter")["usage"] == []


def test_reset_forgets_resources_faults_and_attempts(twin: RunningTwin) -> None:
    twin.client("sqs").create_queue(QueueName="dead")
    twin.fault(when="drop", service="s3")
    twin.reset()
    assert twin.control("GET", "faults") == {"faults": []}
    assert twin.control("GET", "attempts")["calls"] == []
    assert "QueueUrls" not in twin.client("sqs").list_queues()


def test_a_fault_is_made_listed_renewed_and_removed(twin: RunningTwin) -> None:
    made = twin.control("POST", "faults", {"when": "drop", "resource": "audit", "lease_s": 30})
    assert (made["state"], made["hits"], made["plan"]["resource"]) == ("active", 0, "audit")
    renewed = twin.control("POST", f"faults/{made['id']}/renew")
    assert 29 < renewed["expires_in_s"] <= 30
    with pytest.raises(ConnectionClosedError):
        twin.client("s3").create_bucket(Bucket="audit")
    twin.client("s3").create_bucket(Bucket="other")
    (listed,) = twin.control("GET", "faults")["faults"]
    assert (listed["id"], listed["hits"]) == (made["id"], 1)
    removed = twin.control("DELETE", f"faults/{made['id']}")
    assert (removed["state"], removed["ended_by"], removed["hits"]) == ("ended", "removed", 1)
    twin.client("s3").create_bucket(Bucket="audit")
    assert twin.refused("POST", f"faults/{made['id']}/renew")[0] == 404


def test_an_ended_lease_heals_and_is_not_renewed(twin: RunningTwin) -> None:
    fault_id = twin.fault(when="drop", lease_s=0.05)
    deadline = time.monotonic() + 5
    while (listed := twin.control("GET", "faults")["faults"][0])["state"] != "ended":
        assert time.monotonic() < deadline
    assert listed["ended_by"] == "lease"
    twin.client("s3").list_buckets()
    status, told = twin.refused("POST", f"faults/{fault_id}/renew")
    assert status == 410
    assert "make a new one" in told["error"]


@pytest.mark.parametrize(
    ("plan", "fields"),
    [
        (
            {"service": "kinesys", "when": "drop", "count": 0, "typo": 1},
            ["service", "count", "typo"],
        ),
        ({"service": "s3"}, [""]),
        ([], [""]),
        ({"service": "s3", "when": "drop", "attempts": [0]}, ["attempts.0"]),
        ({"operation": "PutRecrods", "when": "drop", "count": 0}, ["operation", "count"]),
        ({"service": "sqs", "operation": "PutRecords", "when": "drop"}, ["operation"]),
    ],
    ids=str,
)
def test_every_problem_of_a_plan_is_told(twin: RunningTwin, plan: Any, fields: list[str]) -> None:
    status, told = twin.refused("POST", "faults", plan)
    assert status == 400
    assert [problem["field"] for problem in told["problems"]] == fields
    assert all(problem["message"] for problem in told["problems"])


def test_an_operation_that_nobody_serves_is_refused_with_all_that_are_served(
    twin: RunningTwin,
) -> None:
    plan = {"service": "kinesis", "operation": "PutRecrods", "when": "drop"}
    _, told = twin.refused("POST", "faults", plan)
    assert told["error"].startswith("operation: kinesis has no 'PutRecrods'; there are: kinesis ")
    assert "PutRecord, PutRecords, RemoveTagsFromStream" in told["error"]
    _, told = twin.refused("POST", "faults", {"operation": "PutRecrods", "when": "drop"})
    assert told["error"].startswith("operation: no service has 'PutRecrods'; there are: bedrock")
    assert "; kinesis AddTagsToStream, " in told["error"]


@pytest.mark.parametrize(
    ("service", "operation"),
    [
        ("bedrock-runtime", "ConverseStream"),
        ("cloudwatch", "PutMetricData"),
        ("cloudwatch", "PutMetricAlarm"),  # moto's, but called by our name
        ("dynamodb", "TransactWriteItems"),
        ("kinesis", "GetRecords"),
        ("lambda", "GetFunctionConfiguration"),
        ("s3", "HeadObject"),
        ("sqs", "SendMessageBatch"),
    ],
)
def test_what_is_served_can_be_planned_for(twin: RunningTwin, service: str, operation: str) -> None:
    twin.fault(service=service, operation=operation, when="drop")
    twin.fault(operation=operation, when="drop")


def test_every_batch_that_a_plan_can_hit_is_served(twin: RunningTwin) -> None:
    for service, operations in BATCHES.items():
        for operation in operations:
            error = {"code": "InternalFailure"}
            twin.fault(service=service, operation=operation, when="body", error=error)


def test_an_answer_lost_after_the_commit(twin: RunningTwin) -> None:
    twin.client("s3").create_bucket(Bucket="audit")
    twin.fault(service="s3", operation="PutObject", when="after", count=1)
    with pytest.raises(ConnectionClosedError):
        twin.client("s3").put_object(Bucket="audit", Key="a", Body=b"kept")
    assert twin.client("s3").get_object(Bucket="audit", Key="a")["Body"].read() == b"kept"


def test_an_error_instead_of_the_answer_after_the_commit(twin: RunningTwin) -> None:
    client = twin.client("sqs")
    url = client.create_queue(QueueName="dead")["QueueUrl"]
    error = {"code": "InternalFailure"}
    twin.fault(service="sqs", operation="SendMessage", resource="dead", when="after", error=error)
    with pytest.raises(ClientError, match="InternalFailure"):
        client.send_message(QueueUrl=url, MessageBody="kept")
    assert client.receive_message(QueueUrl=url)["Messages"][0]["Body"] == "kept"


def test_entries_of_a_batch_fail(twin: RunningTwin) -> None:
    client = twin.client("kinesis")
    client.create_stream(StreamName="payments", ShardCount=1)
    client.get_waiter("stream_exists").wait(StreamName="payments", WaiterConfig={"Delay": 1})
    error = {"code": "InternalFailure", "message": "broken"}
    twin.fault(operation="PutRecords", when="body", probability=0.5, error=error, seed=4)
    records = [{"Data": b"x", "PartitionKey": str(number)} for number in range(100)]
    answer = client.put_records(StreamName="payments", Records=records)
    assert 25 < answer["FailedRecordCount"] < 75
    failed = [entry for entry in answer["Records"] if "ErrorCode" in entry]
    assert len(failed) == answer["FailedRecordCount"]
    assert {(entry["ErrorCode"], entry["ErrorMessage"]) for entry in failed} == {
        ("InternalFailure", "broken")
    }


def test_a_readers_stream_is_known_from_its_iterator(twin: RunningTwin) -> None:
    client = twin.client("kinesis")
    for name in ("payments", "audit"):
        client.create_stream(StreamName=name, ShardCount=1)
        client.get_waiter("stream_exists").wait(StreamName=name, WaiterConfig={"Delay": 1})
    twin.fault(
        operation="GetRecords",
        resource="payments",
        when="before",
        error={"code": "ExpiredIteratorException"},
    )

    def read(name: str) -> Any:
        iterator = client.get_shard_iterator(
            StreamName=name, ShardId="shardId-000000000000", ShardIteratorType="TRIM_HORIZON"
        )["ShardIterator"]
        return client.get_records(ShardIterator=iterator)

    assert read("audit")["Records"] == []
    with pytest.raises(client.exceptions.ExpiredIteratorException):
        read("payments")


def test_latency_delays_the_answer_and_shows_in_the_attempts(twin: RunningTwin) -> None:
    twin.fault(service="sqs", latency_ms=80, jitter_ms=20)
    twin.client("sqs").list_queues()
    (call,) = twin.control("GET", "attempts?service=sqs")["calls"]
    assert call["operation"] == "ListQueues"
    assert call["attempts"][0]["duration_ms"] >= 60


def test_attempts_are_filtered(twin: RunningTwin) -> None:
    for _ in range(3):
        twin.client("sqs").list_queues()
    twin.client("s3").list_buckets()
    assert len(twin.control("GET", "attempts")["calls"]) == 4
    assert len(twin.control("GET", "attempts?service=sqs&limit=2")["calls"]) == 2
    assert twin.control("GET", "attempts?operation=ListBuckets")["calls_found"] == 1
    assert twin.control("GET", f"attempts?since_s={time.time() + 60}")["calls"] == []
    status, told = twin.refused("GET", "attempts?limit=0&retried=maybe&since=1")
    assert status == 400
    assert [problem["field"] for problem in told["problems"]] == ["limit", "retried", "since"]


def test_what_is_not_there_is_said_with_what_is(twin: RunningTwin) -> None:
    status, told = twin.refused("GET", "metres")
    assert status == 404
    assert "health, limits, meter, faults, attempts, reset, functions" in told["error"]
    assert twin.refused("POST", "health")[0] == 405
    assert twin.refused("DELETE", "faults/fault-99")[0] == 404
