"""Event-source mappings from a stream into real functions."""

from __future__ import annotations

import asyncio
import base64
import os
import signal
import time
from typing import Any

import pytest
from tests.cloud_twin.lambda_.fakes import QUEUE, STREAM, Bench, until, until_async

from cloud_twin.errors import AwsError

RECORDER = """
import base64, json
def handler(event, context):
    data = [base64.b64decode(r["kinesis"]["data"]).decode() for r in event["Records"]]
    if "poison" in data:
        raise ValueError("poison")
    print("did " + json.dumps(data))
"""

REPORTER = """
import base64, json
def handler(event, context):
    for record in event["Records"]:
        data = base64.b64decode(record["kinesis"]["data"]).decode()
        if data == "poison":
            number = record["kinesis"]["sequenceNumber"]
            return {"batchItemFailures": [{"itemIdentifier": number}]}
        print("did " + json.dumps([data]))
"""


def done(bench: Bench) -> list[str]:
    """All that functions say they have done, in the order in which they said it."""
    import json

    lines = [line.text for line in bench.service.logs("fn") if line.text.startswith("did ")]
    return [data for line in lines for data in json.loads(line[4:])]


def batches(bench: Bench) -> int:
    return sum(line.text.startswith("did ") for line in bench.service.logs("fn"))


async def state(bench: Bench, uuid: str) -> str:
    return str((await bench.document("GetEventSourceMapping", UUID=uuid))["State"])


async def test_records_reach_the_function_in_order_and_in_batches(bench: Bench) -> None:
    await bench.create(RECORDER)
    expected = [f"r{n}" for n in range(250)]
    for data in expected:
        bench.stream.put(data.encode())
    uuid = await bench.map(BatchSize=100)
    await until(lambda: len(done(bench)) == 250)
    assert done(bench) == expected
    assert batches(bench) == 3
    bench.stream.put(b"later")
    await until(lambda: done(bench)[-1] == "later")
    last = bench.stream.shards["shardId-000000000000"].records[-1].sequence_number
    await until(lambda: bench.service.checkpoints(uuid) == {"shardId-000000000000": last})
    assert len(bench.metrics.values["IteratorAge"]) == 4
    document = await bench.document("GetEventSourceMapping", UUID=uuid)
    assert document["LastProcessingResult"] == "OK"


async def test_bisection_sends_just_the_poison_to_the_failure_queue(bench: Bench) -> None:
    await bench.create(RECORDER)
    numbers = {}
    for n in range(40):
        data = "poison" if n == 23 else f"r{n}"
        numbers[n] = bench.stream.put(data.encode(), arrived_wall_s=1_545_084_650.987 + n)
    await bench.map(
        BatchSize=40,
        BisectBatchOnFunctionError=True,
        MaximumRetryAttempts=1,
        DestinationConfig={"OnFailure": {"Destination": QUEUE}},
    )
    await until(lambda: len(done(bench)) == 39)
    assert done(bench) == [f"r{n}" for n in range(40) if n != 23]
    ((queue, message),) = bench.queues.messages
    assert queue == QUEUE
    assert len(message.pop("timestamp")) == len("2018-12-17T22:11:13.987Z")
    assert len(message["requestContext"].pop("requestId")) == 36
    assert message == {
        "requestContext": {
            "functionArn": "arn:aws:lambda:us-east-1:000000000000:function:fn",
            "condition": "RetryAttemptsExhausted",
            "approximateInvokeCount": message["requestContext"]["approximateInvokeCount"],
        },
        "responseContext": {
            "statusCode": 200,
            "executedVersion": "$LATEST",
            "functionError": "Unhandled",
        },
        "version": "1.0",
        "KinesisBatchInfo": {
            "shardId": "shardId-000000000000",
            "startSequenceNumber": numbers[23],
            "endSequenceNumber": numbers[23],
            "approximateArrivalOfFirstRecord": "2018-12-17T22:11:13.987Z",
            "approximateArrivalOfLastRecord": "2018-12-17T22:11:13.987Z",
            "batchSize": 1,
            "streamArn": STREAM,
        },
    }


async def test_reported_failures_are_taken_up_from_there(bench: Bench) -> None:
    await bench.create(REPORTER)
    for n in range(10):
        bench.stream.put(b"poison" if n == 6 else b"r%d" % n)
    await bench.map(
        FunctionResponseTypes=["ReportBatchItemFailures"],
        BisectBatchOnFunctionError=True,
        MaximumRetryAttempts=0,
        DestinationConfig={"OnFailure": {"Destination": QUEUE}},
    )
    await until(lambda: "r9" in done(bench))
    assert done(bench) == [f"r{n}" for n in range(10) if n != 6]
    assert [m["KinesisBatchInfo"]["batchSize"] for _, m in bench.queues.messages] == [1]
    assert "functionError" not in bench.queues.messages[0][1]["responseContext"]


