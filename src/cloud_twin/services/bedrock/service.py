"""Bedrock's runtime: from calls to answers, with quotas, latency, metrics and the bill.

Every model id is answered by the local deterministic reasoner; answers say so in the header
``x-twin-reasoner`` and, in Converse, in ``additionalModelResponseFields``.
"""

from __future__ import annotations

import asyncio
import base64
import binascii
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass

from cloud_twin.errors import AwsError, TwinError
from cloud_twin.service import Answer, Call, Dimensions, Protocols, Route, Surroundings
from cloud_twin.services.bedrock import converse, invoke
from cloud_twin.services.bedrock.event_stream import CONTENT_TYPE
from cloud_twin.services.bedrock.inference import (
    Completion,
    Inference,
    check_size,
    complete,
    validation,
)
from cloud_twin.services.bedrock.latency import DEFAULTS as LATENCY_DEFAULTS
from cloud_twin.services.bedrock.latency import LatencyModel, Timing
from cloud_twin.services.bedrock.models import Model, resolve
from cloud_twin.services.bedrock.quotas import Admission, Quotas
from cloud_twin.services.bedrock.reasoner import NAME

_STREAMS = frozenset({"ConverseStream", "InvokeModelWithResponseStream"})
_NAMESPACE = "AWS/Bedrock"

Sleep = Callable[[float], Awaitable[None]]


@dataclass(frozen=True, slots=True)
class _Run:
    """One call that was let in."""

    call: Call
    model: Model
    dimensions: Dimensions
    completion: Completion
    admission: Admission
    timing: Timing
    begun_s: float


