"""The operations that change shards: create, delete, split, merge, scale, switch mode."""

from __future__ import annotations

from collections.abc import Callable

from cloud_twin.errors import AwsError
from cloud_twin.service import Answer, Call
from cloud_twin.services.kinesis.directory import StreamDirectory
from cloud_twin.services.kinesis.parameters import (
    HASH_KEY,
    choice,
    optional_whole,
    structure,
    text,
    whole,
)
from cloud_twin.services.kinesis.refusals import in_use, invalid, no_shard, over_limit, violation
from cloud_twin.services.kinesis.shard import Shard
from cloud_twin.services.kinesis.stream import Mode, Status, Stream
from cloud_twin.services.kinesis.tags import read_tags

DAY_S = 24 * 3600.0


class Changer:
    """Carries out changes; each takes the limit ``stream_change_s``."""

    def __init__(self, directory: StreamDirectory) -> None:
        self._directory = directory

    # --- streams --------------------------------------------------------------------------

    def create_stream(self, call: Call) -> Answer:
        """CreateStream."""
        parameters = call.parameters
        name = text(parameters, "StreamName")
        shard_count = optional_whole(parameters, "ShardCount", 1)
        details = structure(parameters, "StreamModeDetails")
        mode = Mode.PROVISIONED
        if details is not None:
            mode = Mode(choice(details, "StreamMode", [one.value for one in Mode]))
        record_kib = optional_whole(parameters, "MaxRecordSizeInKiB", 1024, 10_240)
        tags = read_tags(parameters) if parameters.get("Tags") else {}
        if mode is Mode.ON_DEMAND:
            if shard_count is not None:
                raise AwsError(
                    "ValidationException",
                    "Request is invalid. ShardCount cannot be specified for a stream in "
                    "On-Demand mode.",
                )
            shard_count = int(self._directory.limits.on_demand_shards)
            self._allow_on_demand(call.region)
        elif shard_count is None:
            raise violation(None, "shardCount", "Member must not be null")
        if self._directory.get(self._directory.arn(name, call.region)) is not None:
            account_id = self._directory.account_id
            raise in_use(f"Stream {name} under account {account_id} already exists.")
        if mode is Mode.PROVISIONED:
            self._allow_shards(shard_count, call.region)
        stream = self._directory.create(name, call.region, mode)
        stream.tags = tags
        stream.max_record_bytes = (record_kib or 1024) * 1024
        count = shard_count
        self._begin(stream, Status.CREATING, lambda: stream.create_shards(count))
        return Answer()

    def delete_stream(self, call: Call) -> Answer:
        """DeleteStream."""
        stream = self._directory.find(call.parameters, call.region)
        self._begin(stream, Status.DELETING, lambda: self._directory.remove(stream))
        return Answer()

    # --- shards ---------------------------------------------------------------------------

    def split_shard(self, call: Call) -> Answer:
        """SplitShard."""
        name = text(call.parameters, "ShardToSplit")
        hash_key = int(text(call.parameters, "NewStartingHashKey", HASH_KEY, 39))
        stream = self._provisioned(call)
        shard = self._open_shard(stream, name)
        self._allow_shards(1, call.region)
        if not shard.keys.first + 1 < hash_key < shard.keys.last:
            raise invalid(
                f"NewStartingHashKey {hash_key} used in SplitShard() on shard {shard.name} in "
                f"stream {stream.name} under account {self._directory.account_id} is not both "
                f"greater than one plus the shard's StartingHashKey {shard.keys.first} and less "
                f"than the shard's EndingHashKey {shard.keys.last}."
            )
        self._begin(stream, Status.UPDATING, lambda: stream.split(shard, hash_key))
        return Answer()

    def merge_shards(self, call: Call) -> Answer:
        """MergeShards."""
        names = [text(call.parameters, n) for n in ("ShardToMerge", "AdjacentShardToMerge")]
        stream = self._provisioned(call)
        one, other = (self._open_shard(stream, name) for name in names)
        if not one.keys.touches(other.keys):
            raise invalid(
                f"Shards {one.name} and {other.name} in stream {stream.name} under account "
                f"{self._directory.account_id} are not an adjacent pair of shards eligible for "
                "merging"
            )
        self._begin(stream, Status.UPDATING, lambda: stream.merge(one, other))
        return Answer()

    def update_shard_count(self, call: Call) -> Answer:
        """UpdateShardCount: uniform, at most to the double and at least to the half."""
        target = whole(call.parameters, "TargetShardCount", 1)
        choice(call.parameters, "ScalingType", ["UNIFORM_SCALING"])
        stream = self._provisioned(call)
        current = len(stream.open)
        account_id = self._directory.account_id
        if target > 2 * current:
            raise over_limit(
                f"UpdateShardCount cannot scale up over double your current open shard count. "
                f"Current open shard count: {current}. Target shard count: {target}."
            )
        if 2 * target < current:
            raise over_limit(
                f"UpdateShardCount cannot scale down below half your current open shard count. "
                f"Current open shard count: {current}. Target shard count: {target}."
            )
        self._allow_shards(target - current, call.region)
        most = self._directory.limits.shard_count_updates_per_day
        stream.shard_count_updates_s = self._of_today(stream.shard_count_updates_s)
        if len(stream.shard_count_updates_s) >= most:
            raise over_limit(
                f"UpdateShardCount can be called on stream {stream.name} under account "
                f"{account_id} at most {int(most)} times in a rolling 24-hour period."
            )
        stream.shard_count_updates_s.append(self._directory.clock.monotonic_s())
        self._begin(stream, Status.UPDATING, lambda: stream.rescale(target))
        body = {
            "StreamName": stream.name,
            "CurrentShardCount": current,
            "TargetShardCount": target,
            "StreamARN": stream.arn,
        }
        return Answer(body)

    def update_stream_mode(self, call: Call) -> Answer:
        """UpdateStreamMode: the shards stay as they are."""
        parameters = call.parameters
        text(parameters, "StreamARN", None, 2048)
        details = structure(parameters, "StreamModeDetails")
        if details is None:
            raise violation(None, "streamModeDetails", "Member must not be null")
        mode = Mode(choice(details, "StreamMode", [one.value for one in Mode]))
        stream = self._active(call)
        if mode is stream.mode:
            return Answer()
        most = self._directory.limits.mode_changes_per_day
        stream.mode_changes_s = self._of_today(stream.mode_changes_s)
        if len(stream.mode_changes_s) >= most:
            raise over_limit(
                f"The mode of stream {stream.name} under account {self._directory.account_id} "
                f"can be changed at most {int(most)} times in a rolling 24-hour period."
            )
        if mode is Mode.ON_DEMAND:
            self._allow_on_demand(call.region)
        stream.mode_changes_s.append(self._directory.clock.monotonic_s())

        def switch() -> None:
            stream.mode = mode

        self._begin(stream, Status.UPDATING, switch)
        return Answer()

    def grow(self, stream: Stream, count: int) -> None:
        """Scale an on-demand stream up, unless it is in the middle of a change."""
        if stream.pending is None:
            self._begin(stream, Status.UPDATING, lambda: stream.rescale(count))

    # --- conditions -----------------------------------------------------------------------

    def _begin(self, stream: Stream, status: Status, apply: Callable[[], None]) -> None:
        """Start a change; the hours before it are billed as they were."""

        def billed() -> None:
            self._directory.bill(stream)
            apply()

        stream.begin(status, self._directory.limits.stream_change_s, billed)

    def _active(self, call: Call) -> Stream:
        stream = self._directory.find(call.parameters, call.region)
        if stream.status is not Status.ACTIVE:
            raise in_use(
                f"Stream {stream.name} under account {self._directory.account_id} not ACTIVE, "
                f"instead in state {stream.status.value}"
            )
        return stream

    def _provisioned(self, call: Call) -> Stream:
        stream = self._active(call)
        if stream.mode is Mode.ON_DEMAND:
            raise AwsError(
                "ValidationException",
                f"Request is invalid. Stream {stream.name} under account "
                f"{self._directory.account_id} is in On-Demand mode.",
            )
        return stream

    def _open_shard(self, stream: Stream, name: str) -> Shard:
        account_id = self._directory.account_id
        shard = stream.shard(name)
        if shard is None:
            raise no_shard(name, stream.name, account_id)
        if shard.closed_s is not None:
            raise invalid(
                f"Shard {name} in stream {stream.name} under account {account_id} has already "
                "been merged or split, and thus is not eligible for merging or splitting."
            )
        return shard

    def _allow_shards(self, more: int, region: str) -> None:
        limit = int(self._directory.limits.shards_per_account)
        streams = self._directory.all(region)
        current = sum(len(stream.open) for stream in streams if stream.mode is Mode.PROVISIONED)
        if more > 0 and current + more > limit:
            raise over_limit(
                f"This request would exceed the shard limit for the account "
                f"{self._directory.account_id} in {region}. Current shard count for the account: "
                f"{current}. Limit: {limit}. Number of additional shards that would have resulted "
                f"from this request: {more}. Refer to the AWS Service Limits page "
                "(http://docs.aws.amazon.com/general/latest/gr/aws_service_limits.html) for "
                "current limits and how to request higher limits."
            )

    def _allow_on_demand(self, region: str) -> None:
        limit = int(self._directory.limits.on_demand_streams_per_account)
        current = sum(s.mode is Mode.ON_DEMAND for s in self._directory.all(region))
        if current >= limit:
            raise over_limit(
                f"This request would exceed the on-demand stream limit for the account "
                f"{self._directory.account_id} in {region}. Current on-demand stream count for "
                f"the account: {current}. Limit: {limit}."
            )

    def _of_today(self, times_s: list[float]) -> list[float]:
        since_s = self._directory.clock.monotonic_s() - DAY_S
        return [time_s for time_s in times_s if time_s > since_s]