async def test_a_failure_queue_that_is_not_there_is_counted(bench: Bench) -> None:
    bench.queues.missing = True
    await bench.create(RECORDER)
    bench.stream.put(b"poison")
    bench.stream.put(b"good")
    await bench.map(
        BatchSize=1,
        MaximumRetryAttempts=0,
        DestinationConfig={"OnFailure": {"Destination": QUEUE}},
    )
    await until(lambda: done(bench) == ["good"])
    assert bench.metrics.values["DestinationDeliveryFailures"] == [1]


async def test_killed_processes_lose_nothing(bench: Bench) -> None:
    source = RECORDER.replace("    print", "    import time; time.sleep(0.05)\n    print")
    await bench.create(source)
    expected = [f"r{n}" for n in range(100)]
    for n, data in enumerate(expected):
        bench.stream.put(data.encode(), f"key{n % 8}")
    await bench.map(BatchSize=5, ParallelizationFactor=2)
    for _ in range(4):
        before = batches(bench)
        await until(lambda before=before: batches(bench) > before)  # type: ignore[misc]
        for pid in bench.service.pids("fn"):
            os.kill(pid, signal.SIGKILL)
    await until(lambda: set(done(bench)) == set(expected))
    assert bench.metrics.total("Errors") >= 1


async def test_parallel_batches_keep_the_order_of_each_key(bench: Bench) -> None:
    await bench.create(RECORDER)
    for n in range(300):
        bench.stream.put(b"%d:%d" % (n % 11, n), str(n % 11))
    await bench.map(BatchSize=10, ParallelizationFactor=4)
    await until(lambda: len(done(bench)) == 300)
    for key in range(11):
        of_key = [int(d.split(":")[1]) for d in done(bench) if d.startswith(f"{key}:")]
        assert of_key == list(range(key, 300, 11))
    assert 1 < max(bench.metrics.values["ConcurrentExecutions"]) <= 4


async def test_latest_begins_with_what_comes_after_the_mapping(bench: Bench) -> None:
    await bench.create(RECORDER)
    bench.stream.put(b"before")
    await bench.map(StartingPosition="LATEST")
    bench.stream.put(b"after")
    await until(lambda: bool(done(bench)))
    assert done(bench) == ["after"]


async def test_at_timestamp_begins_at_a_time(bench: Bench) -> None:
    await bench.create(RECORDER)
    now_s = time.time()
    for age_s in (30, 20, 10):
        bench.stream.put(b"%d" % age_s, arrived_wall_s=now_s - age_s)
    await bench.map(StartingPosition="AT_TIMESTAMP", StartingPositionTimestamp=now_s - 25)
    await until(lambda: len(done(bench)) == 2)
    assert done(bench) == ["20", "10"]


async def test_children_of_a_split_wait_for_their_parent(bench: Bench) -> None:
    await bench.create(RECORDER)
    for n in range(50):
        bench.stream.put(b"parent%d" % n)
    bench.stream.split(0, (1, 2))
    for shard in (1, 2):
        bench.stream.put(b"child%d" % shard, shard=shard)
    await bench.map(BatchSize=10)
    await until(lambda: len(done(bench)) == 52)
    assert done(bench)[:50] == [f"parent{n}" for n in range(50)]
    assert set(done(bench)[50:]) == {"child1", "child2"}


async def test_a_split_under_way_is_followed(bench: Bench) -> None:
    await bench.create(RECORDER)
    await bench.map(StartingPosition="LATEST")
    bench.stream.put(b"one")
    await until(lambda: done(bench) == ["one"])
    bench.stream.put(b"two")
    bench.stream.split(0, (1, 2))
    bench.stream.put(b"three", shard=1)
    await until(lambda: "three" in done(bench))
    assert done(bench)[:2] == ["one", "two"]


