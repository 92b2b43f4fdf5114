"""Fault plans for Invoke reach what is not sent over the wire: mappings and asynchronous events."""

from __future__ import annotations

import json
import time

import pytest
from tests.cloud_twin.lambda_.fakes import QUEUE, Bench, until

THROTTLE = {"code": "TooManyRequestsException"}
CRASH = {"code": "Runtime.ExitError", "message": "planned"}
RECORDER = """
import base64
def handler(event, context):
    for record in event["Records"]:
        print("did " + base64.b64decode(record["kinesis"]["data"]).decode())
"""
PLAIN = "def handler(event, context):\n    print('did ' + event['name'])\n"


def done(bench: Bench) -> list[str]:
    """All that the function says it has done."""
    lines = [line.text for line in bench.service.logs("fn")]
    return [text[4:] for text in lines if text.startswith("did ")]


async def test_a_mapping_waits_out_a_throttle_and_spends_no_retry(bench: Bench) -> None:
    await bench.create(RECORDER)
    fault = bench.fault(when="before", error=THROTTLE)
    bench.stream.put(b"patient")
    uuid = await bench.map(
        MaximumRetryAttempts=0, DestinationConfig={"OnFailure": {"Destination": QUEUE}}
    )
    await until(lambda: bench.hits() >= [3])
    assert bench.metrics.total("Throttles") >= 3
    document = await bench.document("GetEventSourceMapping", UUID=uuid)
    assert "TooManyRequestsException" in document["LastProcessingResult"]
    assert done(bench) == []
    bench.faults.remove(fault)
    await until(lambda: done(bench) == ["patient"])
    assert bench.queues.messages == []
    assert bench.metrics.total("Errors") == 0


@pytest.mark.parametrize("when", ["before", "drop"])
async def test_any_other_refusal_is_no_function_error_either(bench: Bench, when: str) -> None:
    await bench.create(RECORDER)
    error = {"error": {"code": "ServiceException"}} if when == "before" else {}
    bench.fault(when=when, count=2, **error)
    bench.stream.put(b"patient")
    await bench.map(MaximumRetryAttempts=0)
    await until(lambda: done(bench) == ["patient"])
    assert bench.hits() == [2]
    assert bench.metrics.total("Throttles") == bench.metrics.total("Errors") == 0
    assert bench.metrics.total("Invocations") == 1


async def test_a_planned_function_error_uses_up_the_retries(bench: Bench) -> None:
    await bench.create(RECORDER)
    fault = bench.fault(when="body", error=CRASH)
    bench.stream.put(b"lost")
    await bench.map(MaximumRetryAttempts=1, DestinationConfig={"OnFailure": {"Destination": QUEUE}})
    await until(lambda: len(bench.queues.messages) == 1)
    ((_, message),) = bench.queues.messages
    assert message["requestContext"]["condition"] == "RetryAttemptsExhausted"
    assert message["requestContext"]["approximateInvokeCount"] == 2
    assert message["responseContext"]["functionError"] == "Unhandled"
    assert bench.metrics.total("Errors") == bench.metrics.total("Invocations") == 2
    assert bench.service.pids("fn") == [], "the function has not run"
    bench.faults.remove(fault)
    bench.stream.put(b"healed")
    await until(lambda: done(bench) == ["healed"])


async def test_a_planned_function_error_bisects(bench: Bench) -> None:
    await bench.create(RECORDER)
    bench.fault(when="body", error=CRASH, count=3)
    expected = [f"r{n}" for n in range(8)]
    for data in expected:
        bench.stream.put(data.encode())
    await bench.map(MaximumRetryAttempts=0, BisectBatchOnFunctionError=True)
    await until(lambda: len(done(bench)) == 8)
    assert done(bench) == expected, "8, 4 and 2 failed; then 1, 1, 2 and 4 did not"
    assert bench.metrics.total("Errors") == 3
    assert bench.metrics.total("Invocations") == 7


async def test_an_attempt_can_be_picked(bench: Bench) -> None:
    await bench.create(RECORDER)
    bench.fault(when="body", error=CRASH, attempts=[1])
    bench.stream.put(b"second")
    await bench.map()
    await until(lambda: done(bench) == ["second"])
    assert bench.hits() == [1]


async def test_a_mapped_call_is_late(bench: Bench) -> None:
    await bench.create(RECORDER)
    bench.fault(latency_ms=300, count=1)
    started_s = time.monotonic()
    bench.stream.put(b"late")
    await bench.map()
    await until(lambda: done(bench) == ["late"])
    assert time.monotonic() - started_s >= 0.3
    assert bench.hits() == [1]


@pytest.mark.parametrize("error", [None, {"code": "ServiceException"}])
async def test_a_lost_answer_makes_the_mapping_do_it_again(
    bench: Bench, error: dict[str, str] | None
) -> None:
    await bench.create(RECORDER)
    bench.fault(when="after", count=1, **({"error": error} if error else {}))
    bench.stream.put(b"twice")
    await bench.map(MaximumRetryAttempts=0)
    await until(lambda: done(bench) == ["twice", "twice"])


async def test_an_asynchronous_event_waits_out_a_throttle(bench: Bench) -> None:
    await bench.create(PLAIN, DeadLetterConfig={"TargetArn": QUEUE})
    bench.fault(when="before", error=THROTTLE, count=1)
    await invoke_event(bench, "event")
    await until(lambda: done(bench) == ["event"])
    assert bench.hits() == [1]
    assert bench.metrics.total("Throttles") == 1
    assert bench.queues.messages == []


async def test_a_planned_404_does_not_lose_an_asynchronous_event(bench: Bench) -> None:
    await bench.create(PLAIN)
    bench.fault(when="before", error={"code": "ResourceNotFoundException"}, count=1)
    await invoke_event(bench, "event")
    await until(lambda: done(bench) == ["event"])


async def test_an_asynchronous_event_fails_as_often_as_planned(bench: Bench) -> None:
    await bench.create(PLAIN, DeadLetterConfig={"TargetArn": QUEUE})
    bench.fault(when="body", error=CRASH, count=2)
    await invoke_event(bench, "third time")
    await until(lambda: done(bench) == ["third time"])
    assert bench.metrics.total("Errors") == 2
    bench.fault(when="body", error=CRASH)
    await invoke_event(bench, "never")
    await until(lambda: len(bench.queues.messages) == 1)
    assert bench.metrics.total("AsyncEventsDropped") == 1
    assert done(bench) == ["third time"]


async def invoke_event(bench: Bench, name: str) -> None:
    answer = await bench.call(
        "Invoke",
        json.dumps({"name": name}).encode(),
        {"x-amz-invocation-type": "Event"},
        FunctionName="fn",
    )
    assert answer.status == 202
