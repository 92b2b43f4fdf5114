"""Bedrock as a service, with its clock in hand."""

from __future__ import annotations

import json
import random
from collections.abc import Mapping
from typing import Any

import pytest

from cloud_twin.clock import ManualClock
from cloud_twin.errors import AwsError, TwinError
from cloud_twin.meter import Meter, UsageKey
from cloud_twin.service import Answer, Call, Service, Surroundings
from cloud_twin.services.bedrock import Bedrock
from cloud_twin.services.bedrock.models import MODELS
from cloud_twin.services.cloudwatch import CloudWatch

HAIKU = "anthropic.claude-3-haiku-20240307-v1:0"
NOVA = "amazon.nova-lite-v1:0"


class Bench:
    def __init__(self, seed: int = 1) -> None:
        self.clock = ManualClock()
        self.meter = Meter()
        self.metrics = CloudWatch(self.clock, self.meter)
        surroundings = Surroundings(self.clock, self.meter, self.metrics, random.Random(seed))
        self.bedrock = Bedrock(surroundings, self.sleep)
        self.service: Service = self.bedrock

    async def sleep(self, seconds: float) -> None:
        self.clock.advance(seconds)

    async def call(
        self, operation: str, model: str = HAIKU, body: bytes = b"", **more: Any
    ) -> Answer:
        parameters = {"modelId": model, **more}
        call = Call("bedrock-runtime", operation, parameters, body, request_id="0-1-2")
        return await self.bedrock.handle(call)

    async def converse(self, text: str = "hello", model: str = HAIKU, **more: Any) -> Any:
        answer = await self.call("Converse", model, messages=said(text), **more)
        assert isinstance(answer.body, Mapping)
        return answer.body

    def total(self, metric: str, model: str = HAIKU) -> float:
        parameters = {
            "Namespace": "AWS/Bedrock",
            "MetricName": metric,
            "Dimensions": [{"Name": "ModelId", "Value": model}],
            "StartTime": self.clock.wall_s() - 3600,
            "EndTime": self.clock.wall_s() + 60,
            "Period": 3600,
            "Statistics": ["Sum"],
        }
        body = self.metrics.handle(Call("cloudwatch", "GetMetricStatistics", parameters)).body
        assert isinstance(body, Mapping)
        return float(sum(point["Sum"] for point in body["Datapoints"]))


def said(text: str) -> list[dict[str, Any]]:
    return [{"role": "user", "content": [{"text": text}]}]


@pytest.fixture
def bench() -> Bench:
    return Bench()


async def test_an_answer_its_usage_its_metrics_and_its_bill(bench: Bench) -> None:
    answer = await bench.converse()
    usage = answer["usage"]

    assert answer["stopReason"] == "end_turn"
    assert answer["output"]["message"]["content"][0]["text"].startswith("local deterministic")
    assert usage["totalTokens"] == usage["inputTokens"] + usage["outputTokens"]
    assert answer["metrics"]["latencyMs"] > 0
    assert bench.meter.read() == {
        UsageKey("bedrock", "input_tokens", HAIKU): usage["inputTokens"],
        UsageKey("bedrock", "output_tokens", HAIKU): usage["outputTokens"],
    }
    assert bench.total("Invocations") == 1
    assert bench.total("InputTokenCount") == usage["inputTokens"]
    assert bench.total("OutputTokenCount") == usage["outputTokens"]
    assert round(bench.total("InvocationLatency")) == answer["metrics"]["latencyMs"]


async def test_latency_is_first_token_and_rate(bench: Bench) -> None:
    bench.service.set_limits({"first_token_ms": 500, "tokens_per_s": 10, "latency_spread": 0})
    answer = await bench.converse()

    tokens = answer["usage"]["outputTokens"]
    assert answer["metrics"]["latencyMs"] == 500 + (tokens - 1) * 100


async def test_the_same_seed_takes_the_same_time() -> None:
    first, second, other = [
        [(await made.converse())["metrics"]["latencyMs"] for _ in range(3)]
        for made in (Bench(7), Bench(7), Bench(8))
    ]
    assert first == second != other


async def test_streams_take_as_long_as_whole_answers(bench: Bench) -> None:
    bench.service.set_limits({"latency_spread": 0})
    whole = await bench.converse()
    answer = await bench.call("ConverseStream", messages=said("hello"))
    assert answer.chunks is not None
    begun_s = bench.clock.monotonic_s()
    async for _ in answer.chunks:
        pass

    took_ms = (bench.clock.monotonic_s() - begun_s) * 1000
    assert took_ms == pytest.approx(whole["metrics"]["latencyMs"], rel=0.02)


async def test_a_stream_that_is_left_gives_its_place_back(bench: Bench) -> None:
    bench.service.set_limits({"concurrent_requests": 1, "requests_per_minute": 6000})
    answer: Answer | None = await bench.call("ConverseStream", messages=said("hello"))
    with pytest.raises(AwsError, match="Too many requests"):
        await bench.converse()

    del answer

    await bench.converse()
    assert bench.total("InvocationThrottles") == 1


async def test_answers_end_where_they_must(bench: Bench) -> None:
    short = await bench.converse(inferenceConfig={"maxTokens": 5})
    stopped = await bench.converse(inferenceConfig={"stopSequences": ["reasoner"]})

    assert short["stopReason"] == "max_tokens"
    assert short["usage"]["outputTokens"] <= 5
    assert stopped["stopReason"] == "stop_sequence"
    assert stopped["output"]["message"]["content"][0]["text"] == "local deterministic "