async def test_a_disabled_mapping_rests_and_goes_on_where_it_was(bench: Bench) -> None:
    await bench.create(RECORDER)
    uuid = await bench.map(BatchSize=2, ParallelizationFactor=2)
    await until_async(lambda: _is(bench, uuid, "Enabled"))
    for n in range(20):
        bench.stream.put(b"a%d" % n, str(n))
    await until(lambda: len(done(bench)) == 20)
    document = await bench.document("UpdateEventSourceMapping", UUID=uuid, Enabled=False)
    assert document["State"] == "Disabling"
    await until_async(lambda: _is(bench, uuid, "Disabled"))
    for n in range(20):
        bench.stream.put(b"b%d" % n, str(n))
    await asyncio.sleep(0.05)
    assert len(done(bench)) == 20
    document = await bench.document(
        "UpdateEventSourceMapping", UUID=uuid, Enabled=True, ParallelizationFactor=3
    )
    assert document["State"] == "Enabling"
    await until(lambda: len(done(bench)) == 40)
    assert sorted(done(bench)[20:]) == sorted(f"b{n}" for n in range(20))
    assert await state(bench, uuid) == "Enabled"


async def _is(bench: Bench, uuid: str, wanted: str) -> bool:
    return await state(bench, uuid) == wanted


async def test_changing_settings_under_load_loses_and_doubles_nothing(bench: Bench) -> None:
    await bench.create(RECORDER)
    uuid = await bench.map(BatchSize=3, ParallelizationFactor=2)
    for n in range(200):
        bench.stream.put(b"r%d" % n, str(n % 13))
    for size in (5, 2, 10):
        await until_async(lambda: _is(bench, uuid, "Enabled"))
        await bench.call("UpdateEventSourceMapping", UUID=uuid, BatchSize=size)
    await until(lambda: len(done(bench)) >= 200)
    assert sorted(done(bench)) == sorted(f"r{n}" for n in range(200))


async def test_a_deleted_mapping_is_gone_and_reads_no_more(bench: Bench) -> None:
    await bench.create(RECORDER)
    uuid = await bench.map()
    await until_async(lambda: _is(bench, uuid, "Enabled"))
    document = await bench.document("DeleteEventSourceMapping", UUID=uuid)
    assert document["State"] == "Deleting"

    async def gone() -> bool:
        try:
            await state(bench, uuid)
        except AwsError as error:
            return error.code == "ResourceNotFoundException"
        return False

    await until_async(gone)
    bench.stream.put(b"after")
    await asyncio.sleep(0.05)
    assert not bench.service.logs("fn")


async def test_a_batch_stays_under_6_mb(bench: Bench) -> None:
    await bench.create("def handler(event, context):\n    print('did', len(event['Records']))\n")
    for _ in range(9):
        bench.stream.put(bytes(1024 * 1024))
    await bench.map(BatchSize=100)

    def counts() -> list[int]:
        lines = [line.text for line in bench.service.logs("fn")]
        return [int(line.split()[1]) for line in lines if line.startswith("did")]

    await until(lambda: sum(counts()) == 9)
    assert max(counts()) == 4
    assert len(base64.b64encode(bytes(1024 * 1024))) * 4 < 6 * 1024 * 1024


async def test_a_throttled_mapping_waits_for_its_turn(bench: Bench) -> None:
    await bench.create(RECORDER)
    await bench.call("PutFunctionConcurrency", FunctionName="fn", ReservedConcurrentExecutions=0)
    bench.stream.put(b"patient")
    uuid = await bench.map(MaximumRetryAttempts=0)
    await until(lambda: bench.metrics.total("Throttles") >= 2)
    document = await bench.document("GetEventSourceMapping", UUID=uuid)
    assert "TooManyRequestsException" in document["LastProcessingResult"]
    await bench.call("DeleteFunctionConcurrency", FunctionName="fn")
    await until(lambda: done(bench) == ["patient"])


async def test_a_new_version_of_the_function_is_used_from_the_next_batch_on(bench: Bench) -> None:
    await bench.create(RECORDER)
    await bench.map()
    bench.stream.put(b"a")
    await until(lambda: done(bench) == ["a"])
    await bench.call("UpdateFunctionConfiguration", FunctionName="fn", Timeout=5)
    bench.stream.put(b"b")
    await until(lambda: done(bench) == ["a", "b"])


