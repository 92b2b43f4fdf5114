"""Asynchronous events: queue, retries, destinations, dead letters."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import pytest
from tests.cloud_twin.lambda_.fakes import QUEUE, Bench, until

from cloud_twin.errors import AwsError
from cloud_twin.services.lambda_ import LambdaOptions

COUNTING = """
def handler(event, context):
    print("did", event.get("n"))
    if event.get("fail"):
        raise ValueError("no")
    return {"n": event.get("n")}
"""


async def send(bench: Bench, event: Any) -> int:
    headers = {"x-amz-invocation-type": "Event"}
    answer = await bench.call("Invoke", json.dumps(event).encode(), headers, FunctionName="fn")
    assert answer.body == b""
    return answer.status


def attempts(bench: Bench) -> int:
    return sum(line.text.startswith("did") for line in bench.service.logs("fn"))


async def destinations(bench: Bench, **settings: Any) -> None:
    config = {"OnSuccess": {"Destination": QUEUE + "-ok"}, "OnFailure": {"Destination": QUEUE}}
    await bench.call(
        "PutFunctionEventInvokeConfig", FunctionName="fn", DestinationConfig=config, **settings
    )


async def test_an_event_is_taken_at_once_and_run_later(bench: Bench) -> None:
    await bench.create(COUNTING)
    await destinations(bench)
    assert await send(bench, {"n": 1}) == 202
    await until(lambda: len(bench.queues.messages) == 1)
    ((queue, message),) = bench.queues.messages
    assert queue == QUEUE + "-ok"
    assert message["requestContext"]["condition"] == "Success"
    assert message["requestPayload"] == {"n": 1}
    assert message["responsePayload"] == {"n": 1}
    assert message["responseContext"] == {"statusCode": 200, "executedVersion": "$LATEST"}
    assert attempts(bench) == 1


async def test_a_failing_event_is_tried_three_times_then_sent_to_the_destination(
    bench: Bench,
) -> None:
    await bench.create(COUNTING, DeadLetterConfig={"TargetArn": QUEUE + "-dlq"})
    await destinations(bench)
    await send(bench, {"fail": True})
    await until(lambda: len(bench.queues.messages) == 2)
    assert attempts(bench) == 3
    (queue, message), (dead_letters, event) = bench.queues.messages
    assert queue == QUEUE
    assert message["requestContext"] == {
        "requestId": message["requestContext"]["requestId"],
        "functionArn": "arn:aws:lambda:us-east-1:000000000000:function:fn:$LATEST",
        "condition": "RetriesExhausted",
        "approximateInvokeCount": 3,
    }
    assert message["responseContext"]["functionError"] == "Unhandled"
    assert message["responsePayload"]["errorType"] == "ValueError"
    assert (dead_letters, event) == (QUEUE + "-dlq", {"fail": True})
    assert bench.metrics.values["AsyncEventsDropped"] == [1]


async def test_retries_can_be_switched_off(bench: Bench) -> None:
    await bench.create(COUNTING)
    await destinations(bench, MaximumRetryAttempts=0)
    await send(bench, {"fail": True})
    await until(lambda: len(bench.queues.messages) == 1)
    assert attempts(bench) == 1


async def test_events_over_the_concurrency_wait_and_none_is_lost(bench: Bench) -> None:
    await bench.create(COUNTING)
    bench.service.set_limits({"requests_per_concurrency_s": 1000})
    await bench.call("PutFunctionConcurrency", FunctionName="fn", ReservedConcurrentExecutions=2)
    await destinations(bench)
    for n in range(100):
        await send(bench, {"n": n})
    await until(lambda: len(bench.queues.messages) == 100)
    assert {m["requestPayload"]["n"] for _, m in bench.queues.messages} == set(range(100))
    assert max(bench.metrics.values["ConcurrentExecutions"]) == 2


async def test_a_function_switched_off_sends_its_events_to_the_destination(bench: Bench) -> None:
    await bench.create(COUNTING)
    await bench.call("PutFunctionConcurrency", FunctionName="fn", ReservedConcurrentExecutions=0)
    await destinations(bench)
    await send(bench, {"n": 1})
    await until(lambda: len(bench.queues.messages) == 1)
    assert bench.queues.messages[0][0] == QUEUE
    assert bench.queues.messages[0][1]["requestContext"]["approximateInvokeCount"] == 0
    assert attempts(bench) == 0


async def test_what_cannot_be_delivered_is_counted(bench: Bench) -> None:
    bench.queues.missing = True
    await bench.create(COUNTING, DeadLetterConfig={"TargetArn": QUEUE})
    await destinations(bench, MaximumRetryAttempts=0)
    await send(bench, {"fail": True})
    await until(lambda: bench.metrics.values["DeadLetterErrors"] == [1])
    assert bench.metrics.values["DestinationDeliveryFailures"] == [1]


async def test_an_event_over_1_mb_is_refused(bench: Bench) -> None:
    await bench.create(COUNTING)
    with pytest.raises(AwsError) as refused:
        await send(bench, {"x": "x" * 1024 * 1024})
    assert (refused.value.code, refused.value.status) == ("RequestTooLargeException", 413)


async def test_the_queue_has_an_end() -> None:
    bench = Bench(LambdaOptions(async_events_max=3))
    try:
        await bench.create("import time\ndef handler(e, c):\n    time.sleep(30)\n")
        for _ in range(3):
            await send(bench, {})
        with pytest.raises(AwsError) as refused:
            await send(bench, {})
        assert refused.value.status == 429
    finally:
        await bench.service.close()


async def test_events_of_a_deleted_function_go_with_it(bench: Bench) -> None:
    await bench.create("import time\ndef handler(e, c):\n    time.sleep(30)\n")
    await send(bench, {})
    await until(lambda: bool(bench.service.pids("fn")))
    await asyncio.wait_for(bench.call("DeleteFunction", FunctionName="fn"), 5)
    assert bench.queues.messages == []
