"""What every service of the twin is made of: calls in, answers out, limits, a reset."""

from __future__ import annotations

import random
from collections.abc import AsyncIterator, Awaitable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from enum import Enum
from typing import Any, Protocol, runtime_checkable

from cloud_twin.clock import Clock
from cloud_twin.errors import AwsError
from cloud_twin.meter import Meter

ACCOUNT_ID = "000000000000"


class Protocols(Enum):
    """Ways in which AWS services write requests, answers and errors."""

    JSON_1_0 = "json-1.0"
    JSON_1_1 = "json-1.1"
    REST_JSON = "rest-json"
    REST_XML = "rest-xml"
    MODELLED = "modelled"
    """CBOR, JSON or query, as the caller chooses; decoded and encoded by botocore's own model."""


@dataclass(frozen=True, slots=True)
class Route:
    """One operation of a REST service.

    ``path`` has variables in braces (``/2015-03-31/functions/{FunctionName}``); ``{Key+}`` takes
    the rest of the path. A segment matches URL-decoded. ``query`` lists query parameters that must
    be present (``("uploads",)``); the route with most of them wins.
    """

    method: str
    path: str
    operation: str
    query: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class PartialFailure:
    """A fault inside a batch answer: each entry fails with ``probability`` as ``code``."""

    probability: float
    code: str
    message: str
    random: random.Random


@dataclass(slots=True)
class Call:
    """One request, decoded.

    ``parameters``: the JSON body of a JSON service as it came; of a REST service the path
    variables and query parameters (strings; a list of them where a REST-JSON one is repeated),
    merged with the body's members where it is a JSON object; of a modelled one the members of its
    input shape with their modelled types (timestamps are aware datetimes; an answer may have
    datetimes or Unix seconds).
    """

    service: str
    operation: str
    parameters: dict[str, Any]
    body: bytes = b""
    headers: Mapping[str, str] = field(default_factory=dict)
    """Names in lower case."""
    request_id: str = ""
    region: str = "us-east-1"
    invocation_id: str = ""
    """``amz-sdk-invocation-id``: the same on every retry of one SDK call."""
    attempt: int = 1
    """From ``amz-sdk-request: attempt=N``."""
    partial: PartialFailure | None = None
    """Set by a fault plan; operations on batches honour it."""


@dataclass(slots=True)
class Answer:
    """A success. ``body``: a mapping is written in the service's protocol, bytes as they are.

    ``chunks`` (instead of a body) are sent as they come, with chunked transfer coding.
    """

    body: Mapping[str, Any] | bytes = b""
    status: int = 200
    headers: Mapping[str, str] = field(default_factory=dict)
    chunks: AsyncIterator[bytes] | None = None


class Service(Protocol):
    """One AWS service.

    ``handle`` runs on the event loop. It answers at once where it can (no await on the hot path)
    and raises ``AwsError`` to refuse.

    A service may also have ``operations: frozenset[str]``, the operations it knows; calls of any
    other are then passed on to moto. Without it, every call of the service comes to ``handle``.
    """

    @property
    def name(self) -> str:
        """``kinesis``, ``dynamodb``, ``lambda``, ``sqs``, ``s3``, ``bedrock-runtime``, …"""
        ...

    @property
    def signing_names(self) -> tuple[str, ...]:
        """Service names in the credential scope that mean this service."""
        ...

    @property
    def protocol(self) -> Protocols:
        """How it speaks."""
        ...

    @property
    def target_prefix(self) -> str:
        """Of ``X-Amz-Target`` (JSON services: ``Kinesis_20131202``); else empty."""
        ...

    @property
    def error_namespace(self) -> str:
        """Put before the code in ``__type`` (``com.amazonaws.dynamodb.v20120810#``); or empty."""
        ...

    @property
    def routes(self) -> Sequence[Route]:
        """Of REST services; empty for the others."""
        ...

    @property
    def served(self) -> Collection[str]:
        """Names of the operations that it carries out."""
        ...

    def handle(self, call: Call) -> Answer | Awaitable[Answer]:
        """Carry out one call. Raises ``AwsError``."""
        ...

    def limits(self) -> dict[str, float]:
        """Quotas in force, by name with the unit last (``records_per_shard_s``)."""
        ...

    def set_limits(self, changes: Mapping[str, float]) -> None:
        """Change quotas. Raises ``TwinError`` for an unknown name or an impossible value."""
        ...

    async def reset(self) -> None:
        """Forget all resources and data; back to AWS's default quotas."""
        ...

    async def close(self) -> None:
        """End background work and processes. Harmless when repeated."""
        ...


@runtime_checkable
class CountsRefusals(Protocol):
    """A service whose errors are in its metrics also where it does not make them itself.

    Of SQS and CloudWatch, AWS publishes no metric of calls that failed.
    """

    def count_refusal(self, call: Call, error: AwsError, *, carried_out: bool = False) -> None:
        """This call is answered with an error that the service did not raise.

        ``carried_out``: the service has done it, and counted it; the answer says otherwise.
        """
        ...


Dimensions = tuple[tuple[str, str], ...]


class MetricSink(Protocol):
    """Takes the AWS/* metrics that services emit (the twin's CloudWatch)."""

    def put(
        self, namespace: str, name: str, dimensions: Dimensions, value: float, unit: str = "Count"
    ) -> None:
        """One value now."""
        ...

    def put_counts(
        self,
        namespace: str,
        name: str,
        dimensions: Dimensions,
        value: float,
        count: float,
        unit: str = "Count",
    ) -> None:
        """The same value ``count`` times (as PutMetricData's Values and Counts)."""
        ...


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What a service is given when it is made."""

    clock: Clock
    meter: Meter
    metrics: MetricSink
    random: random.Random
    """Seeded; for jittered behaviour only, never for ids that must be unique across restarts."""
    account_id: str = ACCOUNT_ID


def arn(service: str, region: str, resource: str, account_id: str = ACCOUNT_ID) -> str:
    """``arn:aws:service:region:account:resource``."""
    return f"arn:aws:{service}:{region}:{account_id}:{resource}"