class Bedrock:
    """The twin's Bedrock runtime.

    Limits: ``requests_per_minute``, ``tokens_per_minute``, ``concurrent_requests`` and ``burst_s``
    (each also as ``NAME@MODEL``); ``first_token_ms``, ``tokens_per_s``, ``latency_spread``.
    """

    name = "bedrock-runtime"
    signing_names = ("bedrock",)
    protocol = Protocols.REST_JSON
    target_prefix = ""
    error_namespace = ""
    routes: Sequence[Route] = (
        Route("POST", "/model/{modelId}/converse", "Converse"),
        Route("POST", "/model/{modelId}/converse-stream", "ConverseStream"),
        Route("POST", "/model/{modelId}/invoke", "InvokeModel"),
        Route(
            "POST",
            "/model/{modelId}/invoke-with-response-stream",
            "InvokeModelWithResponseStream",
        ),
        Route("POST", "/model/{modelId}/count-tokens", "CountTokens"),
    )
    served = frozenset(route.operation for route in routes)

    def __init__(self, surroundings: Surroundings, sleep: Sleep = asyncio.sleep) -> None:
        self._clock = surroundings.clock
        self._meter = surroundings.meter
        self._metrics = surroundings.metrics
        self._sleep = sleep
        self._quotas = Quotas(surroundings.clock)
        self._latency = LatencyModel(surroundings.random)

    async def handle(self, call: Call) -> Answer:
        """Carry out one call. Raises ``AwsError``."""
        model_id = str(call.parameters.get("modelId", ""))
        model, shown = resolve(model_id)
        if call.operation == "CountTokens":
            return Answer({"inputTokens": _count(call, model)})
        dimensions = (("ModelId", shown),)
        try:
            inference = _read(call, model)
            check_size(inference, model)
        except AwsError:
            self._metrics.put(_NAMESPACE, "InvocationClientErrors", dimensions, 1.0)
            raise
        try:
            reserved = inference.input_tokens + inference.max_tokens
            admission = self._quotas.admit(model.model_id, reserved)
        except AwsError:
            self._metrics.put(_NAMESPACE, "InvocationThrottles", dimensions, 1.0)
            raise
        run = _Run(
            call,
            model,
            dimensions,
            complete(inference),
            admission,
            self._latency.draw(),
            self._clock.monotonic_s(),
        )
        return await (self._stream(run) if call.operation in _STREAMS else self._whole(run))

    def count_refusal(self, call: Call, error: AwsError, *, carried_out: bool = False) -> None:
        """An invocation that a fault plan answers with an error."""
        if call.operation == "CountTokens":
            return
        if error.code == "ThrottlingException":
            name = "InvocationThrottles"
        else:
            name = "InvocationServerErrors" if error.status >= 500 else "InvocationClientErrors"
        with suppress(AwsError):
            _, shown = resolve(str(call.parameters.get("modelId", "")))
            self._metrics.put(_NAMESPACE, name, (("ModelId", shown),), 1.0)

    def limits(self) -> dict[str, float]:
        """Quotas and the latency model."""
        return self._quotas.limits() | self._latency.limits()

    def set_limits(self, changes: Mapping[str, float]) -> None:
        """Change some. Raises ``TwinError`` for an unknown name or an impossible value."""
        for name in changes:
            if name not in LATENCY_DEFAULTS and not self._quotas.knows(name):
                known = ", ".join(self.limits())
                raise TwinError(f"bedrock-runtime has no limit {name!r}; it has {known}")
        latency = {k: v for k, v in changes.items() if k in LATENCY_DEFAULTS}
        quotas = {k: v for k, v in changes.items() if k not in LATENCY_DEFAULTS}
        self._quotas.check(quotas)
        self._latency.set(latency)
        if quotas:
            self._quotas.set(quotas)

    async def reset(self) -> None:
        """Full quotas, and the limits of the start."""
        self._quotas.reset()
        self._latency.reset()

    async def close(self) -> None:
        """Nothing to end."""

    # --- answers ----------------------------------------------------------------------------

    async def _whole(self, run: _Run) -> Answer:
        completion = run.completion
        used = completion.input_tokens + completion.output_tokens
        try:
            await self._sleep(run.timing.whole_s(completion.output_tokens))
        finally:
            run.admission.release(used)
        latency_ms = self._account(run)
        headers = {"x-twin-reasoner": NAME}
        if run.call.operation == "Converse":
            return Answer(converse.body(completion, latency_ms), 200, headers)
        headers |= {
            "x-amzn-bedrock-invocation-latency": str(latency_ms),
            "x-amzn-bedrock-input-token-count": str(completion.input_tokens),
            "x-amzn-bedrock-output-token-count": str(completion.output_tokens),
        }
        return Answer(invoke.body(completion, run.model, run.call.request_id), 200, headers)

    async def _stream(self, run: _Run) -> Answer:
        headers = {"content-type": CONTENT_TYPE, "x-twin-reasoner": NAME}
        if run.call.operation == "InvokeModelWithResponseStream":
            headers["x-amzn-bedrock-content-type"] = "application/json"
        return Answer(headers=headers, chunks=self._chunks(run))

    async def _chunks(self, run: _Run) -> AsyncIterator[bytes]:
        completion, timing = run.completion, run.timing
        used = completion.input_tokens + completion.output_tokens
        try:
            await self._sleep(timing.first_token_s)
            first_byte_ms = round((self._clock.monotonic_s() - run.begun_s) * 1000.0)
            parts = list(_parts(run))
            yield _opening(run)
            pause_s = max(completion.output_tokens - 1, 0) * timing.token_s / max(len(parts), 1)
            for part in parts:
                yield part
                await self._sleep(pause_s)
        finally:
            run.admission.release(used)
        latency_ms = self._account(run)
        if run.call.operation == "ConverseStream":
            yield converse.closing(completion, latency_ms)
        else:
            yield invoke.closing(completion, run.model, latency_ms, first_byte_ms)

    def _account(self, run: _Run) -> int:
        """Metrics and the bill of a success; its latency in milliseconds."""
        completion, dimensions = run.completion, run.dimensions
        latency_ms = (self._clock.monotonic_s() - run.begun_s) * 1000.0
        put = self._metrics.put
        put(_NAMESPACE, "Invocations", dimensions, 1.0)
        put(_NAMESPACE, "InvocationLatency", dimensions, latency_ms, "Milliseconds")
        put(_NAMESPACE, "InputTokenCount", dimensions, float(completion.input_tokens))
        put(_NAMESPACE, "OutputTokenCount", dimensions, float(completion.output_tokens))
        name = run.model.model_id
        self._meter.add("bedrock", "input_tokens", name, completion.input_tokens)
        self._meter.add("bedrock", "output_tokens", name, completion.output_tokens)
        return round(latency_ms)


def _read(call: Call, model: Model) -> Inference:
    if call.operation in ("Converse", "ConverseStream"):
        return converse.read(call.parameters, model)
    return invoke.read(call.body, model)


def _opening(run: _Run) -> bytes:
    if run.call.operation == "ConverseStream":
        return converse.opening()
    return invoke.opening(run.completion, run.model, run.call.request_id)


def _parts(run: _Run) -> Iterator[bytes]:
    if run.call.operation == "ConverseStream":
        return converse.deltas(run.completion)
    return invoke.deltas(run.completion, run.model)


def _count(call: Call, model: Model) -> int:
    """CountTokens: of a Converse request or of an InvokeModel body."""
    asked = call.parameters.get("input")
    form = asked if isinstance(asked, dict) else {}
    if isinstance(form.get("converse"), dict):
        return converse.read(form["converse"], model).input_tokens
    body = form["invokeModel"].get("body") if isinstance(form.get("invokeModel"), dict) else None
    if not isinstance(body, str):
        raise validation("The input must have converse or invokeModel, and only one of the two.")
    try:
        raw = base64.b64decode(body, validate=True)
    except (binascii.Error, ValueError):
        raise validation("The body of invokeModel is not base64.") from None
    return invoke.read(raw, model).input_tokens
