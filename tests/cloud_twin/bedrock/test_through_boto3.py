"""Bedrock through boto3: whole answers, event streams, throttling as SDKs see it."""

from __future__ import annotations

import json
import time
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from botocore.exceptions import ClientError

HAIKU = "anthropic.claude-3-haiku-20240307-v1:0"
NOVA = "amazon.nova-micro-v1:0"
CASE = {
    "transaction": {"speed_kmh": 2300, "authentication": "none"},
    "votes": [
        {"agent": "pattern_detector", "risk": 0.8, "confidence": 0.9, "reason_codes": ["R20"]},
        {"agent": "risk_assessor", "risk": 0.6, "confidence": 0.7, "reason_codes": []},
    ],
}
PROMPT = f"Answer as JSON. <case>{json.dumps(CASE)}</case>"
MESSAGES = [{"role": "user", "content": [{"text": PROMPT}]}]
ANTHROPIC = {
    "anthropic_version": "bedrock-2023-05-31",
    "max_tokens": 400,
    "messages": [{"role": "user", "content": [{"type": "text", "text": PROMPT}]}],
}


@pytest.fixture
def bedrock(twin: Any) -> Any:
    fast = {"first_token_ms": 1, "tokens_per_s": 1e6}
    twin.control("PATCH", "limits", {"bedrock-runtime": fast})
    return twin.client("bedrock-runtime")


def decided(text: str) -> Any:
    opinion = json.loads(text)
    assert set(opinion) == {"decision", "confidence", "explanation", "factors"}
    return opinion


def test_every_way_of_asking_gets_the_same_answer(bedrock: Any) -> None:
    whole = bedrock.converse(modelId=HAIKU, messages=MESSAGES)
    text = whole["output"]["message"]["content"][0]["text"]

    events = list(bedrock.converse_stream(modelId=HAIKU, messages=MESSAGES)["stream"])
    streamed = "".join(
        e["contentBlockDelta"]["delta"]["text"] for e in events if "contentBlockDelta" in e
    )
    invoked = bedrock.invoke_model(modelId=HAIKU, body=json.dumps(ANTHROPIC))
    message = json.loads(invoked["body"].read())
    nova = json.loads(
        bedrock.invoke_model(modelId=NOVA, body=json.dumps({"messages": MESSAGES}))["body"].read()
    )

    assert decided(text)["decision"] == "DECLINE"
    assert "2,300 km/h" in decided(text)["explanation"]
    assert streamed == message["content"][0]["text"] == text
    assert nova["output"]["message"]["content"][0]["text"] == text
    assert whole["additionalModelResponseFields"] == {"reasoner": "local deterministic reasoner"}
    headers = invoked["ResponseMetadata"]["HTTPHeaders"]
    assert headers["x-twin-reasoner"] == "local deterministic reasoner"


def test_the_events_of_a_conversation(bedrock: Any) -> None:
    events = list(bedrock.converse_stream(modelId=HAIKU, messages=MESSAGES)["stream"])
    kinds = [next(iter(event)) for event in events]

    assert kinds[0] == "messageStart"
    assert set(kinds[1:-3]) == {"contentBlockDelta"}
    assert kinds[-3:] == ["contentBlockStop", "messageStop", "metadata"]
    assert events[-2]["messageStop"]["stopReason"] == "end_turn"
    usage = bedrock.converse(modelId=HAIKU, messages=MESSAGES)["usage"]
    assert events[-1]["metadata"]["usage"] == usage


def test_an_anthropic_message_and_its_stream(bedrock: Any) -> None:
    body = json.dumps(ANTHROPIC)
    answer = bedrock.invoke_model(modelId=HAIKU, body=body)
    message = json.loads(answer["body"].read())
    stream = bedrock.invoke_model_with_response_stream(modelId=HAIKU, body=body)["body"]
    events = [json.loads(event["chunk"]["bytes"]) for event in stream]

    assert (message["type"], message["role"], message["stop_reason"]) == (
        "message",
        "assistant",
        "end_turn",
    )
    assert answer["contentType"] == "application/json"
    assert [event["type"] for event in events[:2]] == ["message_start", "content_block_start"]
    assert [event["type"] for event in events[-3:]] == [
        "content_block_stop",
        "message_delta",
        "message_stop",
    ]
    deltas = [event for event in events if event["type"] == "content_block_delta"]
    assert "".join(event["delta"]["text"] for event in deltas) == message["content"][0]["text"]
    counted = events[-1]["amazon-bedrock-invocationMetrics"]
    assert counted["outputTokenCount"] == message["usage"]["output_tokens"]
    assert counted["inputTokenCount"] == message["usage"]["input_tokens"]