@pytest.mark.parametrize(
    ("members", "code", "message"),
    [
        ({"FunctionName": "none"}, "ResourceNotFoundException", "Function not found"),
        ({"EventSourceArn": STREAM + "x"}, "InvalidParameterValueException", "Stream not found"),
        ({"EventSourceArn": QUEUE}, "InvalidParameterValueException", "Unrecognized event source"),
        ({"StartingPosition": "FIRST"}, "ValidationException", "TRIM_HORIZON"),
        ({"StartingPosition": "AT_TIMESTAMP"}, "InvalidParameterValueException", "Timestamp"),
        ({"BatchSize": 0}, "ValidationException", "greater than or equal to 1"),
        ({"BatchSize": 10_001}, "ValidationException", "less than or equal to 10000"),
        ({"BatchSize": "5"}, "SerializationException", "whole number"),
        ({"ParallelizationFactor": 11}, "ValidationException", "less than or equal to 10"),
        ({"MaximumBatchingWindowInSeconds": 301}, "ValidationException", "equal to 300"),
        ({"MaximumRecordAgeInSeconds": 30}, "InvalidParameterValueException", "60"),
        ({"TumblingWindowInSeconds": 5}, "InvalidParameterValueException", "Tumbling"),
        ({"FilterCriteria": {"Filters": [{}]}}, "InvalidParameterValueException", "Filter"),
        ({"FunctionResponseTypes": ["All"]}, "ValidationException", "ReportBatchItemFailures"),
        (
            {"DestinationConfig": {"OnFailure": {"Destination": "arn:aws:sns:us-east-1:0:t"}}},
            "InvalidParameterValueException",
            "SQS",
        ),
    ],
)
async def test_wrong_settings_are_refused(
    bench: Bench, members: dict[str, Any], code: str, message: str
) -> None:
    await bench.create(RECORDER)
    with pytest.raises(AwsError, match=message) as refused:
        await bench.map(**members)
    assert refused.value.code == code


async def test_the_same_mapping_twice_is_a_conflict(bench: Bench) -> None:
    await bench.create(RECORDER)
    uuid = await bench.map()
    with pytest.raises(AwsError, match=uuid) as refused:
        await bench.map()
    assert (refused.value.code, refused.value.status) == ("ResourceConflictException", 409)


async def test_a_mapping_in_change_cannot_be_changed(bench: Bench) -> None:
    await bench.create(RECORDER)
    uuid = await bench.map()
    with pytest.raises(AwsError, match="in use") as refused:
        await bench.call("UpdateEventSourceMapping", UUID=uuid, BatchSize=2)
    assert refused.value.code == "ResourceInUseException"


async def test_mappings_are_listed_by_function_and_source_in_pages(bench: Bench) -> None:
    for name in ("fn", "other"):
        await bench.create(RECORDER, name)
        await bench.map(FunctionName=name)
    everything = await bench.document("ListEventSourceMappings")
    assert len(everything["EventSourceMappings"]) == 2
    of_one = await bench.document("ListEventSourceMappings", FunctionName="other")
    assert [m["FunctionArn"][-5:] for m in of_one["EventSourceMappings"]] == ["other"]
    first = await bench.document("ListEventSourceMappings", MaxItems="1", EventSourceArn=STREAM)
    rest = await bench.document("ListEventSourceMappings", Marker=first["NextMarker"])
    found = first["EventSourceMappings"] + rest["EventSourceMappings"]
    assert found == everything["EventSourceMappings"]


async def test_defaults_are_those_of_aws(bench: Bench) -> None:
    await bench.create(RECORDER)
    uuid = await bench.map()
    document = await bench.document("GetEventSourceMapping", UUID=uuid)
    assert document["BatchSize"] == 100
    assert document["MaximumRetryAttempts"] == -1
    assert document["MaximumRecordAgeInSeconds"] == -1
    assert document["ParallelizationFactor"] == 1
    assert document["BisectBatchOnFunctionError"] is False
    assert document["LastProcessingResult"] == "No records processed"


@pytest.mark.parametrize("operation", ["UpdateEventSourceMapping", "DeleteEventSourceMapping"])
async def test_closing_in_the_middle_of_a_change_ends_everything(
    bench: Bench, operation: str
) -> None:
    before = asyncio.all_tasks()
    await bench.create("import time\ndef handler(event, context):\n    time.sleep(30)\n")
    uuid = await bench.map()
    bench.stream.put(b"x")
    await until(lambda: bool(bench.service.logs("fn")))
    await bench.call(operation, UUID=uuid)
    await asyncio.sleep(0)
    await asyncio.wait_for(bench.service.close(), 5)
    assert asyncio.all_tasks() == before


async def test_a_stream_that_is_gone_is_waited_for(bench: Bench) -> None:
    await bench.create(RECORDER)
    uuid = await bench.map()
    bench.stream.put(b"before")
    await until(lambda: done(bench) == ["before"])
    bench.stream.gone = True
    bench.stream.put(b"after")

    async def problem() -> bool:
        document = await bench.document("GetEventSourceMapping", UUID=uuid)
        return str(document["LastProcessingResult"]).startswith("PROBLEM: Stream payments")

    await until_async(problem)
    bench.stream.gone = False
    await until(lambda: done(bench) == ["before", "after"])
