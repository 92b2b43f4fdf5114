"""The part of a target file that says where decisions come out, where answers only acknowledge."""

from __future__ import annotations

import re
from typing import Annotated

from pydantic import AfterValidator, Field, model_validator

from squall.targets import resource_names as names
from squall.targets.target_values import AnswerPath, Part

POLL_MS_MIN = 200.0
"""A shard answers five reads a second, to all its readers together."""
POLL_MS_MAX = 10_000.0


_URL = r"^https?://[^/?#\s]+/?$"


def _endpoint(url: str) -> str:
    if not re.match(_URL, url):
        raise ValueError("must be http(s)://host:port")
    return url.rstrip("/")


StreamName = Annotated[
    str, AfterValidator(names.stream_name), Field(json_schema_extra={"pattern": names.STREAM})
]
TableName = Annotated[
    str, AfterValidator(names.table_name), Field(json_schema_extra={"pattern": names.TABLE})
]
FunctionName = Annotated[
    str, AfterValidator(names.function_name), Field(json_schema_extra={"pattern": names.FUNCTION})
]
ModelId = Annotated[
    str, AfterValidator(names.model_id), Field(json_schema_extra={"pattern": names.MODEL})
]
BucketMetrics = Annotated[
    str, AfterValidator(names.bucket_metrics), Field(json_schema_extra={"pattern": names.BUCKET})
]
QueueName = Annotated[
    str, AfterValidator(names.queue_name), Field(json_schema_extra={"pattern": names.QUEUE})
]
EndpointUrl = Annotated[str, AfterValidator(_endpoint), Field(json_schema_extra={"pattern": _URL})]


class WatchedPart(Part):
    """Services between the front and its decisions."""

    streams: tuple[StreamName, ...] = Field(
        default=(), description="Kinesis streams, and with them the functions that read them"
    )
    tables: tuple[TableName, ...] = Field(default=(), description="DynamoDB tables")
    functions: tuple[FunctionName, ...] = Field(
        default=(), description="Lambda functions: names, name:alias or ARNs"
    )
    models: tuple[ModelId, ...] = Field(default=(), description="Bedrock models, by id")
    buckets: tuple[BucketMetrics, ...] = Field(
        default=(),
        description="S3 buckets with request metrics: NAME/FILTER, or NAME for the filter "
        "EntireBucket",
    )
    queues: tuple[QueueName, ...] = Field(default=(), description="SQS queues")

    def watched(self) -> names.Watched:
        """The plain value."""
        return names.Watched(
            self.streams, self.tables, self.functions, self.models, self.buckets, self.queues
        )


class DecisionsPart(Part):
    """Where decisions come out on AWS."""

    stream: StreamName | None = Field(
        default=None, description="Kinesis stream that decisions are followed on"
    )
    table: TableName | None = Field(
        default=None, description="DynamoDB table that is read after the drain, for the final read"
    )
    region: str | None = Field(default=None, description="AWS region; left out: as configured")
    profile: str | None = Field(default=None, description="AWS profile; left out: as configured")
    endpoint_url: EndpointUrl | None = Field(
        default=None,
        description="Where AWS is, for instance the twin; left out: as configured",
    )
    poll_ms: float = Field(
        default=250.0,
        ge=POLL_MS_MIN,
        le=POLL_MS_MAX,
        description="How often each shard is asked, 200 to 10000",
    )
    id: AnswerPath = Field(default="transaction_id", description="Where the transaction id is")
    decision: AnswerPath = Field(default="decision", description="Where the decision is")
    score: AnswerPath = Field(default="risk_score", description="Where the risk score is, 0 to 1")
    replay: AnswerPath = Field(
        default="replay", description="Where it is said that a decision is told again"
    )
    amount: AnswerPath = Field(default="amount", description="Where the amount is, in minor units")
    decided_at: AnswerPath | None = Field(
        default=None,
        description="Attribute of the table with the time of the decision (Unix seconds or "
        "milliseconds, or ISO 8601); without it and without stream its latency is unknown",
    )
    watch: WatchedPart = Field(
        default=WatchedPart(),
        description="What else of AWS is used; its figures are read during the run",
    )

    @model_validator(mode="after")
    def _somewhere(self) -> DecisionsPart:
        if self.stream is None and self.table is None:
            raise ValueError("give stream, table or both")
        if self.decided_at is not None and self.table is None:
            raise ValueError("decided_at is an attribute of a table: give table too")
        if self.decided_at is not None and self.stream is not None:
            raise ValueError("decided_at and stream are given: times are taken from the stream")
        return self
