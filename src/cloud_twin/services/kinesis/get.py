"""GetShardIterator and GetRecords."""

from __future__ import annotations

from email.utils import formatdate

import orjson

from cloud_twin.errors import AwsError
from cloud_twin.service import Answer, Call
from cloud_twin.services.kinesis.describe import child_shards
from cloud_twin.services.kinesis.directory import StreamDirectory
from cloud_twin.services.kinesis.iterator import Bookmark
from cloud_twin.services.kinesis.metrics import StreamMetrics
from cloud_twin.services.kinesis.parameters import (
    SEQUENCE_NUMBER,
    Parameters,
    choice,
    optional_text,
    optional_time_s,
    optional_whole,
    text,
)
from cloud_twin.services.kinesis.refusals import invalid, shard_missing, throttled
from cloud_twin.services.kinesis.shard import Shard
from cloud_twin.services.kinesis.shard_log import LogSlice
from cloud_twin.services.kinesis.stream import Stream

ITERATOR_TYPES = (
    "AFTER_SEQUENCE_NUMBER",
    "LATEST",
    "AT_TIMESTAMP",
    "AT_SEQUENCE_NUMBER",
    "TRIM_HORIZON",
)


class Getter:
    """Gives records to readers."""

    def __init__(self, directory: StreamDirectory, metrics: StreamMetrics) -> None:
        self._directory = directory
        self._metrics = metrics

    # --- GetShardIterator -----------------------------------------------------------------

    def get_shard_iterator(self, call: Call) -> Answer:
        """GetShardIterator."""
        parameters = call.parameters
        name = text(parameters, "ShardId")
        kind = choice(parameters, "ShardIteratorType", ITERATOR_TYPES)
        number = optional_text(parameters, "StartingSequenceNumber", SEQUENCE_NUMBER, 129)
        stream = self._directory.find(parameters, call.region)
        shard = stream.shard(name) if stream.takes_data else None
        if shard is None:
            raise shard_missing(name, stream.name, self._directory.account_id)
        if number is not None and kind not in ("AT_SEQUENCE_NUMBER", "AFTER_SEQUENCE_NUMBER"):
            raise _combination(kind, "and also a StartingSequenceNumber.")
        if kind == "TRIM_HORIZON":
            position = 0
        elif kind == "LATEST":
            position = shard.log.end
        elif kind == "AT_TIMESTAMP":
            position = self._at_timestamp(parameters, shard)
        elif number is None:
            raise _combination(kind, "and no StartingSequenceNumber.")
        else:
            position = self._at_sequence_number(number, stream, shard)
            position += kind == "AFTER_SEQUENCE_NUMBER"
        return Answer({"ShardIterator": self._iterator(stream, shard, position)})

    def _at_sequence_number(self, number: str, stream: Stream, shard: Shard) -> int:
        position = shard.position(number)
        if position is not None:
            return position
        for other in stream.shards:
            if other.position(number) is not None:
                raise invalid(
                    f"Invalid StartingSequenceNumber. It encodes {other.name}, while it was used "
                    f"in a call to a shard with {shard.name}"
                )
        raise invalid(
            f"StartingSequenceNumber {number} used in GetShardIterator on shard {shard.name} in "
            f"stream {stream.name} under account {self._directory.account_id} is invalid."
        )

    def _at_timestamp(self, parameters: Parameters, shard: Shard) -> int:
        wall_s = optional_time_s(parameters, "Timestamp")
        if wall_s is None:
            raise invalid(
                "Must specify timestampInMillis parameter for iterator of type AT_TIMESTAMP. "
                "Current request has no timestamp parameter."
            )
        now_s = self._directory.clock.wall_s()
        if int(wall_s * 1000) > int(now_s * 1000) + 1:
            raise invalid(
                "The timestampInMillis parameter cannot be greater than the "
                f"currentTimestampInMillis. timestampInMillis: {int(wall_s * 1000)}, "
                f"currentTimestampInMillis: {int(now_s * 1000)}"
            )
        return shard.log.first_at(wall_s)

    def _iterator(self, stream: Stream, shard: Shard, position: int) -> str:
        made_ms = int(self._directory.clock.wall_s() * 1000)
        return Bookmark(made_ms, stream.number, shard.number, position, stream.arn).encode()

    # --- GetRecords -----------------------------------------------------------------------

    def get_records(self, call: Call) -> Answer:
        """GetRecords."""
        limits = self._directory.limits
        most = int(limits.records_per_get)
        limit = optional_whole(call.parameters, "Limit", 1, most) or most
        token = text(call.parameters, "ShardIterator", None, 512)
        bookmark = Bookmark.decode(token)
        if bookmark is None:
            raise invalid("Invalid ShardIterator.")
        self._check_age(bookmark)
        stream, shard = self._place(bookmark)
        if not (shard.reads.available() >= 1 and shard.bytes_out.available() > 0):
            self._metrics.read_throttled(stream, shard)
            raise throttled(shard.name, stream.name, self._directory.account_id)
        shard.reads.take()
        stream.trim()
        position = max(bookmark.position, stream.oldest(shard))
        found = shard.log.read(position, limit, int(limits.bytes_per_get))
        shard.bytes_out.owe(found.size_bytes)
        return self._answer(stream, shard, found)

    def count_throttle(self, call: Call) -> None:
        """A fault plan refuses a read. Raises ``AwsError`` where there is nothing to read."""
        bookmark = Bookmark.decode(text(call.parameters, "ShardIterator", None, 512))
        if bookmark is not None:
            self._metrics.read_throttled(*self._place(bookmark))

    def _check_age(self, bookmark: Bookmark) -> None:
        now_ms = int(self._directory.clock.wall_s() * 1000)
        lifetime_ms = int(self._directory.limits.iterator_s * 1000)
        if now_ms - bookmark.made_ms > lifetime_ms:
            raise AwsError(
                "ExpiredIteratorException",
                f"Iterator expired. The iterator was created at time {_date(bookmark.made_ms)} "
                f"while right now it is {_date(now_ms)} which is further in the future than the "
                f"tolerated delay of {lifetime_ms} milliseconds.",
            )

    def _place(self, bookmark: Bookmark) -> tuple[Stream, Shard]:
        """The shard of an iterator. Raises ``AwsError`` where it is gone."""
        stream = self._directory.get(bookmark.stream_arn)
        name = bookmark.stream_arn.rpartition("/")[2]
        shard_id = f"shardId-{bookmark.shard_number:012d}"
        if stream is not None and stream.number == bookmark.stream_number:
            shard = stream.shard(shard_id)
            if shard is not None:
                return stream, shard
        raise shard_missing(shard_id, name, self._directory.account_id)

    def _answer(self, stream: Stream, shard: Shard, found: LogSlice) -> Answer:
        age_ms = behind_ms(shard, found.next, self._directory.clock.wall_s())
        numbers = shard.sequence_numbers(found.first, len(found.keys))
        body: dict[str, object] = {
            "Records": [
                {
                    "SequenceNumber": number,
                    "ApproximateArrivalTimestamp": arrived_s,
                    "Data": data,
                    "PartitionKey": key,
                }
                for number, arrived_s, data, key in zip(
                    numbers, found.arrivals_s, found.data, found.keys, strict=True
                )
            ],
            "MillisBehindLatest": int(age_ms),
        }
        if shard.closed_s is not None and found.next >= shard.log.end:
            body["NextShardIterator"] = None
            body["ChildShards"] = child_shards(shard)
        else:
            body["NextShardIterator"] = self._iterator(stream, shard, found.next)
        self._metrics.read(stream, shard, len(found.keys), found.size_bytes, age_ms)
        meter = self._directory.surroundings.meter
        if found.size_bytes:
            meter.add("kinesis", "bytes_out", stream.name, found.size_bytes)
        return Answer(orjson.dumps(body))


def behind_ms(shard: Shard, position: int, now_s: float) -> float:
    """How far a position is from the tip: age of the record there; 0 where there is none."""
    if position >= shard.log.end:
        return 0.0
    position = max(position, shard.log.start)
    return max(0.0, (now_s - shard.log.arrival_s(position)) * 1000)


def _date(unix_ms: int) -> str:
    """As AWS writes it: ``Thu Jan 22 01:22:02 UTC 2015``."""
    day, date, month, year, clock, _ = formatdate(unix_ms / 1000, usegmt=True).split()
    return f"{day.rstrip(',')} {month} {date} {clock} UTC {year}"


def _combination(kind: str, given: str) -> AwsError:
    return invalid(
        "Must either specify (1) AT_SEQUENCE_NUMBER or AFTER_SEQUENCE_NUMBER and "
        "StartingSequenceNumber or (2) TRIM_HORIZON or LATEST and no StartingSequenceNumber. "
        f"Request specified {kind} {given}"
    )
