"""Making the platform's resources where they are missing, and removing them again.

Everything here may be repeated: what is there is left as it is. On AWS the template in
``deploy/aws`` makes the same resources, with roles and alarms; this is for a local twin, and for
what a template does not hold (the model).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import partial
from typing import Any

from fraud_platform.stream.calls import (
    ALREADY_THERE,
    GONE,
    ResourceError,
    call,
    call_unless,
    wait_until,
)
from fraud_platform.stream.function_code import code_archive
from fraud_platform.stream.names import EXPIRY, ResourceNames
from fraud_platform.stream.session import AwsSession

HANDLER = "fraud_platform.stream.function.handler"
SECOND_LOOK_BATCH_RECORDS = 512
"""Records of a batch that waits for second looks: the shard stands still meanwhile, and what it
takes in in that time must fit the next batch."""
_QUEUE_KEEPS_S = 14 * 86_400
_WRITES_OF_A_NEW_TABLE_S = 4_000


@dataclass(frozen=True, slots=True)
class Sizes:
    """How big the resources are made; later the autoscaler changes some of it."""

    transaction_shards: int = 2
    decision_shards: int = 6
    function_memory_mb: int = 1_024
    function_timeout_s: int = 330
    """Longer than the five minutes for which an unavailable store is tried again."""
    batch_records: int = 64
    retries: int = 8
    record_age_s: int = 86_400
    parallelisation: int = 1
    table_writes_s: int = 20_000
    """Write units that the tables of decisions and profiles are warmed up for. A new table on
    demand takes 4,000 a second, and a transaction uses two of each table's."""


@dataclass(frozen=True, slots=True)
class FunctionSetup:
    """What the function is told beside the names."""

    environment: Mapping[str, str]
    role_arn: str = "arn:aws:iam::000000000000:role/fraud-platform-function"
    """A local twin does not look at it."""
    sizes: Sizes = field(default_factory=Sizes)