def test_a_nova_stream(bedrock: Any) -> None:
    body = json.dumps({"messages": MESSAGES, "inferenceConfig": {"maxTokens": 10}})
    stream = bedrock.invoke_model_with_response_stream(modelId=NOVA, body=body)["body"]
    events = [json.loads(event["chunk"]["bytes"]) for event in stream]

    assert events[0] == {"messageStart": {"role": "assistant"}}
    assert events[-2] == {"messageStop": {"stopReason": "max_tokens"}}
    assert events[-1]["metadata"]["usage"]["outputTokens"] <= 10


def test_tokens_are_counted_as_they_are_charged(bedrock: Any) -> None:
    charged = bedrock.converse(modelId=HAIKU, messages=MESSAGES)["usage"]["inputTokens"]
    counted = bedrock.count_tokens(modelId=HAIKU, input={"converse": {"messages": MESSAGES}})
    body = json.dumps(ANTHROPIC).encode()
    raw = bedrock.count_tokens(modelId=HAIKU, input={"invokeModel": {"body": body}})

    assert counted["inputTokens"] == raw["inputTokens"] == charged


def test_throttling_is_classified_and_retried(twin: Any, bedrock: Any) -> None:
    limits = {"requests_per_minute": 60}
    twin.control("PATCH", "limits", {"bedrock-runtime": limits})
    bedrock.converse(modelId=HAIKU, messages=MESSAGES)
    with pytest.raises(bedrock.exceptions.ThrottlingException) as refused:
        bedrock.converse(modelId=HAIKU, messages=MESSAGES)
    assert refused.value.response["ResponseMetadata"]["HTTPStatusCode"] == 429
    assert "Too many requests" in refused.value.response["Error"]["Message"]

    patient = twin.client("bedrock-runtime", attempts=6)
    answer = patient.converse(modelId=HAIKU, messages=MESSAGES)

    assert answer["ResponseMetadata"]["HTTPStatusCode"] == 200


def test_a_crowd_gets_what_the_quota_allows_and_no_more(twin: Any, bedrock: Any) -> None:
    limits = {"requests_per_minute": 600, "burst_s": 2, "tokens_per_s": 1e6}
    twin.control("PATCH", "limits", {"bedrock-runtime": limits})

    def ask(_: int) -> bool:
        try:
            bedrock.converse(modelId=HAIKU, messages=MESSAGES)
        except bedrock.exceptions.ThrottlingException:
            return False
        return True

    begun_s = time.monotonic()
    with ThreadPoolExecutor(8) as pool:
        answered = sum(pool.map(ask, range(120)))
    passed_s = time.monotonic() - begun_s

    assert 20 <= answered <= 20 + 10 * passed_s + 1
    found = twin.client("cloudwatch").list_metrics(MetricName="InvocationThrottles")["Metrics"]
    assert bool(found) == (answered < 120)


def test_errors_by_name(bedrock: Any) -> None:
    with pytest.raises(bedrock.exceptions.ValidationException, match="identifier is invalid"):
        bedrock.converse(modelId="nope.nothing", messages=MESSAGES)
    arn = "arn:aws:bedrock:us-east-1::foundation-model/nope.nothing"
    with pytest.raises(bedrock.exceptions.ResourceNotFoundException):
        bedrock.converse(modelId=arn, messages=MESSAGES)
    with pytest.raises(ClientError, match="doesn't support tool use"):
        bedrock.converse(
            modelId=HAIKU,
            messages=MESSAGES,
            toolConfig={"tools": [{"toolSpec": {"name": "t", "inputSchema": {"json": {}}}}]},
        )


def test_its_metrics_are_in_cloudwatch(twin: Any, bedrock: Any) -> None:
    bedrock.converse(modelId=HAIKU, messages=MESSAGES)
    found = twin.client("cloudwatch").list_metrics(Namespace="AWS/Bedrock")["Metrics"]

    assert {metric["MetricName"] for metric in found} == {
        "Invocations",
        "InvocationLatency",
        "InputTokenCount",
        "OutputTokenCount",
    }
    assert all(m["Dimensions"] == [{"Name": "ModelId", "Value": HAIKU}] for m in found)