@pytest.mark.parametrize(
    ("more", "message"),
    [
        ({"messages": []}, "must start with a user message"),
        ({"messages": [{"role": "assistant", "content": [{"text": "x"}]}]}, "start with a user"),
        ({"messages": said("a") + said("b")}, "must alternate"),
        ({"messages": said("  ")}, "is blank"),
        ({"messages": [{"role": "user", "content": []}]}, "is empty"),
        ({"messages": [{"role": "user", "content": [{"image": {}}]}]}, "text only"),
        ({"messages": ["x"]}, "messages.0 must be an object"),
        ({"toolConfig": {"tools": [{}]}}, "doesn't support tool use"),
        ({"inferenceConfig": {"maxTokens": 5000}}, "exceeds the model limit of 4096"),
        ({"inferenceConfig": {"maxTokens": 0}}, "greater than or equal to 1"),
        ({"inferenceConfig": {"temperature": 2}}, "inferenceConfig.temperature"),
        ({"messages": said("word " * 200_000)}, "Input is too long for requested model."),
        ({"guardrailConfig": {"guardrailIdentifier": "x"}}, "guardrail"),
        ({"system": "text"}, "system must be a list"),
    ],
)
async def test_what_converse_refuses(bench: Bench, more: dict[str, Any], message: str) -> None:
    asked = {"messages": said("hello")} | more
    with pytest.raises(AwsError, match=message) as refused:
        await bench.call("Converse", **asked)

    assert (refused.value.code, refused.value.status) == ("ValidationException", 400)
    assert bench.total("InvocationClientErrors") == 1
    assert bench.meter.read() == {}


@pytest.mark.parametrize(
    ("model", "code", "status"),
    [
        ("nope", "ValidationException", 400),
        ("anthropic.claude-9", "ValidationException", 400),
        ("anthropic.claude-sonnet-4-20250514-v1:0", "ValidationException", 400),
        ("mars." + HAIKU, "ValidationException", 400),
        ("arn:aws:bedrock:us-east-1::foundation-model/x.y", "ResourceNotFoundException", 404),
        (
            f"arn:aws:bedrock:us-east-1:000000000000:inference-profile/{HAIKU}",
            "ResourceNotFoundException",
            404,
        ),
    ],
)
async def test_unknown_models(bench: Bench, model: str, code: str, status: int) -> None:
    with pytest.raises(AwsError) as refused:
        await bench.converse(model=model)
    assert (refused.value.code, refused.value.status) == (code, status)


@pytest.mark.parametrize(
    "model",
    [
        *(name for name, model in MODELS.items() if not model.profile_only),
        *(f"us.{name}" for name in MODELS),
        f"arn:aws:bedrock:eu-west-1::foundation-model/{NOVA}",
        f"arn:aws:bedrock:us-east-1:000000000000:inference-profile/eu.{NOVA}",
    ],
)
async def test_known_models(bench: Bench, model: str) -> None:
    assert (await bench.converse(model=model))["stopReason"] == "end_turn"


async def test_profiles_share_the_quota_of_their_model(bench: Bench) -> None:
    bench.service.set_limits({f"requests_per_minute@{NOVA}": 60, "requests_per_minute": 600})
    bench.service.set_limits({"first_token_ms": 0, "tokens_per_s": 1e9})
    await bench.converse(model=NOVA)
    with pytest.raises(AwsError, match="Too many requests"):
        await bench.converse(model=f"eu.{NOVA}")


@pytest.mark.parametrize(
    "changes",
    [
        {"nope": 1.0},
        {"requests_per_minute": -1.0, "first_token_ms": 3.0},
        {"tokens_per_s": 0.0, "burst_s": 3.0},
        {"first_token_ms": -5.0},
        {"requests_per_minute@nope": 1.0},
        {"latency_spread": float("nan")},
    ],
)
def test_impossible_limits(bench: Bench, changes: dict[str, float]) -> None:
    before = bench.service.limits()
    with pytest.raises(TwinError, match="bedrock"):
        bench.service.set_limits(changes)
    assert bench.service.limits() == before


async def test_reset_is_the_start_again(bench: Bench) -> None:
    before = bench.service.limits()
    bench.service.set_limits({"requests_per_minute": 0, f"burst_s@{NOVA}": 2})
    with pytest.raises(AwsError, match="Too many requests"):
        await bench.converse()

    await bench.service.reset()

    assert bench.service.limits() == before
    await bench.converse()


@pytest.mark.parametrize(
    ("model", "document", "message"),
    [
        (HAIKU, b"not json", "not JSON"),
        (HAIKU, b"[]", "JSONObject"),
        (HAIKU, {"messages": []}, "anthropic_version"),
        (HAIKU, {"anthropic_version": "x", "max_tokens": 1, "messages": []}, "bedrock-2023"),
        (NOVA, {}, "messages"),
        (NOVA, {"messages": said("x"), "inferenceConfig": 3}, "inferenceConfig"),
        (NOVA, {"messages": said("x"), "toolConfig": {}}, "tool use"),
    ],
)
async def test_what_invoke_refuses(bench: Bench, model: str, document: Any, message: str) -> None:
    body = document if isinstance(document, bytes) else json.dumps(document).encode()
    with pytest.raises(AwsError, match=message) as refused:
        await bench.call("InvokeModel", model, body)
    assert refused.value.code == "ValidationException"
