"""What a stream and its shards look like to the API, and the operations that only look."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import orjson

from cloud_twin.errors import AwsError
from cloud_twin.service import Answer, Call
from cloud_twin.services.kinesis.directory import StreamDirectory
from cloud_twin.services.kinesis.iterator import seal, unseal
from cloud_twin.services.kinesis.parameters import (
    Parameters,
    choice,
    optional_text,
    optional_time_s,
    optional_whole,
    structure,
    text,
)
from cloud_twin.services.kinesis.refusals import in_use, invalid
from cloud_twin.services.kinesis.shard import Shard
from cloud_twin.services.kinesis.stream import Mode, Status, Stream

FILTERS = (
    "AFTER_SHARD_ID",
    "AT_TRIM_HORIZON",
    "FROM_TRIM_HORIZON",
    "AT_LATEST",
    "AT_TIMESTAMP",
    "FROM_TIMESTAMP",
)


def hash_key_range(shard: Shard) -> dict[str, str]:
    """A HashKeyRange."""
    return {
        "StartingHashKey": str(shard.keys.first),
        "EndingHashKey": str(shard.keys.last),
    }


def shard_description(shard: Shard) -> dict[str, object]:
    """A Shard."""
    described: dict[str, object] = {"ShardId": shard.name}
    parents = ("ParentShardId", "AdjacentParentShardId")
    for name, parent in zip(parents, shard.parents, strict=False):
        described[name] = parent.name
    described["HashKeyRange"] = hash_key_range(shard)
    numbers = {"StartingSequenceNumber": shard.sequence_number(0)}
    if shard.closed_s is not None:
        numbers["EndingSequenceNumber"] = shard.sequence_number(shard.log.end)
    described["SequenceNumberRange"] = numbers
    return described


def child_shards(shard: Shard) -> list[dict[str, object]]:
    """ChildShards of a closed shard."""
    return [
        {
            "ShardId": child.name,
            "ParentShards": [parent.name for parent in child.parents],
            "HashKeyRange": hash_key_range(child),
        }
        for child in shard.children
    ]


class Describer:
    """Carries out the operations that change nothing."""

    def __init__(self, directory: StreamDirectory) -> None:
        self._directory = directory

    def describe_stream(self, call: Call) -> Answer:
        """DescribeStream: with a page of its shards."""
        stream = self._directory.find(call.parameters, call.region)
        limit = optional_whole(call.parameters, "Limit", 1, 10_000) or 100
        start = optional_text(call.parameters, "ExclusiveStartShardId")
        shards = _after(stream.listed(), start)
        described = self._common(stream)
        described["Shards"] = [shard_description(shard) for shard in shards[:limit]]
        described["HasMoreShards"] = len(shards) > limit
        return Answer({"StreamDescription": described})

    def describe_stream_summary(self, call: Call) -> Answer:
        """DescribeStreamSummary."""
        stream = self._directory.find(call.parameters, call.region)
        described = self._common(stream)
        described["OpenShardCount"] = len(stream.open)
        described["ConsumerCount"] = 0
        described["MaxRecordSizeInKiB"] = stream.max_record_bytes // 1024
        return Answer({"StreamDescriptionSummary": described})

    def _common(self, stream: Stream) -> dict[str, Any]:
        return {
            "StreamName": stream.name,
            "StreamARN": stream.arn,
            "StreamStatus": stream.status.value,
            "StreamModeDetails": {"StreamMode": stream.mode.value},
            "RetentionPeriodHours": stream.retention_hours,
            "StreamCreationTimestamp": round(stream.created_s, 3),
            "EnhancedMonitoring": [{"ShardLevelMetrics": list(stream.shard_level_metrics)}],
            "EncryptionType": "NONE",
        }

    def list_streams(self, call: Call) -> Answer:
        """ListStreams: by name, a page at a time."""
        limit = optional_whole(call.parameters, "Limit", 1, 10_000) or 100
        after = optional_text(call.parameters, "NextToken", None, 1_048_576) or optional_text(
            call.parameters, "ExclusiveStartStreamName"
        )
        streams = [s for s in self._directory.all(call.region) if after is None or s.name > after]
        page = streams[: min(limit, 100)]
        body: dict[str, object] = {
            "StreamNames": [stream.name for stream in page],
            "HasMoreStreams": len(streams) > len(page),
            "StreamSummaries": [
                {
                    "StreamName": stream.name,
                    "StreamARN": stream.arn,
                    "StreamStatus": stream.status.value,
                    "StreamModeDetails": {"StreamMode": stream.mode.value},
                    "StreamCreationTimestamp": round(stream.created_s, 3),
                }
                for stream in page
            ],
        }
        if len(streams) > len(page):
            body["NextToken"] = page[-1].name
        return Answer(body)

    def list_shards(self, call: Call) -> Answer:
        """ListShards: filtered, a page at a time."""
        parameters: Parameters = call.parameters
        most = optional_whole(parameters, "MaxResults", 1, 10_000) or 1000
        token = optional_text(parameters, "NextToken", None, 1_048_576)
        after = -1
        if token is None:
            stream = self._directory.find(parameters, call.region)
        else:
            stream, after, parameters = self._continued(token, parameters)
        if stream.status in (Status.CREATING, Status.DELETING):
            raise in_use(
                f"Stream {stream.name} under account {self._directory.account_id} not ACTIVE, "
                f"instead in state {stream.status.value}"
            )
        shards = [s for s in self._filtered(stream, parameters) if s.number > after]
        page = shards[: min(most, 1000)]
        body: dict[str, object] = {"Shards": [shard_description(shard) for shard in page]}
        if len(shards) > len(page):
            place = {
                "made_s": self._directory.clock.wall_s(),
                "arn": stream.arn,
                "after": page[-1].number,
                "filter": parameters.get("ShardFilter"),
            }
            body["NextToken"] = seal(orjson.dumps(place))
        return Answer(body)

    def _continued(self, token: str, parameters: Parameters) -> tuple[Stream, int, Parameters]:
        """The stream of a listing, the shard it got to, and the filter it began with."""
        for name in ("StreamName", "StreamCreationTimestamp", "ExclusiveStartShardId"):
            if parameters.get(name) is not None:
                raise invalid(f"NextToken and {name} cannot be provided together.")
        payload = unseal(token)
        if payload is None or not payload.startswith(b"{"):
            raise invalid("Invalid NextToken.")
        place = orjson.loads(payload)
        age_s = self._directory.clock.wall_s() - place["made_s"]
        if age_s > self._directory.limits.next_token_s:
            raise AwsError("ExpiredNextTokenException", "The pagination token has expired.")
        stream = self._directory.by_arn(place["arn"])
        return stream, place["after"], {"ShardFilter": place["filter"]}

    def _filtered(self, stream: Stream, parameters: Parameters) -> Sequence[Shard]:
        start = optional_text(parameters, "ExclusiveStartShardId")
        created_s = optional_time_s(parameters, "StreamCreationTimestamp")
        if created_s is not None and abs(created_s - stream.created_s) >= 1:
            raise AwsError(
                "ResourceNotFoundException",
                f"Stream {stream.name} under account {self._directory.account_id} with creation "
                f"timestamp {created_s} not found.",
            )
        shards = _after(stream.listed(), start)
        wanted = structure(parameters, "ShardFilter")
        if wanted is None:
            return shards
        kind = choice(wanted, "Type", FILTERS)
        if kind == "AFTER_SHARD_ID":
            return _after(shards, text(wanted, "ShardId"))
        if kind == "AT_LATEST":
            return [shard for shard in shards if shard.closed_s is None]
        moment_s = max(stream.horizon_s(), min(s.created_s for s in stream.shards))
        if kind.endswith("TIMESTAMP"):
            asked_s = optional_time_s(wanted, "Timestamp")
            if asked_s is None:
                raise invalid(f"Timestamp is required for a shard filter of type {kind}.")
            moment_s = max(moment_s, asked_s)
        if kind.startswith("FROM"):
            return [s for s in shards if s.closed_s is None or s.closed_s > moment_s]
        return [shard for shard in shards if shard.was_open_at(moment_s)]

    def describe_limits(self, call: Call) -> Answer:
        """DescribeLimits: of the region."""
        streams = self._directory.all(call.region)
        limits = self._directory.limits
        return Answer(
            {
                "ShardLimit": int(limits.shards_per_account),
                "OpenShardCount": sum(
                    len(stream.open) for stream in streams if stream.mode is Mode.PROVISIONED
                ),
                "OnDemandStreamCount": sum(s.mode is Mode.ON_DEMAND for s in streams),
                "OnDemandStreamCountLimit": int(limits.on_demand_streams_per_account),
            }
        )

    def list_tags(self, call: Call) -> Answer:
        """ListTagsForStream: by key, a page at a time."""
        stream = self._directory.find(call.parameters, call.region)
        limit = optional_whole(call.parameters, "Limit", 1, 50) or 50
        start = optional_text(call.parameters, "ExclusiveStartTagKey", None)
        keys = sorted(key for key in stream.tags if start is None or key > start)
        tags = [{"Key": key, "Value": stream.tags[key]} for key in keys[:limit]]
        return Answer({"Tags": tags, "HasMoreTags": len(keys) > limit})


def _after(shards: Sequence[Shard], start: str | None) -> Sequence[Shard]:
    return [shard for shard in shards if start is None or shard.name > start]
