"""Records put into a stream of its own at a fixed rate beside the load, and read back."""

from __future__ import annotations

import binascii
import itertools
import random
from math import ceil

import orjson

from squall.errors import TargetProtocolError
from squall.models import StreamRecords
from squall.probes.aws_place import AwsPlace
from squall.probes.pacing import OpenLoop, Operation, Pace, connections_for
from squall.probes.probe import ConcludedLoad, LoadClock, Measured
from squall.probes.single_call import SingleCalls, json_calls
from squall.probes.stream_follower import StreamFollower
from squall.probes.tally import Tally
from squall.targets.aws.errors import kind_of
from squall.targets.aws.put_records import RECORDS_MAX
from squall.targets.aws.service_client import AwsRefused
from squall.targets.installation import Installation

SHARD_RECORDS_S = 1_000.0
"""What AWS takes per shard."""
SHARD_BYTES_S = 1_000_000.0
_USED_SHARE = 0.6
"""Of a shard's capacity: keys do not fall evenly, and what was held up comes all at once."""
_CALLS_TPS = 20.0
"""PutRecords calls a second, where they are not full by then."""
_ERROR = b'"ErrorCode"'
_BODIES = 16
"""Ready-made calls that are used in turn."""
_READ_AGAIN_S = 10.0
"""Longest wait after the load for what is still to be read."""


class StreamRecordsProbe:
    """Puts records as a producer does, many to a call; a reader of its own follows every shard."""

    def __init__(self, spec: StreamRecords, installation: Installation, seed: int) -> None:
        self._spec = spec
        self._place = AwsPlace(spec.name, installation)
        self._service = self._place.kinesis()
        self._tally = Tally()
        self._loop: OpenLoop | None = None
        self._made = False
        self._window_s: float | None = None
        self._follower: StreamFollower | None = None
        per_call = min(RECORDS_MAX, max(1, round(spec.rate_tps / _CALLS_TPS)))
        self._per_call = per_call
        self._bodies = _bodies(self._place.name, per_call, spec.record_bytes, random.Random(seed))

    @property
    def shards(self) -> int:
        """Of its stream: so many that 60 % of their capacity is the rate."""
        bytes_s = self._spec.rate_tps * self._spec.record_bytes
        needed = max(self._spec.rate_tps / SHARD_RECORDS_S, bytes_s / SHARD_BYTES_S)
        return max(1, ceil(needed / _USED_SHARE))

    @property
    def what(self) -> str:
        """What it does, with its amounts."""
        shards = "1 shard" if self.shards == 1 else f"{self.shards} shards"
        return (
            f"{self._spec.rate_tps:,.4g} records a second of {self._spec.record_bytes:,} bytes "
            f"into a stream of its own with {shards}, and out of it again"
        )

    async def prepare(self) -> None:
        """Make the stream and begin to follow it.

        Raises:
            TargetError: it cannot be made.
        """
        name = self._place.name
        client = self._service.client()
        try:
            await client.call("CreateStream", {"StreamName": name, "ShardCount": self.shards})
            self._made = True

            async def active() -> bool:
                answer = await client.call("DescribeStreamSummary", {"StreamName": name})
                return bool(answer["StreamDescriptionSummary"]["StreamStatus"] == "ACTIVE")

            await self._place.until("its stream", active)
        finally:
            await client.close()
        self._follower = StreamFollower(self._service, name)
        await self._follower.open()

    async def beside(self, load: LoadClock) -> None:
        """Put records at the rate until the phase is over and what was due in it is done."""
        calls_tps = self._spec.rate_tps / self._per_call
        pace = Pace.of(load, self._spec.during, calls_tps)
        self._window_s = pace.end_s - pace.start_s
        self._loop = OpenLoop(load, pace, self._tally)
        connections = [
            SingleCalls(self._service, self._tally) for _ in range(connections_for(calls_tps))
        ]
        try:
            await self._loop.run([self._operation(one) for one in connections])
        finally:
            for one in connections:
                await one.close()

    def _operation(self, connection: SingleCalls) -> Operation:
        put = json_calls(self._service, "PutRecords")
        per_call = self._per_call

        async def operate(number: int) -> bool:
            answer = await connection.call(put, self._bodies[number % _BODIES], weight=per_call)
            if answer is None:
                return False
            refused = _refused(answer.body) if _ERROR in answer.body else []
            for code in refused:
                kind = kind_of(code)
                self._tally.refuse(code, throttle=kind.startswith("throttle_"))
            self._tally.succeed(per_call - len(refused))
            return not refused

        return operate

    async def conclude(self, load: ConcludedLoad) -> Measured:
        """What was measured, once everything put has been read back or time is up."""
        tally, loop, follower = self._tally, self._loop, self._follower
        read = None
        if follower is not None:
            await follower.until(tally.done, _READ_AGAIN_S)
            await follower.close()
            read = follower.records
        return Measured(
            {
                "records": tally.total,
                "records_tps": None if loop is None else tally.done / loop.elapsed_s,
                "planned_tps": self._spec.rate_tps,
                "throttled_share": tally.share(tally.throttled),
                "failed_share": tally.share(tally.failed),
                "missing": None if read is None else max(0, tally.done - read),
                "iterator_age_ms_max": None if follower is None else follower.age_ms_max,
                "window_s": self._window_s,
            },
            tally.latency_ms(),
            (*tally.notes(), *(() if follower is None else follower.notes())),
        )

    async def close(self) -> None:
        """Delete the stream.

        Raises:
            TargetError: it cannot be deleted.
        """
        if self._follower is not None:
            await self._follower.close()
        if not self._made:
            return
        client = self._service.client()
        try:
            await client.call("DeleteStream", {"StreamName": self._place.name})
        except AwsRefused as error:
            if error.refusal.code != "ResourceNotFoundException":
                raise
        finally:
            await client.close()
        self._made = False


def _bodies(
    stream: str, records: int, record_bytes: int, chance: random.Random
) -> tuple[bytes, ...]:
    """PutRecords calls whose records have random content and keys."""
    content = binascii.b2a_base64(chance.randbytes(record_bytes), newline=False).decode()
    keys = (f"{chance.getrandbits(64):016x}" for _ in itertools.count())
    return tuple(
        orjson.dumps(
            {
                "StreamName": stream,
                "Records": [
                    {"Data": content, "PartitionKey": key}
                    for key in itertools.islice(keys, records)
                ],
            }
        )
        for _ in range(_BODIES)
    )


def _refused(body: bytes) -> list[str]:
    """The error codes of the records that were not taken."""
    try:
        entries = orjson.loads(body)["Records"]
        return [str(entry["ErrorCode"]) for entry in entries if entry.get("ErrorCode")]
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise TargetProtocolError("an answer to PutRecords is not as AWS's are") from error
