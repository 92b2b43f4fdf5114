"""A function as a target: signed when sent, its errors and throttles told apart."""

from __future__ import annotations

import asyncio
import io
import zipfile

import numpy as np
import orjson
import pytest
from tests.cloud_twin.conftest import RunningTwin

from squall.cli.run import real_parts
from squall.load_generator.target_spec import Reading
from squall.load_generator.transactions import FactorySpec
from squall.models import (
    FIELDS,
    ClientSpec,
    Decision,
    Mix,
    Outcome,
    StressTestConfig,
    TestScenario,
)
from squall.models.load_spec import SustainedSpec
from squall.models.scenario import MixSpec
from squall.orchestrator import StressTestOrchestrator
from squall.targets.answers import AnswerFormat, parse_path
from squall.targets.aws.access import open_credentials
from squall.targets.aws.decision_events import WORDS
from squall.targets.aws.invocations import FunctionAnswerReader, InvocationWriter, Invoker
from squall.targets.aws.signed_calls import SignedCalls
from squall.targets.aws.signing import Scope, Shape

HANDLER = """
def decide(event, context):
    number = int(event["transaction_id"].rpartition("-")[2])
    if number % 20 == 7:
        raise ValueError("cannot decide " + event["transaction_id"])
    word = "DECLINE" if event["amount"] > 50_000 else "APPROVE"
    return {"transaction_id": event["transaction_id"], "decision": word, "risk_score": 0.5}
"""
READER = FunctionAnswerReader(
    AnswerFormat(
        frozenset({200}),
        parse_path("transaction_id"),
        parse_path("decision"),
        WORDS,
        parse_path("risk_score"),
    )
)


@pytest.mark.parametrize(
    ("status", "body", "reading"),
    [
        (
            200,
            b'{"transaction_id":"x-1","decision":"REVIEW","risk_score":0.5}',
            Reading(Outcome.ACCEPTED, Decision.REVIEW, 0.5, wire_id="x-1"),
        ),
        (
            200,
            b'{"errorMessage":"no","errorType":"ValueError","stackTrace":[]}',
            Reading(Outcome.REJECTED, kind="function_error"),
        ),
        (
            200,
            b'{"errorMessage":"2026-11-23 Task timed out after 3.00 seconds"}',
            Reading(Outcome.REJECTED, kind="function_error"),
        ),
        (200, b"null", Reading(Outcome.INDETERMINATE, kind="answer_without_id")),
        (
            429,
            b'{"Reason":"ReservedFunctionConcurrentInvocationLimitExceeded"}',
            Reading(Outcome.REJECTED, kind="throttle_too_many_requests"),
        ),
        (500, b"{}", Reading(Outcome.INDETERMINATE, kind="http_500")),
        (403, b"{}", Reading(Outcome.REJECTED, kind="http_403")),
    ],
)
def test_answers(status: int, body: bytes, reading: Reading) -> None:
    assert READER.read(status, body) == reading
    assert (READER.quick(status, body, "x-1") >= 0) == (reading.outcome is Outcome.ACCEPTED)


def test_a_request_is_signed_when_it_is_written(
    no_aws: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "AKIDEXAMPLE")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "secret")
    now = [1_700_000_000.0]
    shape = Shape("POST", "/2015-03-31/functions/f/invocations", {"Host": "h"})
    scope = Scope("us-east-1", "lambda")
    calls = SignedCalls(shape, scope, open_credentials(None), lambda: now[0])
    spec = FactorySpec(seed=3, mix=Mix(0.1, 0.2), planned=10_000, epoch_s=1.79e9)
    batch = spec.build("abcdefgh").batch(np.arange(200))
    payloads = InvocationWriter(FIELDS).write(batch)
    invoke = Invoker(calls)
    first = invoke(payloads[0])
    assert b"X-Amz-Date: 20231114T221320Z\r\n" in first
    now[0] += 3600
    again = invoke(payloads[0])
    assert b"X-Amz-Date: 20231114T231320Z\r\n" in again
    head, _, body = again.partition(b"\r\n\r\n")
    assert body == first.partition(b"\r\n\r\n")[2]
    assert f"Content-Length: {len(body)}".encode() in head
    for row in range(200):
        if row not in batch.overrides:
            assert (
                orjson.loads(payloads[row])["transaction_id"]
                == f"abcdefgh-{batch.wire_index[row]:012d}"
            )


@pytest.mark.parametrize(
    "name", ["decide", "decide:live", "arn:aws:lambda:us-east-1:000000000000:function:decide:live"]
)
async def test_a_run_against_a_function(twin: RunningTwin, name: str) -> None:
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w") as file:
        file.writestr("handler.py", HANDLER)
    twin.client("lambda", attempts=3).create_function(
        FunctionName="decide",
        Runtime="python3.11",
        Role="arn:aws:iam::000000000000:role/any",
        Handler="handler.decide",
        Code={"ZipFile": archive.getvalue()},
    )
    functions = twin.client("lambda", attempts=3)
    functions.get_waiter("function_active_v2").wait(FunctionName="decide")
    version = functions.publish_version(FunctionName="decide")["Version"]
    functions.create_alias(FunctionName="decide", Name="live", FunctionVersion=version)
    plan = TestScenario(
        name="on_a_function",
        title="On a function",
        why="To see that every invocation is accounted for.",
        load=SustainedSpec(type="sustained", rate_tps=40, duration_s=2.0),
        mix=MixSpec(fraud=0.2, edge_cases=0.0),
        client=ClientSpec(connections=4, timeout_s=20.0),
    )
    config = StressTestConfig(scenario=plan, target=f"lambda://{name}", workers=1)
    results = await asyncio.wait_for(StressTestOrchestrator(config, real_parts()).run(), timeout=60)
    accounting = results.accounting
    assert accounting.planned == 80, results.errors
    assert results.errors == {"function_error": 4}
    assert accounting.accepted == 76
    assert results.detection.legitimate
    assert results.latency_ms.response.count == 80
    assert accounting.note.endswith("add table=dynamodb://TABLE to the target")
    assert results.services is not None
    assert results.services.functions.invocations == 80
    assert not any("not looked up" in note for note in results.notes)