class Resources:
    """The platform's resources under one set of names; raises ``ResourceError``."""

    def __init__(self, session: AwsSession, names: ResourceNames) -> None:
        self._session = session
        self._names = names
        self._kinesis = session.client("kinesis")
        self._dynamodb = session.client("dynamodb")
        self._s3 = session.client("s3")
        self._sqs = session.client("sqs")
        self._lambda = session.client("lambda")
        self._streams = (names.transactions, names.decisions)
        self._tables = (names.decision_table, names.profile_table, names.coordination_table)

    def create_storage(self, sizes: Sizes) -> list[str]:
        """Streams, tables, bucket and queue: names of those that were missing."""
        n, writes_s = self._names, sizes.table_writes_s
        made = [
            self._stream(n.transactions, sizes.transaction_shards),
            self._stream(n.decisions, sizes.decision_shards),
            self._table(n.decision_table, "run_bucket", "transaction_id", writes_s=writes_s),
            self._table(n.profile_table, "user_id", writes_s=writes_s),
            self._table(n.coordination_table, "kind", "name"),
            self._bucket(),
            self._queue(),
        ]
        for stream in self._streams:
            wait_until(partial(self._stream_is_active, stream), f"stream {stream}")
        for table in self._tables:
            wait_until(partial(self._table_is_active, table), f"table {table}")
        for table in (n.decision_table, n.coordination_table):
            if f"table {table}" in made:
                self._let_expire(table)
        return [name for name in made if name]

    def create_function(self, setup: FunctionSetup) -> list[str]:
        """The function and its mapping; a function that is there is brought up to date."""
        names, sizes = self._names, setup.sizes
        made = []
        environment = {"Variables": {**names.environment(), **setup.environment}}
        archive = code_archive()
        created = call_unless(
            ALREADY_THERE, self._lambda.create_function,
            FunctionName=names.function, Runtime="python3.11", Handler=HANDLER,
            Role=setup.role_arn, Code={"ZipFile": archive}, Environment=environment,
            Timeout=sizes.function_timeout_s, MemorySize=sizes.function_memory_mb,
            Description="Decides transactions of the fraud platform.",
        )  # fmt: skip
        what = f"function {names.function}"
        if created is not None:
            made.append(what)
        else:
            call(self._lambda.update_function_code, FunctionName=names.function, ZipFile=archive)
            wait_until(self._function_is_active, what)
            call(
                self._lambda.update_function_configuration,
                FunctionName=names.function,
                Environment=environment,
            )
        wait_until(self._function_is_active, what)
        if self.mapping_id() is None:
            self._map(sizes)
            made.append(f"event source mapping to {names.function}")
        return made

    def function_exists(self) -> bool:
        """Whether the function is there."""
        return self._function_state() is not None

    def function_variables(self) -> Mapping[str, str]:
        """The function's environment variables; none where it is not there."""
        variables: Mapping[str, str] = (
            (self._function_state() or {}).get("Environment", {}).get("Variables", {})
        )
        return variables

    def mapping_id(self) -> str | None:
        """The event-source mapping from the stream to the function."""
        page = call_unless(
            GONE, self._lambda.list_event_source_mappings, FunctionName=self._names.function
        )
        for mapping in (page or {}).get("EventSourceMappings", ()):
            if str(mapping.get("EventSourceArn", "")).endswith(f"/{self._names.transactions}"):
                return str(mapping["UUID"])
        return None

    def delete(self) -> list[str]:
        """Remove everything, recorded decisions and audit trail included; what was there."""
        n = self._names
        gone: list[str] = []

        def remove(what: str, method: Any, **parameters: Any) -> None:
            if call_unless(GONE, method, **parameters) is not None:
                gone.append(what)

        mapping = self.mapping_id()
        if mapping is not None:
            remove("mapping", self._lambda.delete_event_source_mapping, UUID=mapping)
        function = f"function {n.function}"
        remove(function, self._lambda.delete_function, FunctionName=n.function)
        for stream in self._streams:
            remove(f"stream {stream}", self._kinesis.delete_stream, StreamName=stream)
        for table in self._tables:
            remove(f"table {table}", self._dynamodb.delete_table, TableName=table)
        url = self._queue_url()
        if url is not None:
            remove(f"queue {n.dead_letters}", self._sqs.delete_queue, QueueUrl=url)
        self._empty_bucket()
        remove(f"bucket {n.bucket}", self._s3.delete_bucket, Bucket=n.bucket)
        return gone

    # --- inside ---------------------------------------------------------------------------

    def _stream(self, name: str, shards: int) -> str:
        describe = self._kinesis.describe_stream_summary
        if call_unless(GONE, describe, StreamName=name) is not None:
            return ""
        made = call_unless(
            ALREADY_THERE, self._kinesis.create_stream,
            StreamName=name, ShardCount=shards, StreamModeDetails={"StreamMode": "PROVISIONED"},
        )  # fmt: skip
        return "" if made is None else f"stream {name}"

    def _table(self, name: str, partition: str, sort: str | None = None, writes_s: int = 0) -> str:
        if call_unless(GONE, self._dynamodb.describe_table, TableName=name) is not None:
            return ""
        keys = [partition] if sort is None else [partition, sort]
        made = call_unless(
            ALREADY_THERE, self._dynamodb.create_table,
            TableName=name, BillingMode="PAY_PER_REQUEST",
            AttributeDefinitions=[{"AttributeName": k, "AttributeType": "S"} for k in keys],
            KeySchema=[
                {"AttributeName": key, "KeyType": kind}
                for key, kind in zip(keys, ("HASH", "RANGE"), strict=False)
            ],
            **_warmed(writes_s),
        )  # fmt: skip
        return "" if made is None else f"table {name}"

    def _let_expire(self, name: str) -> None:
        """Items of a table that was made just now go when their time has come."""
        call(
            self._dynamodb.update_time_to_live,
            TableName=name,
            TimeToLiveSpecification={"AttributeName": EXPIRY, "Enabled": True},
        )

    def _bucket(self) -> str:
        name, region = self._names.bucket, self._session.region
        if call_unless(GONE, self._s3.head_bucket, Bucket=name) is not None:
            return ""
        where: dict[str, Any] = {}
        if region != "us-east-1":
            where = {"CreateBucketConfiguration": {"LocationConstraint": region}}
        made = call_unless(ALREADY_THERE, self._s3.create_bucket, Bucket=name, **where)
        return "" if made is None else f"bucket {name}"

    def _queue(self) -> str:
        name = self._names.dead_letters
        if self._queue_url() is not None:
            return ""
        attributes = {"MessageRetentionPeriod": str(_QUEUE_KEEPS_S)}
        call_unless(ALREADY_THERE, self._sqs.create_queue, QueueName=name, Attributes=attributes)
        return f"queue {name}"

    def _queue_url(self) -> str | None:
        found = call_unless(GONE, self._sqs.get_queue_url, QueueName=self._names.dead_letters)
        return None if found is None else str(found["QueueUrl"])

    def _map(self, sizes: Sizes) -> None:
        summary = call(self._kinesis.describe_stream_summary, StreamName=self._names.transactions)
        queue = call(
            self._sqs.get_queue_attributes,
            QueueUrl=self._queue_url(),
            AttributeNames=["QueueArn"],
        )
        call(
            self._lambda.create_event_source_mapping,
            FunctionName=self._names.function,
            EventSourceArn=summary["StreamDescriptionSummary"]["StreamARN"],
            StartingPosition="TRIM_HORIZON",
            BatchSize=sizes.batch_records,
            MaximumBatchingWindowInSeconds=0,
            ParallelizationFactor=sizes.parallelisation,
            BisectBatchOnFunctionError=True,
            MaximumRetryAttempts=sizes.retries,
            MaximumRecordAgeInSeconds=sizes.record_age_s,
            FunctionResponseTypes=["ReportBatchItemFailures"],
            DestinationConfig={"OnFailure": {"Destination": queue["Attributes"]["QueueArn"]}},
        )

    def _empty_bucket(self) -> None:
        name = self._names.bucket
        while True:
            page = call_unless(GONE, self._s3.list_objects_v2, Bucket=name)
            keys = [{"Key": one["Key"]} for one in (page or {}).get("Contents", ())]
            if not keys:
                return
            for key in keys:
                call(self._s3.delete_object, Bucket=name, **key)

    def _stream_is_active(self, name: str) -> bool:
        summary = call(self._kinesis.describe_stream_summary, StreamName=name)
        return bool(summary["StreamDescriptionSummary"]["StreamStatus"] == "ACTIVE")

    def _table_is_active(self, name: str) -> bool:
        table = call(self._dynamodb.describe_table, TableName=name)["Table"]
        return bool(table["TableStatus"] == "ACTIVE")

    def _function_is_active(self) -> bool:
        state = self._function_state() or {}
        if state.get("State") == "Failed":
            raise ResourceError(f"the function cannot be made: {state.get('StateReason', '')}")
        updated = state.get("LastUpdateStatus", "Successful") == "Successful"
        return updated and bool(state.get("State", "Active") == "Active")

    def _function_state(self) -> Mapping[str, Any] | None:
        found: Mapping[str, Any] | None = call_unless(
            GONE, self._lambda.get_function_configuration, FunctionName=self._names.function
        )
        return found


def _warmed(writes_s: int) -> dict[str, Any]:
    """What a table on demand is made ready for, where that is more than every table is."""
    if writes_s <= _WRITES_OF_A_NEW_TABLE_S:
        return {}
    units = {"ReadUnitsPerSecond": max(12_000, writes_s), "WriteUnitsPerSecond": writes_s}
    return {"WarmThroughput": units}
